// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide: when a renewal is due, every sentence of spec 3 "Due" and what spec 5 adds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

static void expect_due(struct fixture *f, int64_t due, enum due_cause cause, int64_t window)
{
    struct due out;

    memset(&out, 0xa5, sizeof(out));
    decide_due(&f->certificate, &f->settings, &f->state, &out);
    if (out.at != due || out.cause != cause || out.window_s != window) {
        fail_msg("%s, cause %d, window %lld; not %s, %d, %lld", time_text(out.at), (int)out.cause,
                 (long long)out.window_s, time_text(due), (int)cause, (long long)window);
    }
}

// "Expiry is the second of `not_after`; the lifetime is `not_after − not_before`. `auto`: one third of the
// lifetime left, half if the lifetime is 10 days or less." And the rules of `renew` (spec 2).
static void due_follows_the_rule(void **unused)
{
    static const struct {
        int64_t life;
        enum renew_rule rule;
        int64_t amount, before, window; // before: seconds from due to expiry
        enum due_cause cause;
        bool cut, long_window;
    } rows[] = {
        {90 * DAY, RENEW_AUTO, 0, 30 * DAY, 30 * DAY, DUE_AUTO, false, false},
        {365 * DAY, RENEW_AUTO, 0, 365 * DAY / 3, 365 * DAY / 3, DUE_AUTO, false, false},
        {10 * DAY, RENEW_AUTO, 0, 5 * DAY, 5 * DAY, DUE_AUTO, false, false},
        {10 * DAY + 1, RENEW_AUTO, 0, 288000, 288000, DUE_AUTO, false, false},
        {6 * DAY, RENEW_AUTO, 0, 3 * DAY, 3 * DAY, DUE_AUTO, false, false},
        {10, RENEW_AUTO, 0, 5, 5, DUE_AUTO, false, false},
        {1, RENEW_AUTO, 0, 1, 1, DUE_AUTO, false, false},
        {0, RENEW_AUTO, 0, 1, 1, DUE_AUTO, false, false},
        {90 * DAY, RENEW_BEFORE, 31 * DAY, 31 * DAY, 31 * DAY, DUE_BEFORE, false, false},
        {90 * DAY, RENEW_BEFORE, 1, 1, 1, DUE_BEFORE, false, false},
        {90 * DAY, RENEW_BEFORE_PERCENT, 33, 90 * DAY * 33 / 100, 90 * DAY * 33 / 100, DUE_PERCENT, false, false},
        {8 * DAY, RENEW_BEFORE_PERCENT, 50, 4 * DAY, 4 * DAY, DUE_PERCENT, false, false},
        // "for `on` and `after expiry` [the window] is as long as `auto` would give"
        {90 * DAY, RENEW_ON_EXPIRY, 0, 0, 30 * DAY, DUE_ON_EXPIRY, false, false},
        {90 * DAY, RENEW_AFTER_EXPIRY, 3 * DAY, -3 * DAY, 30 * DAY, DUE_AFTER_EXPIRY, false, false},
        {6 * DAY, RENEW_ON_EXPIRY, 0, 0, 3 * DAY, DUE_ON_EXPIRY, false, false},
        // "A window of 90 % of the lifetime or more would renew for ever: one third is taken, with a warning; over
        // two thirds is taken, with a warning."
        {90 * DAY, RENEW_BEFORE, 60 * DAY, 60 * DAY, 60 * DAY, DUE_BEFORE, false, false},
        {90 * DAY, RENEW_BEFORE, 60 * DAY + 1, 60 * DAY + 1, 60 * DAY + 1, DUE_BEFORE, false, true},
        {90 * DAY, RENEW_BEFORE, 81 * DAY - 1, 81 * DAY - 1, 81 * DAY - 1, DUE_BEFORE, false, true},
        {90 * DAY, RENEW_BEFORE, 81 * DAY, 30 * DAY, 30 * DAY, DUE_AUTO, true, false},
        {90 * DAY, RENEW_BEFORE, 400 * DAY, 30 * DAY, 30 * DAY, DUE_AUTO, true, false},
        {6 * DAY, RENEW_BEFORE, 31 * DAY, 2 * DAY, 2 * DAY, DUE_AUTO, true, false},
        {90 * DAY, RENEW_BEFORE_PERCENT, 66, 90 * DAY * 66 / 100, 90 * DAY * 66 / 100, DUE_PERCENT, false, false},
        {90 * DAY, RENEW_BEFORE_PERCENT, 67, 90 * DAY * 67 / 100, 90 * DAY * 67 / 100, DUE_PERCENT, false, true},
        {90 * DAY, RENEW_BEFORE_PERCENT, 90, 30 * DAY, 30 * DAY, DUE_AUTO, true, false},
        {90 * DAY, RENEW_BEFORE_PERCENT, 99, 30 * DAY, 30 * DAY, DUE_AUTO, true, false},
    };
    struct fixture f;

    (void)unused;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct due due;
        f.state.not_after = BIRTH + rows[i].life;
        f.settings.renew = (struct renew){rows[i].rule, rows[i].amount};
        expect_due(&f, f.state.not_after - rows[i].before, rows[i].cause, rows[i].window);
        decide_due(&f.certificate, &f.settings, &f.state, &due);
        assert_int_equal(due.window_cut, rows[i].cut);
        assert_int_equal(due.long_window, rows[i].long_window);
        assert_false(due.held_back);
    }
    fixture_free(&f);
}

