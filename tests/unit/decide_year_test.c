// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A simulated year of the loop over decide: a CA that is often down, publications that fail, clock steps, restarts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_fixture.h"

#define YEARS 12
#define FLEET 40
#define MOST_OUTAGES 64
#define SKEWS 40

void __wrap_config_digest(const struct config *config, const struct certificate *certificate,
                          const struct settings *settings, const struct profile *profile, char out[65])
{
    (void)config;
    (void)certificate;
    (void)settings;
    (void)profile;
    snprintf(out, 65, "%s", DIGEST);
}

struct member {
    struct fixture f;
    char name[20], serial[20];
    int64_t life, slot_gap;
    int64_t start;         // wall clock; kept until a decision changes it
    struct decision next;  // what starts then
    int64_t attempt, skew; // real time of the last one to issue, and how wrong the clock was then
    uint32_t attempts;     // since the last success
};

// "real" is what the boot clock counts; the wall clock is off by "skew".
struct world {
    struct random random;
    struct member members[FLEET];
    int64_t real, end, skew, loop_start, newest_written;
    struct clock_watch watch;
    int64_t outages[MOST_OUTAGES][2];
    int outage_count;
    struct {
        int64_t at, skew;
    } skews[SKEWS * 2];
    int skew_next;
    int64_t restart;
    unsigned expired, issued, published, failed, doubted;
};

static int64_t wall(const struct world *world)
{
    return world->real + world->skew;
}

static bool ca_works(const struct world *world, int64_t real)
{
    for (int i = 0; i < world->outage_count; i++) {
        if (real >= world->outages[i][0] && real < world->outages[i][1]) {
            return false;
        }
    }
    return true;
}

// The longest stretch in which the CA worked without a break.
static int64_t longest_work(const struct world *world, int64_t from, int64_t to)
{
    int64_t longest = 0, since = from;

    for (int i = 0; i < world->outage_count && world->outages[i][0] < to; i++) {
        if (world->outages[i][1] > from) {
            longest = world->outages[i][0] - since > longest ? world->outages[i][0] - since : longest;
            since = world->outages[i][1];
        }
    }
    return to - since > longest ? to - since : longest;
}

// ---- The world

static void make_outages(struct world *world)
{
    int64_t moment = BIRTH;

    world->outage_count = 0;
    while (world->outage_count < MOST_OUTAGES) {
        moment += random_between(&world->random, HOUR, 25 * DAY);
        int64_t length = random_one_in(&world->random, 3) ? random_between(&world->random, DAY, 25 * DAY)
                                                          : random_between(&world->random, MINUTE, DAY);
        world->outages[world->outage_count][0] = moment;
        moment += length;
        world->outages[world->outage_count++][1] = moment;
    }
}

// The clock goes wrong for a while: far ahead for less than ten minutes, far back, or a little for longer.
static void make_skews(struct world *world)
{
    int64_t moment = BIRTH + DAY;

    for (int i = 0; i < SKEWS * 2; i += 2) {
        int64_t length, skew;
        switch (random_between(&world->random, 0, 2)) {
        case 0:
            length = random_between(&world->random, 1, 599);
            skew = random_between(&world->random, HOUR + 1, 4000 * DAY);
            break;
        case 1:
            length = random_between(&world->random, 1, HOUR);
            skew = -random_between(&world->random, HOUR + 1, 4000 * DAY);
            break;
        default:
            length = random_between(&world->random, 1, 2 * DAY);
            skew = random_between(&world->random, -HOUR / 2, HOUR / 2);
            break;
        }
        moment += random_between(&world->random, HOUR, 9 * DAY);
        world->skews[i].at = moment;
        world->skews[i].skew = skew;
        moment += length;
        world->skews[i + 1].at = moment;
        world->skews[i + 1].skew = 0;
    }
    world->skew_next = 0;
}

static void make_member(struct world *world, struct member *member, int index, const struct engine *engine)
{
    static const int64_t lives[] = {DAY / 4, DAY, 6 * DAY, 10 * DAY, 45 * DAY, 90 * DAY, 90 * DAY, 200 * DAY};
    struct random *random = &world->random;
    struct fixture *f = &member->f;

    fixture_init(f);
    f->config.engine = *engine;
    snprintf(member->name, sizeof(member->name), "c%d", index);
    f->certificate.name = member->name;
    member->life = lives[random_between(random, 0, 7)];
    member->slot_gap = 0;
    if (member->life >= 45 * DAY && random_one_in(random, 2)) {
        f->renew_slots = slots_of(random_one_in(random, 2) ? "sat,sun 01:00-05:00" : "mon-fri 20:00-22:00");
        f->publish_slots = slots_of(random_one_in(random, 2) ? "all 12:00-13:00" : "sun");
        member->slot_gap = 7 * DAY;
    }
    f->settings.profiles.count = (size_t)random_between(random, 0, 2);
    f->settings.publish.rule = (enum publish_rule)random_between(random, 0, 2);
    f->settings.publish.after_s = HOUR;
    fixture_unissued(f);
    member->attempts = 0;
    member->attempt = INT64_MIN;
}

