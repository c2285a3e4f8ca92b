// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of fallbacks: whose turn it is after how many failures, what keeps it, and chains that are refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "decide.h"

#define CHAIN                                                                                              \
    "[template one]\nhook = ca\nurl = https://one\nkey = ecdsa-p384\nfallback = two\nfallback_after = 2\n" \
    "[template two]\nhook = ca\nurl = https://two\nkey = rsa-2048\nfallback = three\nfallback_after = 1\n" \
    "[template three]\nhook = ca\nurl = https://three\nfallback_after = 4\n"
#define CERTIFICATE "[defaults]\ntemplate = one\n[certificate a]\n"

// The settings after so many failures, counted with the settings as they are.
static struct settings after(const struct config *config, struct state *state, uint32_t failures)
{
    struct settings settings;
    static char digest[65];

    memset(&settings, 0xa5, sizeof(settings));
    decide_settings(config, config_find(config, "a"), state, &settings);
    config_digest(config, config_find(config, "a"), &settings, NULL, digest);
    state->issue.count = failures;
    state->issue.settings = digest;
    decide_settings(config, config_find(config, "a"), state, &settings);
    return settings;
}

static void each_template_has_its_tries_in_turn(void **unused)
{
    static const char *const turns[] = {"one", "one", "two", "three", "three", "three", "three",
                                        "one", "one", "two", "three", "three", "three", "three"};
    struct config *config = load_good(CHAIN CERTIFICATE);
    struct state state;

    (void)unused;
    state_init(&state);
    for (uint32_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        struct settings settings = after(config, &state, i);
        assert_string_equal(settings.template->section.name, turns[i]);
        assert_string_equal(settings.first->section.name, "one");
    }
    // However often it failed.
    struct settings settings = after(config, &state, UINT32_MAX);
    assert_non_null(settings.template);
    config_free(config);
}

static void the_key_goes_with_the_template_unless_it_is_the_certificates_own(void **unused)
{
    struct config *config = load_good(CHAIN CERTIFICATE);
    struct state state;

    (void)unused;
    state_init(&state);
    assert_int_equal(after(config, &state, 0).key, KEY_ECDSA_P384);
    assert_int_equal(after(config, &state, 2).key, KEY_RSA_2048);
    assert_int_equal(after(config, &state, 3).key, KEY_ECDSA_P256);
    config_free(config);
    config = load_good(CHAIN CERTIFICATE "key = rsa-3072\n");
    assert_int_equal(after(config, &state, 2).key, KEY_RSA_3072);
    config_free(config);
}

static void falling_back_does_not_change_the_digest(void **unused)
{
    struct config *config = load_good(CHAIN CERTIFICATE);
    char first[65], digest[65];
    struct state state;

    (void)unused;
    state_init(&state);
    struct settings settings = after(config, &state, 0);
    config_digest(config, config_find(config, "a"), &settings, NULL, first);
    for (uint32_t i = 1; i < 8; i++) {
        settings = after(config, &state, i);
        config_digest(config, config_find(config, "a"), &settings, NULL, digest);
        assert_string_equal(digest, first);
    }
    config_free(config);
}

static void a_changed_template_of_the_chain_ends_the_count(void **unused)
{
    static const char *const changed[] = {
        "[template one]\nhook = ca\nurl = https://one\nkey = ecdsa-p384\nfallback = three\nfallback_after = 2\n"
        "[template three]\nhook = ca\nurl = https://three\nfallback_after = 4\n",
        "[template one]\nhook = ca\nurl = https://one\nkey = ecdsa-p384\nfallback = two\nfallback_after = 2\n"
        "[template two]\nhook = ca\nurl = https://other\nkey = rsa-2048\nfallback = three\nfallback_after = 1\n"
        "[template three]\nhook = ca\nurl = https://three\nfallback_after = 4\n",
        "[template one]\nhook = ca\nurl = https://one\nkey = ecdsa-p384\nfallback = two\nfallback_after = 2\n"
        "[template two]\nhook = ca\nurl = https://two\nkey = rsa-4096\nfallback = three\nfallback_after = 1\n"
        "[template three]\nhook = ca\nurl = https://three\nfallback_after = 4\n",
    };
    struct config *config = load_good(CHAIN CERTIFICATE);
    struct state state;

    (void)unused;
    state_init(&state);
    assert_string_equal(after(config, &state, 2).template->section.name, "two");
    config_free(config);
    for (size_t i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
        char text[1024];
        struct settings settings;
        snprintf(text, sizeof(text), "%s%s", changed[i], CERTIFICATE);
        config = load_good(text);
        decide_settings(config, config_find(config, "a"), &state, &settings);
        assert_string_equal(settings.template->section.name, "one");
        config_free(config);
    }
}

static void a_pending_order_stays_with_its_template(void **unused)
{
    struct config *config = load_good(CHAIN CERTIFICATE "names = a.example\n");
    const struct certificate *certificate = config_find(config, "a");
    struct state state;

    (void)unused;
    state_init(&state);
    state.pending_since = state.written = 1000;
    state.pending_names = "a.example";
    state.pending_key_type = "rsa-2048";
    state.pending_template = "two";
    struct settings settings = after(config, &state, 0);
    assert_string_equal(settings.template->section.name, "two");
    assert_true(decide_pending(certificate, &settings, &state, 2000, 0));
    // One that is in the chain no more has no say, and its order is dropped.
    state.pending_template = "four";
    state.pending_key_type = "ecdsa-p384";
    settings = after(config, &state, 0);
    assert_string_equal(settings.template->section.name, "one");
    assert_false(decide_pending(certificate, &settings, &state, 2000, 0));
    config_free(config);
}

static void a_chain_without_an_end_is_refused(void **unused)
{
    (void)unused;
    expect_one("[template t]\nhook = ca\nurl = x://y\nfallback = t\n", 4, "leads back to [template t]");
    assert_null(load_text("[template s]\nhook = ca\nurl = x://y\nfallback = t\n"
                          "[template t]\nhook = ca\nurl = x://y\nfallback = u\n"
                          "[template u]\nhook = ca\nurl = x://y\nfallback = t\n"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_template_has_its_tries_in_turn),
        TEST(the_key_goes_with_the_template_unless_it_is_the_certificates_own),
        TEST(falling_back_does_not_change_the_digest),
        TEST(a_changed_template_of_the_chain_ends_the_count),
        TEST(a_pending_order_stays_with_its_template),
        TEST(a_chain_without_an_end_is_refused),
    };
    return cmocka_run_group_tests_name("fallbacks", tests, NULL, NULL);
}
