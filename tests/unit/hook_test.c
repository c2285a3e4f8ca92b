// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Hooks: what comes back of each end that a hook can take, hostile ones included (tests/data/hooks).
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "clock.h"
#include "exec.h"
#include "file.h"
#include "hook.h"
#include "log.h"

#define W(text) ((char *)(uintptr_t)(text))

static char folder[PATH_MAX], hooks_dir[PATH_MAX + 16];
static int store;

static void run(char *const *arguments)
{
    struct exec_command command = {
        .arguments = arguments, .directory = folder, .output_limit = 1000, .deadline_boot_ms = clock_boot_ms() + 30000};
    struct exec_result result;
    struct error error;
    if (exec_run(&command, &result, &error) != 0) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(result.status, 0);
    exec_result_free(&result);
}

// A copy of the hooks with permissions that do not depend on how the repository was checked out.
static int set_up(void **state)
{
    (void)state;
    char source[PATH_MAX + 32];
    const char *base = getenv("TMPDIR");
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, LOG_TARGET_STDERR);
    assert_non_null(getcwd(source, PATH_MAX));
    snprintf(source + strlen(source), 32, "/tests/data/hooks");
    snprintf(folder, sizeof folder, "%s/certauto-hook-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    snprintf(hooks_dir, sizeof hooks_dir, "%s/hooks", folder);
    run((char *const[]){W("cp"), W("-r"), source, hooks_dir, NULL});
    run((char *const[]){W("chmod"), W("-R"), W("u=rwX,go="), hooks_dir, NULL});
    run((char *const[]){W("mkdir"), W("-m"), W("700"), W("store"), NULL});
    int dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    store = openat(dirfd, "store", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(dirfd);
    assert_true(store >= 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(store);
    run((char *const[]){W("rm"), W("-rf"), folder, NULL});
    return 0;
}

static struct hook_context context_of(const char *kind, const char *name)
{
    return (struct hook_context){.hooks_dir = hooks_dir,
                                 .kind = kind,
                                 .name = name,
                                 .certificate = "www",
                                 .store_dirfd = store,
                                 .memory_bytes = 64 * 1024 * 1024,
                                 .deadline_boot_ms = clock_boot_ms() + 20000};
}

static void write_hook(const char *kind, const char *name, const char *text)
{
    char path[2 * PATH_MAX];
    struct error error;
    struct file_mode mode = {.mode = 0600};
    snprintf(path, sizeof path, "%s/%s/%s.lua", hooks_dir, kind, name);
    if (file_write_atomic(AT_FDCWD, path, text, strlen(text), &mode, &error) != 0) {
        fail_msg("%s", error.message);
    }
}

// Calls and parses the answer, which must be JSON whatever happens.
static cJSON *call(const struct hook_context *context, const char *function, const char *argument)
{
    struct buf answer;
    buf_init(&answer, 8 * 1024 * 1024);
    assert_int_equal(hook_call(context, function, argument, strlen(argument), &answer), 0);
    cJSON *tree = cJSON_ParseWithLength(buf_string(&answer), answer.length);
    assert_non_null(tree);
    assert_true(cJSON_IsObject(tree));
    buf_free(&answer);
    return tree;
}

static const char *text_of(const cJSON *tree, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, name);
    return cJSON_IsString(item) ? item->valuestring : "(none)";
}

static void assert_answer(const cJSON *tree, const char *expected)
{
    char *text = cJSON_PrintUnformatted(tree);
    assert_string_equal(text, expected);
    free(text);
}

static void assert_raised(const struct hook_context *context, const char *part)
{
    cJSON *tree = call(context, "issue", "{}");
    if (strstr(text_of(tree, "raised"), part) == NULL) {
        fail_msg("'%s' is not in '%s'", part, text_of(tree, "raised"));
    }
    cJSON_Delete(tree);
}

// ---- The ordinary way

static void hook_call_passes_values_there_and_back(void **state)
{
    (void)state;
    struct hook_context context = context_of("issue", "echo");
    cJSON *tree = call(&context, "issue",
                       "{\"n\":7,\"big\":9007199254740991,\"f\":0.5,\"t\":\"\xc3\xa4\\n\\\"\",\"b\":false,"
                       "\"e\":[],\"l\":[1,[2]],\"o\":{\"x\":{}},\"gone\":null}");
    const cJSON *ok = cJSON_GetObjectItem(tree, "ok"), *request = cJSON_GetObjectItem(ok, "request");
    assert_non_null(request);
    assert_int_equal(cJSON_GetObjectItem(ok, "arguments")->valueint, 1);
    assert_int_equal(cJSON_GetObjectItem(ok, "count")->valueint, 1);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(ok, "same")));
    assert_int_equal(cJSON_GetObjectItem(request, "n")->valueint, 7);
    assert_true(cJSON_GetObjectItem(request, "big")->valuedouble == 9007199254740991.0);
    assert_true(cJSON_GetObjectItem(request, "f")->valuedouble == 0.5);
    assert_string_equal(text_of(request, "t"), "\xc3\xa4\n\"");
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(request, "b")));
    assert_true(cJSON_IsArray(cJSON_GetObjectItem(request, "e")));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(request, "l")), 2);
    assert_true(cJSON_IsObject(cJSON_GetObjectItem(cJSON_GetObjectItem(request, "o"), "x")));
    assert_null(cJSON_GetObjectItem(request, "gone"));
    cJSON_Delete(tree);
}

