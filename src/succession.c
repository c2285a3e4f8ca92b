// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A new generation takes its place in the state: issued, adopted or imported, then published.
#include "succession.h"

#include "failures.h"

static void end_what_belonged(struct state *state)
{
    for (size_t i = 0; state->revoked && i < state->publication_count; i++) {
        if (state->publications[i].published == state->generation) {
            state->publications[i].published_revoked = true;
        }
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

void succession_publish(struct state *state, struct publication *publication, uint32_t number, int64_t not_after,
                        int64_t now)
{
    state->publishing = NULL;
    state->publishing_generation = 0;
    if (publication != NULL) {
        if (publication->published != number) {
            publication->previous = publication->published;
        }
        publication->published = number;
        publication->at = now;
        publication->published_not_after = not_after;
        publication->published_revoked = number == state->generation && state->revoked;
        failures_end(&publication->failures);
    }
    // A person who publishes it lifts what held it.
    if (state->withdrawn >= number) {
        state->withdrawn = 0;
    }
    if (state->held == number) {
        state->held = 0;
        state->held_reason = NULL;
    }
}
