// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Generations on disk: certs/NAME/GENERATION/, the key made aside, adoption, live/NAME, pruning.
#ifndef GENERATION_H
#define GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "state.h"

// The files of one generation, PEM text. chain and fullchain may be empty; key may be empty (imported without).
struct generation {
    struct buf key; // secret
    struct buf certificate, chain, fullchain;
};
void generation_init(struct generation *generation);
void generation_free(struct generation *generation);

// The key of the generation to come, on disk before its certificate is asked for: certs/NAME/next/key.pem (0600).
// generation_key_load returns ERROR_NOT_FOUND when there is none, or only that of the newest generation, left by a crash.
int generation_key_save(int state_dirfd, const char *name, const struct buf *key, struct error *error);
int generation_key_load(int state_dirfd, const char *name, struct buf *key, struct error *error);
int generation_key_drop(int state_dirfd, const char *name, struct error *error);

// Writes the whole generation, complete or not at all: a temporary folder, every file synced, the folder
// synced, renamed to certs/NAME/NUMBER, its parent synced. Drops the key aside afterwards. fullchain is made here.
// Only with the lock of NAME in hand, like all that writes here. A number that is there already is refused:
// generation_unused gives one that is not.
int generation_save(int state_dirfd, const char *name, uint32_t number, const struct generation *files,
                    struct error *error);
// One more than every number that has a folder, complete or not (1 when there is none). The state may know of greater
// ones that were removed by hand: take the greater of this and state.generation + 1.
int generation_unused(int state_dirfd, const char *name, uint32_t *number, struct error *error);
// Reads a generation; without key.pem the key is empty.
int generation_load(int state_dirfd, const char *name, uint32_t number, struct generation *files, struct error *error);
// The newest complete generation on disk with a number below "before", with its key; 0: none.
int generation_before(int state_dirfd, const char *name, uint64_t before, uint32_t *number, struct error *error);
// The newest of all, to adopt what a crash left before the state was written.
int generation_newest(int state_dirfd, const char *name, uint32_t *number, struct error *error);
// The absolute path of a generation's folder.
void generation_path(const char *state_dir, const char *name, uint32_t number, struct buf *path);

// Switches live/NAME (a relative link to ../certs/NAME/NUMBER); 0 removes it. generation_live: what it points to, 0: nothing.
int generation_switch(int state_dirfd, const char *name, uint32_t number, struct error *error);
uint32_t generation_live(int state_dirfd, const char *name);

// Removes what is not in use, but for the newest "keep" of these. In use: the newest (on disk and in the state), what
// a publication of the state has as published or previous, what live/NAME points to, and publishing_generation.
// Each goes as a whole: renamed aside first. Also clears what a crash left of earlier writes.
int generation_prune(int state_dirfd, const char *name, const struct state *state, int keep, struct error *error);

#endif
