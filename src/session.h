// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the commands share: the configuration they read, names, JSON.
#ifndef SESSION_H
#define SESSION_H

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "arguments.h"
#include "config.h"
#include "declaration.h"

// The configuration and what it borrows from. All zero: nothing.
struct session {
    struct declarations declarations;
    struct config *config;
};
// Reads the configuration that the arguments name and sets up the log; session->config is NULL after a mistake.
void session_load(struct session *session, const struct arguments *arguments, struct problems *problems);
// The same for commands that need one: mistakes go to stderr, EXIT_MISTAKE.
int session_open(struct session *session, const struct arguments *arguments);
void session_close(struct session *session);
// The file that it reads.
const char *session_file(const struct arguments *arguments);

// "FILE:LINE: message", "warning: " before the message of one.
void session_print_problem(FILE *out, const struct problem *problem);

// EXIT_DONE when every word is the name of a certificate; else EXIT_MISTAKE, each other one named on stderr.
int session_check_names(const struct config *config, char *const *names);
// The certificate of this name, or NULL, said on stderr.
const struct certificate *session_find(const struct config *config, const char *name);

// The moment that --at gives, CLOCK_NONE without it; or EXIT_MISTAKE, said on stderr.
int session_at(const struct arguments *arguments, int64_t *at);

// Prints the document and frees it. False, said on stderr, when it is NULL (no memory) or does not go out.
bool session_print_json(cJSON *document);

// A document with long lists goes out item by item, so that many certificates take no more memory than one.
struct session_list {
    bool started; // an item of the list is out
    bool failed;  // said on stderr
};
// Prints the text that stands before a list.
void session_list_open(struct session_list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Prints an item and frees it. False: it is NULL (no memory), or something failed before.
bool session_list_add(struct session_list *list, cJSON *item);
// Prints the end of the document. False when it did not go out as a whole.
bool session_list_close(struct session_list *list, const char *end);

#endif
