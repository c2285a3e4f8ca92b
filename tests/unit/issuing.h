// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The world of the tests of renew.c: a real folder, real keys and certificates, and a CA that is played.
#ifndef ISSUING_H
#define ISSUING_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cJSON.h"
#include "clock.h"
#include "file.h"
#include "generation.h"
#include "key.h"
#include "renew.h"
#include "request.h"
#include "x509.h"

#define DAY ((int64_t)86400)
#define NOW ((int64_t)1800000000)

// How the played CA answers.
static struct {
    const char *text;  // this answer, whatever was asked
    const char *dies;  // the hook process dies with this sentence
    const char *names; // other names than those asked for
    int64_t not_before, not_after;
    bool other_key, bring_key, bring_wrong_key, wrong_chain, no_chain, chain_in_certificate, same_again;
} ca;
static struct key *ca_key, *other_ca_key;
static struct buf ca_pem, other_ca_pem;
static struct buf last_certificate; // that the CA gave
static struct buf held_certificate; // that it gives when it is to give the same again

// What the hook was asked.
static cJSON *asked_for;
static int calls;

static int64_t now;
static char folder[64];
static int dir;
static struct state state;
static const int64_t retry[] = {60, 600};
static struct hook_section section;
static struct template template;
static struct settings settings;
static struct config config;
static struct certificate certificate;
static const char *digest;

// Declared by the test itself, where the build looks for what is to be replaced.
static int failing_saves;

int __wrap_state_save(struct state *saved, int state_dirfd, const char *name, int64_t time, struct error *error)
{
    if (failing_saves > 0) {
        failing_saves--;
        return error_set(error, ERROR_SYSTEM, "no space left");
    }
    return __real_state_save(saved, state_dirfd, name, time, error);
}

int64_t __wrap_clock_now(void)
{
    return now;
}

void __wrap_config_digest(const struct config *of, const struct certificate *one, const struct settings *with,
                          const struct profile *profile, char out[65])
{
    assert_null(profile);
    assert_ptr_equal(of, &config);
    assert_ptr_equal(one, &certificate);
    assert_ptr_equal(with, &settings);
    strcpy(out, digest);
}

static void public_of(const struct key *key, struct buf *der)
{
    buf_init(der, 4096);
    assert_int_equal(key_public(key, der, NULL), 0);
}

static void make_ca(struct key **key, struct buf *pem, const char *subject)
{
    struct buf der;
    assert_int_equal(key_generate(KEY_ECDSA_P256, key, NULL), 0);
    public_of(*key, &der);
    struct x509_template facts = {.subject = subject,
                                  .public_der = der.data,
                                  .public_length = der.length,
                                  .not_before = NOW - 1000 * DAY,
                                  .not_after = NOW + 5000 * DAY,
                                  .is_ca = true,
                                  .path_length = -1};
    struct error error;
    buf_init(pem, X509_MAX_PEM);
    if (x509_issue(&facts, NULL, 0, *key, pem, &error) < 0) {
        fail_msg("%s", error.message);
    }
    buf_free(&der);
}

// Signs what the request asks for, bent as "ca" says.
static void sign(const char *csr, struct buf *pem)
{
    struct x509_request_facts facts;
    struct buf other;
    struct key *key = NULL;
    struct error error;
    if (x509_request_read(csr, strlen(csr), true, &facts, &error) < 0) {
        fail_msg("%s", error.message);
    }
    struct x509_template asked = {.subject = "CN=x",
                                  .names = ca.names != NULL ? ca.names : buf_string(&facts.names),
                                  .public_der = facts.public_der.data,
                                  .public_length = facts.public_der.length,
                                  .not_before = ca.not_before,
                                  .not_after = ca.not_after,
                                  .path_length = -1,
                                  .usage = facts.usage};
    buf_init(&other, 4096);
    if (ca.other_key || ca.bring_key) {
        assert_int_equal(key_generate(KEY_ECDSA_P256, &key, NULL), 0);
        buf_free(&other);
        public_of(key, &other);
        asked.public_der = other.data;
        asked.public_length = other.length;
    }
    if (x509_issue(&asked, ca_pem.data, ca_pem.length, ca_key, pem, &error) < 0) {
        fail_msg("%s", error.message);
    }
    if (ca.bring_key) {
        // The caller finds it behind the certificate.
        buf_char(pem, '\0');
        assert_int_equal(key_write(key, pem, NULL), 0);
    }
    key_free(key);
    buf_free(&other);
    x509_request_free(&facts);
}

static void answer_certificate(const char *csr, struct buf *answer)
{
    struct buf pem, joined;
    cJSON *root = cJSON_CreateObject(), *ok = cJSON_AddObjectToObject(root, "ok");
    buf_init_secret(&pem, X509_MAX_PEM);
    buf_init(&joined, X509_MAX_PEM);
    sign(csr, &pem);
    const char *leaf = ca.same_again ? buf_string(&held_certificate) : buf_string(&pem);
    buf_text(&joined, leaf);
    if (ca.chain_in_certificate) {
        buf_text(&joined, buf_string(&ca_pem));
    }
    cJSON_AddStringToObject(ok, "certificate", buf_string(&joined));
    if (!ca.no_chain && !ca.chain_in_certificate) {
        cJSON_AddStringToObject(ok, "chain", buf_string(ca.wrong_chain ? &other_ca_pem : &ca_pem));
    }
    if (ca.bring_key) {
        cJSON_AddStringToObject(ok, "key", pem.data + strlen(pem.data) + 1);
    }
    if (ca.bring_wrong_key) {
        struct buf wrong;
        buf_init_secret(&wrong, 8192);
        assert_int_equal(key_write(other_ca_key, &wrong, NULL), 0);
        cJSON_AddStringToObject(ok, "key", buf_string(&wrong));
        buf_free(&wrong);
    }
    buf_clear(&last_certificate);
    buf_text(&last_certificate, leaf);
    char *text = cJSON_PrintUnformatted(root);
    buf_text(answer, text);
    cJSON_free(text);
    cJSON_Delete(root);
    buf_free(&pem);
    buf_free(&joined);
}