// "Due at once (in a slot): never issued; revoked, says its CA; configured names no longer the set last asked for
// (case and order do not count); the certificate's own `key` set to another type."
static void due_at_once(void **unused)
{
    struct fixture f;

    (void)unused;
    fixture_init(&f);
    expect_due(&f, DUE, DUE_AUTO, WINDOW);

    fixture_unissued(&f);
    expect_due(&f, INT64_MIN, DUE_NEVER_ISSUED, 0); // "before the first issue there is none"
    f.settings.renew.rule = RENEW_AFTER_EXPIRY;
    expect_due(&f, INT64_MIN, DUE_NEVER_ISSUED, 0);
    fixture_free(&f);

    fixture_init(&f);
    f.state.issued = CLOCK_NONE;
    f.state.revoked = true;
    expect_due(&f, INT64_MIN, DUE_REVOKED, WINDOW);
    fixture_free(&f);

    fixture_init(&f);
    f.certificate.names = "b.example, a.example"; // another order
    expect_due(&f, DUE, DUE_AUTO, WINDOW);
    f.certificate.names = "a.example";
    expect_due(&f, INT64_MIN, DUE_NAMES, WINDOW);
    f.certificate.names = "a.example, b.example, c.example";
    expect_due(&f, INT64_MIN, DUE_NAMES, WINDOW);
    f.certificate.names = NULL; // "without it those of the imported certificate"
    expect_due(&f, DUE, DUE_AUTO, WINDOW);
    f.certificate.names = "a.example";
    f.state.names = NULL; // never asked for
    expect_due(&f, INT64_MIN, DUE_NAMES, WINDOW);
    fixture_free(&f);
}

static void due_at_once_for_the_certificates_own_key_only(void **unused)
{
    struct fixture f;

    (void)unused;
    // "A changed template or default takes effect at the next renewal."
    fixture_init(&f);
    f.settings.key = KEY_RSA_2048;
    f.settings.has_key = true;
    expect_due(&f, DUE, DUE_AUTO, WINDOW);
    f.settings.key_is_own = true;
    expect_due(&f, INT64_MIN, DUE_KEY_TYPE, WINDOW);
    f.settings.key = KEY_ECDSA_P256;
    expect_due(&f, DUE, DUE_AUTO, WINDOW);
    f.state.key_type = NULL;
    expect_due(&f, INT64_MIN, DUE_KEY_TYPE, WINDOW);
    fixture_free(&f);
}

// "Where the CA suggests a window (ARI), a moment in it (stable per certificate) and the `auto` or `before` rule: the
// earlier wins; `on` and `after expiry` are the user's word alone."
static void due_in_the_cas_window_when_that_is_earlier(void **unused)
{
    struct fixture f;
    struct due due, again;

    (void)unused;
    fixture_init(&f);
    f.state.window_start = BIRTH + 40 * DAY;
    f.state.window_finish = BIRTH + 42 * DAY;
    decide_due(&f.certificate, &f.settings, &f.state, &due);
    decide_due(&f.certificate, &f.settings, &f.state, &again);
    assert_int_equal(due.cause, DUE_WINDOW);
    assert_in_range(due.at, f.state.window_start, f.state.window_finish);
    assert_int_equal(due.at, again.at);
    assert_int_equal(due.window_s, EXPIRY - due.at);
    assert_false(due.held_back);

    // Another generation has a moment of its own.
    f.state.serial = "02";
    decide_due(&f.certificate, &f.settings, &f.state, &again);
    assert_true(due.at != again.at);

    f.settings.renew = (struct renew){RENEW_BEFORE_PERCENT, 20};
    decide_due(&f.certificate, &f.settings, &f.state, &again);
    assert_int_equal(again.cause, DUE_WINDOW);
    f.settings.renew = (struct renew){RENEW_BEFORE, 55 * DAY};
    expect_due(&f, EXPIRY - 55 * DAY, DUE_BEFORE, 55 * DAY);
    f.settings.renew = (struct renew){RENEW_ON_EXPIRY, 0};
    expect_due(&f, EXPIRY, DUE_ON_EXPIRY, WINDOW);
    f.settings.renew = (struct renew){RENEW_AFTER_EXPIRY, DAY};
    expect_due(&f, EXPIRY + DAY, DUE_AFTER_EXPIRY, WINDOW);

    // A window that ends before it begins is none; one of a single moment is.
    f.settings.renew = (struct renew){RENEW_AUTO, 0};
    f.state.window_finish = f.state.window_start - 1;
    expect_due(&f, DUE, DUE_AUTO, WINDOW);
    f.state.window_finish = f.state.window_start;
    expect_due(&f, f.state.window_start, DUE_WINDOW, 50 * DAY);
    f.state.window_start = f.state.window_finish = DUE;
    expect_due(&f, DUE, DUE_AUTO, WINDOW);
    fixture_free(&f);
}

