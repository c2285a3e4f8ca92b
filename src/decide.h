// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The policy: from settings, state and the time to the next step of a certificate, with its reason. Pure.
#ifndef DECIDE_H
#define DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "state.h"

// STEP_ERRAND is none: what a worker does when it asks a CA for its window. No decision says it.
enum step { STEP_NONE, STEP_WAIT, STEP_ISSUE, STEP_PUBLISH, STEP_ERRAND, STEP_COUNT };
const char *step_name(enum step step); // "none" "wait" "issue" "publish" "errand"

// How a start by a person differs from one by itself.
enum decide_flags {
    DECIDE_IGNORE_SLOTS = 1,    // --ignore-slots
    DECIDE_IGNORE_RETRY = 2,    // names given to --run-now: the waits of "retry" do not hold
    DECIDE_BY_HAND_ISSUE = 4,   // renew NAME: due, enabled, slot, retry do not matter; Retry-After does
    DECIDE_BY_HAND_PUBLISH = 8, // publish NAME: the same; lifts a withdrawal too
    DECIDE_FORCE = 16,          // publish --force: also what is published already, or held
    DECIDE_ROLLBACK = 32,       // rollback NAME, with BY_HAND_PUBLISH: what is published is to give way to an older one
    DECIDE_RESTART = 64,        // renew --restart, with BY_HAND_ISSUE: a pending order is dropped
};

// Why a step is due; one row of a table in decide_reason.c each.
enum due_cause {
    DUE_NOTHING,
    DUE_NEVER_ISSUED,
    DUE_REVOKED,
    DUE_NAMES,
    DUE_KEY_TYPE,
    DUE_AUTO,
    DUE_BEFORE,
    DUE_PERCENT,
    DUE_ON_EXPIRY,
    DUE_AFTER_EXPIRY,
    DUE_WINDOW,
    DUE_PENDING, // an errand: a pending order is asked about again
    DUE_BY_HAND,
    DUE_NOT_PUBLISHED,
    DUE_AFTER_RENEWAL,
    DUE_ON_PREVIOUS_EXPIRY,
    DUE_AFTER_PREVIOUS_EXPIRY,
    DUE_PREVIOUS_REVOKED,
    DUE_UNFINISHED,
    DUE_CAUSE_COUNT,
};

// What holds a step.
enum hold {
    HOLD_NONE,
    HOLD_NOT_DUE,
    HOLD_SLOT,
    HOLD_RETRY,       // a wait of "retry"
    HOLD_RETRY_RUN,   // "retry" is used up: a run is waited for
    HOLD_RETRY_AFTER, // the CA's Retry-After
    HOLD_POLICY,
    HOLD_PENDING, // a pending order, until it may be asked about again
    HOLD_OFF,     // the switch is off
    HOLD_NO_TEMPLATE,
    HOLD_NO_NAMES,    // neither configured nor imported
    HOLD_NO_KEY,      // imported without its key
    HOLD_NEVER_OPENS, // no slot opens
    HOLD_HELD,        // by must_keep
    HOLD_WITHDRAWN,   // by a rollback
    HOLD_PUBLISHED,   // the newest generation is published: nothing to do
    HOLD_NOT_ISSUED,  // there is nothing to publish yet
    HOLD_NO_PROFILE,  // the certificate does not publish by this profile
    HOLD_NONE_BEFORE, // a rollback where nothing is published
    HOLD_COUNT,
};

