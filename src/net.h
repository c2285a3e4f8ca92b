// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Sockets: addresses of a host, connections, bytes in and out, each until a deadline.
#ifndef NET_H
#define NET_H

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define NET_HOST_SIZE 256
#define NET_ADDRESS_SIZE 64 // of net_address_text

// Deadlines are moments of clock_boot_ms. Descriptors are close-on-exec and do not block.

// Takes "HOST:PORT", "HOST" or "[IPv6]:PORT" apart; without a port *port stays as it is. False for anything else, and for
// port 0. No I/O.
bool net_split(const char *text, char host[NET_HOST_SIZE], uint16_t *port);
// True when the host is written as an address (RFC 6066 §3: such a one is never named in TLS).
bool net_is_address(const char *host);

// All addresses of a host for TCP, freed by freeaddrinfo; ERROR_NOT_FOUND for a name that is not there. May wait as long as
// the system's resolver does.
int net_resolve(const char *host, uint16_t port, struct addrinfo **list, struct error *error);
// "127.0.0.1", "::1"; returns out.
const char *net_host_text(const struct addrinfo *address, char out[NET_ADDRESS_SIZE]);
// "127.0.0.1:443", "[::1]:443"; returns out.
const char *net_address_text(const struct addrinfo *address, char out[NET_ADDRESS_SIZE]);

// Connects to one address. Returns the descriptor or -1.
int net_connect(const struct addrinfo *address, long long deadline_boot_ms, struct error *error);
// Waits until the descriptor can be read (POLLIN) or written (POLLOUT).
int net_wait(int fd, short events, long long deadline_boot_ms, struct error *error);
// Reads what there is, at least one byte: its count; 0 when the peer has closed; -1.
ssize_t net_read(int fd, void *bytes, size_t length, long long deadline_boot_ms, struct error *error);
// Writes all of it.
int net_write(int fd, const void *bytes, size_t length, long long deadline_boot_ms, struct error *error);

#endif
