// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A connection to a peer by TCP, TLS or UDP, read by the piece, by the length or by the line.
#include "net_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "net_tls.h"

struct net_stream {
    int fd;
    bool udp;
    struct net_tls *tls; // NULL: none
    size_t at, end;      // what of "ahead" was read and not yet asked for
    char ahead[4096];
};

// ---- Life

static int connect_any(const struct net_target *target, long long deadline_boot_ms, struct error *error)
{
    struct addrinfo *list;
    int fd = -1, count = 0;
    if (net_resolve(target->host, target->port, &list, error) < 0) {
        return -1;
    }
    for (const struct addrinfo *each = list; each != NULL; each = each->ai_next) {
        count++;
    }
    for (const struct addrinfo *each = list; fd < 0 && each != NULL; each = each->ai_next, count--) {
        char text[NET_ADDRESS_SIZE];
        struct addrinfo address = *each;
        if (target->udp) {
            address.ai_socktype = SOCK_DGRAM;
            address.ai_protocol = 0;
        }
        long long now = clock_boot_ms();
        fd = net_connect(&address, now + (deadline_boot_ms - now) / count, error);
        if (fd < 0) {
            error_prefix(error, "%s", net_address_text(each, text));
        }
    }
    freeaddrinfo(list);
    return fd;
}

int net_stream_open(const struct net_target *target, long long deadline_boot_ms, struct net_stream **stream,
                    struct error *error)
{
    struct net_stream *made = calloc(1, sizeof(*made));
    *stream = NULL;
    if (made == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a connection");
    }
    made->udp = target->udp;
    made->fd = connect_any(target, deadline_boot_ms, error);
    const char *name = target->server_name != NULL ? target->server_name : target->host;
    if (made->fd < 0 || (target->tls && net_tls_open(made->fd, name, target->trust, target->trust_length,
                                                     target->protocols, deadline_boot_ms, &made->tls, error) < 0)) {
        net_stream_close(made);
        return -1;
    }
    *stream = made;
    return 0;
}

void net_stream_close(struct net_stream *stream)
{
    if (stream != NULL) {
        net_tls_close(stream->tls);
        if (stream->fd >= 0) {
            close(stream->fd);
        }
        // What a peer says may be a secret.
        explicit_bzero(stream->ahead, sizeof(stream->ahead));
        free(stream);
    }
}

const char *net_stream_protocol(const struct net_stream *stream)
{
    return stream->tls != NULL ? net_tls_protocol(stream->tls) : "";
}

// ---- Bytes

static int send_datagram(int fd, const void *bytes, size_t length, struct error *error)
{
    return send(fd, bytes, length, MSG_NOSIGNAL) < 0 ? error_errno(error, "the datagram was not sent") : 0;
}

int net_stream_send(struct net_stream *stream, const void *bytes, size_t length, long long deadline_boot_ms,
                    struct error *error)
{
    if (stream->udp) {
        return send_datagram(stream->fd, bytes, length, error);
    }
    return stream->tls != NULL ? net_tls_write(stream->tls, bytes, length, deadline_boot_ms, error)
                               : net_write(stream->fd, bytes, length, deadline_boot_ms, error);
}

static ssize_t read_some(struct net_stream *stream, void *bytes, size_t length, long long deadline_boot_ms,
                         struct error *error)
{
    return stream->tls != NULL ? net_tls_read(stream->tls, bytes, length, deadline_boot_ms, error)
                               : net_read(stream->fd, bytes, length, deadline_boot_ms, error);
}

// Has something in "ahead": 1; 0 at the end of the stream; -1.
static int look_ahead(struct net_stream *stream, long long deadline_boot_ms, struct error *error)
{
    if (stream->at < stream->end) {
        return 1;
    }
    if (clock_boot_ms() >= deadline_boot_ms) {
        return error_set(error, ERROR_TIMEOUT, "no answer in time");
    }
    ssize_t got = read_some(stream, stream->ahead, sizeof(stream->ahead), deadline_boot_ms, error);
    stream->at = 0;
    stream->end = got > 0 ? (size_t)got : 0;
    return got > 0 ? 1 : (int)got;
}

// Moves bytes from "ahead" to the buffer.
static int take(struct net_stream *stream, size_t length, struct buf *out, struct error *error)
{
    buf_add(out, stream->ahead + stream->at, length);
    stream->at += length;
    return out->failed ? error_set(error, ERROR_SYSTEM, "no memory for what the peer sent") : 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int receive_datagram(int fd, size_t most, long long deadline_boot_ms, struct buf *out, struct error *error)
{
    // One byte more shows that it is longer.
    char *room = buf_reserve(out, most + 1);
    if (room == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a datagram");
    }
    ssize_t got = net_read(fd, room, most + 1, deadline_boot_ms, error);
    if (got > (ssize_t)most) {
        return error_set(error, ERROR_REFUSED, "a datagram of more than %zu bytes came", most);
    }
    if (got > 0) {
        buf_added(out, (size_t)got);
    }
    return got < 0 ? -1 : 0;
}

int net_stream_receive(struct net_stream *stream, size_t most, long long deadline_boot_ms, struct buf *out,
                       struct error *error)
{
    if (stream->udp) {
        return receive_datagram(stream->fd, most, deadline_boot_ms, out, error);
    }
    int there = look_ahead(stream, deadline_boot_ms, error);
    return there <= 0 ? there : take(stream, least(most, stream->end - stream->at), out, error);
}

int net_stream_read(struct net_stream *stream, size_t length, long long deadline_boot_ms, struct buf *out,
                    struct error *error)
{
    while (length > 0) {
        int there = look_ahead(stream, deadline_boot_ms, error);
        if (there == 0) {
            return error_set(error, ERROR_FORMAT, "the connection ended with %zu bytes missing", length);
        }
        size_t part = least(length, stream->end - stream->at);
        if (there < 0 || take(stream, part, out, error) < 0) {
            return -1;
        }
        length -= part;
    }
    return 0;
}

int net_stream_line(struct net_stream *stream, size_t most, long long deadline_boot_ms, struct buf *out,
                    struct error *error)
{
    const char *end = NULL;
    while (end == NULL) {
        int there = look_ahead(stream, deadline_boot_ms, error);
        if (there == 0) {
            return error_set(error, ERROR_FORMAT, "the connection ended before the end of a line");
        }
        if (there < 0) {
            return -1;
        }
        const char *start = stream->ahead + stream->at;
        size_t length = stream->end - stream->at;
        end = memchr(start, '\n', length);
        length = end != NULL ? (size_t)(end - start) : length;
        if (length > most) {
            return error_set(error, ERROR_REFUSED, "a line is too long");
        }
        most -= length;
        if (take(stream, length, out, error) < 0) {
            return -1;
        }
    }
    stream->at++;
    if (out->length > 0 && out->data[out->length - 1] == '\r') {
        out->data[--out->length] = '\0';
    }
    return 0;
}
