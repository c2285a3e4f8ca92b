// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A new generation takes its place in the state: issued, adopted or imported, then published.
#include "succession.h"

#include <string.h>

#include "config.h"
#include "failures.h"
#include "names.h"

static void mark_revoked(struct state *state, uint32_t number)
{
    for (size_t i = 0; i < state->publication_count; i++) {
        if (state->publications[i].published == number) {
            state->publications[i].published_revoked = true;
        }
    }
}

static void end_what_belonged(struct state *state)
{
    if (state->revoked) {
        mark_revoked(state, state->generation);
        state->revoked_older = state->generation;
    }
    // One that nobody has forced is none to go back to.
    if (state->held != 0 && state_newest_published(state) < state->held) {
        state->held_first = state->held == state->held_last + 1 ? state->held_first : state->held;
        state->held_last = state->held;
    }
    state->revoked = false;
    state->revoked_here = false;
    state->window_start = CLOCK_NONE;
    state->window_finish = CLOCK_NONE;
    state->window_url = NULL;
    state->warned = NULL;
    state->due_again = false;
    state->withdrawn = 0;
    state->held = 0;
    state->held_reason = NULL;
    state->hold_since = CLOCK_NONE;
    state->hold_until = CLOCK_NONE;
    state->hold_by = NULL;
    state->hold_step = NULL;
    state->hold_reason = NULL;
    state->pending_since = CLOCK_NONE;
    state->pending_next = CLOCK_NONE;
    state->pending_cookie = NULL;
    state->pending_names = NULL;
    state->pending_key_type = NULL;
    state->pending_template = NULL;
    state->retry_after = CLOCK_NONE;
    failures_end(&state->issue);
}

void succession_apply(struct state *state, const struct successor *next)
{
    end_what_belonged(state);
    state->generation = next->number;
    state->serial = next->facts->serial;
    state->fingerprint = next->facts->fingerprint;
    state->not_before = next->facts->not_before;
    state->not_after = next->facts->not_after;
    state->issued = next->issued;
    state->names = next->names;
    state->key_type = next->key_type;
    state->template = next->template;
    state->keyless = next->keyless;
}

static void add_loss(struct buf *out, const char *what, const char *old, const char *new)
{
    buf_text(out, out->length > 0 ? "; " : "");
    buf_text(out, what);
    buf_escape_message(out, old, strlen(old), 200);
    if (new != NULL) {
        buf_text(out, " before, now ");
        buf_escape_message(out, new, strlen(new), 200);
    }
}

bool succession_loses(const struct x509_facts *old, const struct x509_facts *new, unsigned must_keep, struct buf *out)
{
    static const char *const usages[] = {"server", "client", "email", "code"}; // bits of enum x509_usage
    struct name missing;

    if ((must_keep & KEEP_NAMES) != 0 && !names_cover(buf_string(&new->names), buf_string(&old->names), &missing)) {
        buf_text(out, "it lost the name ");
        buf_escape_message(out, missing.text, missing.length, 200);
    }
    // Without any stated, a certificate is good for every usage.
    for (unsigned i = 0; (must_keep & KEEP_EKU) != 0 && new->usage != 0 && i < sizeof usages / sizeof usages[0]; i++) {
        if ((old->usage == 0 || (old->usage & 1u << i) != 0) && (new->usage & 1u << i) == 0) {
            add_loss(out, "it lost the usage ", usages[i], NULL);
        }
    }
    if ((must_keep & KEEP_KEY_TYPE) != 0 && old->key_type != new->key_type) {
        add_loss(out, "its key is another: ", key_type_name(old->key_type), key_type_name(new->key_type));
    }
    if ((must_keep & KEEP_ISSUER) != 0 && strcmp(old->issuer_organisation, new->issuer_organisation) != 0) {
        add_loss(out,
                 "its issuer is another: ", old->issuer_organisation[0] != '\0' ? old->issuer_organisation : "none",
                 new->issuer_organisation[0] != '\0' ? new->issuer_organisation : "none");
    }
    return out->length > 0;
}

void succession_revoke(struct state *state, uint32_t number)
{
    mark_revoked(state, number);
    if (number == state->generation) {
        state->revoked = true;
        state->revoked_here = true;
    } else if (number > state->revoked_older) {
        state->revoked_older = number;
    }
}

void succession_publish(struct state *state, struct publication *publication, uint32_t number, int64_t not_after,
                        int64_t now)
{
    state->publishing = NULL;
    state->publishing_generation = 0;
    bool back = publication != NULL && number < publication->published;
    if (publication != NULL) {
        if (publication->published != number) {
            publication->previous = publication->published;
        }
        publication->published = number;
        publication->at = now;
        publication->published_not_after = not_after;
        publication->published_revoked =
            (number == state->generation && state->revoked) || number == state->revoked_older;
        failures_end(&publication->failures);
    }
    // Going back withdraws what is newer; a person who publishes that lifts it.
    if (back) {
        state->withdrawn = state->generation;
    } else if (number == state->generation) {
        state->withdrawn = 0;
    }
}
