// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Whether the clock is to be believed.
#include "decide.h"

#define HOUR ((int64_t)3600)
#define DAY (24 * HOUR)
#define TEN_YEARS (3653 * DAY)
#define STEP_MS (HOUR * 1000)
#define DOUBT_MS ((int64_t)600 * 1000)

int64_t decide_written(int64_t newest, int64_t written, int64_t build_time)
{
    if (written == CLOCK_NONE || written > build_time + TEN_YEARS) {
        return newest;
    }
    return newest == CLOCK_NONE || written > newest ? written : newest;
}

enum clock_trust decide_clock(int64_t now, int64_t build_time, int64_t newest_written)
{
    if (now < build_time - DAY) {
        return CLOCK_BEFORE_BUILD;
    }
    newest_written = decide_written(CLOCK_NONE, newest_written, build_time);
    if (newest_written != CLOCK_NONE && now < newest_written - HOUR) {
        return CLOCK_BEFORE_WRITTEN;
    }
    return CLOCK_TRUSTED;
}

void decide_clock_reason(enum clock_trust trust, int64_t now, int64_t build_time, int64_t newest_written,
                         struct buf *out)
{
    char clock[CLOCK_UTC_SIZE], other[CLOCK_UTC_SIZE];

    clock_format(now, clock);
    clock_format(trust == CLOCK_BEFORE_BUILD ? build_time : newest_written, other);
    switch (trust) {
    case CLOCK_BEFORE_BUILD:
        buf_format(out, "the clock reads %s, which is before this program was built (%s)", clock, other);
        break;
    case CLOCK_BEFORE_WRITTEN:
        buf_format(out, "the clock reads %s, which is before certauto last wrote (%s)", clock, other);
        break;
    case CLOCK_JUMPED:
        buf_format(out, "the clock has jumped ahead, to %s; nothing starts for ten minutes", clock);
        break;
    case CLOCK_TRUSTED:
    case CLOCK_TRUST_COUNT: break;
    }
}

enum clock_trust decide_clock_watch(struct clock_watch *watch, int64_t now, int64_t boot_ms, int64_t *until_boot_ms)
{
    int64_t lead_ms = now * 1000 - boot_ms;
    int64_t until = INT64_MAX;

    // A step back of what had jumped ahead ends the doubt as if nothing had happened.
    if (!watch->started || lead_ms - watch->lead_ms <= STEP_MS) {
        watch->doubting = false;
    } else if (!watch->doubting) {
        watch->doubting = true;
        watch->doubt_boot_ms = boot_ms;
    }
    if (watch->doubting && boot_ms - watch->doubt_boot_ms < DOUBT_MS) {
        until = watch->doubt_boot_ms + DOUBT_MS;
    } else {
        watch->started = true;
        watch->doubting = false;
        watch->lead_ms = lead_ms;
    }
    if (until_boot_ms != NULL) {
        *until_boot_ms = until;
    }
    return watch->doubting ? CLOCK_JUMPED : CLOCK_TRUSTED;
}
