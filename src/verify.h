// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The engine's verification of a publication: every address of a server shows this certificate, with its chain (spec 6).
#ifndef VERIFY_H
#define VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "generation.h"
#include "net.h"
#include "x509.h"

// Where a server is and how TLS begins there. No I/O; -1 with ERROR_CONFIG and what would be accepted.
struct verify_target {
    const struct verify_scheme *scheme;
    char host[NET_HOST_SIZE];
    uint16_t port;
};
int verify_parse(const char *url, struct verify_target *target, struct error *error);

// Appends the question of verify_answer: the URL, and what the server is to show. No key is in it.
int verify_question(const char *url, const struct generation *files, const struct x509_facts *facts, struct buf *json,
                    struct error *error);
// In the hook process: asks until all is as it should be or the deadline is over; appends the answer as a hook's is:
// {"ok":true} or {"error":"..."}. -1: not even that.
int verify_answer(const char *json, size_t length, long long deadline_boot_ms, struct buf *answer);

#endif
