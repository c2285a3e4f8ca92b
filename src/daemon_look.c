// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The loop's looks at certificates: which one starts now, and when to look at the others.
#include <string.h>

#include "clock.h"
#include "daemon_parts.h"
#include "expiry.h"
#include "lock.h"

#define MOST_LOOKS 8
#define AGAIN_S 600 // until a step is tried again that left no trace in the state, or a state that could not be read
#define BUSY_S 5    // until a certificate is tried again that another process works on
#define CHANGED_S 1 // until a change by another process is looked at: it may be about to make more
#define GONE_S 5    // until a state that was taken away counts as such: its folder may be going too

static bool get_bit(const unsigned char *bits, size_t index)
{
    return (bits[index / 8] >> (index % 8) & 1) != 0;
}

static void set_bit(unsigned char *bits, size_t index, bool value)
{
    unsigned char bit = (unsigned char)(1u << (index % 8));
    bits[index / 8] = (unsigned char)(value ? bits[index / 8] | bit : bits[index / 8] & ~bit);
}

static bool is_ready(const struct decision *decision)
{
    return decision->step == STEP_ISSUE || decision->step == STEP_PUBLISH;
}

// ---- What starts now

struct look {
    struct daemon *daemon;
    const struct certificate *certificate;
    const struct settings *settings;
    const struct state *state;
};

static int64_t next(const struct look *look, int64_t time, struct decision *decision)
{
    const struct daemon *daemon = look->daemon;
    return decide_next(daemon->reign->session.config, look->certificate, look->settings, look->state, daemon->host,
                       daemon->loop_start, time, decision);
}

// True when a start between "owed" and now has passed, and that step is still ready.
static bool is_owed(const struct look *look, int64_t owed, int64_t now, struct decision *decision)
{
    const struct config *config = look->daemon->reign->session.config;
    struct decision then;
    for (int i = 0; i < MOST_LOOKS && owed < now; i++) {
        int64_t moment = next(look, owed, &then);
        if (moment == CLOCK_NONE || moment > now) {
            return false;
        }
        if (is_ready(&then)) {
            if (then.step == STEP_ISSUE) {
                decide_issue(config, look->certificate, look->settings, look->state, now, 0, decision);
            } else {
                decide_publish(config, look->certificate, look->settings, look->state, then.profile, now, 0, decision);
            }
            return decision->step == then.step;
        }
        owed = moment > owed ? moment : owed + 1;
    }
    return false;
}

// Whether a step starts now; if not, "moment" is when to look again.
static bool starts(const struct look *look, int64_t owed, struct decision *decision, int64_t *moment)
{
    int64_t now = clock_now();
    if (is_owed(look, owed, now, decision)) {
        return true;
    }
    *moment = next(look, now, decision);
    if (*moment != CLOCK_NONE && *moment <= now) {
        if (is_ready(decision)) {
            return true;
        }
        *moment = now + 1;
    }
    return false;
}

bool daemon_starts(void *reign, const struct certificate *certificate, const struct settings *settings,
                   const struct state *state, int64_t owed, struct decision *decision)
{
    const struct look look = {((const struct reign *)reign)->daemon, certificate, settings, state};
    int64_t moment;
    return starts(&look, owed, decision, &moment);
}

// ---- Warnings of expiry, and errands

// The earlier of two moments, each CLOCK_NONE for none.
static int64_t earlier(int64_t a, int64_t b)
{
    return a == CLOCK_NONE || (b != CLOCK_NONE && b < a) ? b : a;
}

// The earlier of a moment and that of the next warning of expiry, where somebody is told of it.
static int64_t or_warning(const struct look *look, int64_t moment, bool *due)
{
    struct expiry expiry;
    int64_t now = clock_now();
    *due = false;
    if (look->settings->notifies.count == 0 ||
        !expiry_next(look->certificate, look->settings, look->state, now, &expiry)) {
        return moment;
    }
    *due = expiry.at <= now;
    // Never before now: from its moment on the agenda a step that has passed is owed.
    return earlier(moment, *due ? now : expiry.at);
}

