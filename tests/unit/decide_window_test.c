// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of decide: when a CA is asked for its window (spec 5, last paragraph; RFC 9773, 4.3).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

// "at the CA's Retry-After held between 1 h and 1 d (6 h where it says none or the asking failed)"
static void the_wait_is_the_cas_within_bounds(void **unused)
{
    static const struct {
        int64_t stated, fine, failed;
    } rows[] = {
        {-1, 6 * HOUR, 6 * HOUR},
        {0, HOUR, 6 * HOUR},
        {HOUR - 1, HOUR, 6 * HOUR},
        {HOUR + 1, HOUR + 1, 6 * HOUR},
        {7 * HOUR, 7 * HOUR, 7 * HOUR},
        {DAY - 1, DAY - 1, DAY - 1},
        {DAY + 1, DAY, DAY},
        {INT64_MAX, DAY, DAY},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(decide_window_wait(rows[i].stated, false), rows[i].fine);
        assert_int_equal(decide_window_wait(rows[i].stated, true), rows[i].failed);
    }
}

static void asked_after_issuing_then_when_it_was_noted(void **unused)
{
    const int64_t now = BIRTH + 10 * DAY;
    static const struct {
        uint32_t generation; // of the note
        int64_t next, retry_after, left, at;
    } rows[] = {
        // Nothing is known: since it was issued.
        {0, 0, CLOCK_NONE, 80 * DAY, -10 * DAY},
        // What was noted, however long ago.
        {1, HOUR, CLOCK_NONE, 80 * DAY, HOUR},
        {1, -3 * HOUR, CLOCK_NONE, 80 * DAY, -3 * HOUR},
        {1, DAY, CLOCK_NONE, 80 * DAY, DAY},
        // Of another generation, or by a clock that was ahead: nothing is known.
        {2, HOUR, CLOCK_NONE, 80 * DAY, -10 * DAY},
        {1, DAY + 1, CLOCK_NONE, 80 * DAY, -10 * DAY},
        // A CA's Retry-After holds.
        {0, 0, 2 * HOUR, 80 * DAY, 2 * HOUR},
        {1, HOUR, 2 * HOUR, 80 * DAY, 2 * HOUR},
        {1, 3 * HOUR, 2 * HOUR, 80 * DAY, 3 * HOUR},
        // Never an expired one, nor one that will be.
        {0, 0, CLOCK_NONE, -10 * DAY, CLOCK_NONE},
        {1, HOUR, CLOCK_NONE, HOUR, CLOCK_NONE},
        {1, HOUR, CLOCK_NONE, HOUR + 1, HOUR},
    };
    struct fixture f;

    (void)unused;
    fixture_init(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct errand errand = {rows[i].generation, now + rows[i].next, false};
        f.state.written = now;
        f.state.not_after = now + rows[i].left;
        f.state.retry_after = rows[i].retry_after == CLOCK_NONE ? CLOCK_NONE : now + rows[i].retry_after;
        int64_t at = decide_window(&f.state, &errand, now);
        int64_t expected = rows[i].at == CLOCK_NONE ? CLOCK_NONE : now + rows[i].at;
        if (at != expected) {
            fail_msg("row %zu: %s, not %s", i, time_text(at), time_text(expected));
        }
    }
    // Imported, when is not known: since it is valid.
    f.state.issued = f.state.retry_after = CLOCK_NONE;
    f.state.not_after = EXPIRY;
    assert_true(decide_window(&f.state, &(struct errand){0}, now) == BIRTH);
    fixture_free(&f);
}

// What came due while no loop ran is spread over the time of "jitter", the same for this host and certificate.
static void what_came_due_before_the_loop_is_spread(void **unused)
{
    const int64_t start = BIRTH + 10 * DAY;
    int64_t sum = 0;

    (void)unused;
    assert_true(decide_window_spread(start, "host", "www", start, HOUR) == start);
    assert_true(decide_window_spread(start + 5, "host", "www", start, HOUR) == start + 5);
    assert_true(decide_window_spread(start - 5, "host", "www", start, 0) == start - 5);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "www%d", i);
        int64_t at = decide_window_spread(start - DAY, "host", name, start, HOUR);
        assert_true(at >= start && at < start + HOUR);
        // A loop that starts again puts none off.
        assert_true(decide_window_spread(start - DAY, "host", name, at, HOUR) == at);
        assert_true(decide_window_spread(start - DAY, "host", name, at + 1, HOUR) == at + HOUR);
        sum += at - start;
    }
    assert_in_range(sum / 1000, HOUR / 2 - 100, HOUR / 2 + 100);
}

static void only_of_what_would_be_renewed_by_a_hook_that_can_say(void **unused)
{
    struct fixture f;

    (void)unused;
    fixture_init(&f);
    f.template.section.name = "acme";
    f.template.section.functions = HOOK_ISSUE | HOOK_RENEWAL_INFO;
    f.state.template = "acme";
    assert_ptr_equal(decide_window_template(&f.config, &f.settings, &f.state), &f.template);
    for (enum renew_rule rule = RENEW_AUTO; rule <= RENEW_AFTER_EXPIRY; rule++) {
        f.settings.renew.rule = rule;
        assert_non_null(decide_window_template(&f.config, &f.settings, &f.state));
    }
    f.state.template = NULL;
    assert_ptr_equal(decide_window_template(&f.config, &f.settings, &f.state), &f.template);
    f.settings.auto_renew = false;
    assert_null(decide_window_template(&f.config, &f.settings, &f.state));
    f.settings.auto_renew = true;
    f.state.revoked = true;
    assert_null(decide_window_template(&f.config, &f.settings, &f.state));
    f.state.revoked = false;
    f.settings.template = NULL;
    assert_null(decide_window_template(&f.config, &f.settings, &f.state));
    f.settings.template = &f.template;
    f.template.section.functions = HOOK_ISSUE;
    assert_null(decide_window_template(&f.config, &f.settings, &f.state));
    f.template.section.functions = HOOK_RENEWAL_INFO;
    f.state.generation = 0;
    assert_null(decide_window_template(&f.config, &f.settings, &f.state));
    fixture_free(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_is_the_cas_within_bounds),
        cmocka_unit_test(asked_after_issuing_then_when_it_was_noted),
        cmocka_unit_test(what_came_due_before_the_loop_is_spread),
        cmocka_unit_test(only_of_what_would_be_renewed_by_a_hook_that_can_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
