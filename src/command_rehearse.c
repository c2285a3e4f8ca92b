// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command rehearse: the whole way of a certificate in a folder of its own, with hooks that go to staging.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "file.h"
#include "log.h"
#include "session.h"
#include "status.h"
#include "table.h"
#include "worker.h"

#define GRACE_MS 20000 // for the step at work, to clean up after itself
#define MOST_FILES 1000
#define DEEPEST 32

struct rehearsal {
    struct config config;    // the configured one, but for its folders
    struct status_view view; // of the real state, which is only read
    struct buf folder;       // the state_dir of it; all that is written is below
    struct buf target;       // a folder in it that a profile takes for the root
    cJSON *results;
    bool failed, terminal;
    sigset_t mask; // of signals, while a worker is waited for
};

// ---- Being asked to end

static volatile sig_atomic_t asked_to_end, asked_by;

static void note_end(int number)
{
    asked_by = number;
    asked_to_end = asked_to_end + 1;
}

// They get through while a worker is waited for, so that the folder never stays behind.
static void hold_signals(sigset_t *before)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = note_end};
    sigset_t held;
    sigemptyset(&action.sa_mask);
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaddset(&held, numbers[i]);
        sigaction(numbers[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &held, before);
}

// Asked once, the step at work may finish, since what it has shown the CA is its own to remove; asked again, or when
// that takes too long, it is ended.
static void wait_for(struct worker *worker, const sigset_t *mask, struct report *report)
{
    const struct timespec second = {.tv_sec = 1};
    int64_t end = INT64_MAX;
    while (worker_collect(worker, report) == 0) {
        struct pollfd fd = {.fd = worker->fd, .events = POLLIN};
        if (asked_to_end > 1 || clock_boot_ms() >= end) {
            worker_stop(worker);
        }
        ppoll(&fd, 1, asked_to_end > 0 ? &second : NULL, mask);
        if (asked_to_end == 1 && end == INT64_MAX) {
            arguments_complain("ending: the step at work has %d s to clean up", GRACE_MS / 1000);
            end = clock_boot_ms() + GRACE_MS;
        }
    }
}

// ---- Results

// files: consumed.
static void add_result(struct rehearsal *rehearsal, const struct order *order, const char *outcome,
                       const struct error *error, cJSON *files)
{
    cJSON *item = cJSON_CreateObject();
    const char *name = order->certificate->name, *message = error->message[0] == '\0' ? NULL : error->message;
    const struct log_field fields[] = {{"certificate", name},
                                       {"step", step_name(order->step)},
                                       {"profile", order->profile},
                                       {"outcome", outcome},
                                       {"error", message}};
    bool failed = strcmp(outcome, outcome_name(OUTCOME_FAILED)) == 0;
    rehearsal->failed = rehearsal->failed || failed;
    if (!rehearsal->terminal) {
        log_line(failed ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "rehearsed", fields, 5);
    }
    cJSON_AddStringToObject(item, "name", name);
    cJSON_AddStringToObject(item, "step", step_name(order->step));
    cJSON_AddItemToObject(item, "profile", status_json_text(order->profile));
    cJSON_AddStringToObject(item, "outcome", outcome);
    cJSON_AddItemToObject(item, "error", status_json_text(message));
    cJSON_AddItemToObject(item, "files", files);
    if (cJSON_GetArraySize(item) != 6 || !cJSON_AddItemToArray(rehearsal->results, item)) {
        cJSON_Delete(item);
        cJSON_Delete(rehearsal->results);
        rehearsal->results = NULL;
    }
}

static const char *text_of(const cJSON *item, const char *field)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, field));
}

