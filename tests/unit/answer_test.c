// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of answer.c: what hooks may answer, and what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"
#include "buf.h"
#include "clock.h"

// What is refused, with a word of the sentence.
static const struct {
    const char *json;
    const char *says;
} rubbish[] = {
    {"", "empty"},
    {"{", "not JSON"},
    {"nonsense", "not JSON"},
    {"[]", "no object"},
    {"true", "no object"},
    {"{}", "neither a value nor an error"},
    {"{\"ok\":true} x", "not JSON"},
    {"{\"ok\":true,\"error\":\"no\"}", "neither a value nor an error"},
    {"{\"ok\":true,\"ok\":true}", "stands twice"},
    {"{\"ok\":true,\"wait\":3}", "neither a value nor an error"},
    {"{\"error\":7}", "wrong type"},
    {"{\"error\":\"no\",\"wait\":-1}", "wrong type"},
    {"{\"error\":\"no\",\"wait\":1e300}", "wrong type"},
    {"{\"error\":\"no\",\"wait\":\"3\"}", "wrong type"},
    {"{\"error\":\"no\",\"permanent\":1}", "wrong type"},
    {"{\"error\":\"no\",\"traceback\":\"x\"}", "neither a value nor an error"},
    {"{\"error\":\"no\",\"colour\":\"red\"}", "'colour' is no field"},
    {"{\"error\":\"a\\u0000b\"}", "NUL"},
    {"{\"ok\":true}", "neither a table nor an error"},
    {"{\"ok\":{}}", "neither a certificate nor a pending order"},
    {"{\"ok\":{\"certificate\":\"\"}}", "neither a certificate nor a pending order"},
    {"{\"ok\":{\"certificate\":7}}", "wrong type"},
    {"{\"ok\":{\"certificate\":\"x\",\"chain\":null}}", "wrong type"},
    {"{\"ok\":{\"certificate\":\"x\",\"notes\":\"y\"}}", "'notes' is no field"},
    {"{\"ok\":{\"certificate\":\"x\",\"certificate\":\"y\"}}", "stands twice"},
    {"{\"ok\":{\"certificate\":\"x\",\"pending\":true}}", "neither a certificate nor a pending order"},
    {"{\"ok\":{\"certificate\":\"x\",\"wait\":5}}", "neither a certificate nor a pending order"},
    {"{\"ok\":{\"pending\":false}}", "neither a certificate nor a pending order"},
    {"{\"ok\":{\"pending\":true,\"key\":\"x\"}}", "neither a certificate nor a pending order"},
    {"{\"ok\":{\"pending\":true,\"wait\":\"soon\"}}", "wrong type"},
    {"{\"ok\":{\"pending\":true,\"cookie\":{}}}", "wrong type"},
};

static void a_message_is_cut_at_500_bytes(void **unused)
{
    (void)unused;
    char json[700] = "{\"error\":\"";
    memset(json + 10, 'x', 600);
    memcpy(json + 610, "\"}", 3);
    struct issue_answer answer;
    struct error error = {0};
    assert_int_equal(answer_read_issue(json, strlen(json), &answer, &error), 0);
    assert_int_equal(strlen(answer.error.message), 500);
    answer_free_issue(&answer);
}

static void answers_that_are_rubbish_are_refused_with_their_reason(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
        struct issue_answer answer;
        struct error error = {0};
        int result = answer_read_issue(rubbish[i].json, strlen(rubbish[i].json), &answer, &error);
        answer_free_issue(&answer);
        if (result != -1 || strstr(error.message, rubbish[i].says) == NULL) {
            fail_msg("%s: %d, '%s'", rubbish[i].json, result, error.message);
        }
        assert_int_equal(error.code, ERROR_HOOK);
    }
}

static void a_nul_byte_is_refused_however_it_is_written(void **unused)
{
    struct issue_answer answer;
    struct error error;
    static const char raw[] = "{\"error\":\"a\0b\"}";
    static const char escaped_backslash[] = "{\"error\":\"a\\\\u0000b\"}";

    (void)unused;
    assert_int_equal(answer_read_issue(raw, sizeof(raw) - 1, &answer, &error), -1);
    answer_free_issue(&answer);
    // A backslash followed by letters is no NUL.
    assert_int_equal(answer_read_issue(escaped_backslash, sizeof(escaped_backslash) - 1, &answer, &error), 0);
    assert_string_equal(answer.error.message, "a\\u0000b");
    answer_free_issue(&answer);
}

static void read_fine(const char *json, struct issue_answer *answer)
{
    struct error error = {0};
    if (answer_read_issue(json, strlen(json), answer, &error) != 0) {
        fail_msg("%s: %s", json, error.message);
    }
}

