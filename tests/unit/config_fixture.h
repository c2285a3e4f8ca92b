// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the tests of config share: a folder with files, a load, and the mistakes that it finds, as one text.
#ifndef CONFIG_FIXTURE_H
#define CONFIG_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "file.h"

static char folder[256];
static struct problems problems;

static inline const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static inline void write_bytes(const char *name, const char *bytes, size_t length)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

static inline void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

// A folder of its own for each test, with "hooks" and "conf.d" in it.
static inline int setup(void **unused)
{
    const char *parent = getenv("TMPDIR");

    (void)unused;
    snprintf(folder, sizeof(folder), "%s/config-XXXXXX", parent == NULL ? "/tmp" : parent);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(path_of("hooks"), 0755), 0);
    assert_int_equal(mkdir(path_of("hooks/issue"), 0755), 0);
    assert_int_equal(mkdir(path_of("hooks/publish"), 0755), 0);
    assert_int_equal(mkdir(path_of("conf.d"), 0755), 0);
    problems_init(&problems);
    return 0;
}

static inline int teardown(void **unused)
{
    (void)unused;
    problems_free(&problems);
    return file_remove_tree(AT_FDCWD, folder, NULL);
}

// ---- Hooks of hooks_dir: "ca" and "copy" are good; "broken" does not load; "lame" has no function

static const struct hook_option ca_options[] = {
    {.name = "url", .type = "url", .required = true, .doc = "where the CA is"},
    {.name = "token", .type = "secret", .doc = "x"},
    {.name = "lifetime", .type = "duration", .fallback = "90d", .doc = "x"},
};
static const struct hook_option copy_options[] = {
    {.name = "target", .type = "path", .doc = "x"},
    {.name = "mode", .type = "mode", .fallback = "0644", .doc = "x"},
    {.name = "reload", .type = "command", .doc = "x"},
    {.name = "tries", .type = "integer", .doc = "x"},
    {.name = "force", .type = "boolean", .doc = "x"},
    {.name = "hosts", .type = "list", .doc = "x"},
    {.name = "client", .type = "certificate", .doc = "x"},
    {.name = "how", .type = "enum:fast|slow", .doc = "x"},
    {.name = "note", .type = "string", .doc = "x"},
};
static const struct hook_option bad_options[] = {{.name = "trust", .type = "path", .doc = "x"}};
static const struct hook_option odd_options[] = {
    {.name = "wait", .type = "duration", .fallback = "soon", .doc = "x"},
    {.name = "note", .type = "string", .fallback = "@home", .doc = "x"},
};
static const struct hook_file fixture_hooks[] = {
    {.kind = "issue", .name = "ca", .options = ca_options, .option_count = 3, .functions = HOOK_ISSUE},
    {.kind = "issue", .name = "lame", .functions = HOOK_REVOKE},
    {.kind = "issue", .name = "greedy", .options = bad_options, .option_count = 1, .functions = HOOK_ISSUE},
    {.kind = "issue", .name = "odd", .options = odd_options, .option_count = 2, .functions = HOOK_ISSUE},
    {.kind = "publish", .name = "copy", .options = copy_options, .option_count = 9, .functions = HOOK_PUBLISH},
};

static inline int fixture_declare(void *context, const char *hooks_dir, const char *kind, const char *name,
                                  const struct hook_file **file, struct error *error)
{
    (void)context;
    (void)hooks_dir;
    for (size_t i = 0; i < sizeof(fixture_hooks) / sizeof(fixture_hooks[0]); i++) {
        if (strcmp(fixture_hooks[i].kind, kind) == 0 && strcmp(fixture_hooks[i].name, name) == 0) {
            *file = &fixture_hooks[i];
            return 0;
        }
    }
    return error_set(error, ERROR_HOOK, "syntax error in line 3");
}

static inline void write_hooks(void)
{
    write_text("hooks/issue/ca.lua", "");
    write_text("hooks/issue/lame.lua", "");
    write_text("hooks/issue/greedy.lua", "");
    write_text("hooks/issue/odd.lua", "");
    write_text("hooks/issue/broken.lua", "");
    write_text("hooks/publish/copy.lua", "");
}

// ---- Loading

static inline struct config *load(void)
{
    static const struct hook_source hooks = {.declare = fixture_declare};

    problems_free(&problems);
    problems_init(&problems);
    return config_load(path_of("main.ini"), &hooks, &problems);
}

// The main file's text after a [certauto] section in lines 1 and 2 that names the folder's hooks.
static inline struct config *load_text(const char *text)
{
    struct buf all;

    buf_init(&all, 32 * 1024 * 1024);
    buf_format(&all, "[certauto]\nhooks_dir = %s\n", path_of("hooks"));
    buf_text(&all, text);
    write_bytes("main.ini", buf_string(&all), all.length);
    buf_free(&all);
    write_hooks();
    return load();
}

// Loads a text that must be good.
static inline struct config *load_good(const char *text)
{
    struct config *config = load_text(text);

    if (config == NULL) {
        fail_msg("%s:%u: %s", problems.list[0].file, problems.list[0].line, problems.list[0].message);
    }
    assert_int_equal(problems.count, 0);
    return config;
}

// True when there is a mistake in this line of the file, with these words in it.
static inline bool has_mistake(const char *file, unsigned line, const char *words)
{
    for (size_t i = 0; i < problems.count; i++) {
        const struct problem *problem = &problems.list[i];
        if (problem->line == line && strcmp(problem->file, path_of(file)) == 0 &&
            strstr(problem->message, words) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < problems.count; i++) {
        print_message("# %s:%u: %s\n", problems.list[i].file, problems.list[i].line, problems.list[i].message);
    }
    return false;
}
#define EXPECT_MISTAKE(file, line, words)                    \
    do {                                                     \
        if (!has_mistake(file, line, words)) {               \
            fail_msg("no '%s' in %s:%d", words, file, line); \
        }                                                    \
    } while (0)

// The text has exactly this mistake; lines are counted behind the first two.
static inline void expect_one(const char *text, unsigned line, const char *words)
{
    struct config *config = load_text(text);

    assert_null(config);
    if (problems.count != 1) {
        print_message("# %zu problems in:\n%s\n", problems.count, text);
    }
    EXPECT_MISTAKE("main.ini", line + 2, words);
    assert_int_equal(problems.count, 1);
    assert_int_equal(problems.mistakes, 1);
}

#endif