static void hook_call_remembers_nothing_between_calls(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct hook_context context = context_of("issue", "echo");
        cJSON *tree = call(&context, "issue", "{}");
        assert_int_equal(cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "ok"), "count")->valueint, 1);
        cJSON_Delete(tree);
    }
}

static void hook_call_passes_a_failure_with_its_details(void **state)
{
    (void)state;
    struct hook_context context = context_of("issue", "echo");
    cJSON *tree = call(&context, "revoke", "{}");
    assert_string_equal(text_of(tree, "error"), "not today");
    assert_int_equal(cJSON_GetObjectItem(tree, "wait")->valueint, 60);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(tree, "permanent")));
    assert_int_equal(cJSON_GetArraySize(tree), 3);
    cJSON_Delete(tree);
}

static void hook_call_spreads_a_list_of_arguments(void **state)
{
    (void)state;
    struct hook_context context = context_of("publish", "pair");
    cJSON *tree = call(&context, "rollback", "[null,{\"name\":\"new\"}]");
    const cJSON *ok = cJSON_GetObjectItem(tree, "ok");
    assert_string_equal(text_of(ok, "previous"), "none");
    assert_string_equal(text_of(cJSON_GetObjectItem(ok, "bundle"), "name"), "new");
    cJSON_Delete(tree);
    tree = call(&context, "rollback", "[{\"name\":\"old\"},{\"name\":\"new\"}]");
    assert_string_equal(text_of(cJSON_GetObjectItem(cJSON_GetObjectItem(tree, "ok"), "previous"), "name"), "old");
    cJSON_Delete(tree);
    tree = call(&context, "publish", "{}");
    assert_answer(tree, "{\"ok\":true}");
    cJSON_Delete(tree);
}

static void hook_call_gives_a_traceback_with_lines(void **state)
{
    (void)state;
    write_hook("issue", "raises",
               "local function inner()\n  error('deep')\nend\nreturn { api = 1, doc = 'x',\n"
               "issue = function()\n  inner()\nend }\n");
    struct hook_context context = context_of("issue", "raises");
    cJSON *tree = call(&context, "issue", "{}");
    assert_non_null(strstr(text_of(tree, "raised"), "issue/raises.lua:2: deep"));
    assert_non_null(strstr(text_of(tree, "traceback"), "issue/raises.lua:6:"));
    cJSON_Delete(tree);
}

static void hook_call_refuses_an_argument_that_is_no_json(void **state)
{
    (void)state;
    static const char *const table[] = {
        "", "{", "{}}", "[1,2", "{\"a\":\"\\u0000\"}", "{\"a\":1,\"a\":2}", "nul", "{\"a\":1e999}"};
    struct hook_context context = context_of("issue", "echo");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        cJSON *tree = call(&context, "issue", table[i]);
        assert_non_null(strstr(text_of(tree, "raised"), "the argument of issue"));
        cJSON_Delete(tree);
    }
}

// ---- Where hooks come from

