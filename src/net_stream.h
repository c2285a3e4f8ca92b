// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A connection to a peer by TCP, TLS or UDP, read by the piece, by the length or by the line.
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "net.h"

#define NET_STREAM_MOST (1024 * 1024) // bytes that one call reads

// Deadlines are moments of clock_boot_ms and hold for the whole call, however slowly the peer drips.

struct net_stream; // opaque

// What to connect to; borrowed during the call.
struct net_target {
    const char *host; // a name or an address
    uint16_t port;
    bool udp;
    bool tls;                // verified, see net_tls_open; after key_start
    const char *server_name; // that the peer must prove; NULL: host
    const char *trust;       // see net_tls_open
    size_t trust_length;
    const char *const *protocols;
};

// Tries the addresses of the host one after the other, each for its share of the time that is left. By UDP nothing is
// sent, and only datagrams of that address and port are received afterwards.
int net_stream_open(const struct net_target *target, long long deadline_boot_ms, struct net_stream **stream,
                    struct error *error);
void net_stream_close(struct net_stream *stream); // NULL-safe
// The application protocol that the peer chose, "" for none.
const char *net_stream_protocol(const struct net_stream *stream);

// Sends all of it; by UDP as one datagram.
int net_stream_send(struct net_stream *stream, const void *bytes, size_t length, long long deadline_boot_ms,
                    struct error *error);
// Appends what has come, waiting for the first byte: 1 to "most" bytes, or none at the end of the stream. By UDP one
// datagram, perhaps an empty one; one that is longer than "most" is lost (ERROR_REFUSED).
int net_stream_receive(struct net_stream *stream, size_t most, long long deadline_boot_ms, struct buf *out,
                       struct error *error);
// Appends exactly so many bytes; ERROR_FORMAT when the stream ends before. Not for UDP.
int net_stream_read(struct net_stream *stream, size_t length, long long deadline_boot_ms, struct buf *out,
                    struct error *error);
// Appends a line without its end, LF or CR LF; ERROR_FORMAT when the stream ends before, ERROR_REFUSED when "most" bytes
// hold no end. Not for UDP.
int net_stream_line(struct net_stream *stream, size_t most, long long deadline_boot_ms, struct buf *out,
                    struct error *error);

#endif
