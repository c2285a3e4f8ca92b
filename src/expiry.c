// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Warnings of expiry: which one comes next, and which were given. Pure.
#include "expiry.h"

#include <stdio.h>
#include <string.h>

#define BEFORE "s before "

void expiry_record(const struct expiry *expiry, char out[EXPIRY_TEXT_SIZE])
{
    char time[CLOCK_UTC_SIZE];
    clock_format(expiry->not_after, time);
    snprintf(out, EXPIRY_TEXT_SIZE, "%lld" BEFORE "%s", (long long)expiry->before_s, time);
}

// The last warning given of this expiry, INT64_MAX: none. That of another expiry says nothing.
static int64_t given(const struct state *state, int64_t not_after)
{
    const char *text = state->warned, *before = text == NULL ? NULL : strstr(text, BEFORE);
    int64_t time, seconds;
    if (before == NULL) {
        return INT64_MAX;
    }
    const char *rest = before + strlen(BEFORE);
    if (!clock_parse(rest, strlen(rest), &time) || time != not_after ||
        !clock_parse_duration(text, (size_t)(before - text) + 1, &seconds)) {
        return INT64_MAX;
    }
    return seconds;
}

// Takes this warning if it is a better answer than the one found: of those whose time has come the last, else the first.
static void offer(struct expiry *best, bool *found, int64_t before_s, int64_t now)
{
    int64_t at = best->not_after - before_s;
    bool better = at <= now ? at >= best->at || best->at > now : at < best->at;
    if (!*found || better) {
        best->before_s = before_s;
        best->at = at;
        *found = true;
    }
}

bool expiry_next(const struct certificate *certificate, const struct settings *settings, const struct state *state,
                 int64_t now, struct expiry *out)
{
    const struct durations *list = &settings->notify_before;
    bool found = false;
    struct due due;
    *out = (struct expiry){.not_after = decide_expiry(settings, state)};
    if (out->not_after == CLOCK_NONE) {
        return false;
    }
    int64_t last = given(state, out->not_after);
    decide_due(certificate, settings, state, &due);
    for (size_t i = 0; i < list->count; i++) {
        // One longer than half the window would only tell that the renewal has begun.
        if (list->s[i] > 0 && list->s[i] <= due.window_s / 2 && list->s[i] < last) {
            offer(out, &found, list->s[i], now);
        }
    }
    if (last > 0) {
        offer(out, &found, 0, now);
    }
    return found;
}
