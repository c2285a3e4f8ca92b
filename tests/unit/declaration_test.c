// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What a user's hook declares, as JSON that its process made: read, and refused.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "declaration.h"
#include "worker.h"

static const char good[] = "{\"api\":1,\"doc\":\"Issues.\",\"functions\":[\"issue\",\"revoke\"],\"options\":["
                           "{\"name\":\"lifetime\",\"type\":\"duration\",\"required\":false,\"default\":\"90d\","
                           "\"doc\":\"How long.\"},"
                           "{\"name\":\"url\",\"type\":\"url\",\"required\":true,\"doc\":\"Where.\"}]}";

static int asked;
static bool there;

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
    (void)mode;
    assert_int_equal(strncmp(path, "/hooks/issue/", 13), 0);
    errno = ENOENT;
    return there ? 0 : -1;
}
static const char *answer_text;

int __wrap_worker_declare(const char *hooks_dir, const char *kind, const char *name, struct buf *answer,
                          struct error *error)
{
    (void)kind;
    (void)name;
    asked++;
    assert_string_equal(hooks_dir, "/hooks");
    if (answer_text == NULL) {
        return error_set(error, ERROR_HOOK, "it was killed");
    }
    buf_text(answer, answer_text);
    return 0;
}

static void declaration_reads_options_and_functions(void **unused)
{
    struct declarations declarations = {0};
    const struct hook_file *file;
    struct error error;
    (void)unused;
    assert_int_equal(declaration_read(&declarations, "issue", "mine", good, strlen(good), &file, &error), 0);
    assert_string_equal(file->kind, "issue");
    assert_string_equal(file->name, "mine");
    assert_string_equal(file->doc, "Issues.");
    assert_int_equal(file->functions, HOOK_ISSUE | HOOK_REVOKE);
    assert_int_equal(file->option_count, 2);
    assert_string_equal(file->options[0].name, "lifetime");
    assert_string_equal(file->options[0].fallback, "90d");
    assert_false(file->options[0].required);
    assert_string_equal(file->options[1].type, "url");
    assert_null(file->options[1].fallback);
    assert_true(file->options[1].required);
    declarations_free(&declarations);
    assert_null(declarations.first);
}

static void declaration_refuses_what_is_not_one(void **unused)
{
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", "no JSON object"},
        {"[1]", "no JSON object"},
        {"{\"api\":1", "no JSON object"},
        {"{\"raised\":\"mine.lua:3: boom\"}", "mine.lua:3: boom"},
        {"{\"raised\":7}", "does not load"},
        {"{\"api\":2,\"doc\":\"d\",\"functions\":[]}", "incomplete"},
        {"{\"api\":1,\"functions\":[]}", "incomplete"},
        {"{\"api\":1,\"doc\":\"two\\nlines\",\"functions\":[]}", "incomplete"},
        {"{\"api\":1,\"doc\":\"d\"}", "incomplete"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[\"fly\"]}", "unknown function"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[3]}", "unknown function"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[],\"options\":[{\"type\":\"string\",\"doc\":\"d\"}]}", "proper name"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[],\"options\":[{\"name\":\"A\",\"type\":\"string\",\"doc\":\"d\"}]}",
         "proper name"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[],\"options\":[{\"name\":\"a\",\"type\":\"string\"}]}",
         "documentation"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[],\"options\":[{\"name\":\"a\",\"type\":\"sting\",\"doc\":\"d\"}]}",
         "unknown type"},
        {"{\"api\":1,\"doc\":\"d\",\"functions\":[],\"options\":[{\"name\":\"a\",\"type\":\"string\",\"doc\":\"d\","
         "\"default\":5}]}",
         "default"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct declarations declarations = {0};
        const struct hook_file *file;
        struct error error;
        assert_int_equal(
            declaration_read(&declarations, "issue", "mine", rows[i].json, strlen(rows[i].json), &file, &error), -1);
        assert_null(file);
        assert_null(declarations.first);
        assert_non_null(strstr(error.message, rows[i].message));
    }
}

static void declaration_refuses_more_options_than_there_is_room_for(void **unused)
{
    struct declarations declarations = {0};
    const struct hook_file *file;
    struct error error;
    struct buf json;
    (void)unused;
    for (int count = DECLARATION_MAX_OPTIONS; count <= DECLARATION_MAX_OPTIONS + 1; count++) {
        buf_init(&json, 1 << 20);
        buf_text(&json, "{\"api\":1,\"doc\":\"d\",\"functions\":[],\"options\":[");
        for (int i = 0; i < count; i++) {
            buf_format(&json, "%s{\"name\":\"o%d\",\"type\":\"string\",\"doc\":\"d\"}", i > 0 ? "," : "", i);
        }
        buf_text(&json, "]}");
        int result = declaration_read(&declarations, "issue", "mine", json.data, json.length, &file, &error);
        assert_int_equal(result, count > DECLARATION_MAX_OPTIONS ? -1 : 0);
        buf_free(&json);
    }
    declarations_free(&declarations);
}

static void declarations_ask_once_for_each_hook(void **unused)
{
    struct declarations declarations = {0};
    struct hook_source source = declarations_source(&declarations);
    const struct hook_file *first, *second, *other;
    struct error error;
    (void)unused;
    asked = 0;
    answer_text = good;
    there = true;
    assert_int_equal(source.declare(source.context, "/hooks", "issue", "mine", &first, &error), 0);
    assert_int_equal(source.declare(source.context, "/hooks", "issue", "mine", &second, &error), 0);
    assert_ptr_equal(first, second);
    assert_int_equal(asked, 1);
    assert_int_equal(source.declare(source.context, "/hooks", "issue", "other", &other, &error), 0);
    assert_ptr_not_equal(first, other);
    assert_int_equal(asked, 2);
    declarations_free(&declarations);
}

static void declarations_ask_nobody_for_a_hook_that_is_not_there(void **unused)
{
    struct declarations declarations = {0};
    struct hook_source source = declarations_source(&declarations);
    const struct hook_file *file;
    struct error error;
    (void)unused;
    asked = 0;
    answer_text = good;
    there = false;
    assert_int_equal(source.declare(source.context, "/hooks", "issue", "mine", &file, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(asked, 0);
    declarations_free(&declarations);
}

static void declarations_pass_on_why_a_hook_cannot_be_asked(void **unused)
{
    struct declarations declarations = {0};
    struct hook_source source = declarations_source(&declarations);
    const struct hook_file *file;
    struct error error;
    (void)unused;
    answer_text = NULL;
    there = true;
    assert_int_equal(source.declare(source.context, "/hooks", "issue", "mine", &file, &error), -1);
    assert_string_equal(error.message, "it was killed");
    declarations_free(&declarations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declaration_reads_options_and_functions),
        cmocka_unit_test(declaration_refuses_what_is_not_one),
        cmocka_unit_test(declaration_refuses_more_options_than_there_is_room_for),
        cmocka_unit_test(declarations_ask_once_for_each_hook),
        cmocka_unit_test(declarations_ask_nobody_for_a_hook_that_is_not_there),
        cmocka_unit_test(declarations_pass_on_why_a_hook_cannot_be_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