int __wrap_hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                             const char *argument, size_t length, struct buf *answer, struct error *error)
{
    (void)process;
    assert_string_equal(hook, "ca");
    assert_string_equal(function, "issue");
    assert_int_equal(timeout_s, 600);
    calls++;
    cJSON_Delete(asked_for);
    asked_for = cJSON_ParseWithLength(argument, length);
    assert_non_null(asked_for);
    // Whatever comes of it, the key is on disk before its certificate is asked for.
    assert_int_equal(faccessat(dir, "certs/www/next/key.pem", F_OK, 0), 0);
    if (ca.dies != NULL) {
        return error_set(error, ERROR_HOOK, "%s", ca.dies);
    }
    if (ca.text != NULL) {
        buf_text(answer, ca.text);
    } else {
        answer_certificate(cJSON_GetStringValue(cJSON_GetObjectItem(asked_for, "csr")), answer);
    }
    return 0;
}

static inline void hold_on_to_last(void)
{
    buf_clear(&held_certificate);
    buf_text(&held_certificate, buf_string(&last_certificate));
}

static int group_setup(void **unused)
{
    (void)unused;
    assert_int_equal(key_start(NULL), 0);
    make_ca(&ca_key, &ca_pem, "CN=Test CA");
    make_ca(&other_ca_key, &other_ca_pem, "CN=Other CA");
    buf_init(&last_certificate, X509_MAX_PEM);
    buf_init(&held_certificate, X509_MAX_PEM);
    return 0;
}

static int group_teardown(void **unused)
{
    (void)unused;
    key_free(ca_key);
    key_free(other_ca_key);
    buf_free(&ca_pem);
    buf_free(&other_ca_pem);
    buf_free(&last_certificate);
    buf_free(&held_certificate);
    return 0;
}

static int setup(void **unused)
{
    (void)unused;
    strcpy(folder, "/tmp/certauto-renew-XXXXXX");
    assert_non_null(mkdtemp(folder));
    dir = open(folder, O_RDONLY | O_DIRECTORY);
    now = NOW;
    digest = "digest one";
    calls = 0;
    failing_saves = 0;
    memset(&ca, 0, sizeof(ca));
    ca.not_before = NOW - 60;
    ca.not_after = NOW + 90 * DAY;
    section = (struct hook_section){.name = "internal", .hook = "ca", .hook_timeout_s = 600};
    template = (struct template){.section = section, .usage = X509_SERVER};
    settings = (struct settings){.template = &template,
                                 .first = &template,
                                 .auto_renew = true,
                                 .auto_publish = true,
                                 .retry = {.count = 2, .s = retry},
                                 .key = KEY_ECDSA_P256,
                                 .override_before_s = -1};
    config = (struct config){.engine = {.state_dir = folder, .keep = 3}};
    certificate = (struct certificate){.name = "www", .names = "a.example, b.example"};
    state_init(&state);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    state_free(&state);
    cJSON_Delete(asked_for);
    asked_for = NULL;
    close(dir);
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

static void load(void)
{
    struct error error;
    if (state_load(&state, dir, "www", &error) < 0 && error.code != ERROR_NOT_FOUND) {
        fail_msg("%s", error.message);
    }
}

// One step with the state on disk; afterwards "state" is what is on disk then.
static inline struct report step_with(unsigned flags)
{
    struct report report = {0};
    struct order order = {.config = &config, .certificate = &certificate, .step = STEP_ISSUE, .flags = flags};
    struct decision decision = {.step = STEP_ISSUE};
    struct keeping keeping = {
        .order = &order, .settings = &settings, .state = &state, .decision = &decision, .state_dirfd = dir, .now = now};
    load();
    renew_step(&keeping, &report);
    load();
    return report;
}

static inline struct report step(void)
{
    return step_with(0);
}

static inline void renewed(uint32_t generation)
{
    struct report report = step();
    if (report.outcome != OUTCOME_RENEWED) {
        fail_msg("%s: %s", outcome_name(report.outcome), report.error.message);
    }
    assert_int_equal(report.generation, generation);
    assert_int_equal(state.generation, generation);
}

static inline void failed(const char *says)
{
    struct report report = step();
    if (report.outcome != OUTCOME_FAILED || strstr(report.error.message, says) == NULL) {
        fail_msg("%s: '%s', not '%s'", outcome_name(report.outcome), report.error.message, says);
    }
}

static inline const char *asked(const char *field)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(asked_for, field));
    return text == NULL ? "" : text;
}

static inline void key_of(uint32_t number, struct buf *text)
{
    struct generation files;
    generation_init(&files);
    assert_int_equal(generation_load(dir, "www", number, &files, NULL), 0);
    buf_init_secret(text, 65536);
    buf_text(text, buf_string(&files.key));
    generation_free(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
