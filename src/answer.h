// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A hook's answer, read from untrusted JSON: a value, a refusal, or what it raised.
#ifndef ANSWER_H
#define ANSWER_H

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define ANSWER_MAX_COOKIE 4096

struct answer {
    enum { ANSWER_VALUE, ANSWER_REFUSED, ANSWER_RAISED } kind;
    cJSON *root;
    const cJSON *value;    // ANSWER_VALUE
    const char *message;   // refused or raised; never empty
    const char *traceback; // raised; or NULL
    int64_t wait_s;        // refused, Retry-After; -1: none stated
    bool permanent;        // refused: the short waits are skipped
};

// Reads what hook.h says a hook answers. Unknown fields, fields that stand twice, wrong types, NUL bytes: -1,
// ERROR_HOOK. answer is then empty. No I/O.
int answer_read(const char *json, size_t length, struct answer *answer, struct error *error);
void answer_free(struct answer *answer);

// Reads the answer of publish, verify or rollback: 0 when it is true. Else -1 with the hook's sentence; when it
// raised, its traceback is appended to "traceback". No I/O.
int answer_read_done(const char *json, size_t length, bool *permanent, struct buf *traceback, struct error *error);

// Whether revoke answers {sign=TEXT}, the signing input of a JWS (RFC 7515 §5.1), which is then appended to "input". That
// it is made of base64url characters and dots keeps it from being anything else that a certificate's key signs. No I/O.
bool answer_wants_signature(const char *json, size_t length, struct buf *input);

// What a policy hook answers about a step.
struct policy_answer {
    bool passes;
    int64_t until;    // held: Unix seconds; CLOCK_NONE: not said
    char reason[501]; // held: may be empty
};
// Reads it: the step itself, by its name or as a table (what the hook was given may come back in it), lets it pass. -1:
// rubbish, another step, or a failure of the hook; ERROR_HOOK. When it raised, its traceback is appended. No I/O.
int answer_read_policy(const char *json, size_t length, const char *step, struct policy_answer *answer,
                       struct buf *traceback, struct error *error);

// What renewal_info answers. All zero: nothing.
struct window_answer {
    int64_t start, finish; // Unix seconds, finish after start; CLOCK_NONE both: the CA suggests none
    const char *url;       // or NULL; http or https, printable ASCII
    int64_t retry_after_s; // -1: none stated
    bool revoked;
    struct answer answer; // what "url" points into
};
// Reads it. -1: rubbish or a failure of the hook; ERROR_HOOK; retry_after_s may be set. When it raised, its traceback is
// appended. answer_free(&window->answer) in any case. No I/O.
int answer_read_window(const char *json, size_t length, struct window_answer *window, struct buf *traceback,
                       struct error *error);

// What an issue hook answers.
struct issue_answer {
    enum { ISSUE_ISSUED, ISSUE_PENDING, ISSUE_REFUSED } kind;
    struct buf certificate, chain, key; // issued; key is secret, empty unless the CA brought one
    int64_t wait_s;                     // pending, or refused with Retry-After; -1: none stated
    struct buf cookie;                  // pending; may be empty
    bool permanent;                     // refused
    struct error error;                 // refused: the hook's message
    struct buf traceback;               // refused because it raised; may be empty
};
// Reads it without any I/O; a fuzz target. -1: rubbish, ERROR_HOOK says which. answer_free_issue in any case.
int answer_read_issue(const char *json, size_t length, struct issue_answer *answer, struct error *error);
void answer_free_issue(struct issue_answer *answer);

#endif