// When its CA is to be asked for its window, never before now; CLOCK_NONE.
static int64_t errand_at(const struct look *look, const struct template **template)
{
    struct daemon *daemon = look->daemon;
    int64_t now = clock_now();
    int64_t at = crew_errand(&daemon->reign->crew, look->certificate, look->settings, template);
    if (at == CLOCK_NONE) {
        return at;
    }
    at = decide_window_spread(at, daemon->host, look->certificate->name, daemon->loop_start,
                              daemon->reign->session.config->engine.jitter_s);
    return at > now ? at : now;
}

// The earliest of a moment and those of the next warning and errand.
static int64_t or_other(const struct look *look, int64_t moment)
{
    const struct template *template;
    bool due;
    return earlier(or_warning(look, moment, &due), errand_at(look, &template));
}

// Has a warning given that is due. Who gives it notes that in the state, which is looked at again then.
static int64_t heed_warning(const struct look *look, int64_t moment)
{
    bool due;
    int64_t other = or_warning(look, moment, &due);
    if (!due) {
        return other;
    }
    notify_event(&look->daemon->reign->notices, EVENT_EXPIRING, look->certificate, NULL);
    return earlier(moment, clock_now() + AGAIN_S);
}

// ---- One certificate

static void log_wait(const struct daemon *daemon, const struct certificate *certificate,
                     const struct decision *decision)
{
    struct buf reason;
    if (!log_wants(LOG_LEVEL_DEBUG)) {
        return;
    }
    buf_init(&reason, ERROR_MESSAGE_SIZE);
    decide_reason(daemon->reign->session.config, decision, daemon->now, &reason);
    const struct log_field fields[] = {{"certificate", certificate->name}, {"reason", buf_string(&reason)}};
    log_line(LOG_LEVEL_DEBUG, "nothing to do", fields, 2);
    buf_free(&reason);
}

// Reads its state and settings. False: it cannot be read, which is told once; its certificate stops.
static bool read_one(struct daemon *daemon, size_t index, struct look *look, struct settings *settings)
{
    struct reign *reign = daemon->reign;
    const struct certificate *certificate = &reign->session.config->certificates[index];
    struct error error;
    if (crew_read_state(&reign->crew, certificate, &error) < 0) {
        if (!get_bit(reign->unreadable, index)) {
            const struct log_field fields[] = {{"certificate", certificate->name}, {"error", error.message}};
            log_line(LOG_LEVEL_ERROR, "its state cannot be read, so nothing is done", fields, 2);
            notify_event(&reign->notices, EVENT_STATE_UNREADABLE, certificate, error.message);
            set_bit(reign->unreadable, index, true);
        }
        // What is wrong in the file stays so until it is written anew; what the system denies may not.
        agenda_set(&reign->agenda, index, error.code == ERROR_SYSTEM ? daemon->now + AGAIN_S : CLOCK_NONE);
        return false;
    }
    set_bit(reign->unreadable, index, false);
    daemon->newest_written = decide_written(daemon->newest_written, daemon->state.written, CERTAUTO_BUILD_TIME);
    decide_settings(reign->session.config, certificate, &daemon->state, settings);
    *look = (struct look){daemon, certificate, settings, &daemon->state};
    return true;
}

// Gives a certificate to the crew: with a step that starts now, or (decision NULL) an errand for which the template is
// given. -1: no memory.
static int give_to_crew(struct daemon *daemon, size_t index, const struct decision *decision,
                        const struct template *template, int64_t owed, struct error *error)
{
    struct reign *reign = daemon->reign;
    const struct certificate *certificate = &reign->session.config->certificates[index];
    // Who began it under another configuration brings it to its end; then it is looked at again.
    if (crew_works_on(&reign->crew, certificate->name)) {
        return 0;
    }
    if (lock_is_held(reign->crew.state_dirfd, "locks", certificate->name)) {
        agenda_set(&reign->agenda, index, daemon->now + BUSY_S);
        return 0;
    }
    // Errands come behind all steps.
    int64_t not_after = decision == NULL || daemon->state.generation == 0 ? CLOCK_NONE : daemon->state.not_after;
    template = decision != NULL && decision->step != STEP_ISSUE ? NULL : template;
    if (crew_add(&reign->crew, certificate, template, not_after, owed, 0, error) < 0) {
        return -1;
    }
    agenda_set(&reign->agenda, index, CLOCK_NONE);
    set_bit(reign->working, index, true);
    return 0;
}