static void hook_call_prefers_the_folder_to_what_is_built_in(void **state)
{
    (void)state;
    struct hook_context context = context_of("publish", "files");
    cJSON *tree = call(&context, "publish", "{\"options\":{}}");
    assert_string_equal(text_of(tree, "error"), "none of cert, key, chain, fullchain and combined is given");
    cJSON_Delete(tree);
    write_hook("publish", "files", "return { api = 1, doc = 'x', publish = function() return nil, 'mine' end }");
    tree = call(&context, "publish", "{\"options\":{}}");
    assert_string_equal(text_of(tree, "error"), "mine");
    cJSON_Delete(tree);
    context.hooks_dir = "/nowhere";
    tree = call(&context, "publish", "{\"options\":{}}");
    assert_string_equal(text_of(tree, "error"), "none of cert, key, chain, fullchain and combined is given");
    cJSON_Delete(tree);
    context.name = "absent";
    tree = call(&context, "publish", "{}");
    assert_non_null(strstr(text_of(tree, "raised"), "there is no publish/absent.lua"));
    cJSON_Delete(tree);
}

static void hook_call_refuses_a_file_that_others_can_write(void **state)
{
    (void)state;
    char path[2 * PATH_MAX];
    write_hook("issue", "open", "return { api = 1, doc = 'x', issue = function() return true end }");
    snprintf(path, sizeof path, "%s/issue/open.lua", hooks_dir);
    assert_int_equal(chmod(path, 0666), 0);
    struct hook_context context = context_of("issue", "open");
    assert_raised(&context, "open.lua");
    assert_int_equal(chmod(path, 0600), 0);
    snprintf(path, sizeof path, "%s/issue", hooks_dir);
    assert_int_equal(chmod(path, 0777), 0);
    assert_raised(&context, "issue");
    assert_int_equal(chmod(path, 0700), 0);
    cJSON *tree = call(&context, "issue", "{}");
    assert_answer(tree, "{\"ok\":true}");
    cJSON_Delete(tree);
}

static void hook_call_ignores_the_variables_of_lua(void **state)
{
    (void)state;
    setenv("LUA_INIT", "error('LUA_INIT ran')", 1);
    setenv("LUA_PATH", "/etc/?.lua", 1);
    setenv("LUA_INIT_5_4", "error('LUA_INIT ran')", 1);
    write_hook("issue", "plain", "return { api = 1, doc = 'x', issue = function() return true end }");
    struct hook_context context = context_of("issue", "plain");
    cJSON *tree = call(&context, "issue", "{}");
    assert_answer(tree, "{\"ok\":true}");
    cJSON_Delete(tree);
    unsetenv("LUA_INIT");
    unsetenv("LUA_PATH");
    unsetenv("LUA_INIT_5_4");
}

// ---- Hostile hooks

// The text behind "-- expect: " in the first line of a hostile hook.
static void read_expected(const char *name, char *expected, size_t size)
{
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/issue/%s.lua", hooks_dir, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[512] = "";
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    bool said = strncmp(line, "-- expect: ", 11) == 0;
    snprintf(expected, size, "%s", said ? line + 11 : "binary");
}

static int try_hostile(const char *name)
{
    int faults = 0;
    char expected[512];
    struct buf answer;
    long long begun = clock_boot_ms();
    read_expected(name, expected, sizeof expected);
    struct hook_context context = context_of("issue", name);
    context.memory_bytes = 16 * 1024 * 1024;
    // A busy machine takes its time for all that is not about time.
    bool late = strstr(expected, "time") != NULL;
    context.deadline_boot_ms = begun + (late ? 500 : 20000);
    buf_init(&answer, 8 * 1024 * 1024);
    assert_int_equal(hook_call(&context, "issue", "{}", 2, &answer), 0);
    long long took = clock_boot_ms() - begun;
    cJSON *tree = cJSON_ParseWithLength(buf_string(&answer), answer.length);
    if (tree == NULL || strstr(buf_string(&answer), expected) == NULL) {
        print_error("%s: '%s' is not in '%.2000s'\n", name, expected, buf_string(&answer));
        faults++;
    }
    if (late && took > 5000) {
        print_error("%s: it took %lld ms\n", name, took);
        faults++;
    }
    cJSON_Delete(tree);
    buf_free(&answer);
    return faults;
}

