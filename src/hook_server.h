// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The inside of a hook process: settles, opens the store, changes its account, and answers requests until its keeper is gone.
#ifndef HOOK_SERVER_H
#define HOOK_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

struct hook_server {
    const char *hooks_dir, *kind;
    const char *certificate; // for log lines, or NULL
    const char *state_dir;   // NULL: the hook gets no store
    const char *user;        // the account to change to, or NULL
    const char *store_user;  // whom store/ belongs to, or NULL
    size_t memory_bytes;
};

#define HOOK_SERVER_DECLARE "" // the function that asks what the hook file declares
#define HOOK_SERVER_VERIFY "=" // that has no hook at all: verify.h

// Both ends are the same program: plain structs go over the socket pair.
struct hook_request_head {
    uint32_t length; // of the argument that follows
    char hook[129];
    char function[31];
    long long deadline_boot_ms;
};
struct hook_answer_head {
    uint32_t length; // of the text that follows
    uint32_t failed; // 1: the hook process could not be set up; the text is the sentence
};

// Serves requests from fd until its other end is closed; then ends. parent: who must live for this to live.
noreturn void hook_server_run(const struct hook_server *server, int fd, pid_t parent);

#endif