static void add_file(cJSON *list, const char *path, mode_t mode)
{
    char text[8];
    cJSON *item = cJSON_CreateObject();
    snprintf(text, sizeof(text), "%04o", mode & 07777u);
    cJSON_AddItemToObject(item, "path", status_json_text(path));
    cJSON_AddStringToObject(item, "mode", text);
    if (cJSON_GetArraySize(item) != 2) {
        cJSON_Delete(item);
        return;
    }
    int at = 0;
    for (const cJSON *one = list->child; one != NULL && strcmp(text_of(one, "path"), path) < 0; one = one->next) {
        at++;
    }
    cJSON_InsertItemInArray(list, at, item);
}

// What lies below the folder, with the paths that it would have without the first "skip" bytes.
static void list_files(const char *folder, size_t skip, int depth, cJSON *list)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        struct stat info;
        struct buf path;
        buf_init(&path, PATH_MAX);
        buf_format(&path, "%s/%s", folder, entry->d_name);
        bool itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (itself || path.failed || lstat(buf_string(&path), &info) < 0) {
            // Nothing to tell.
        } else if (!S_ISDIR(info.st_mode) && cJSON_GetArraySize(list) < MOST_FILES) {
            add_file(list, buf_string(&path) + skip, info.st_mode);
        } else if (S_ISDIR(info.st_mode) && depth < DEEPEST) {
            list_files(buf_string(&path), skip, depth + 1, list);
        }
        buf_free(&path);
    }
    if (dir != NULL) {
        closedir(dir);
    }
}

// ---- The steps

// What hooks log of a store that is thrown away is for nobody, unless it went wrong.
static void quiet(const struct engine *engine, bool on)
{
    enum log_level level = on && engine->log_level == LOG_LEVEL_INFO ? LOG_LEVEL_WARNING : engine->log_level;
    log_setup(level, engine->log_format, engine->log_target);
}

static void take_step(struct rehearsal *rehearsal, const struct order *order, struct report *report)
{
    struct worker worker;
    if (rehearsal->terminal) {
        fprintf(stderr, "\r\033[Krehearsing %.60s: %s", order->certificate->name, step_name(order->step));
    }
    *report = (struct report){.outcome = OUTCOME_FAILED};
    quiet(&rehearsal->config.engine, true);
    if (asked_to_end > 0) {
        error_set(&report->error, ERROR_REFUSED, "it was asked to end");
    } else if (worker_start(&worker, order, &report->error) == 0) {
        // A key pressed to end us is not to end what must clean up.
        setpgid(worker.pid, worker.pid);
        wait_for(&worker, &rehearsal->mask, report);
    }
    quiet(&rehearsal->config.engine, false);
    if (rehearsal->terminal) {
        fputs("\r\033[K", stderr);
    }
}

static bool make_target(struct rehearsal *rehearsal, const struct order *order, struct error *error)
{
    buf_clear(&rehearsal->target);
    buf_format(&rehearsal->target, "%s/files/%s/%s", buf_string(&rehearsal->folder), order->certificate->name,
               order->step == STEP_ISSUE ? "" : order->profile);
    rehearsal->config.engine.rehearsal = buf_string(&rehearsal->target);
    if (rehearsal->target.failed) {
        error_set(error, ERROR_SYSTEM, "no memory");
        return false;
    }
    return file_make_directory(AT_FDCWD, buf_string(&rehearsal->target), 0700, true, error) == 0;
}

// section: of the hook; NULL without one. True when there is a generation to go on with.
static bool rehearse_step(struct rehearsal *rehearsal, const struct order *order, const struct hook_section *section)
{
    struct report report = {.outcome = OUTCOME_FAILED};
    const char *outcome = NULL;
    cJSON *files = cJSON_CreateArray();
    if (section != NULL && (section->functions & HOOK_REHEARSE) == 0) {
        outcome = order->step == STEP_PUBLISH ? "skipped" : NULL;
        error_set(&report.error, ERROR_CONFIG, "its hook %s has no function rehearse, and would do the real thing",
                  section->hook);
    } else if (make_target(rehearsal, order, &report.error)) {
        take_step(rehearsal, order, &report);
        if (files != NULL) {
            list_files(buf_string(&rehearsal->target), rehearsal->target.length, 0, files);
        }
    }
    if (report.outcome == OUTCOME_PENDING) {
        error_set(&report.error, ERROR_NONE, "the CA took the order and issues later: nothing more is rehearsed");
    }
    add_result(rehearsal, order, outcome != NULL ? outcome : outcome_name(report.outcome), &report.error, files);
    return report.generation > 0;
}