static void due_in_the_cas_window_is_spread_over_it(void **unused)
{
    struct fixture f;
    int counts[8] = {0};

    (void)unused;
    fixture_init(&f);
    f.state.window_start = BIRTH + 40 * DAY;
    f.state.window_finish = BIRTH + 48 * DAY;
    for (int i = 0; i < 8000; i++) {
        char serial[20];
        struct due due;
        snprintf(serial, sizeof(serial), "%08x", (unsigned)i * 2654435761u);
        f.state.serial = serial;
        decide_due(&f.certificate, &f.settings, &f.state, &due);
        int64_t day = (due.at - f.state.window_start) / DAY;
        counts[day > 7 ? 7 : day]++;
    }
    for (int i = 0; i < 8; i++) {
        assert_in_range(counts[i], 850, 1150);
    }
    f.state.serial = NULL;
    struct due due;
    decide_due(&f.certificate, &f.settings, &f.state, &due);
    assert_int_equal(due.cause, DUE_WINDOW);
    fixture_free(&f);
}

// "A generation that its CA's window or `revoked` makes due within a day of its issue (an eighth of its lifetime if
// shorter) is renewed only when that time is over, with a warning; `revoke NAME` excepted." (spec 5)
static void due_by_the_ca_not_within_a_day_of_issue(void **unused)
{
    static const struct {
        int64_t life, rest;
    } rows[] = {{90 * DAY, DAY}, {8 * DAY, DAY}, {4 * DAY, DAY / 2}, {80, 10}};
    struct fixture f;
    struct due due;

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_init(&f);
        f.state.not_after = BIRTH + rows[i].life;
        f.state.window_start = f.state.window_finish = BIRTH - 1000 * DAY;
        expect_due(&f, BIRTH + rows[i].rest, DUE_WINDOW, rows[i].life - rows[i].rest);
        decide_due(&f.certificate, &f.settings, &f.state, &due);
        assert_true(due.held_back);
        f.state.window_start = f.state.window_finish = BIRTH + rows[i].rest;
        decide_due(&f.certificate, &f.settings, &f.state, &due);
        assert_int_equal(due.at, BIRTH + rows[i].rest);
        assert_false(due.held_back);

        f.state.window_start = f.state.window_finish = CLOCK_NONE;
        f.state.revoked = true;
        decide_due(&f.certificate, &f.settings, &f.state, &due);
        assert_int_equal(due.at, BIRTH + rows[i].rest);
        assert_int_equal(due.cause, DUE_REVOKED);
        assert_true(due.held_back);
        // What names demand is not the CA's mistake.
        f.certificate.names = "c.example";
        expect_due(&f, INT64_MIN, DUE_NAMES, due.window_s);
        f.certificate.names = "a.example, b.example";
        f.state.revoked_here = true;
        decide_due(&f.certificate, &f.settings, &f.state, &due);
        assert_true(due.at == INT64_MIN);
        assert_false(due.held_back);
        fixture_free(&f);
    }
}

static void due_by_rule_is_not_put_off_by_the_cas_haste(void **unused)
{
    struct fixture f;

    (void)unused;
    // 10 seconds of life: due after 5, whatever the CA suggests later.
    fixture_init(&f);
    f.state.not_after = BIRTH + 10;
    f.state.window_start = f.state.window_finish = BIRTH + 8;
    expect_due(&f, BIRTH + 5, DUE_AUTO, 5);
    // On expiry, but revoked: revoked wins, since nothing else is left to wait for.
    f.state.not_after = EXPIRY;
    f.settings.renew.rule = RENEW_ON_EXPIRY;
    f.state.revoked = true;
    expect_due(&f, BIRTH + DAY, DUE_REVOKED, WINDOW);
    // Issued, says the state, after it was written: a clock that was ahead said so.
    f.state.issued = BIRTH + 3650 * DAY;
    expect_due(&f, BIRTH + DAY, DUE_REVOKED, WINDOW);
    fixture_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(due_follows_the_rule),
        cmocka_unit_test(due_at_once),
        cmocka_unit_test(due_at_once_for_the_certificates_own_key_only),
        cmocka_unit_test(due_in_the_cas_window_when_that_is_earlier),
        cmocka_unit_test(due_in_the_cas_window_is_spread_over_it),
        cmocka_unit_test(due_by_the_ca_not_within_a_day_of_issue),
        cmocka_unit_test(due_by_rule_is_not_put_off_by_the_cas_haste),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
