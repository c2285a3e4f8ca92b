// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Fuzzes the configuration: any bytes give a whole configuration or mistakes with their lines, never both or neither.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "names.h"

#define SPLIT "\n%%%\n" // what follows it is an included file

static void check(int good)
{
    if (!good) {
        abort();
    }
}

static char main_file[256], included[256];

static void remove_files(void)
{
    unlink(main_file);
    unlink(included);
    *strrchr(main_file, '/') = '\0';
    rmdir(main_file);
}

static void prepare(void)
{
    const char *parent = getenv("TMPDIR");
    char folder[200];

    snprintf(folder, sizeof(folder), "%s/config-fuzz-XXXXXX", parent == NULL ? "/tmp" : parent);
    check(mkdtemp(folder) != NULL);
    snprintf(main_file, sizeof(main_file), "%s/m.ini", folder);
    snprintf(included, sizeof(included), "%s/a.ini", folder);
    atexit(remove_files);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    check(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

static void see_setting(void *context, const char *key, const char *value, const char *source)
{
    check(*key != '\0' && value != NULL && *source != '\0' && strpbrk(value, "\n") == NULL);
    (*(size_t *)context)++;
}

// Everything that can be asked about a certificate gives a sound answer.
static void look_at(const struct config *config, const struct certificate *certificate, const struct group *group)
{
    struct settings settings;
    char digest[65];
    size_t count = 0;

    config_settings(config, certificate, group, &settings);
    check(settings.retry.count > 0 && settings.renew_slots != NULL && settings.publish_slots != NULL);
    check(settings.renew_slots->days != 0 && settings.key < KEY_TYPE_COUNT);
    check(settings.renew.rule == RENEW_AUTO || settings.renew.rule == RENEW_ON_EXPIRY || settings.renew.amount > 0);
    config_digest(config, certificate, &settings, NULL, digest);
    check(strlen(digest) == 64);
    for (size_t i = 0; i < settings.profiles.count; i++) {
        config_digest(config, certificate, &settings, settings.profiles.list[i], digest);
    }
    config_review(config, certificate, group, see_setting, &count);
    check(count >= SETTING_COUNT + 3);
}

static void look_around(const struct config *config)
{
    size_t count = 0;

    check(config->engine.state_dir[0] == '/' && config->engine.zone != NULL && config->engine.max_parallel > 0);
    check(config->engine.runs.daily || config->engine.runs.every_s > 0);
    config_review(config, NULL, NULL, see_setting, &count);
    for (size_t i = 0; i < config->certificate_count; i++) {
        const struct certificate *certificate = &config->certificates[i];
        check(config_find(config, certificate->name) == certificate);
        check(certificate->names == NULL || names_same(certificate->names, certificate->names));
        look_at(config, certificate, NULL);
        for (size_t j = 0; j < certificate->group_count; j++) {
            check(config_group(config, group_name(certificate->groups[j])) == certificate->groups[j]);
            look_at(config, certificate, certificate->groups[j]);
        }
    }
    config_similar(config, "example");
}

static void look_at_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->list[i], *before = problem - 1;
        check(*problem->message != '\0');
        check(i == 0 || strcmp(before->file, problem->file) < 0 ||
              (strcmp(before->file, problem->file) == 0 && before->line <= problem->line));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    const uint8_t *split = memmem(data, size, SPLIT, strlen(SPLIT));
    size_t first = split == NULL ? size : (size_t)(split - data);

    if (*main_file == '\0') {
        prepare();
    }
    write_file(main_file, data, first);
    if (split != NULL) {
        write_file(included, split + strlen(SPLIT), size - first - strlen(SPLIT));
    } else {
        unlink(included);
    }
    problems_init(&problems);
    struct config *config = config_load(main_file, NULL, &problems);
    check((config == NULL) == (problems.mistakes > 0));
    look_at_problems(&problems);
    if (config != NULL) {
        look_around(config);
    }
    config_free(config);
    problems_free(&problems);
    return 0;
}
