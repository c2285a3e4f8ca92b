// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The files of tests/data/x509, and certificates made on the spot, for the tests of keys and certificates.
#ifndef X509_DATA_H
#define X509_DATA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "x509.h"

// The text of a file, to be freed. *length may be NULL.
static inline char *data_read(const char *name, size_t *length)
{
    char path[256], *text = calloc(1, 1024 * 1024);
    size_t size;
    FILE *file;

    snprintf(path, sizeof path, name[0] == '/' ? "%s" : "tests/data/x509/%s", name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_non_null(text);
    size = fread(text, 1, 1024 * 1024 - 1, file);
    fclose(file);
    if (length != NULL)
        *length = size;
    return text;
}

static inline struct key *data_key(const char *name)
{
    char *text = data_read(name, NULL);
    struct error error = {.code = ERROR_NONE};
    struct key *key = NULL;

    if (key_parse(text, strlen(text), &key, &error) != 0)
        fail_msg("%s: %s", name, error.message);
    free(text);
    return key;
}

static inline int start_library(void **state)
{
    struct error error;

    (void)state;
    return key_start(&error);
}

#endif
