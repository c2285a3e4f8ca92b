// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The step "issue", in the keeper: key, request, hook, checks, generation, state (spec 5).
#ifndef RENEW_H
#define RENEW_H

#include "worker.h"

// Takes the step to its end; state and generations are written whatever comes of it. Fills report.
void renew_step(struct keeping *keeping, struct report *report);

// Reads and checks the hook's answer (untrusted JSON, as in hook.h) without any I/O; a fuzz target.
struct renew_answer {
    enum { RENEW_ISSUED, RENEW_PENDING, RENEW_REFUSED } kind;
    struct buf certificate, chain, key; // issued; key is secret, empty unless the CA brought one
    int64_t wait_s;                     // pending, or refused with Retry-After; -1: none stated
    struct buf cookie;                  // pending
    bool permanent;                     // refused
    struct error error;                 // refused: the hook's message
};
int renew_read_answer(const char *json, size_t length, struct renew_answer *answer, struct error *error);
void renew_answer_free(struct renew_answer *answer);

#endif