// A certificate whose moment has come.
static int look_at_one(struct daemon *daemon, size_t index, int64_t owed, struct error *error)
{
    struct settings settings;
    struct decision decision;
    struct look look;
    int64_t moment;
    agenda_set(&daemon->reign->agenda, index, CLOCK_NONE);
    if (!read_one(daemon, index, &look, &settings)) {
        return 0;
    }
    const struct decision *step = &decision;
    const struct template *template = settings.template;
    if (!starts(&look, owed, &decision, &moment)) {
        log_wait(daemon, look.certificate, &decision);
        moment = heed_warning(&look, moment);
        int64_t errand = errand_at(&look, &template);
        if (errand == CLOCK_NONE || errand > daemon->now) {
            agenda_set(&daemon->reign->agenda, index, earlier(moment, errand));
            return 0;
        }
        step = NULL;
    }
    if (give_to_crew(daemon, index, step, template, owed, error) < 0) {
        agenda_set(&daemon->reign->agenda, index, owed);
        return -1;
    }
    return 0;
}

int daemon_look_at_due(struct daemon *daemon, struct error *error)
{
    size_t index;
    int64_t when;
    while (agenda_first(&daemon->reign->agenda, &index, &when) && when <= daemon->now) {
        if (look_at_one(daemon, index, when, error) < 0) {
            return -1;
        }
    }
    return 0;
}

// ---- All

// A start that has passed is still owed, hence the moment that was on the agenda is heeded.
static void place_one(struct daemon *daemon, size_t index)
{
    struct agenda *agenda = &daemon->reign->agenda;
    struct settings settings;
    struct decision decision;
    struct look look;
    int64_t moment, owed = agenda->when[index];
    if (owed == CLOCK_NONE || owed > daemon->now) {
        owed = daemon->now;
    }
    if (!read_one(daemon, index, &look, &settings)) {
        return;
    }
    if (daemon->trust == CLOCK_BEFORE_BUILD || daemon->trust == CLOCK_BEFORE_WRITTEN) {
        moment = CLOCK_NONE;
    } else if (starts(&look, owed, &decision, &moment)) {
        moment = owed;
    } else {
        moment = or_other(&look, moment);
        log_wait(daemon, look.certificate, &decision);
    }
    agenda_set(agenda, index, moment);
}

void daemon_look_at_all(struct daemon *daemon)
{
    const struct reign *reign = daemon->reign;
    daemon->newest_written = CLOCK_NONE;
    for (size_t i = 0; i < reign->session.config->certificate_count; i++) {
        if (get_bit(reign->working, i)) {
            continue;
        }
        place_one(daemon, i);
    }
}

int daemon_look_for_run(struct daemon *daemon, struct error *error)
{
    const struct config *config = daemon->reign->session.config;
    for (size_t i = 0; i < config->certificate_count; i++) {
        struct settings settings;
        struct decision decision;
        struct look look;
        if (get_bit(daemon->reign->working, i) || !read_one(daemon, i, &look, &settings)) {
            continue;
        }
        decide(config, look.certificate, &settings, &daemon->state, daemon->now, 0, &decision);
        if (!is_ready(&decision)) {
            log_wait(daemon, look.certificate, &decision);
        } else if (give_to_crew(daemon, i, &decision, settings.template, CLOCK_NONE, error) < 0) {
            return -1;
        }
    }
    return 0;
}

// ---- What others wrote