// With the names and the group that the certificate has by its real state, of which the worker sees nothing.
static void rehearse(struct rehearsal *rehearsal, const struct certificate *certificate)
{
    struct status status;
    struct certificate pinned = *certificate;
    status_of(&rehearsal->view, certificate, &status);
    const struct group *group = decide_group(rehearsal->view.config, certificate, status.state);
    pinned.groups = &group;
    pinned.group_count = group != NULL;
    pinned.names = certificate->names != NULL ? certificate->names : status.state->names;
    const struct profiles *profiles = &status.settings.profiles;
    const struct template *template = status.settings.first; // as for a new state: no failure counts
    struct order order = {
        .config = &rehearsal->config, .certificate = &pinned, .step = STEP_ISSUE, .flags = DECIDE_BY_HAND_ISSUE};
    bool issued = rehearse_step(rehearsal, &order, template == NULL ? NULL : &template->section);
    order.step = STEP_PUBLISH;
    order.flags = DECIDE_BY_HAND_PUBLISH;
    for (size_t i = 0; issued && i < profiles->count && asked_to_end == 0; i++) {
        order.profile = profiles->list[i]->section.name;
        rehearse_step(rehearsal, &order, &profiles->list[i]->section);
    }
    if (issued && profiles->count == 0 && asked_to_end == 0) {
        order.profile = STATE_LIVE;
        rehearse_step(rehearsal, &order, NULL);
    }
    status_free(&status);
}

// ---- What came of it

static void print_files(const cJSON *results)
{
    const cJSON *item, *file;
    cJSON_ArrayForEach(item, results)
    {
        const cJSON *files = cJSON_GetObjectItemCaseSensitive(item, "files");
        if (cJSON_GetArraySize(files) > 0) {
            printf("\n%s would write by %s:\n", text_of(item, "name"), text_of(item, "profile"));
        }
        cJSON_ArrayForEach(file, files)
        {
            printf("  %s %s\n", text_of(file, "mode"), text_of(file, "path"));
        }
    }
}

static void print_results(const struct rehearsal *rehearsal, const char *kept)
{
    static const struct table_column columns[] = {{"CERTIFICATE", 24}, {"STEP", 0}, {"OUTCOME", 0}, {"DETAIL", 0}};
    const cJSON *item;
    struct table table;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    cJSON_ArrayForEach(item, rehearsal->results)
    {
        const char *outcome = text_of(item, "outcome"), *profile = text_of(item, "profile");
        const char *message = text_of(item, "error");
        table_cell(&table, TABLE_PLAIN, text_of(item, "name"));
        table_cell(&table, TABLE_PLAIN, text_of(item, "step"));
        table_cell(&table,
                   strcmp(outcome, "failed") == 0 ? TABLE_BAD
                   : message != NULL              ? TABLE_WARN
                                                  : TABLE_GOOD,
                   outcome);
        table_format(&table, TABLE_PLAIN, "%s%s%s", profile == NULL ? "" : profile,
                     profile != NULL && message != NULL ? ": " : "", message == NULL ? "" : message);
    }
    table_print(&table, stdout);
    table_free(&table);
    print_files(rehearsal->results);
    puts("");
    table_paragraph(stdout, "Nothing in use was changed. Not tried: trust of templates, verify of profiles, reloads.");
    if (kept != NULL) {
        printf("All of it is in %s\n", kept);
    }
}

