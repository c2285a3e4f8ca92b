// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The checks that an issued certificate must pass before it is kept (spec 5).
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stddef.h>
#include <stdint.h>

#include "answer.h"
#include "error.h"
#include "generation.h"
#include "key.h"
#include "x509.h"

// What was asked for, and what is held already.
struct asked {
    const char *names; // canonical
    const struct key *key;
    const struct buf *key_text; // the same as PEM
    const char *fingerprint;    // of the certificate held; NULL: none
    const char *trust;          // PEM text that the chain must end at; NULL: none given
    size_t trust_length;
    int64_t now;
};

// Checks the issued answer: the leaf is for our key (or for the key that the answer brings), names cover those
// asked, valid from an hour ahead at most and to some time in the future, not the one already held, chain
// builds and is in order, to "trust" if given. Then fills files (key, certificate, ordered chain; clean PEM) and facts.
// -1: refused, with the reason. generation_free and x509_facts_free are the caller's in any case (both must be initialised).
int accept_check(const struct asked *asked, const struct issue_answer *answer, struct generation *files,
                 struct x509_facts *facts, struct error *error);

#endif
