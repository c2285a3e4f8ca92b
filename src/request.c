// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What hooks are asked with: the request of an issue hook and the bundle of a publishing hook, as JSON text.
#include "request.h"

#include <string.h>

#include "clock.h"
#include "names.h"
#include "options.h"

void request_wipe(cJSON *item)
{
    for (; item != NULL; item = item->next) {
        if (item->valuestring != NULL) {
            explicit_bzero(item->valuestring, strlen(item->valuestring));
        }
        request_wipe(item->child);
    }
}

// Each of these adds one field; "fine" collects whether all of them found memory.
static void add_text(cJSON *object, const char *name, const char *text, bool *fine)
{
    if (text != NULL && cJSON_AddStringToObject(object, name, text) == NULL) {
        *fine = false;
    }
}

static void add_number(cJSON *object, const char *name, int64_t value, bool *fine)
{
    if (value != CLOCK_NONE && cJSON_AddNumberToObject(object, name, (double)value) == NULL) {
        *fine = false;
    }
}

static void add_item(cJSON *object, const char *name, cJSON *item, bool *fine)
{
    if (item == NULL || !cJSON_AddItemToObject(object, name, item)) {
        cJSON_Delete(item);
        *fine = false;
    }
}

// Canonical names as a list of texts, each as one writes it: "email:" and "uri:" before those kinds.
static cJSON *names_json(const char *canonical)
{
    cJSON *list = cJSON_CreateArray();
    struct buf text;
    struct name name;
    buf_init(&text, NAMES_MAX_BYTES);
    const char *at = canonical;
    while (list != NULL && names_next(&at, &name)) {
        buf_clear(&text);
        buf_text(&text, name.kind == NAME_EMAIL ? "email:" : name.kind == NAME_URI ? "uri:" : "");
        buf_add(&text, name.text, name.length);
        cJSON *item = text.failed ? NULL : cJSON_CreateString(buf_string(&text));
        if (item == NULL || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            list = NULL;
        }
    }
    buf_free(&text);
    return list;
}

static int print(cJSON *tree, bool fine, struct buf *json, struct error *error)
{
    char *text = fine && tree != NULL ? cJSON_PrintUnformatted(tree) : NULL;
    int result = 0;
    if (text != NULL) {
        buf_text(json, text);
        explicit_bzero(text, strlen(text));
        cJSON_free(text);
    }
    request_wipe(tree);
    cJSON_Delete(tree);
    if (text == NULL || json->failed) {
        result = error_set(error, ERROR_SYSTEM, "the request to the hook is too long");
    }
    return result;
}

int request_print(cJSON *tree, struct buf *json, struct error *error)
{
    return print(tree, true, json, error);
}

