// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command account: shows, rolls over or deactivates the account that a template's hook has at its CA.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "clock.h"
#include "command.h"
#include "file.h"
#include "hook_process.h"
#include "log.h"
#include "options.h"
#include "request.h"
#include "session.h"
#include "table.h"

#define FACT_MOST 4096

// All that a hook may tell of an account, in the order in which it is printed.
static const char *const fact_names[] = {"url", "status", "contact", "directory", "key_type", "thumbprint", "message"};
#define FACT_COUNT (sizeof(fact_names) / sizeof(fact_names[0]))

struct inquiry {
    const struct engine *engine;
    const struct hook_section *section; // the template's
    const char *action;                 // "show", "roll-over", "deactivate"
    struct hook_process *process;
    struct buf request, reply;
    struct answer answer;
    const cJSON *facts[FACT_COUNT]; // borrowed from answer; NULL: not told
};

// ---- The hook is asked

static int make_request(struct inquiry *inquiry, struct error *error)
{
    const struct hook_section *section = inquiry->section;
    cJSON *options = options_json(section, error);
    if (options == NULL) {
        return -1;
    }
    cJSON *tree = cJSON_CreateObject();
    if (!cJSON_AddItemToObject(tree, "options", options)) {
        request_wipe(options);
        cJSON_Delete(options);
        cJSON_Delete(tree);
        tree = NULL;
    } else if (cJSON_AddStringToObject(tree, "template", section->name) == NULL ||
               cJSON_AddStringToObject(tree, "action", inquiry->action) == NULL ||
               cJSON_AddNumberToObject(tree, "deadline", (double)(clock_now() + section->hook_timeout_s)) == NULL) {
        request_wipe(tree);
        cJSON_Delete(tree);
        tree = NULL;
    }
    return request_print(tree, &inquiry->request, error);
}

static int take_fact(struct inquiry *inquiry, const cJSON *item, struct error *error)
{
    for (size_t i = 0; i < FACT_COUNT; i++) {
        if (item->string == NULL || strcmp(item->string, fact_names[i]) != 0) {
            continue;
        }
        if (!cJSON_IsString(item) || strlen(item->valuestring) > FACT_MOST || inquiry->facts[i] != NULL) {
            return error_set(error, ERROR_HOOK, "the hook's answer: '%s' is no single text of at most %d bytes",
                             fact_names[i], FACT_MOST);
        }
        options_hide(inquiry->section, item->valuestring);
        inquiry->facts[i] = item;
        return 0;
    }
    return error_set(error, ERROR_HOOK, "the hook's answer: '%.64s' is no field of it",
                     item->string == NULL ? "" : item->string);
}

static int take_facts(struct inquiry *inquiry, struct error *error)
{
    const cJSON *value = inquiry->answer.value;
    // What was done need not be described, what is to be shown must.
    if (cJSON_IsTrue(value) && strcmp(inquiry->action, "show") != 0) {
        return 0;
    }
    if (!cJSON_IsObject(value) || value->child == NULL) {
        return error_set(error, ERROR_HOOK, "the hook returned neither facts of the account nor an error");
    }
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (take_fact(inquiry, item, error) < 0) {
            return -1;
        }
    }
    return 0;
}

static int take_refusal(struct inquiry *inquiry, struct error *error)
{
    const struct answer *answer = &inquiry->answer;
    error_set(error, ERROR_HOOK, "%.500s", answer->message);
    options_hide(inquiry->section, error->message);
    if (answer->traceback != NULL) {
        char *traceback = cJSON_GetObjectItemCaseSensitive(answer->root, "traceback")->valuestring;
        options_hide(inquiry->section, traceback);
        const struct log_field fields[] = {
            {"template", inquiry->section->name}, {"hook", inquiry->section->hook}, {"traceback", traceback}};
        log_line(LOG_LEVEL_ERROR, "an issue hook raised", fields, 3);
    }
    return -1;
}

