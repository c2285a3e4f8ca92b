// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The time zone: by name out of the zone files, as a POSIX string, or the system's.
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "config_value.h"
#include "file.h"
#include "zone.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define SYSTEM_FILE "/etc/localtime"
#define SYSTEM_TEXT "/etc/TZ" // OpenWrt: a POSIX string
#define MAX_TEXT 256

// A name that stays below the folder: parts of letters, digits, '_', '+', '-', '.', none beginning with a dot.
static bool is_zone_name(const char *text)
{
    if (strlen(text) > MAX_TEXT) {
        return false;
    }
    for (const char *part = text;; part++) {
        size_t length = strcspn(part, "/");
        if (length == 0 || part[0] == '.' ||
            strspn(part, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.") < length) {
            return false;
        }
        part += length;
        if (*part == '\0') {
            return true;
        }
    }
}

static int read_zone(const char *path, struct zone **zone, struct error *error)
{
    struct buf bytes;
    buf_init(&bytes, ZONE_MAX_BYTES);
    int result = file_read(AT_FDCWD, path, &bytes, error);
    if (result == 0) {
        result = zone_from_tzif(bytes.data, bytes.length, zone, error);
        result = result < 0 ? error_prefix(error, "%s", path) : 0;
    }
    buf_free(&bytes);
    return result;
}

// The first line of /etc/TZ.
static int read_text(struct zone **zone, struct error *error)
{
    struct buf text;
    buf_init(&text, MAX_TEXT);
    int result = file_read(AT_FDCWD, SYSTEM_TEXT, &text, error);
    if (result == 0) {
        buf_char(&text, '\0');
        if (text.failed) {
            result = error_set(error, ERROR_FORMAT, "%s is too long", SYSTEM_TEXT);
        } else {
            text.data[strcspn(text.data, " \t\r\n")] = '\0';
            result = zone_from_posix(text.data, zone, error);
            result = result < 0 ? error_prefix(error, "%s", SYSTEM_TEXT) : 0;
        }
    }
    buf_free(&text);
    return result;
}

// What the system is set to: its zone file, else OpenWrt's text, else UTC. TZ in the environment does not count.
static int system_zone(struct zone **zone, struct error *error)
{
    int result = read_zone(SYSTEM_FILE, zone, error);

    if (result < 0 && error->code == ERROR_NOT_FOUND) {
        result = read_text(zone, error);
    }
    if (result < 0 && error->code == ERROR_NOT_FOUND) {
        *zone = zone_utc();
        result = 0;
    }
    return result;
}

static int named_zone(const char *text, struct zone **zone, struct error *error)
{
    char path[sizeof(ZONE_FOLDER) + MAX_TEXT];
    struct error other;

    error->code = ERROR_NOT_FOUND;
    if (is_zone_name(text)) {
        memcpy(path, ZONE_FOLDER, sizeof(ZONE_FOLDER));
        memcpy(path + strlen(ZONE_FOLDER), text, strlen(text) + 1);
        if (read_zone(path, zone, error) == 0) {
            return 0;
        }
    }
    if (zone_from_posix(text, zone, &other) == 0) {
        return 0;
    }
    if (strcasecmp(text, "UTC") == 0) {
        *zone = zone_utc();
        return 0;
    }
    if (error->code != ERROR_NOT_FOUND) {
        return -1;
    }
    return error_set(error, ERROR_CONFIG, "'%s' is no zone in %s and no POSIX string (%.200s)", config_shown(text),
                     ZONE_FOLDER, other.message);
}

int config_parse_zone(struct config_loader *loader, const char *text, struct value *value, struct error *error)
{
    struct error reason = {0};
    int result =
        strcasecmp(text, "system") == 0 ? system_zone(&value->zone, &reason) : named_zone(text, &value->zone, &reason);

    if (result < 0) {
        return error_set(error, ERROR_CONFIG, "%s", reason.message);
    }
    // Should it be given twice, by mistake, the first is given back.
    zone_free(loader->data->zone);
    loader->data->zone = value->zone;
    return 0;
}