static cJSON *previous_json(const struct request *request)
{
    bool fine = true;
    cJSON *object = cJSON_CreateObject();
    if (object == NULL) {
        return NULL;
    }
    add_text(object, "certificate", buf_string(&request->previous->certificate), &fine);
    add_text(object, "chain", buf_string(&request->previous->chain), &fine);
    add_text(object, "serial", request->previous_serial, &fine);
    add_number(object, "not_after", request->previous_not_after, &fine);
    if (!fine) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

int request_issue(const struct request *request, struct buf *json, struct error *error)
{
    cJSON *options = options_json(request->section, error);
    if (options == NULL) {
        return -1;
    }
    cJSON *tree = cJSON_CreateObject();
    bool fine = true;
    add_item(tree, "options", options, &fine);
    add_text(tree, "name", request->name, &fine);
    add_item(tree, "names", names_json(request->names), &fine);
    add_text(tree, "csr", request->csr, &fine);
    add_text(tree, "key_type", key_type_name(request->key_type), &fine);
    add_text(tree, "template", request->section->name, &fine);
    if (request->previous != NULL) {
        add_item(tree, "previous", previous_json(request), &fine);
    }
    add_text(tree, "cookie", request->cookie, &fine);
    add_number(tree, "attempt", request->attempt, &fine);
    add_number(tree, "deadline", request->deadline, &fine);
    add_text(tree, "certificate", request->certificate, &fine);
    add_text(tree, "reason", request->reason, &fine);
    add_text(tree, "jwk", request->jwk, &fine);
    add_text(tree, "signing_input", request->signing_input, &fine);
    add_text(tree, "signature", request->signature, &fine);
    return print(tree, fine, json, error);
}

// options: consumed.
static cJSON *bundle_json(const struct bundle *bundle, cJSON *options)
{
    struct buf path;
    buf_init(&path, 8192);
    generation_path(bundle->state_dir, bundle->name, bundle->generation, &path);
    bool fine = !path.failed;
    cJSON *tree = cJSON_CreateObject();
    add_item(tree, "options", options, &fine);
    add_text(tree, "name", bundle->name, &fine);
    add_text(tree, "profile", bundle->section->name, &fine);
    add_number(tree, "generation", bundle->generation, &fine);
    add_text(tree, "directory", buf_string(&path), &fine);
    add_text(tree, "certificate", buf_string(&bundle->files->certificate), &fine);
    add_text(tree, "chain", buf_string(&bundle->files->chain), &fine);
    add_text(tree, "fullchain", buf_string(&bundle->files->fullchain), &fine);
    add_text(tree, "key", buf_string(&bundle->files->key), &fine);
    add_item(tree, "names", names_json(buf_string(&bundle->facts->names)), &fine);
    add_number(tree, "not_before", bundle->facts->not_before, &fine);
    add_number(tree, "not_after", bundle->facts->not_after, &fine);
    add_text(tree, "fingerprint", bundle->facts->fingerprint, &fine);
    add_text(tree, "rehearsal", bundle->rehearsal, &fine);
    buf_free(&path);
    if (fine && tree != NULL) {
        return tree;
    }
    request_wipe(tree);
    cJSON_Delete(tree);
    return NULL;
}

// What went before is told by its facts; only rollback gets it whole.
static cJSON *summary_json(const struct bundle *bundle)
{
    cJSON *tree = cJSON_CreateObject();
    bool fine = tree != NULL;
    add_number(tree, "generation", bundle->generation, &fine);
    add_text(tree, "fingerprint", bundle->facts->fingerprint, &fine);
    add_number(tree, "not_before", bundle->facts->not_before, &fine);
    add_number(tree, "not_after", bundle->facts->not_after, &fine);
    if (fine) {
        return tree;
    }
    cJSON_Delete(tree);
    return NULL;
}

static cJSON *whole_bundle(const struct bundle *bundle, cJSON *options)
{
    cJSON *tree = bundle_json(bundle, options);
    bool fine = true;
    if (tree != NULL && bundle->previous != NULL) {
        add_item(tree, "previous", summary_json(bundle->previous), &fine);
    }
    if (fine) {
        return tree;
    }
    request_wipe(tree);
    cJSON_Delete(tree);
    return NULL;
}

int request_bundle(const struct bundle *bundle, struct buf *json, struct error *error)
{
    cJSON *options = options_json(bundle->section, error);
    if (options == NULL) {
        return -1;
    }
    return print(whole_bundle(bundle, options), true, json, error);
}

int request_rollback(const struct bundle *failed, struct buf *json, struct error *error)
{
    cJSON *options = options_json(failed->section, error);
    if (options == NULL) {
        return -1;
    }
    cJSON *list = cJSON_CreateArray();
    cJSON *previous =
        failed->previous == NULL ? cJSON_CreateNull() : bundle_json(failed->previous, cJSON_Duplicate(options, true));
    cJSON *tree = whole_bundle(failed, options);
    bool fine = list != NULL && previous != NULL && tree != NULL;
    if (fine) {
        cJSON_AddItemToArray(list, previous);
        cJSON_AddItemToArray(list, tree);
    } else {
        request_wipe(previous);
        request_wipe(tree);
        cJSON_Delete(previous);
        cJSON_Delete(tree);
    }
    return print(list, fine, json, error);
}