static void hook_call_survives_hostile_hooks(void **state)
{
    (void)state;
    char path[2 * PATH_MAX];
    int count = 0, faults = 0;
    snprintf(path, sizeof path, "%s/issue", hooks_dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char name[256];
        size_t length = strlen(entry->d_name);
        if (strncmp(entry->d_name, "hostile_", 8) == 0 && length > 4) {
            snprintf(name, sizeof name, "%.*s", (int)(length - 4), entry->d_name);
            faults += try_hostile(name);
            count++;
        }
    }
    closedir(dir);
    assert_int_equal(faults, 0);
    assert_true(count > 80);
}

// As Lua's own tests do: a limit that is raised a little at a time finds each place where memory can end.
static void hook_call_answers_at_every_limit_of_memory(void **state)
{
    (void)state;
    bool worked = false;
    for (size_t limit = 0; limit < 400 * 1024 && !worked; limit += limit < 60000 ? 97 : 499) {
        struct hook_context context = context_of("issue", "echo");
        context.memory_bytes = limit;
        cJSON *tree = call(&context, "issue", "{\"a\":[1,2,3],\"b\":{\"c\":\"text\"}}");
        worked = cJSON_GetObjectItem(tree, "ok") != NULL;
        const char *raised = text_of(tree, "raised");
        if (!worked && strstr(raised, "memory") == NULL && strstr(raised, "stack overflow") == NULL) {
            fail_msg("with %zu bytes: %s", limit, raised);
        }
        cJSON_Delete(tree);
    }
    assert_true(worked);
}

static void hook_call_gives_locks_and_files_back_at_the_deadline(void **state)
{
    (void)state;
    char path[2 * PATH_MAX], text[3 * PATH_MAX];
    snprintf(path, sizeof path, "%s/staged", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(text, sizeof text,
             "local store, fs = require 'certauto.store', require 'certauto.fs'\n"
             "return { api = 1, doc = 'x', issue = function()\n"
             "  local lock = assert(store.lock('account'))\n"
             "  local staged = assert(fs.stage('%s/file', 'secret'))\n"
             "  while lock and staged do end\nend,\n"
             "revoke = function() return store.lock('account') and true end }",
             path);
    write_hook("issue", "holds", text);
    struct hook_context context = context_of("issue", "holds");
    context.deadline_boot_ms = clock_boot_ms() + 200;
    assert_raised(&context, "did not end in time and was stopped");
    context.deadline_boot_ms = clock_boot_ms() + 5000;
    cJSON *tree = call(&context, "revoke", "{}");
    assert_answer(tree, "{\"ok\":true}");
    cJSON_Delete(tree);
    // rmdir fails unless the staged file is gone.
    assert_int_equal(rmdir(path), 0);
}

// ---- A target's label

static void hook_files_keeps_the_security_label(void **state)
{
    (void)state;
    static const char label[] = "system_u:object_r:cert_t:s0";
    char path[PATH_MAX + 16], argument[2 * PATH_MAX], got[64] = "";
    snprintf(path, sizeof path, "%s/labelled", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    // Needs a right that not every builder has.
    int done = fsetxattr(fd, "security.selinux", label, sizeof label, 0);
    close(fd);
    if (done != 0) {
        skip();
    }
    snprintf(argument, sizeof argument,
             "{\"name\":\"www\",\"generation\":1,\"certificate\":\"new\",\"options\":{\"cert\":\"%s\"}}", path);
    struct hook_context context = context_of("publish", "files");
    context.hooks_dir = "/nowhere";
    cJSON *tree = call(&context, "publish", argument);
    assert_answer(tree, "{\"ok\":true}");
    cJSON_Delete(tree);
    assert_int_equal(getxattr(path, "security.selinux", got, sizeof got), sizeof label);
    assert_string_equal(got, label);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 4);
}

// ---- Declarations

static void declare(const char *kind, const char *name, struct buf *answer)
{
    struct hook_context context = context_of(kind, name);
    context.store_dirfd = -1;
    buf_init(answer, 1024 * 1024);
    assert_int_equal(hook_declaration(&context, answer), 0);
}

static void hook_declaration_says_all_that_a_hook_declares(void **state)
{
    (void)state;
    struct buf answer;
    declare("issue", "echo", &answer);
    cJSON *tree = cJSON_Parse(buf_string(&answer));
    assert_int_equal(cJSON_GetObjectItem(tree, "api")->valueint, 1);
    assert_string_equal(text_of(tree, "doc"), "Answers with what it was given.");
    const cJSON *options = cJSON_GetObjectItem(tree, "options"), *functions = cJSON_GetObjectItem(tree, "functions");
    static const char *const expected[] = {"(none)", "90d", "3", "yes", "one, two", "dns", "(none)"};
    assert_int_equal(cJSON_GetArraySize(options), 7);
    for (int i = 0; i < 7; i++) {
        assert_string_equal(text_of(cJSON_GetArrayItem(options, i), "default"), expected[i]);
    }
    assert_string_equal(text_of(cJSON_GetArrayItem(options, 5), "type"), "enum:http|dns");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(options, 0), "required")));
    assert_true(cJSON_IsFalse(cJSON_GetObjectItem(cJSON_GetArrayItem(options, 1), "required")));
    char *text = cJSON_PrintUnformatted(functions);
    assert_string_equal(text, "[\"issue\",\"revoke\"]");
    free(text);
    cJSON_Delete(tree);
    buf_free(&answer);
}