static void take_change(struct daemon *daemon, const struct wake_change *change)
{
    struct reign *reign = daemon->reign;
    char name[CONFIG_NAME_MAX + 1];
    size_t length;
    if (change->name[0] == '\0') {
        daemon->stale = true;
        return;
    }
    if (!state_file_name(change->name, &length) || length > CONFIG_NAME_MAX) {
        return;
    }
    memcpy(name, change->name, length);
    name[length] = '\0';
    const struct certificate *certificate = config_find(reign->session.config, name);
    if (certificate == NULL) {
        return;
    }
    if (daemon->trust != CLOCK_TRUSTED) {
        // It may be what made the clock unbelievable.
        daemon->stale = true;
    }
    size_t index = (size_t)(certificate - reign->session.config->certificates);
    int64_t when = clock_now() + (change->gone ? GONE_S : CHANGED_S);
    // Those in the crew are looked at when they leave it.
    if (!get_bit(reign->working, index) &&
        (reign->agenda.when[index] == CLOCK_NONE || reign->agenda.when[index] > when || change->gone)) {
        agenda_set(&reign->agenda, index, when);
    }
}

void daemon_take_changes(struct daemon *daemon)
{
    struct wake_change change;
    while (wake_changed(&daemon->wake, &change)) {
        take_change(daemon, &change);
    }
    if (daemon->settled_boot_ms != 0) {
        int64_t settled_boot_ms = clock_boot_ms() + DAEMON_SETTLE_MS;
        daemon->settled_boot_ms = settled_boot_ms > daemon->settled_boot_ms ? settled_boot_ms : daemon->settled_boot_ms;
    }
}

// ---- Of the crew

void daemon_tell(void *context, const char *name, const struct report *report)
{
    struct reign *reign = context;
    reign->busy = report->outcome == OUTCOME_BUSY;
    reign->asked = report->step == STEP_ERRAND;
    // A state that cannot be read is told of when its certificate is looked at next.
    if (report->outcome != OUTCOME_FAILED || report->step != STEP_NONE) {
        notify_report(&reign->notices, name, report);
    }
    if (reign->asked) {
        return;
    }
    reign->daemon->outcomes[report->outcome]++;
    bool done = report->outcome == OUTCOME_RENEWED || report->outcome == OUTCOME_PUBLISHED;
    bool news = done || ((report->outcome == OUTCOME_PENDING || report->outcome == OUTCOME_HELD) && !report->again);
    run_log(name, report,
            report->outcome == OUTCOME_FAILED ? LOG_LEVEL_ERROR
            : news                            ? LOG_LEVEL_INFO
                                              : LOG_LEVEL_DEBUG);
}

// How long to leave a certificate alone that would start again at once: what was done left no trace in its state.
static int64_t pause_s(const struct decision *decision)
{
    if (decision->window_s <= 0 || decision->window_s / 8 > AGAIN_S) {
        return AGAIN_S;
    }
    return decision->window_s / 8 < 1 ? 1 : decision->window_s / 8;
}

void daemon_left(void *context, const struct certificate *gone)
{
    struct reign *left = context;
    struct daemon *daemon = left->daemon;
    struct reign *reign = daemon->reign;
    const struct certificate *certificate = config_find(reign->session.config, gone->name);
    struct settings settings;
    struct decision decision;
    struct look look;
    int64_t moment;
    if (certificate == NULL) {
        return;
    }
    size_t index = (size_t)(certificate - reign->session.config->certificates);
    if (left == reign) {
        set_bit(reign->working, index, false);
    }
    if (get_bit(reign->working, index) || !read_one(daemon, index, &look, &settings)) {
        return;
    }
    int64_t now = clock_now();
    if (starts(&look, now, &decision, &moment)) {
        moment = left != reign ? now : now + (reign->busy ? BUSY_S : pause_s(&decision));
    } else {
        bool due;
        const struct template *template;
        int64_t errand = errand_at(&look, &template);
        if (left->asked && errand != CLOCK_NONE && errand <= now) {
            // It left no trace in run_dir.
            errand = now + (left->busy ? AGAIN_S : DECIDE_WINDOW_AGAIN_S);
        }
        moment = earlier(or_warning(&look, moment, &due), errand);
    }
    agenda_set(&reign->agenda, index, moment);
}
