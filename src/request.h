// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What hooks are asked with: the request of an issue hook and the bundle of a publishing hook, as JSON text.
#ifndef REQUEST_H
#define REQUEST_H

#include <cJSON.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "error.h"
#include "generation.h"
#include "key.h"
#include "x509.h"

// The request of issue and of revoke, as certauto-hooks(7) describes them; a text that is NULL is left out.
struct request {
    const char *name;  // certificate
    const char *names; // canonical
    const char *csr;   // PEM
    enum key_type key_type;
    const struct hook_section *section; // the template's
    const struct generation *previous;  // or NULL
    const char *previous_serial;
    int64_t previous_not_after;
    const char *cookie;               // of a pending order; NULL: a new order
    uint32_t attempt;                 // 1: the first
    int64_t deadline;                 // Unix seconds
    const char *certificate, *reason; // revoke: PEM, and a word of RFC 5280
    // revoke, for a CA that takes the certificate's own key: its public key, and once the hook had that signed, what
    // was signed and how (base64url).
    const char *jwk, *signing_input, *signature;
};
// Appends it to json. Reads the "@path" options now.
int request_issue(const struct request *request, struct buf *json, struct error *error);

// One generation as publishing hooks see it.
struct bundle {
    const char *name;
    const char *state_dir;
    const struct hook_section *section; // the profile's
    uint32_t generation;
    const struct generation *files;
    const struct x509_facts *facts;
    const struct bundle *previous; // or NULL; the hook sees its facts, rollback all of it
    const char *rehearsal;         // the folder to publish below, as if it were the root; NULL: it is no rehearsal
};
// Appends it to json (a secret buffer: it holds the key).
int request_bundle(const struct bundle *bundle, struct buf *json, struct error *error);
// The same as the arguments of rollback: [previous or null, the bundle that failed].
int request_rollback(const struct bundle *failed, struct buf *json, struct error *error);

// Prints the tree into json, and wipes and frees it; it may be NULL, for no memory.
int request_print(cJSON *tree, struct buf *json, struct error *error);

// Overwrites all texts below the item and beside it: they may be secret.
void request_wipe(cJSON *item);

#endif