static int ask(struct inquiry *inquiry, struct error *error)
{
    const struct hook_section *section = inquiry->section;
    const char *state_dir = inquiry->engine->state_dir;
    if ((section->functions & HOOK_ACCOUNT) == 0) {
        return error_set(error, ERROR_CONFIG, "the hook issue/%s of template '%s' has no function account",
                         section->hook, section->name);
    }
    // The account may be older than the first certificate, and is kept in store/ below it.
    if (file_make_directory(AT_FDCWD, state_dir, 0700, true, error) < 0 ||
        file_check_trusted(state_dir, false, error) < 0 || make_request(inquiry, error) < 0 ||
        hook_process_start(inquiry->engine, "issue", NULL, 0, &inquiry->process, error) < 0 ||
        hook_process_call(inquiry->process, section->hook, "account", section->hook_timeout_s,
                          buf_string(&inquiry->request), inquiry->request.length, &inquiry->reply, error) < 0 ||
        answer_read(buf_string(&inquiry->reply), inquiry->reply.length, &inquiry->answer, error) < 0) {
        return -1;
    }
    return inquiry->answer.kind == ANSWER_VALUE ? take_facts(inquiry, error) : take_refusal(inquiry, error);
}

// ---- What it told

static cJSON *account_json(const struct inquiry *inquiry, const struct error *problem)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *item = cJSON_CreateObject();
    bool fine = cJSON_AddStringToObject(item, "template", inquiry->section->name) != NULL &&
                cJSON_AddStringToObject(item, "action", inquiry->action) != NULL &&
                cJSON_AddItemToObject(item, "error",
                                      problem == NULL ? cJSON_CreateNull() : cJSON_CreateString(problem->message));
    for (size_t i = 0; fine && problem == NULL && i < FACT_COUNT; i++) {
        fine = inquiry->facts[i] == NULL ||
               cJSON_AddStringToObject(item, fact_names[i], inquiry->facts[i]->valuestring) != NULL;
    }
    if (!fine || !cJSON_AddItemToArray(cJSON_AddArrayToObject(document, "account"), item)) {
        cJSON_Delete(item);
        cJSON_Delete(document);
        return NULL;
    }
    return document;
}

static void print_facts(const struct inquiry *inquiry)
{
    static const struct table_column columns[] = {{NULL, 0}, {NULL, 0}};
    struct table table;
    table_init(&table, columns, 2);
    for (size_t i = 0; i < FACT_COUNT; i++) {
        if (inquiry->facts[i] != NULL) {
            table_cell(&table, TABLE_DIM, fact_names[i]);
            table_cell(&table, TABLE_PLAIN, inquiry->facts[i]->valuestring);
        }
    }
    if (table.cell_count == 0) {
        printf("%s: %s: done\n", inquiry->section->name, inquiry->action);
    }
    table_print(&table, stdout);
    table_free(&table);
}

static int inquire(struct inquiry *inquiry, bool json)
{
    struct error error;
    buf_init_secret(&inquiry->request, HOOK_PROCESS_MAX_REQUEST);
    buf_init_secret(&inquiry->reply, HOOK_PROCESS_MAX_ANSWER);
    const struct error *problem = ask(inquiry, &error) < 0 ? &error : NULL;
    int code = problem == NULL ? EXIT_DONE : EXIT_STEP_FAILED;
    if (json) {
        code = session_print_json(account_json(inquiry, problem)) ? code : EXIT_STEP_FAILED;
    } else if (problem == NULL) {
        print_facts(inquiry);
    } else {
        arguments_complain("%s", problem->message);
    }
    hook_process_end(inquiry->process);
    answer_free(&inquiry->answer);
    buf_free(&inquiry->request);
    buf_free(&inquiry->reply);
    return code;
}

int command_account(const struct arguments *arguments)
{
    bool roll_over = arguments->option[OPTION_ROLL_OVER] != NULL;
    bool deactivate = arguments->option[OPTION_DEACTIVATE] != NULL;
    if (roll_over && deactivate) {
        arguments_complain("--roll-over and --deactivate exclude each other");
        return EXIT_MISTAKE;
    }
    struct session session = {0};
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        const struct template *template = config_template(session.config, arguments->words[0]);
        struct inquiry inquiry = {.action = roll_over ? "roll-over" : deactivate ? "deactivate" : "show"};
        if (template == NULL) {
            arguments_complain("there is no template '%s'", arguments->words[0]);
            code = EXIT_MISTAKE;
        } else {
            inquiry.engine = &session.config->engine;
            inquiry.section = &template->section;
            code = inquire(&inquiry, arguments->option[OPTION_JSON] != NULL);
        }
    }
    session_close(&session);
    return code;
}
