// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A new generation takes its place in the state: issued, adopted or imported, then published.
#ifndef SUCCESSION_H
#define SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
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

// What the new one lacks of what the old one had and "must_keep" (enum must_keep) names: a sentence in "out", and true.
// Usage beyond that of X509_SERVER and kin is not seen.
bool succession_loses(const struct x509_facts *old, const struct x509_facts *new, unsigned must_keep, struct buf *out);

// A profile has published this generation: the note of the transaction ends, and with it a withdrawal of the
// generation; held it stays for the other profiles. One that is older than what the profile had published withdraws the newest (rollback). publication is that of the profile in the state, or NULL when there is no room for one.
void succession_publish(struct state *state, struct publication *publication, uint32_t number, int64_t not_after,
                        int64_t now);

// This generation is revoked at the user's word: the newest is due at once, even within a day of its issue, and what
// follows one that a profile has published is published at once. Going back to it, or behind it, is over.
void succession_revoke(struct state *state, uint32_t number);

#endif
