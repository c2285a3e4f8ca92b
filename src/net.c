// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Sockets: addresses of a host, connections, bytes in and out, each until a deadline.
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

// ---- Hosts

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    unsigned long value = strtoul(text, &end, 10);
    *port = (uint16_t)value;
    return *end == '\0' && value > 0 && value <= UINT16_MAX;
}

bool net_split(const char *text, char host[NET_HOST_SIZE], uint16_t *port)
{
    bool bracket = *text == '[';
    text += bracket ? 1 : 0;
    size_t length = strcspn(text, bracket ? "]" : ":");
    const char *rest = text + length + (bracket && text[length] == ']' ? 1 : 0);
    if (length == 0 || length >= NET_HOST_SIZE || (bracket && rest == text + length)) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (strpbrk(host, " \t/@?#[]%\\\"'") != NULL || (bracket && !net_is_address(host))) {
        return false;
    }
    return *rest == '\0' || (*rest == ':' && read_port(rest + 1, port));
}

bool net_is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

int net_resolve(const char *host, uint16_t port, struct addrinfo **list, struct error *error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    *list = NULL;
    int code = getaddrinfo(host, service, &hints, list);
    if (code != 0) {
        *list = NULL;
        return error_set(error, code == EAI_NONAME ? ERROR_NOT_FOUND : ERROR_SYSTEM, "%s has no address: %s", host,
                         gai_strerror(code));
    }
    return 0;
}

const char *net_host_text(const struct addrinfo *address, char out[NET_ADDRESS_SIZE])
{
    if (getnameinfo(address->ai_addr, address->ai_addrlen, out, NET_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0) {
        snprintf(out, NET_ADDRESS_SIZE, "an address");
    }
    return out;
}

const char *net_address_text(const struct addrinfo *address, char out[NET_ADDRESS_SIZE])
{
    char host[NI_MAXHOST], service[NI_MAXSERV];
    if (getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof(host), service, sizeof(service),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        snprintf(out, NET_ADDRESS_SIZE, "an address");
    } else {
        snprintf(out, NET_ADDRESS_SIZE, address->ai_family == AF_INET6 ? "[%.45s]:%.6s" : "%.45s:%.6s", host, service);
    }
    return out;
}

// ---- Connections

int net_wait(int fd, short events, long long deadline_boot_ms, struct error *error)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = events};
        long long left_ms = deadline_boot_ms - clock_boot_ms();
        if (left_ms <= 0) {
            return error_set(error, ERROR_TIMEOUT, "no answer in time");
        }
        int ready = poll(&poll_fd, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
        if (ready > 0) {
            return 0;
        }
        if (ready < 0 && errno != EINTR) {
            return error_errno(error, "cannot wait for a connection");
        }
    }
}

static int finish_connecting(int fd, long long deadline_boot_ms, struct error *error)
{
    int problem = 0;
    socklen_t length = sizeof(problem);
    if (net_wait(fd, POLLOUT, deadline_boot_ms, error) < 0) {
        return -1;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &length) == 0 && problem != 0) {
        errno = problem;
        return error_errno(error, "no connection");
    }
    return 0;
}

int net_connect(const struct addrinfo *address, long long deadline_boot_ms, struct error *error)
{
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->ai_protocol);
    if (fd < 0) {
        error_errno(error, "no socket");
        return -1;
    }
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
        return fd;
    }
    int result = errno == EINPROGRESS || errno == EINTR ? finish_connecting(fd, deadline_boot_ms, error)
                                                        : error_errno(error, "no connection");
    if (result < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

ssize_t net_read(int fd, void *bytes, size_t length, long long deadline_boot_ms, struct error *error)
{
    for (;;) {
        ssize_t got = recv(fd, bytes, length, 0);
        if (got >= 0) {
            return got;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return error_errno(error, "the connection broke");
        }
        if (net_wait(fd, POLLIN, deadline_boot_ms, error) < 0) {
            return -1;
        }
    }
}

int net_write(int fd, const void *bytes, size_t length, long long deadline_boot_ms, struct error *error)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t put = send(fd, at, length, MSG_NOSIGNAL);
        if (put >= 0) {
            at += put;
            length -= (size_t)put;
        } else if (errno != EAGAIN && errno != EINTR) {
            return error_errno(error, "the connection broke");
        } else if (net_wait(fd, POLLOUT, deadline_boot_ms, error) < 0) {
            return -1;
        }
    }
    return 0;
}
