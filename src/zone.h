// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A time zone: what the wall clock reads at an instant, and back. Pure; never uses the C library's zone.
#ifndef ZONE_H
#define ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define ZONE_MAX_BYTES (256 * 1024) // of a TZif file

struct zone; // opaque, immutable once made

// Makes a zone from the bytes of a TZif file (RFC 9636, versions 1-4, its footer used after the last
// transition) or from a POSIX string ("CET-1CEST,M3.5.0,M10.5.0/3", RFC 9636 §3.3.1 extensions).
int zone_from_tzif(const void *bytes, size_t length, struct zone **zone, struct error *error);
int zone_from_posix(const char *text, struct zone **zone, struct error *error);
struct zone *zone_utc(void); // static; zone_free ignores it
void zone_free(struct zone *zone);

// Seconds east of UTC at the instant; *until (may be NULL): the first later instant at which the offset
// may be another, INT64_MAX when never.
int32_t zone_offset(const struct zone *zone, int64_t time, int64_t *until);

// A local reading as seconds since 1970-01-01 00:00 of the wall clock. All instants that read so: 0 (skipped
// by a change), 1 or 2 (doubled); in order in out. When 0, out[0] is the instant of the change that skips it.
int zone_instants(const struct zone *zone, int64_t local, int64_t out[2]);

// The instant of local midnight of 1970-01-01 (from which "every DURATION" counts).
int64_t zone_epoch(const struct zone *zone);

#endif
