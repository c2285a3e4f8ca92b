// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A new generation takes its place in the state: issued, adopted or imported.
#ifndef SUCCESSION_H
#define SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "state.h"
#include "x509.h"

struct successor {
    uint32_t number;
    const struct x509_facts *facts;
    const char *names, *key_type, *template; // what its request carried, or the configuration says at import; or NULL
    int64_t issued;
    bool keyless; // imported without its key
};

// Makes it the newest generation of the state. What belonged to the one before ends with it: the CA's window, "revoked"
// (a publication of that generation keeps it as published_revoked), warnings, holds, a pending order, a
// withdrawal, the failures of issuing, Retry-After. All texts are borrowed until the state has been saved.
void succession_apply(struct state *state, const struct successor *next);

#endif
