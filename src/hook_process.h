// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The hook process as its keeper sees it: started before any key is read, asked over one socket pair, killed at the deadline.
#ifndef HOOK_PROCESS_H
#define HOOK_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "error.h"

#define HOOK_PROCESS_MAX_ANSWER (4 * 1024 * 1024)
#define HOOK_PROCESS_MAX_REQUEST (4 * 1024 * 1024)
// A hook is told of its deadline and ends its commands itself; this much later it is killed.
#define HOOK_PROCESS_GRACE_MS 2000

struct hook_process; // opaque

// Forks it. kind: "issue", "publish", …: issue, policy and notify hooks change to hook_user. certificate: for
// its log lines. spares: so many more wait, so that a rollback can still be made when a publication had to be
// killed (a keeper that has read a key forks no more). From now on SIGTERM, SIGINT and SIGHUP reach the
// caller only during hook_process_call: then the hook processes are killed and the caller _exits at once, whatever
// it was about; its files are whole at every moment. store/ below state_dir is made, given to hook_user
// and opened by the hook process before its account changes.
int hook_process_start(const struct engine *engine, const char *kind, const char *certificate, int spares,
                       struct hook_process **process, struct error *error);

// Calls "function" of the hook named "hook" with the argument (JSON text) and waits for the answer: text as
// in hook.h, appended to "answer", at most HOOK_PROCESS_MAX_ANSWER; untrusted. A hook that dies, hangs beyond timeout_s
// or says too much is killed with its process group: -1, with a sentence. After that the next call goes
// to a spare, if there is one.
int hook_process_call(struct hook_process *process, const char *hook, const char *function, int64_t timeout_s,
                      const char *argument, size_t length, struct buf *answer, struct error *error);

// Ends them; what a hook has started and left running stays. NULL-safe.
void hook_process_end(struct hook_process *process);

// Asks a hook file what it declares (hook_declaration), in a process of its own that is killed after ten seconds.
// Used through worker_declare.
int hook_process_declare(const char *hooks_dir, const char *kind, const char *name, struct buf *answer,
                         struct error *error);

#endif