static void make_world(struct world *world, int year, struct zone *zone)
{
    struct engine engine = {.zone = zone, .jitter_s = year % 3 == 0 ? 0 : HOUR};

    engine.runs = year % 2 == 0 ? (struct runs){.daily = true, .at_min = 180}
                                : (struct runs){.every_s = random_between(&world->random, HOUR, 2 * DAY)};
    for (int i = 0; i < FLEET; i++) {
        make_member(world, &world->members[i], i, &engine);
    }
    make_outages(world);
    make_skews(world);
    world->real = BIRTH;
    world->end = BIRTH + 365 * DAY;
    world->skew = 0;
    world->loop_start = BIRTH;
    world->newest_written = CLOCK_NONE;
    world->watch = (struct clock_watch){0};
    world->restart = BIRTH + random_between(&world->random, DAY, 20 * DAY);
}

// ---- The steps

static void write_state(struct world *world, struct member *member)
{
    member->f.state.written = wall(world);
    world->newest_written = decide_written(world->newest_written, wall(world), BIRTH - DAY);
}

static void plan_next(struct world *world, struct member *member)
{
    struct fixture *f = &member->f;

    member->start = decide_next(&f->config, &f->certificate, &f->settings, &f->state, "host", world->loop_start,
                                wall(world), &member->next);
}

static void fail_step(struct world *world, struct failures *failures)
{
    fixture_fail(failures, failures->count + 1, wall(world));
    failures->permanent = random_one_in(&world->random, 10);
    world->failed++;
}

// "no certificate expires whose CA worked in its last third": long enough for the runs, slots and waits there are.
static void judge_expiry(struct world *world, struct member *member)
{
    const struct state *state = &member->f.state;
    int64_t window = member->life <= 10 * DAY ? member->life / 2 : member->life / 3;
    int64_t needed = window * 3 / 8 + 2 * HOUR + member->slot_gap;

    if (state->generation == 0 || state->not_after > world->real) {
        return;
    }
    world->expired++;
    if (longest_work(world, state->not_after - window, state->not_after) > needed) {
        fail_msg("%s (life %lld) expired at %s though its CA worked", member->name, (long long)member->life,
                 time_text(state->not_after));
    }
}

static void issue(struct world *world, struct member *member)
{
    struct state *state = &member->f.state;
    int64_t window = member->life / 3;
    struct due due;

    // Never a storm: not even the shortest wait is passed over.
    assert_true(member->attempts == 0 || world->real - member->attempt >= (window / 8 < MINUTE ? 1 : MINUTE) ||
                world->skew != member->skew);
    member->attempt = world->real;
    member->skew = world->skew;
    member->attempts++;
    if (!ca_works(world, world->real)) {
        fail_step(world, &state->issue);
        state->retry_after =
            random_one_in(&world->random, 5) ? wall(world) + random_between(&world->random, 1, HOUR) : CLOCK_NONE;
    } else {
        judge_expiry(world, member);
        state->generation++;
        snprintf(member->serial, sizeof(member->serial), "%08x", (unsigned)random_next(&world->random));
        state->serial = member->serial;
        state->issued = wall(world);
        state->not_before = world->real; // the CA's clock is right
        state->not_after = state->not_before + member->life;
        state->names = member->f.certificate.names;
        state->key_type = "ecdsa-p256";
        state->issue = (struct failures){.last = CLOCK_NONE};
        state->retry_after = CLOCK_NONE;
        member->attempts = 0;
        world->issued++;
        // Under a clock that is far ahead it is due again at once, which counts as a failure.
        decide_due(&member->f.certificate, &member->f.settings, state, &due);
        assert_true(due.at > wall(world) || world->skew > HOUR);
        if (due.at <= wall(world)) {
            fail_step(world, &state->issue);
        }
    }
    write_state(world, member);
}

static void publish(struct world *world, struct member *member, const struct decision *decision)
{
    struct state *state = &member->f.state;
    struct publication *publication = state_publication_add(state, decision->profile);

    // "each generation is published once", the newest only, and never back.
    assert_int_equal(decision->generation, state->generation);
    assert_true(publication->published < decision->generation);
    if (random_one_in(&world->random, 4)) {
        fail_step(world, &publication->failures);
    } else {
        publication->previous = publication->published;
        publication->published = decision->generation;
        publication->published_not_after = state->not_after;
        publication->failures = (struct failures){.last = CLOCK_NONE};
        world->published++;
    }
    write_state(world, member);
}

// The worker decides again about its step.
static void start_step(struct world *world, struct member *member)
{
    struct fixture *f = &member->f;
    struct decision now;

    if (member->next.next == STEP_ISSUE) {
        decide_issue(&f->config, &f->certificate, &f->settings, &f->state, wall(world), 0, &now);
    } else {
        decide_publish(&f->config, &f->certificate, &f->settings, &f->state, member->next.profile, wall(world), 0,
                       &now);
    }
    if (now.step == STEP_ISSUE) {
        issue(world, member);
    } else if (now.step == STEP_PUBLISH) {
        publish(world, member, &now);
    } else {
        // Only a clock that has been set can have made it early.
        assert_true(world->skew_next > 0);
    }
}