struct decision {
    enum step step;      // what can be done now: issue, publish; wait; none
    enum step next;      // for wait: the step waited for; for none: the step that is held; else = step
    const char *profile; // publish: profile name or STATE_LIVE; borrowed; NULL for issue
    uint32_t generation; // the generation to publish; of issue: the one to be replaced, 0 when never issued
    int64_t due;         // when the step is (was) due; INT64_MIN: at once
    int64_t at;          // first moment it is due, in a slot and past its waits (<= now when ready); CLOCK_NONE: never
    int64_t until;       // wait: the first moment at which the answer differs (at, or earlier); else CLOCK_NONE
    enum due_cause cause;
    enum hold hold;            // HOLD_NONE when step is issue or publish
    int64_t amount;            // of the cause's rule: seconds, percent, or the share of the lifetime (3, 2)
    int64_t window_s;          // renewal window; 0: none (never issued)
    int64_t override_at;       // from then on slots do not hold; INT64_MAX: they always do
    const struct slots *slots; // of the step
    uint32_t failures;         // in effect, of the step
    int64_t last_failure;      // CLOCK_NONE: none
    bool retry_used_up;        // the list of "retry" is over, or the failure is permanent
    bool by_hand;
    bool long_window;              // warning: the window is over two thirds of the lifetime
    bool window_cut;               // warning: 90 % or more: a third is taken instead
    bool held_back;                // warning: the CA's window or "revoked" came within a day of issue (spec 5)
    bool never_opens;              // warning: no slot opens between due and expiry
    int64_t not_before, not_after; // of the newest generation; CLOCK_NONE
    const char *holder;            // borrowed: the policy that holds, or NULL
    const char *detail;            // borrowed: why it is held, or NULL
    const char *fallback;          // borrowed, issue: the fallback template whose turn it is, or NULL
    const char *url;               // borrowed: DUE_WINDOW, where the CA explains it, or NULL
    int64_t since;                 // pending, held: since when; CLOCK_NONE

    // Set by decide() alone, over all steps of the certificate, for the word "state" and the reason.
    bool failed;      // a failure counts, of issuing or of a profile
    bool pending;     // a pending order lives
    bool due_held;    // something is due, but held
    enum hold behind; // why the newest generation is not published (HOLD_OFF, _HELD, ...), else HOLD_NONE
    uint32_t newest;  // the newest generation
};

// Which group's settings the certificate takes (spec 2, end of the settings table), or NULL for none. Pure.
const struct group *decide_group(const struct config *config, const struct certificate *certificate,
                                 const struct state *state);

// decide_group and config_settings in one, with the template that is to issue: the one that has a pending order, else the
// one of a chain of fallbacks whose turn it is after the failures in effect.
void decide_settings(const struct config *config, const struct certificate *certificate, const struct state *state,
                     struct settings *out);

// The profile of that name among those of the settings, or NULL. Pure.
const struct profile *decide_profile(const struct settings *settings, const char *name);

// When the renewal of this generation is due, its cause and window, whatever the switches, slots and waits say.
// A generation that would be due again at once after its issue is one whose "at" is not after that moment.
struct due {
    int64_t at;       // INT64_MIN: at once
    int64_t window_s; // 0: none (never issued); else at least 1
    enum due_cause cause;
    int64_t amount;
    bool long_window, window_cut, held_back;
};
void decide_due(const struct certificate *certificate, const struct settings *settings, const struct state *state,
                struct due *out);

// True when there is a pending order to be asked about; false: none, or to be dropped (names, key or template changed, over
// 30 d old, or by RESTART of the flags): the step issue then orders anew.
bool decide_pending(const struct certificate *certificate, const struct settings *settings, const struct state *state,
                    int64_t now, unsigned flags);

// ---- The errand "renewal_info" (decide_window.c, pure)

#define DECIDE_WINDOW_LEAST_S 3600  // between two askings, whatever Retry-After the CA states
#define DECIDE_WINDOW_MOST_S 86400  // the same
#define DECIDE_WINDOW_AGAIN_S 21600 // where it states none, or the asking failed (RFC 9773, 4.3.3)

// What run_dir knows of the last asking.
struct errand {
    uint32_t generation; // that was asked about; 0: nothing is known
    int64_t next;        // when to ask again
    bool failed;         // it did, and that was told
};
// The template whose CA is to be asked about the newest generation: the one that it came from, where that is gone the
// one it would come from now. NULL: none is; renewal is off, its hook has no such function, or it is revoked already.
const struct template *decide_window_template(const struct config *config, const struct settings *settings,
                                              const struct state *state);
// When it is to be asked, which may have passed; after issuing at once. CLOCK_NONE: no more before it expires.
int64_t decide_window(const struct state *state, const struct errand *errand, int64_t now);
// The same for a loop, which spreads over "jitter" seconds what came due before it started.
int64_t decide_window_spread(int64_t at, const char *host, const char *name, int64_t loop_start, int64_t jitter);
// How long to wait after an asking that failed or not; stated: the CA's Retry-After, -1: none.
int64_t decide_window_wait(int64_t stated, bool failed);