static void an_issued_certificate_is_read_with_its_chain_and_key(void **unused)
{
    struct issue_answer answer;

    (void)unused;
    read_fine("{\"ok\":{\"certificate\":\"C\",\"chain\":\"H\",\"key\":\"K\"}}", &answer);
    assert_int_equal(answer.kind, ISSUE_ISSUED);
    assert_string_equal(buf_string(&answer.certificate), "C");
    assert_string_equal(buf_string(&answer.chain), "H");
    assert_string_equal(buf_string(&answer.key), "K");
    assert_int_equal(answer.wait_s, -1);
    answer_free_issue(&answer);
    read_fine("{\"ok\":{\"certificate\":\"C\"}}", &answer);
    assert_int_equal(answer.key.length, 0);
    assert_int_equal(answer.chain.length, 0);
    answer_free_issue(&answer);
}

static void a_pending_order_is_read_with_its_wait_and_cookie(void **unused)
{
    struct issue_answer answer;

    (void)unused;
    read_fine("{\"ok\":{\"pending\":true,\"wait\":90.5,\"cookie\":\"c\\n1\"}}", &answer);
    assert_int_equal(answer.kind, ISSUE_PENDING);
    assert_int_equal(answer.wait_s, 90);
    assert_string_equal(buf_string(&answer.cookie), "c\n1");
    answer_free_issue(&answer);
    read_fine("{\"ok\":{\"pending\":true}}", &answer);
    assert_int_equal(answer.wait_s, -1);
    answer_free_issue(&answer);
}

static void a_cookie_may_have_4096_bytes_and_no_more(void **unused)
{
    struct issue_answer answer;
    struct error error;
    struct buf json;

    (void)unused;
    for (size_t length = ANSWER_MAX_COOKIE; length <= ANSWER_MAX_COOKIE + 1; length++) {
        buf_init(&json, 10000);
        buf_text(&json, "{\"ok\":{\"pending\":true,\"cookie\":\"");
        for (size_t i = 0; i < length; i++) {
            buf_char(&json, 'c');
        }
        buf_text(&json, "\"}}");
        int result = answer_read_issue(buf_string(&json), json.length, &answer, &error);
        assert_int_equal(result, length == ANSWER_MAX_COOKIE ? 0 : -1);
        answer_free_issue(&answer);
        buf_free(&json);
    }
    assert_non_null(strstr(error.message, "cookie is longer"));
}

static void a_refusal_is_read_with_its_wait_and_whether_it_is_permanent(void **unused)
{
    struct issue_answer answer;

    (void)unused;
    read_fine("{\"error\":\"no such account\",\"wait\":3600,\"permanent\":true}", &answer);
    assert_int_equal(answer.kind, ISSUE_REFUSED);
    assert_string_equal(answer.error.message, "no such account");
    assert_int_equal(answer.wait_s, 3600);
    assert_true(answer.permanent);
    answer_free_issue(&answer);
    read_fine("{\"error\":\"\"}", &answer);
    assert_string_equal(answer.error.message, "the hook failed without a message");
    assert_false(answer.permanent);
    answer_free_issue(&answer);
}

static void a_raise_is_a_refusal_with_its_traceback(void **unused)
{
    struct issue_answer answer;

    (void)unused;
    read_fine("{\"raised\":\"x.lua:3: boom\",\"traceback\":\"stack\\nmore\"}", &answer);
    assert_int_equal(answer.kind, ISSUE_REFUSED);
    assert_string_equal(answer.error.message, "x.lua:3: boom");
    assert_string_equal(buf_string(&answer.traceback), "stack\nmore");
    answer_free_issue(&answer);
}

static void control_bytes_of_a_message_are_escaped(void **unused)
{
    struct issue_answer answer;

    (void)unused;
    read_fine("{\"error\":\"one\\ntwo\\u001b[31m\"}", &answer);
    assert_null(strpbrk(answer.error.message, "\n\x1b"));
    assert_non_null(strstr(answer.error.message, "\\x0a"));
    answer_free_issue(&answer);
}