// ---- The loop

static void turn_clock_and_loop(struct world *world)
{
    bool set = false;

    while (world->skew_next < SKEWS * 2 && world->skews[world->skew_next].at <= world->real) {
        world->skew = world->skews[world->skew_next++].skew;
        set = true;
    }
    if (world->real >= world->restart) {
        // It comes back after some minutes, knowing nothing but the states.
        world->real += random_between(&world->random, 0, 10 * MINUTE);
        world->restart = world->real + random_between(&world->random, HOUR, 30 * DAY);
        world->watch = (struct clock_watch){0};
        world->loop_start = wall(world);
        set = true;
    }
    for (int i = 0; set && i < FLEET; i++) {
        plan_next(world, &world->members[i]);
    }
}

static int64_t next_event(const struct world *world, int64_t doubt_ends)
{
    int64_t next = world->restart;

    if (world->skew_next < SKEWS * 2 && world->skews[world->skew_next].at < next) {
        next = world->skews[world->skew_next].at;
    }
    return doubt_ends < next ? doubt_ends : next;
}

// What `--trust-clock` does, once a person has set a clock that was ahead when the loop began.
static void trust_clock(struct world *world)
{
    world->newest_written = CLOCK_NONE;
    for (int i = 0; i < FLEET; i++) {
        struct state *state = &world->members[i].f.state;
        state->written = state->written > wall(world) ? wall(world) : state->written;
        world->newest_written = decide_written(world->newest_written, state->written, BIRTH - DAY);
        plan_next(world, &world->members[i]);
    }
}

static void live_through(struct world *world)
{
    for (int i = 0; i < FLEET; i++) {
        plan_next(world, &world->members[i]);
    }
    for (unsigned turns = 0; world->real < world->end; turns++) {
        int64_t until_ms, next = INT64_MAX;
        assert_true(turns < 2000000);
        turn_clock_and_loop(world);
        bool believed = decide_clock(wall(world), BIRTH - DAY, world->newest_written) == CLOCK_TRUSTED;
        if (!believed && world->skew == 0) {
            trust_clock(world);
            believed = true;
        }
        if (!believed) {
            world->watch = (struct clock_watch){0};
            until_ms = INT64_MAX;
        } else {
            believed = decide_clock_watch(&world->watch, wall(world), world->real * 1000, &until_ms) == CLOCK_TRUSTED;
        }
        world->doubted += !believed;
        for (int i = 0; believed && i < FLEET; i++) {
            struct member *member = &world->members[i];
            if (member->start != CLOCK_NONE && member->start <= wall(world)) {
                start_step(world, member);
                plan_next(world, member);
            }
            if (member->start != CLOCK_NONE && member->start - world->skew < next) {
                next = member->start - world->skew;
            }
        }
        int64_t event = next_event(world, until_ms == INT64_MAX ? INT64_MAX : until_ms / 1000);
        next = event < next ? event : next;
        // A step may make the next one ready in the same second.
        world->real = next > world->real ? next : world->real;
    }
}

static void judge_year(struct world *world)
{
    for (int i = 0; i < FLEET; i++) {
        struct member *member = &world->members[i];
        const struct state *state = &member->f.state;
        judge_expiry(world, member);
        assert_true(state->generation > 0);
        for (size_t j = 0; j < state->publication_count; j++) {
            const struct publication *publication = &state->publications[j];
            // Whatever is not the newest has a reason: it waits for an expiry, a slot or after a failure.
            if (publication->published < state->generation && publication->failures.count == 0) {
                struct decision decision;
                decide_publish(&member->f.config, &member->f.certificate, &member->f.settings, state,
                               publication->profile, wall(world), 0, &decision);
                assert_true(decision.step == STEP_WAIT || decision.at >= world->end - 1);
            }
        }
        state_free(&member->f.state);
    }
}

static void year_passes_without_an_expiry_that_the_ca_did_not_cause(void **unused)
{
    static struct world world;
    struct random random = random_start("year");

    (void)unused;
    for (int year = 0; year < YEARS; year++) {
        struct zone *zone = zone_of(calendar_zones[year % CALENDAR_ZONES]);
        memset(&world, 0, sizeof(world));
        world.random.state = random_next(&random);
        make_world(&world, year, zone);
        live_through(&world);
        judge_year(&world);
        zone_free(zone);
        // A year in which nothing went wrong would prove nothing.
        assert_true(world.issued > 500 && world.published > 500 && world.failed > 100 && world.doubted > 10);
        printf("# year %d: %u issued, %u published, %u failures, %u expired\n", year, world.issued, world.published,
               world.failed, world.expired);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(year_passes_without_an_expiry_that_the_ca_did_not_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
