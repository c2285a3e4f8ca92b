// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The service manager: told by datagrams what the loop is doing, as sd_notify(3) has it, where it asks to be.
#include "service.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// A whole number of the environment; 0 when there is none.
static int64_t number(const char *name)
{
    const char *text = getenv(name);
    int64_t value = 0;
    for (; text != NULL && *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || value > INT64_MAX / 10 - 1) {
            return 0;
        }
        value = value * 10 + (*text - '0');
    }
    return value;
}

static void read_address(struct service *service, const char *path)
{
    size_t length = path == NULL ? 0 : strlen(path);
    if (length < 2 || (path[0] != '/' && path[0] != '@') || length >= sizeof(service->address.sun_path)) {
        return;
    }
    service->address.sun_family = AF_UNIX;
    memcpy(service->address.sun_path, path, length);
    // An abstract name begins with NUL and has no end but its length.
    if (path[0] == '@') {
        service->address.sun_path[0] = '\0';
    } else {
        length++;
    }
    service->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void service_open(struct service *service)
{
    *service = (struct service){0};
    read_address(service, getenv("NOTIFY_SOCKET"));
    int64_t pid = number("WATCHDOG_PID");
    if (service->length == 0 || (getenv("WATCHDOG_PID") != NULL && pid != getpid())) {
        return;
    }
    // Twice as often as it is asked for, so that one that is late is not too late.
    int64_t period_us = number("WATCHDOG_USEC");
    service->watchdog_ms = period_us == 0 ? 0 : period_us < 2000 ? 1 : period_us / 2000;
}

static void tell(const struct service *service, const char *text)
{
    if (service->length == 0) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&service->address, service->length);
    close(fd);
}

void service_ready(const struct service *service)
{
    tell(service, "READY=1");
}

void service_reloading(const struct service *service)
{
    struct timespec now;
    char text[64];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(service, text);
}

void service_stopping(const struct service *service)
{
    tell(service, "STOPPING=1");
}

int64_t service_alive(struct service *service, int64_t boot_ms)
{
    if (service->watchdog_ms == 0) {
        return INT64_MAX;
    }
    if (boot_ms >= service->next_sign_boot_ms) {
        tell(service, "WATCHDOG=1");
        service->next_sign_boot_ms = boot_ms + service->watchdog_ms;
    }
    return service->next_sign_boot_ms;
}