static void hook_declaration_asks_a_function_for_the_options(void **state)
{
    (void)state;
    struct buf answer;
    write_hook("issue", "asked",
               "return { api = 1, doc = 'x', issue = function() end, options = function()\n"
               "return { { name = 'one', type = 'url', doc = 'y' } } end }");
    declare("issue", "asked", &answer);
    cJSON *tree = cJSON_Parse(buf_string(&answer));
    const cJSON *options = cJSON_GetObjectItem(tree, "options");
    assert_int_equal(cJSON_GetArraySize(options), 1);
    assert_string_equal(text_of(cJSON_GetArrayItem(options, 0), "name"), "one");
    cJSON_Delete(tree);
    buf_free(&answer);
}

static void hook_declaration_refuses_what_breaks_its_rules(void **state)
{
    (void)state;
    static const struct {
        const char *fields, *part;
    } table[] = {
        {"", "doc is one line"},
        {"doc = ''", "doc is one line"},
        {"doc = 'a\\nb'", "doc is one line"},
        {"doc = 'a\\xff'", "doc is one line"},
        {"doc = 1", "doc is one line"},
        {"doc = 'x', other = 1", "unknown field 'other'"},
        {"doc = 'x', [1] = 1", "unknown field"},
        {"doc = 'x', options = 1", "options is a list"},
        {"doc = 'x', options = function() return 1 end", "options is a list"},
        {"doc = 'x', options = function() return { {} } end", "has a name"},
        {"doc = 'x', options = function() error('no options today') end", "no options today"},
        {"doc = 'x', options = { 1 }", "list of tables"},
        {"doc = 'x', options = { {} }", "has a name"},
        {"doc = 'x', options = { { name = 'A' } }", "has a name"},
        {"doc = 'x', options = { { name = 'a', doc = 'x' } }", "no such type: none"},
        {"doc = 'x', options = { { name = 'a', type = 'text', doc = 'x' } }", "no such type: text"},
        {"doc = 'x', options = { { name = 'a', type = 'enum:', doc = 'x' } }", "no such type: enum:"},
        {"doc = 'x', options = { { name = 'a', type = 'enum:a||b', doc = 'x' } }", "no such type: enum:a||b"},
        {"doc = 'x', options = { { name = 'a', type = 'string' } }", "option a: doc"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', more = 1 } }", "unknown field 'more'"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', required = 1 } }", "required"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', default = print } }", "a default is"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', default = 1.5 } }", "a default is"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', default = 'a\\nb' } }", "not one line"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', default = '\\xff' } }", "not one line"},
        {"doc = 'x', options = { { name = 'a', type = 'list', doc = 'x', default = { {} } } }", "has words"},
        {"doc = 'x', options = { { name = 'a', type = 'enum:b|cd', doc = 'x', default = 'c' } }", "none of b|cd"},
        {"doc = 'x', options = { { name = 'a', type = 'string', doc = 'x', default = 'y', required = true } }",
         "has no default"},
        {"doc = 'x', options = { { name = 'a', type = 'url', doc = 'x' }, { name = 'a', type = 'url', doc = 'x' } }",
         "declared twice"},
        {"doc = 'x', publish = 1", "publish is no function"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[1024];
        struct buf answer;
        snprintf(text, sizeof text, "return { api = 1, issue = function() end, %s }", table[i].fields);
        write_hook("issue", "declares", text);
        declare("issue", "declares", &answer);
        if (strstr(buf_string(&answer), "\"raised\"") == NULL || strstr(buf_string(&answer), table[i].part) == NULL) {
            fail_msg("%s: %s", table[i].fields, buf_string(&answer));
        }
        buf_free(&answer);
    }
}

