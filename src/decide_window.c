// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// When a CA is to be asked for the window in which it would like a certificate to be renewed: an errand.
#include <string.h>

#include "decide_parts.h"

#define RETRY_AFTER_MOST_S (7 * 86400)

const struct template *decide_window_template(const struct config *config, const struct settings *settings,
                                              const struct state *state)
{
    const struct template *template = settings->template;

    // "revoked" counts under every rule; where it is known there is nothing more to learn.
    if (!settings->auto_renew || state->generation == 0 || state->revoked) {
        return NULL;
    }
    // Its own CA is asked, not the one that it would come from now.
    if (state->template != NULL && (template == NULL || strcmp(template->section.name, state->template) != 0)) {
        const struct template *own = config_template(config, state->template);
        template = own != NULL ? own : template;
    }
    return template != NULL && (template->section.functions & HOOK_RENEWAL_INFO) != 0 ? template : NULL;
}

int64_t decide_window(const struct state *state, const struct errand *errand, int64_t now)
{
    int64_t at = state->issued == CLOCK_NONE ? state->not_before : decide_noted(state, state->issued, 0);
    int64_t retry_after = decide_noted(state, state->retry_after, RETRY_AFTER_MOST_S);

    // One that lies further ahead was noted by a clock that was.
    if (errand->generation == state->generation && errand->next <= now + DECIDE_WINDOW_MOST_S) {
        at = errand->next;
    }
    at = retry_after > at ? retry_after : at;
    return at < state->not_after ? at : CLOCK_NONE;
}

int64_t decide_window_spread(int64_t at, const char *host, const char *name, int64_t loop_start, int64_t jitter)
{
    if (at >= loop_start || jitter <= 0) {
        return at;
    }
    // The same moments of the day whenever the loop starts, so that starting it again and again puts none off for ever.
    int64_t ahead = (jitter_s(host, name, jitter - 1) - loop_start) % jitter;
    return loop_start + (ahead < 0 ? ahead + jitter : ahead);
}

int64_t decide_window_wait(int64_t stated, bool failed)
{
    int64_t least = failed ? DECIDE_WINDOW_AGAIN_S : DECIDE_WINDOW_LEAST_S;

    if (stated < 0) {
        return DECIDE_WINDOW_AGAIN_S;
    }
    return stated < least ? least : stated > DECIDE_WINDOW_MOST_S ? DECIDE_WINDOW_MOST_S : stated;
}
