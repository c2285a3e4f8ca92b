// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the tests of decide share: a certificate with its settings and state, built by hand, and its decision.
#ifndef DECIDE_FIXTURE_H
#define DECIDE_FIXTURE_H

#include <string.h>

#include "calendar.h"
#include "decide.h"

#define MINUTE ((int64_t)60)
#define HOUR ((int64_t)3600)
#define DAY ((int64_t)86400)
#define DIGEST "the settings as they are"

// The fixture's certificate lives 90 days from here, a Thursday; "auto" renews it 60 days later, on a Monday.
#define BIRTH at("2026-01-01T00:00:00Z")
#define LIFE (90 * DAY)
#define EXPIRY (BIRTH + LIFE)
#define DUE (BIRTH + 60 * DAY)
#define WINDOW (30 * DAY)

struct fixture {
    struct config config;
    struct certificate certificate;
    struct settings settings;
    struct state state;
    struct slots renew_slots, publish_slots;
    struct template template;
    struct profile profiles[3];
    const struct profile *profile_list[3];
    struct hook_section policy;
    const struct hook_section *policy_list[1];
    int64_t retry[3];
    struct decision decision;
};

// Both switches on, "auto", no slots, runs daily at 03:00 UTC, no jitter; generation 1 of 90 days is live.
static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    state_init(&f->state);
    f->config.engine.zone = zone_utc();
    f->config.engine.runs = (struct runs){.daily = true, .at_min = 180};
    f->certificate.name = "www";
    f->certificate.names = "a.example, b.example";
    f->renew_slots = f->publish_slots = slots_of("all");
    f->retry[0] = MINUTE;
    f->retry[1] = 10 * MINUTE;
    f->retry[2] = 100 * MINUTE;
    static const char *const names[3] = {"nginx", "mail", "backup"};
    for (int i = 0; i < 3; i++) {
        f->profiles[i].section.name = names[i];
        f->profile_list[i] = &f->profiles[i];
    }
    f->policy.name = "approval";
    f->policy_list[0] = &f->policy;
    f->settings = (struct settings){
        .auto_renew = true,
        .auto_publish = true,
        .renew_slots = &f->renew_slots,
        .publish_slots = &f->publish_slots,
        .override_before_s = -1,
        .retry = {3, f->retry},
        .template = &f->template,
        .first = &f->template,
        .profiles = {0, f->profile_list},
        .policies = {0, f->policy_list},
    };
    f->state.written = BIRTH;
    f->state.generation = 1;
    f->state.serial = "01";
    f->state.not_before = f->state.issued = BIRTH;
    f->state.not_after = EXPIRY;
    f->state.names = "a.example, b.example";
    f->state.key_type = "ecdsa-p256";
    state_publication_add(&f->state, STATE_LIVE)->published = 1;
    f->state.publications[0].published_not_after = EXPIRY;
}

static inline void fixture_free(struct fixture *f)
{
    state_free(&f->state);
}

// Never issued, nothing published.
static inline void fixture_unissued(struct fixture *f)
{
    state_clear(&f->state);
    f->state.written = BIRTH;
}

// Generation 2 replaces generation 1, which is still published by that profile (NULL: by the live link).
static inline struct publication *fixture_renewed(struct fixture *f, const char *profile)
{
    f->state.generation = 2;
    f->state.not_before = f->state.issued = f->state.written = DUE;
    f->state.not_after = DUE + LIFE;
    if (profile == NULL) {
        return &f->state.publications[0];
    }
    f->settings.profiles.count = 1;
    struct publication *publication = state_publication_add(&f->state, profile);
    publication->published = 1;
    publication->published_not_after = EXPIRY;
    return publication;
}

static inline void fixture_fail(struct failures *failures, uint32_t count, int64_t last)
{
    failures->count = count;
    failures->last = last;
    failures->settings = DIGEST;
    failures->error = "it did not work";
}

static inline const struct decision *fixture_decide(struct fixture *f, int64_t now, unsigned flags)
{
    // Whatever is not set shows.
    memset(&f->decision, 0xa5, sizeof(f->decision));
    decide(&f->config, &f->certificate, &f->settings, &f->state, now, flags, &f->decision);
    return &f->decision;
}

static inline int64_t fixture_start(struct fixture *f, int64_t loop_start, int64_t now)
{
    return decide_start(&f->config, &f->certificate, fixture_decide(f, now, 0), "host", loop_start, now);
}

static inline const char *time_text(int64_t time)
{
    static char texts[8][CLOCK_UTC_SIZE];
    static int next;
    char *text = texts[next++ % 8];

    if (time == CLOCK_NONE) {
        return "never or at once";
    }
    clock_format(time, text);
    return text;
}

// Asserts the step, its hold and when it can start.
static inline void check_decision(const struct decision *decision, enum step step, enum hold hold, int64_t when,
                                  const char *file, int line)
{
    if (decision->step != step || decision->hold != hold || (step != STEP_NONE && decision->at != when)) {
        fail_msg("%s:%d: %s, hold %d, %s; not %s, hold %d, %s", file, line, step_name(decision->step),
                 (int)decision->hold, time_text(decision->at), step_name(step), (int)hold, time_text(when));
    }
    assert_true(decision->until == (decision->step == STEP_WAIT ? decision->at : CLOCK_NONE));
}
#define EXPECT(decision, step, hold, when) check_decision(decision, step, hold, when, __FILE__, __LINE__)

#endif
