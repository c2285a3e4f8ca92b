// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The service manager: told by datagrams what the loop is doing, as sd_notify(3) has it, where it asks to be.
#ifndef SERVICE_H
#define SERVICE_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct service {
    struct sockaddr_un address; // of NOTIFY_SOCKET
    socklen_t length;           // 0: nobody asked
    int64_t watchdog_ms;        // between two signs of life; 0: none is asked for
    int64_t next_sign_boot_ms;
};

// Reads NOTIFY_SOCKET (a path, or '@' and an abstract name), WATCHDOG_USEC and WATCHDOG_PID. What does not make
// sense counts as not asked for.
void service_open(struct service *service);
// Each tells, and never fails or waits: a service manager that does not listen stops nothing.
void service_ready(const struct service *service);
void service_reloading(const struct service *service);
void service_stopping(const struct service *service);
// Gives a sign of life when it is time for one. Returns the boot clock of the next, INT64_MAX where none is asked for.
int64_t service_alive(struct service *service, int64_t boot_ms);

#endif
