// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// When CAs are to be asked again: the file "errands" in run_dir, which may be lost and is small however many they are.
#ifndef ERRAND_H
#define ERRAND_H

#include "config.h"
#include "decide.h"

// Opens the file for reading. Returns the descriptor, or -1: there is none.
int errand_open(const struct engine *engine);
// What it knows of this certificate; nothing (all zero) when fd is -1, too.
struct errand errand_read(int fd, const char *name);
// Notes it, making the file and its folder; with the certificate's lock in hand. The file has room for the
// certificates of config twice over; one that has grown too small is begun anew. -1: not noted.
int errand_write(const struct config *config, const char *name, const struct errand *errand, struct error *error);

#endif