static void a_publication_is_done_only_when_the_answer_is_true(void **unused)
{
    static const struct {
        const char *json;
        int result;
        bool permanent;
        const char *says;
    } cases[] = {
        {"{\"ok\":true}", 0, false, ""},
        {"{\"ok\":false}", -1, false, "neither true nor an error"},
        {"{\"ok\":{}}", -1, false, "neither true nor an error"},
        {"{\"ok\":1}", -1, false, "neither true nor an error"},
        {"{\"ok\":null}", -1, false, "neither true nor an error"},
        {"{\"error\":\"disk full\"}", -1, false, "disk full"},
        {"{\"error\":\"never\",\"permanent\":true}", -1, true, "never"},
        {"{\"raised\":\"boom\"}", -1, false, "boom"},
        {"{\"raised\":\"boom\",\"traceback\":\"stack\"}", -1, false, "boom"},
        {"{\"okay\":true}", -1, false, "'okay' is no field"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {0};
        struct buf traceback;
        bool permanent;
        buf_init(&traceback, 100);
        assert_int_equal(answer_read_done(cases[i].json, strlen(cases[i].json), &permanent, &traceback, &error),
                         cases[i].result);
        assert_string_equal(buf_string(&traceback), strstr(cases[i].json, "traceback") == NULL ? "" : "stack");
        buf_free(&traceback);
        assert_int_equal(permanent, cases[i].permanent);
        assert_non_null(strstr(error.message, cases[i].says));
    }
}

static void only_the_signing_input_of_a_jws_is_signed(void **unused)
{
    static const struct {
        const char *json, *input; // "" when nothing is to be signed
    } cases[] = {
        {"{\"ok\":{\"sign\":\"aZ09-_.bA\"}}", "aZ09-_.bA"},
        {"{\"ok\":{\"sign\":\"a.\"}}", "a."},
        {"{\"ok\":{\"sign\":\".b\"}}", ""},
        {"{\"ok\":{\"sign\":\"ab\"}}", ""},
        {"{\"ok\":{\"sign\":\"a.b.c\"}}", ""},
        {"{\"ok\":{\"sign\":\"a.b \"}}", ""},
        {"{\"ok\":{\"sign\":\"\"}}", ""},
        {"{\"ok\":{\"sign\":1}}", ""},
        {"{\"ok\":{\"sign\":\"a.b\",\"more\":1}}", ""},
        {"{\"ok\":{}}", ""},
        {"{\"ok\":true}", ""},
        {"{\"error\":\"no\"}", ""},
        {"nonsense", ""},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf input;
        buf_init(&input, 100);
        assert_int_equal(answer_wants_signature(cases[i].json, strlen(cases[i].json), &input),
                         cases[i].input[0] != '\0');
        assert_string_equal(buf_string(&input), cases[i].input);
        buf_free(&input);
    }
}

static void a_policy_lets_pass_only_by_naming_the_step(void **unused)
{
    static const struct {
        const char *json;
        bool passes;
        int64_t until;
        const char *reason;
        const char *says; // refused
    } cases[] = {
        {"{\"ok\":\"issue\"}", true, CLOCK_NONE, "", NULL},
        {"{\"ok\":{\"step\":\"issue\",\"at\":7,\"options\":{},\"reason\":\"due\"}}", true, CLOCK_NONE, "due", NULL},
        {"{\"ok\":{\"step\":\"wait\",\"until\":99.5,\"reason\":\"a\\nb\"}}", false, 99, "a\\x0ab", NULL},
        {"{\"ok\":\"wait\"}", false, CLOCK_NONE, "", NULL},
        {"{\"ok\":\"publish\"}", false, CLOCK_NONE, "", "asked about issue and returned the step 'publish'"},
        {"{\"ok\":{\"step\":\"none\"}}", false, CLOCK_NONE, "", "'none'"},
        {"{\"ok\":true}", false, CLOCK_NONE, "", "no step"},
        {"{\"ok\":{}}", false, CLOCK_NONE, "", "no step"},
        {"{\"ok\":[\"issue\"]}", false, CLOCK_NONE, "", "no step"},
        {"{\"ok\":{\"step\":true}}", false, CLOCK_NONE, "", "wrong type"},
        {"{\"ok\":{\"step\":\"wait\",\"until\":-1}}", false, CLOCK_NONE, "", "wrong type"},
        {"{\"ok\":{\"step\":\"wait\",\"until\":1e300}}", false, CLOCK_NONE, "", "wrong type"},
        {"{\"ok\":{\"step\":\"issue\",\"colour\":\"red\"}}", false, CLOCK_NONE, "", "'colour' is no field"},
        {"{\"error\":\"no\"}", false, CLOCK_NONE, "", "no"},
        {"{\"raised\":\"boom\",\"traceback\":\"stack\"}", false, CLOCK_NONE, "", "boom"},
        {"[]", false, CLOCK_NONE, "", "no object"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_answer answer;
        struct error error = {0};
        struct buf traceback;
        buf_init(&traceback, 100);
        int result = answer_read_policy(cases[i].json, strlen(cases[i].json), "issue", &answer, &traceback, &error);
        assert_string_equal(buf_string(&traceback), strstr(cases[i].json, "traceback") == NULL ? "" : "stack");
        buf_free(&traceback);
        if (cases[i].says != NULL) {
            assert_int_equal(result, -1);
            assert_int_equal(error.code, ERROR_HOOK);
            assert_non_null(strstr(error.message, cases[i].says));
            assert_false(answer.passes);
            continue;
        }
        assert_int_equal(result, 0);
        assert_int_equal(answer.passes, cases[i].passes);
        assert_int_equal(answer.until, cases[i].until);
        assert_string_equal(answer.reason, cases[i].reason);
    }
}

static const struct {
    const char *json, *says;
} rubbish_windows[] = {
    {"{\"ok\":true}", "neither a table nor an error"},
    {"{\"ok\":[]}", "neither a table nor an error"},
    {"{\"ok\":{\"start\":5}}", "'finish' is not after 'start'"},
    {"{\"ok\":{\"finish\":5}}", "'finish' is not after 'start'"},
    {"{\"ok\":{\"start\":5,\"finish\":5}}", "'finish' is not after 'start'"},
    {"{\"ok\":{\"start\":0.5,\"finish\":5}}", "'start' is of the wrong type"},
    {"{\"ok\":{\"start\":-1,\"finish\":5}}", "'start' is of the wrong type"},
    {"{\"ok\":{\"start\":1,\"finish\":1e300}}", "'finish' is of the wrong type"},
    {"{\"ok\":{\"start\":1,\"finish\":253402300800}}", "'finish' is of the wrong type"},
    {"{\"ok\":{\"start\":1,\"start\":1,\"finish\":5}}", "'start' stands twice"},
    {"{\"ok\":{\"url\":\"ftp://a\"}}", "'url' is no address"},
    {"{\"ok\":{\"url\":\"https://a\\nb\"}}", "'url' is no address"},
    {"{\"ok\":{\"url\":\"https://\u00e4\"}}", "'url' is no address"},
    {"{\"ok\":{\"retry_after\":\"5\"}}", "'retry_after' is of the wrong type"},
    {"{\"ok\":{\"revoked\":1}}", "'revoked' is of the wrong type"},
    {"{\"ok\":{\"window\":1}}", "'window' is no field"},
    {"{\"error\":\"no\",\"wait\":90000}", "no"},
    {"{\"raised\":\"no\",\"traceback\":\"here\"}", "no"},
};

static void a_window_that_is_rubbish_is_refused(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(rubbish_windows) / sizeof(rubbish_windows[0]); i++) {
        const char *json = rubbish_windows[i].json;
        struct window_answer window;
        struct error error = {0};
        struct buf traceback;
        buf_init(&traceback, 100);
        int result = answer_read_window(json, strlen(json), &window, &traceback, &error);
        if (result != -1 || error.code != ERROR_HOOK || strstr(error.message, rubbish_windows[i].says) == NULL) {
            fail_msg("%s: %d, '%s'", json, result, error.message);
        }
        assert_int_equal(window.retry_after_s, strstr(json, "90000") != NULL ? 90000 : -1);
        assert_string_equal(buf_string(&traceback), strstr(json, "here") != NULL ? "here" : "");
        answer_free(&window.answer);
        buf_free(&traceback);
    }
}

static void a_window_is_read(void **unused)
{
    static const char *const all =
        "{\"ok\":{\"start\":5,\"finish\":253402300799,\"url\":\"https://a/?b\",\"retry_after\":7.5,\"revoked\":true}}";
    struct window_answer window;

    (void)unused;
    assert_int_equal(answer_read_window(all, strlen(all), &window, NULL, NULL), 0);
    assert_int_equal(window.start, 5);
    assert_true(window.finish == 253402300799);
    assert_string_equal(window.url, "https://a/?b");
    assert_int_equal(window.retry_after_s, 7);
    assert_true(window.revoked);
    answer_free(&window.answer);
    assert_int_equal(answer_read_window("{\"ok\":{}}", 9, &window, NULL, NULL), 0);
    assert_true(window.start == CLOCK_NONE && window.finish == CLOCK_NONE);
    assert_null(window.url);
    assert_int_equal(window.retry_after_s, -1);
    assert_false(window.revoked);
    answer_free(&window.answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_that_are_rubbish_are_refused_with_their_reason),
        cmocka_unit_test(a_nul_byte_is_refused_however_it_is_written),
        cmocka_unit_test(an_issued_certificate_is_read_with_its_chain_and_key),
        cmocka_unit_test(a_pending_order_is_read_with_its_wait_and_cookie),
        cmocka_unit_test(a_cookie_may_have_4096_bytes_and_no_more),
        cmocka_unit_test(a_refusal_is_read_with_its_wait_and_whether_it_is_permanent),
        cmocka_unit_test(a_raise_is_a_refusal_with_its_traceback),
        cmocka_unit_test(a_message_is_cut_at_500_bytes),
        cmocka_unit_test(control_bytes_of_a_message_are_escaped),
        cmocka_unit_test(only_the_signing_input_of_a_jws_is_signed),
        cmocka_unit_test(a_policy_lets_pass_only_by_naming_the_step),
        cmocka_unit_test(a_publication_is_done_only_when_the_answer_is_true),
        cmocka_unit_test(a_window_that_is_rubbish_is_refused),
        cmocka_unit_test(a_window_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