static int tell(struct rehearsal *rehearsal, bool json, const char *kept)
{
    int code = rehearsal->failed ? EXIT_STEP_FAILED : EXIT_DONE;
    if (rehearsal->results == NULL) {
        arguments_complain("no memory for the results");
        return EXIT_STEP_FAILED;
    }
    if (!json) {
        print_results(rehearsal, kept);
        return code;
    }
    cJSON *document = cJSON_CreateObject();
    cJSON_AddItemToObject(document, "results", rehearsal->results);
    rehearsal->results = NULL;
    cJSON_AddItemToObject(document, "folder", kept == NULL ? cJSON_CreateNull() : cJSON_CreateString(kept));
    return session_print_json(document) ? code : EXIT_STEP_FAILED;
}

// ---- The folder

static int make_folder(struct rehearsal *rehearsal, struct error *error)
{
    const char *place = getenv("TMPDIR");
    struct buf *folder = &rehearsal->folder;
    buf_format(folder, "%s/certauto.XXXXXX", place != NULL && place[0] == '/' ? place : "/tmp");
    if (folder->failed) {
        return error_set(error, ERROR_SYSTEM, "no memory");
    }
    if (mkdtemp(folder->data) == NULL) {
        error_errno(error, "no folder can be made: %s", buf_string(folder));
        buf_clear(folder);
        return -1;
    }
    rehearsal->config.engine.state_dir = buf_string(folder);
    return 0;
}

// Only if it was made. True when it stays.
static bool leave_folder(struct rehearsal *rehearsal, bool keep)
{
    struct error error;
    if (rehearsal->folder.length == 0 || (keep && asked_to_end == 0)) {
        return rehearsal->folder.length > 0;
    }
    if (file_remove_tree(AT_FDCWD, buf_string(&rehearsal->folder), &error) < 0) {
        arguments_complain("%s", error.message);
        rehearsal->failed = true;
        return true;
    }
    return false;
}

static int run(struct rehearsal *rehearsal, const struct config *config, const struct arguments *arguments)
{
    struct error error;
    if (status_open(&rehearsal->view, config, CLOCK_NONE, &error) < 0) {
        arguments_complain("%s", error.message);
        return EXIT_MISTAKE;
    }
    if (rehearsal->view.trust != CLOCK_TRUSTED) {
        arguments_complain("%s", buf_string(&rehearsal->view.doubt));
        return EXIT_CLOCK;
    }
    if (make_folder(rehearsal, &error) < 0) {
        arguments_complain("%s", error.message);
        return EXIT_STEP_FAILED;
    }
    for (size_t i = 0; i < arguments->word_count && asked_to_end == 0; i++) {
        rehearse(rehearsal, config_find(config, arguments->words[i]));
    }
    return EXIT_DONE;
}

int command_rehearse(const struct arguments *arguments)
{
    struct session session = {0};
    struct rehearsal rehearsal = {.results = cJSON_CreateArray(), .terminal = isatty(STDERR_FILENO) == 1};
    buf_init(&rehearsal.folder, PATH_MAX);
    buf_init(&rehearsal.target, PATH_MAX);
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        code = session_check_names(session.config, arguments->words);
    }
    if (code == EXIT_DONE) {
        rehearsal.config = *session.config;
        hold_signals(&rehearsal.mask);
        code = run(&rehearsal, session.config, arguments);
        bool stays = leave_folder(&rehearsal, arguments->option[OPTION_KEEP] != NULL);
        if (code == EXIT_DONE) {
            code =
                tell(&rehearsal, arguments->option[OPTION_JSON] != NULL, stays ? buf_string(&rehearsal.folder) : NULL);
        }
        status_close(&rehearsal.view);
    }
    cJSON_Delete(rehearsal.results);
    buf_free(&rehearsal.folder);
    buf_free(&rehearsal.target);
    session_close(&session);
    if (asked_to_end > 0) {
        // As it would have ended without us in between.
        fflush(stdout);
        signal((int)asked_by, SIG_DFL);
        sigprocmask(SIG_SETMASK, &rehearsal.mask, NULL);
        raise((int)asked_by);
    }
    return code;
}
