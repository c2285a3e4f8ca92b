// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What a running loop tells the others: the file "loop" in run_dir.
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"
#include "error.h"

// Times are Unix seconds or CLOCK_NONE.
struct loop_facts {
    pid_t pid;
    int64_t since;
    int64_t configured; // when the configuration in force was read
    int64_t refused;    // when a newer one was refused; CLOCK_NONE: none was since
    char refusal[ERROR_MESSAGE_SIZE];
    int64_t last_run;                 // when it last had something to do, or was asked
    char result[128];                 // of that: "2 renewed, 1 published"
    int64_t next_run;                 // when it looks again; CLOCK_NONE: when something changes
    char trouble[ERROR_MESSAGE_SIZE]; // what holds all steps; "": nothing
};

// The file's path. -1: too long.
#define LOOP_PATH_SIZE 4096
int loop_path(const struct engine *engine, char out[LOOP_PATH_SIZE], struct error *error);

// Opens the folder that it stands in, which must belong to us; "make": makes it. Returns the descriptor or -1.
int loop_open_folder(const struct engine *engine, bool make, struct error *error);

// True when both tell the same.
bool loop_same(const struct loop_facts *one, const struct loop_facts *other);

// Writes the file, making its folder; only the loop that holds the lock of state_dir may. Its folder must belong to us.
int loop_write(const struct engine *engine, const struct loop_facts *facts, struct error *error);
// Takes the file away; not there: fine.
void loop_remove(const struct engine *engine);
// Reads it. ERROR_NOT_FOUND: there is none. What is not to be understood is left out.
int loop_read(const struct engine *engine, struct loop_facts *facts, struct error *error);

#endif
