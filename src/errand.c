// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// When CAs are to be asked again: the file "errands" in run_dir, which may be lost and is small however many they are.
#include "errand.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "codec.h"
#include "loop.h"

#define FILE_NAME "errands"
#define FEWEST 256 // records
#define MOST_PROBES 64
#define MOST_GENERATION 0x3fffffffU
#define OLD_S (2 * 86400) // nobody asks for it any more

// The file is a hash table: a record stands at the place that its name's hash says, or in one of those behind.
// A file for each would take a page of memory each where run_dir is in memory, as it mostly is.
struct record {
    uint64_t name;  // the first 64 bits of its SHA-256, never 0; 0: free
    uint64_t facts; // next: 33 bits, generation: 30, failed: 1
};

static uint64_t hash_of(const char *name)
{
    uint8_t digest[CODEC_SHA256_SIZE];
    uint64_t hash;
    codec_sha256(name, strlen(name), digest);
    memcpy(&hash, digest, sizeof(hash));
    return hash == 0 ? 1 : hash;
}

static struct errand unpack(const struct record *record)
{
    return (struct errand){.generation = (uint32_t)(record->facts >> 1 & MOST_GENERATION),
                           .next = (int64_t)(record->facts >> 31),
                           .failed = (record->facts & 1) != 0};
}

// How many records the file has; 0: it is none of ours.
static uint64_t count_of(int fd)
{
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) < 0 || !S_ISREG(facts.st_mode)) {
        return 0;
    }
    uint64_t count = (uint64_t)facts.st_size / sizeof(struct record);
    return (count & (count - 1)) == 0 ? count : 0;
}

// Where the record of the name stands. False: nowhere; "at" is a place for it: the first that is free or whose record is
// old, else the one that its name says.
static bool find(int fd, uint64_t count, uint64_t name, int64_t old, off_t *at, struct record *record)
{
    off_t room = -1;
    for (uint64_t i = 0; i < MOST_PROBES && i < count; i++) {
        off_t place = (off_t)(((name + i) & (count - 1)) * sizeof(*record));
        *at = i == 0 ? place : *at;
        if (pread(fd, record, sizeof(*record), place) != (ssize_t)sizeof(*record)) {
            return false;
        }
        if (record->name == name) {
            *at = place;
            return true;
        }
        if (room < 0 && (record->name == 0 || unpack(record).next < old)) {
            room = place;
        }
        if (record->name == 0) {
            break;
        }
    }
    *at = room >= 0 ? room : *at;
    return false;
}

int errand_open(const struct engine *engine)
{
    int dirfd = loop_open_folder(engine, false, NULL);
    if (dirfd < 0) {
        return -1;
    }
    int fd = openat(dirfd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    close(dirfd);
    return fd;
}

struct errand errand_read(int fd, const char *name)
{
    struct record record;
    off_t at = 0;
    uint64_t count = count_of(fd);
    if (count == 0 || !find(fd, count, hash_of(name), INT64_MIN, &at, &record)) {
        return (struct errand){0};
    }
    return unpack(&record);
}

static int note(int fd, size_t certificates, const char *name, const struct errand *errand)
{
    off_t at = 0;
    struct record record;
    uint64_t count = count_of(fd), least = FEWEST;
    while (least < 2 * (uint64_t)certificates) {
        least *= 2;
    }
    if (count < least) {
        count = least;
        if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)(count * sizeof(record))) < 0) {
            return -1;
        }
    }
    (void)find(fd, count, hash_of(name), clock_now() - OLD_S, &at, &record);
    uint64_t generation = errand->generation & MOST_GENERATION;
    record = (struct record){hash_of(name), (uint64_t)errand->next << 31 | generation << 1 | errand->failed};
    return pwrite(fd, &record, sizeof(record), at) == (ssize_t)sizeof(record) ? 0 : -1;
}

int errand_write(const struct config *config, const char *name, const struct errand *errand, struct error *error)
{
    int dirfd = loop_open_folder(&config->engine, true, error);
    if (dirfd < 0) {
        return -1;
    }
    int fd = openat(dirfd, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    // Two that find the same free place would take it both.
    int result = fd < 0 || flock(fd, LOCK_EX) < 0 || note(fd, config->certificate_count, name, errand) < 0
                     ? error_errno(error, "when its CA is to be asked again cannot be noted in run_dir")
                     : 0;
    if (fd >= 0) {
        close(fd);
    }
    close(dirfd);
    return result;
}
