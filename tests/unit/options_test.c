// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of options.c: types, "@path", "@credential:NAME", and what is refused.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"
#include "options.h"

static char folder[64];

static int setup(void **unused)
{
    (void)unused;
    strcpy(folder, "/tmp/certauto-options-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    unsetenv("CREDENTIALS_DIRECTORY");
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

static const char *write_file(const char *name, const char *text, size_t length, mode_t mode)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

// Reads one option of a type with a value; -1 with error, else the text in out.
static int read_value(const char *type, const char *value, struct buf *out, struct error *error)
{
    const struct hook_option declared = {.name = "token", .type = type, .doc = "x"};
    const struct option option = {.name = "token", .value = value, .declared = &declared};
    buf_init(out, 2 * OPTIONS_MAX_FILE);
    return options_read(&option, out, error);
}

static void what_is_secret_is_hidden_in_what_a_hook_says(void **unused)
{
    (void)unused;
    char at[160];
    snprintf(at, sizeof(at), "@%s", write_file("token", "from-a-file\n", 12, 0600));
    const struct hook_option secret = {.name = "password", .type = "secret", .doc = "x"};
    const struct hook_option plain = {.name = "token", .type = "string", .doc = "x"};
    const struct option options[] = {
        {.name = "password", .value = "hunter22", .declared = &secret},
        {.name = "token", .value = at, .declared = &plain},
        {.name = "user", .value = "admin", .declared = &plain},
        {.name = "pin", .value = "401", .declared = &secret},
    };
    const struct hook_section section = {.options = options, .option_count = 4};
    char text[] = "401 for admin with hunter22: from-a-file, hunter22hunter22";
    options_hide(&section, text);
    assert_string_equal(text, "401 for admin with ********: ***********, ****************");
}

static void a_path_is_read_and_one_final_newline_dropped(void **unused)
{
    struct error error;
    struct buf out;
    char value[160];

    (void)unused;
    snprintf(value, sizeof(value), "@%s", write_file("token", "s3cret\n\n", 8, 0600));
    assert_int_equal(read_value("secret", value, &out, &error), 0);
    assert_string_equal(buf_string(&out), "s3cret\n");
    buf_free(&out);
    assert_int_equal(read_value("string", value, &out, &error), 0);
    assert_string_equal(buf_string(&out), "s3cret\n");
    buf_free(&out);
    // Other types are what is written.
    assert_int_equal(read_value("path", value, &out, &error), 0);
    assert_string_equal(buf_string(&out), value);
    buf_free(&out);
}

static void two_at_signs_are_a_plain_one(void **unused)
{
    struct error error;
    struct buf out;

    (void)unused;
    assert_int_equal(read_value("secret", "@@home", &out, &error), 0);
    assert_string_equal(buf_string(&out), "@home");
    buf_free(&out);
}

static void a_credential_is_read_from_the_service_managers_folder(void **unused)
{
    struct error error;
    struct buf out;

    (void)unused;
    write_file("dns", "k", 1, 0400);
    assert_int_equal(read_value("secret", "@credential:dns", &out, &error), -1);
    assert_non_null(strstr(error.message, "CREDENTIALS_DIRECTORY"));
    buf_free(&out);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    assert_int_equal(read_value("secret", "@credential:dns", &out, &error), 0);
    assert_string_equal(buf_string(&out), "k");
    buf_free(&out);
    assert_int_equal(read_value("secret", "@credential:../dns", &out, &error), -1);
    buf_free(&out);
    assert_int_equal(read_value("secret", "@credential:", &out, &error), -1);
    buf_free(&out);
    assert_int_equal(read_value("secret", "@credential:none", &out, &error), -1);
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    buf_free(&out);
}

static void a_file_that_others_can_read_is_refused(void **unused)
{
    struct error error;
    struct buf out;
    char value[160];

    (void)unused;
    snprintf(value, sizeof(value), "@%s", write_file("token", "s3cret", 6, 0644));
    assert_int_equal(read_value("secret", value, &out, &error), -1);
    assert_non_null(strstr(error.message, "option 'token'"));
    assert_null(strstr(error.message, "s3cret"));
    buf_free(&out);
}

static void files_that_are_too_long_or_hold_a_nul_are_refused(void **unused)
{
    struct error error;
    struct buf out;
    char value[160];
    char *text = malloc(OPTIONS_MAX_FILE + 1);

    (void)unused;
    memset(text, 'a', OPTIONS_MAX_FILE + 1);
    snprintf(value, sizeof(value), "@%s", write_file("long", text, OPTIONS_MAX_FILE + 1, 0600));
    assert_int_equal(read_value("secret", value, &out, &error), -1);
    buf_free(&out);
    write_file("long", text, OPTIONS_MAX_FILE, 0600);
    assert_int_equal(read_value("secret", value, &out, &error), 0);
    assert_int_equal(out.length, OPTIONS_MAX_FILE);
    buf_free(&out);
    free(text);
    snprintf(value, sizeof(value), "@%s", write_file("nul", "a\0b", 3, 0600));
    assert_int_equal(read_value("secret", value, &out, &error), -1);
    assert_non_null(strstr(error.message, "NUL"));
    buf_free(&out);
    assert_int_equal(read_value("secret", "@relative", &out, &error), -1);
    buf_free(&out);
}

static const struct hook_option declared[] = {
    {"url", "url", true, NULL, "x"},        {"count", "integer", false, "5", "x"},
    {"deep", "boolean", false, "no", "x"},  {"lifetime", "duration", false, "90d", "x"},
    {"words", "list", false, "a, b", "x"},  {"mode", "mode", false, "0644", "x"},
    {"level", "enum:x|y", false, "y", "x"}, {"secret", "secret", false, NULL, "x"},
    {"empty", "list", false, NULL, "x"},
};

static char *section_json(const struct option *options, size_t count)
{
    struct hook_section section = {.name = "t",
                                   .options = options,
                                   .option_count = count,
                                   .declared = declared,
                                   .declared_count = sizeof(declared) / sizeof(declared[0])};
    struct error error;
    cJSON *json = options_json(&section, &error);
    if (json == NULL) {
        fail_msg("%s", error.message);
    }
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static void options_are_typed_as_declared_and_defaults_fill_in(void **unused)
{
    const struct option options[] = {
        {.name = "url", .value = "https://ca.example/x", .declared = &declared[0]},
        {.name = "deep", .value = "On", .declared = &declared[2]},
        {.name = "words", .value = "one, two,three", .declared = &declared[4]},
    };

    (void)unused;
    char *text = section_json(options, 3);
    assert_string_equal(text, "{\"url\":\"https://ca.example/x\",\"count\":5,\"deep\":true,"
                              "\"lifetime\":7776000,\"words\":[\"one\",\"two\",\"three\"],"
                              "\"mode\":\"0644\",\"level\":\"y\"}");
    free(text);
}

static void an_empty_value_is_the_default_again(void **unused)
{
    const struct option options[] = {
        {.name = "count", .value = "", .declared = &declared[1]},
        {.name = "secret", .value = "", .declared = &declared[7]},
        {.name = "empty", .value = "", .declared = &declared[8]},
    };

    (void)unused;
    char *text = section_json(options, 3);
    assert_non_null(strstr(text, "\"count\":5"));
    assert_null(strstr(text, "secret"));
    assert_null(strstr(text, "empty"));
    free(text);
}

static void one_option_that_cannot_be_read_fails_all(void **unused)
{
    const struct option options[] = {
        {.name = "secret", .value = "@/nonexistent/file", .declared = &declared[7]},
    };
    struct hook_section section = {.name = "t",
                                   .options = options,
                                   .option_count = 1,
                                   .declared = declared,
                                   .declared_count = sizeof(declared) / sizeof(declared[0])};
    struct error error;

    (void)unused;
    assert_null(options_json(&section, &error));
    assert_non_null(strstr(error.message, "option 'secret'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_secret_is_hidden_in_what_a_hook_says, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_is_read_and_one_final_newline_dropped, setup, teardown),
        cmocka_unit_test(two_at_signs_are_a_plain_one),
        cmocka_unit_test_setup_teardown(a_credential_is_read_from_the_service_managers_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_others_can_read_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(files_that_are_too_long_or_hold_a_nul_are_refused, setup, teardown),
        cmocka_unit_test(options_are_typed_as_declared_and_defaults_fill_in),
        cmocka_unit_test(an_empty_value_is_the_default_again),
        cmocka_unit_test(one_option_that_cannot_be_read_fails_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