// ---- The next step

// The next step of the certificate: what is unfinished first, then publications that are ready (those that failed
// after the renewal), then the renewal. BY_HAND_ISSUE looks at issuing only, BY_HAND_PUBLISH at publishing only;
// what is unfinished comes first for them too. With FORCE the answer stays publish for ever: ask by profile.
void decide(const struct config *config, const struct certificate *certificate, const struct settings *settings,
            const struct state *state, int64_t now, unsigned flags, struct decision *out);

// The decision about one step alone, as explain and the worker ask: issue, or publish of one profile (STATE_LIVE
// when there are none; NULL: the first that has something to do). A publication that is unfinished answers for
// every profile.
void decide_issue(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                  const struct state *state, int64_t now, unsigned flags, struct decision *out);
void decide_publish(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                    const struct state *state, const char *profile, int64_t now, unsigned flags, struct decision *out);

// When the loop starts this step: runs, openings of slots, moments of its own and jitter put on top of "at".
// host: stable text of this host. loop_start: when the loop started or took a new configuration, which is a run
// (CLOCK_NONE: none). Never before now; for a wait that ends without a start (until < at), until; CLOCK_NONE: never.
// A start that passes while workers are busy is still owed: the loop keeps it until the decision changes.
int64_t decide_start(const struct config *config, const struct certificate *certificate,
                     const struct decision *decision, const char *host, int64_t loop_start, int64_t now);

// Of all steps of the certificate the one that the loop starts first, and when (as decide_start). Not always that of
// decide(): a renewal that is ready waits for a run, while a publication has a moment of its own before it.
int64_t decide_next(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                    const struct state *state, const char *host, int64_t loop_start, int64_t now, struct decision *out);

// Appends the reason in one sentence, never empty: "renews in 12 d: 31 d before expiry; next slot Sun 00:00–04:00".
void decide_reason(const struct config *config, const struct decision *decision, int64_t now, struct buf *out);
// Appends its warnings, each a sentence, joined by "; "; nothing when none.
void decide_warnings(const struct decision *decision, struct buf *out);

// disabled expired failed pending unissued due waiting ok: the first that fits (spec 8). The decision is decide()'s.
// now: CLOCK_NONE under a clock that is not believed, when nothing is called expired.
const char *decide_state_word(const struct settings *settings, const struct state *state,
                              const struct decision *decision, int64_t now);
// The earliest end of the newest generation and those published by the profiles of the settings, by which
// "expired" and the warnings of expiry go (spec 9); CLOCK_NONE when never issued.
int64_t decide_expiry(const struct settings *settings, const struct state *state);

// Clock trust (spec 3). newest_written: over all certificates of the configuration, collected by decide_written;
// CLOCK_NONE: none.
enum clock_trust { CLOCK_TRUSTED, CLOCK_BEFORE_BUILD, CLOCK_BEFORE_WRITTEN, CLOCK_JUMPED, CLOCK_TRUST_COUNT };
enum clock_trust decide_clock(int64_t now, int64_t build_time, int64_t newest_written);
// The newer of the two, "written" ignored when it is over ten years after the build.
int64_t decide_written(int64_t newest, int64_t written, int64_t build_time);
// The sentence: "the clock reads 2026-… : …". Appends nothing for CLOCK_TRUSTED.
void decide_clock_reason(enum clock_trust trust, int64_t now, int64_t build_time, int64_t newest_written,
                         struct buf *out);

// Watches a believed clock for steps in the loop. All zero: nothing seen yet (also while decide_clock does not believe it).
struct clock_watch {
    bool started, doubting;
    int64_t lead_ms;       // wall clock less boot clock, as believed
    int64_t doubt_boot_ms; // boot time at which the doubt began
};
// Told of both clocks at each turn; CLOCK_JUMPED while a gain of more than an hour is younger than ten minutes.
// *until_boot_ms (may be NULL): when the doubt ends, INT64_MAX without one.
enum clock_trust decide_clock_watch(struct clock_watch *watch, int64_t now, int64_t boot_ms, int64_t *until_boot_ms);

#endif
