// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command review: every effective setting, and where it comes from.
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "look.h"

struct review {
    const char *certificate;
    struct table *table;
    char section[2 * CONFIG_NAME_MAX]; // whose settings the rows are now: "template internal"
    bool json;
    struct session_list list; // json
    size_t count;
};

// The settings of a template or profile ("template internal.lifetime") stand below its name.
static void review_row(struct review *review, const char *key, const char *value, const char *source)
{
    const char *dot = strrchr(key, '.');
    size_t length = dot == NULL ? 0 : (size_t)(dot - key);
    if (length < sizeof(review->section) &&
        (strncmp(review->section, key, length) != 0 || review->section[length] != '\0')) {
        memcpy(review->section, key, length);
        review->section[length] = '\0';
        table_cell(review->table, TABLE_PLAIN, review->section);
        table_cell(review->table, TABLE_PLAIN, "");
        table_cell(review->table, TABLE_PLAIN, "");
    }
    table_format(review->table, TABLE_PLAIN, "%s%s", dot == NULL ? "" : "  ", dot == NULL ? key : dot + 1);
    table_cell(review->table, TABLE_DIM, source);
    table_cell(review->table, TABLE_PLAIN, value);
}

static void review_setting(void *context, const char *key, const char *value, const char *source)
{
    struct review *review = context;
    if (!review->json) {
        review_row(review, key, value, source);
        return;
    }
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "certificate", review->certificate);
    cJSON_AddStringToObject(item, "key", key);
    cJSON_AddItemToObject(item, "value", status_json_text(value));
    cJSON_AddStringToObject(item, "source", source);
    if (cJSON_GetArraySize(item) != 4) {
        cJSON_Delete(item);
        item = NULL;
    }
    session_list_add(&review->list, item);
}

// The settings in force: which group acts depends on the state, when there is one that can be read.
static bool review_each(void *context, struct look *look, const struct certificate *certificate)
{
    static const struct table_column columns[] = {{"SETTING", 16}, {"FROM", 40}, {"VALUE", 0}};
    const struct config *config = look->session.config;
    struct review *review = context;
    struct status status;
    struct table table;
    status_of(&look->view, certificate, &status);
    const struct group *group = decide_group(config, certificate, status.state);
    status_free(&status);
    review->certificate = certificate->name;
    review->table = &table;
    if (review->json) {
        config_review(config, certificate, group, review_setting, review);
        return !review->list.failed;
    }
    printf("%s%s\n", review->count++ == 0 ? "" : "\n", certificate->name);
    review->section[0] = '\0';
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    config_review(config, certificate, group, review_setting, review);
    table_print(&table, stdout);
    table_free(&table);
    return true;
}

int command_review(const struct arguments *arguments)
{
    struct look look;
    struct review review = {.json = arguments->option[OPTION_JSON] != NULL};
    int code = look_open(&look, arguments, CLOCK_NONE);
    if (code == EXIT_DONE && review.json) {
        session_list_open(&review.list, "{\"settings\":[");
        look_at_each(&look, arguments, review_each, &review);
        code = session_list_close(&review.list, "]}") ? EXIT_DONE : EXIT_STEP_FAILED;
    } else if (code == EXIT_DONE) {
        look_at_each(&look, arguments, review_each, &review);
    }
    look_close(&look);
    return code;
}