static void hook_declaration_wants_the_function_of_the_kind(void **state)
{
    (void)state;
    struct buf answer;
    write_hook("publish", "empty", "return { api = 1, doc = 'x', issue = function() end }");
    declare("publish", "empty", &answer);
    assert_non_null(strstr(buf_string(&answer), "a hook of kind publish has a function 'publish'"));
    buf_free(&answer);
}

// ---- Scripts

static int run_script(const char *text, char *const *arguments, int count)
{
    char path[2 * PATH_MAX];
    struct hook_context context = context_of(NULL, NULL);
    context.deadline_boot_ms = LLONG_MAX;
    context.certificate = NULL;
    snprintf(path, sizeof path, "%s/script.lua", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return hook_script(&context, path, count, arguments);
}

static void hook_script_runs_with_its_arguments(void **state)
{
    (void)state;
    char *const arguments[] = {W("one"), W("two")};
    assert_int_equal(run_script("#!/usr/sbin/certauto lua\nassert(arg[1] == 'one' and arg[2] == 'two' and #arg == 2)\n"
                                "assert(... == 'one' and select('#', ...) == 2)\nreturn 5",
                                arguments, 2),
                     5);
    assert_int_equal(run_script("local json = require 'certauto.json' assert(json.encode{1} == '[1]')", NULL, 0), 0);
    assert_int_equal(run_script("return 'text'", NULL, 0), 0);
}

// A script has no store; the tests of certauto.store need one.
static void hook_script_with_a_store_passes_its_tests(void **state)
{
    (void)state;
    struct hook_context context = context_of(NULL, NULL);
    context.deadline_boot_ms = clock_boot_ms() + 60000;
    assert_int_equal(hook_script(&context, "tests/lua/store_test.lua", 1, (char *const[]){W("store")}), 0);
}

static void hook_script_fails_for_a_raise(void **state)
{
    (void)state;
    assert_int_equal(run_script("error('on purpose')", NULL, 0), 1);
    assert_int_equal(run_script("return return", NULL, 0), 1);
    struct hook_context context = context_of(NULL, NULL);
    assert_int_equal(hook_script(&context, "/nowhere.lua", 0, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hook_call_passes_values_there_and_back),
        cmocka_unit_test(hook_call_remembers_nothing_between_calls),
        cmocka_unit_test(hook_call_passes_a_failure_with_its_details),
        cmocka_unit_test(hook_call_spreads_a_list_of_arguments),
        cmocka_unit_test(hook_call_gives_a_traceback_with_lines),
        cmocka_unit_test(hook_call_refuses_an_argument_that_is_no_json),
        cmocka_unit_test(hook_call_prefers_the_folder_to_what_is_built_in),
        cmocka_unit_test(hook_call_refuses_a_file_that_others_can_write),
        cmocka_unit_test(hook_call_ignores_the_variables_of_lua),
        cmocka_unit_test(hook_call_survives_hostile_hooks),
        cmocka_unit_test(hook_call_answers_at_every_limit_of_memory),
        cmocka_unit_test(hook_call_gives_locks_and_files_back_at_the_deadline),
        cmocka_unit_test(hook_files_keeps_the_security_label),
        cmocka_unit_test(hook_declaration_says_all_that_a_hook_declares),
        cmocka_unit_test(hook_declaration_asks_a_function_for_the_options),
        cmocka_unit_test(hook_declaration_refuses_what_breaks_its_rules),
        cmocka_unit_test(hook_declaration_wants_the_function_of_the_kind),
        cmocka_unit_test(hook_script_runs_with_its_arguments),
        cmocka_unit_test(hook_script_with_a_store_passes_its_tests),
        cmocka_unit_test(hook_script_fails_for_a_raise),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
