// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// A process that answers a CA's validation by HTTP or TLS, while the one that began it does something else.
#include "net_responder.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "key.h"
#include "net.h"
#include "process.h"

#define MOST_GUESTS 32
#define GUEST_MS 10000
#define HEAD_SIZE 4096
#define ANSWER_SIZE (NET_PAGE_MOST_BODY + 1024)
#define BACKLOG 64
#define PRIVILEGED 1024 // Linux's default of net.ipv4.ip_unprivileged_port_start

enum stage { STAGE_ASKED, STAGE_ANSWERED, STAGE_DRAINED };

// A connection. What is left to read at its end is read, or the kernel might tear down what was sent.
struct guest {
    int fd; // -1: none
    enum stage stage;
    long long deadline_boot_ms;
    struct net_tls_guest *tls;
    char head[HEAD_SIZE];
    size_t length;
    struct buf answer;
    size_t sent;
};

// ---- Listening

static int listen_failed(const struct net_service *service, struct error *error)
{
    const char *address = service->address != NULL ? service->address : "this machine";
    if (errno == EADDRINUSE) {
        return error_set(error, ERROR_BUSY, "port %u of %s is in use by another program", service->port, address);
    }
    if (errno == EACCES && service->port < PRIVILEGED) {
        return error_set(error, ERROR_REFUSED,
                         "listening at port %u needs root or CAP_NET_BIND_SERVICE, as ports below %d do", service->port,
                         PRIVILEGED);
    }
    return error_errno(error, "cannot listen at port %u of %s", service->port, address);
}

static int listen_at(const struct sockaddr *address, socklen_t length)
{
    const int on = 1, off = 0;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->sa_family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (bind(fd, address, length) < 0 || listen(fd, BACKLOG) < 0) {
        int problem = errno;
        close(fd);
        errno = problem;
        return -1;
    }
    return fd;
}

static int listen_everywhere(uint16_t port)
{
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
    const struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = listen_at((const struct sockaddr *)&six, sizeof(six));
    // A kernel without IPv6.
    return fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)
               ? listen_at((const struct sockaddr *)&four, sizeof(four))
               : fd;
}

static int begin_listening(const struct net_service *service, uint16_t *port, struct error *error)
{
    struct sockaddr_storage bound;
    struct addrinfo *list = NULL;
    socklen_t length = sizeof(bound);
    int fd;
    if (service->address == NULL) {
        fd = listen_everywhere(service->port);
    } else if (!net_is_address(service->address)) {
        return error_set(error, ERROR_USAGE, "'%s' is no address to listen at", service->address);
    } else if (net_resolve(service->address, service->port, &list, error) < 0) {
        return -1;
    } else {
        fd = listen_at(list->ai_addr, list->ai_addrlen);
        int problem = errno;
        freeaddrinfo(list);
        errno = problem;
    }
    if (fd < 0) {
        return listen_failed(service, error);
    }
    memset(&bound, 0, sizeof(bound));
    getsockname(fd, (struct sockaddr *)&bound, &length);
    *port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                              : ((struct sockaddr_in *)&bound)->sin_port);
    return fd;
}

// ---- HTTP

// Reads until the head is whole: POLLIN, or POLLOUT when there is an answer; 0 when there is no use.
static short hear(struct guest *guest, const struct net_service *service)
{
    ssize_t got = recv(guest->fd, guest->head + guest->length, HEAD_SIZE - guest->length, 0);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? POLLIN : 0;
    }
    guest->length += (size_t)got;
    bool whole = memmem(guest->head, guest->length, "\r\n\r\n", 4) != NULL;
    if (!whole && guest->length < HEAD_SIZE) {
        return POLLIN;
    }
    net_page_answer(service->pages, service->page_count, guest->head, guest->length, whole, &guest->answer);
    guest->stage = STAGE_ANSWERED;
    return guest->answer.failed ? 0 : POLLOUT;
}

static short say(struct guest *guest)
{
    ssize_t put = send(guest->fd, guest->answer.data + guest->sent, guest->answer.length - guest->sent, MSG_NOSIGNAL);
    if (put < 0) {
        return errno == EAGAIN || errno == EINTR ? POLLOUT : 0;
    }
    guest->sent += (size_t)put;
    if (guest->sent < guest->answer.length) {
        return POLLOUT;
    }
    shutdown(guest->fd, SHUT_WR);
    guest->stage = STAGE_DRAINED;
    return POLLIN;
}

static short drain(struct guest *guest)
{
    ssize_t got = recv(guest->fd, guest->head, HEAD_SIZE, 0);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)) ? POLLIN : 0;
}

// ---- Guests

static short shake_hands(struct guest *guest)
{
    short events = net_tls_go_on(guest->tls);
    if (events != 0) {
        return events;
    }
    shutdown(guest->fd, SHUT_WR);
    guest->stage = STAGE_DRAINED;
    return POLLIN;
}

// One step: what to wait for next, 0 for nothing more.
static short go_on(struct guest *guest, const struct net_service *service)
{
    switch (guest->stage) {
    case STAGE_ASKED: return guest->tls != NULL ? shake_hands(guest) : hear(guest, service);
    case STAGE_ANSWERED: return say(guest);
    default: return drain(guest);
    }
}

static void dismiss(struct guest *guest)
{
    if (guest->fd >= 0) {
        net_tls_dismiss(guest->tls);
        buf_free(&guest->answer);
        close(guest->fd);
        guest->fd = -1;
    }
}

// A free place, or that of the guest who came first.
static struct guest *make_room(struct guest guests[MOST_GUESTS])
{
    struct guest *room = &guests[0];
    for (size_t i = 0; i < MOST_GUESTS; i++) {
        if (guests[i].fd < 0) {
            return &guests[i];
        }
        room = guests[i].deadline_boot_ms < room->deadline_boot_ms ? &guests[i] : room;
    }
    dismiss(room);
    return room;
}

static void welcome(int listener, struct guest guests[MOST_GUESTS], struct pollfd fds[MOST_GUESTS],
                    struct net_tls_server *server)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            // Out of memory or descriptors: not again at once.
            poll(NULL, 0, 100);
        }
        return;
    }
    struct guest *guest = make_room(guests);
    guest->fd = fd;
    guest->stage = STAGE_ASKED;
    guest->deadline_boot_ms = clock_boot_ms() + GUEST_MS;
    guest->length = guest->sent = 0;
    buf_init(&guest->answer, ANSWER_SIZE);
    guest->tls = server != NULL ? net_tls_greet(server, fd) : NULL;
    fds[guest - guests] = (struct pollfd){.fd = fd, .events = POLLIN};
    if (server != NULL && guest->tls == NULL) {
        dismiss(guest);
    }
}

// How long to wait for what the guests do.
static int patience(const struct guest guests[MOST_GUESTS])
{
    long long least = LLONG_MAX, now = clock_boot_ms();
    for (size_t i = 0; i < MOST_GUESTS; i++) {
        if (guests[i].fd >= 0 && guests[i].deadline_boot_ms < least) {
            least = guests[i].deadline_boot_ms;
        }
    }
    return least == LLONG_MAX ? -1 : least <= now ? 0 : (int)(least - now);
}

static noreturn void attend(int listener, const struct net_service *service, struct net_tls_server *server)
{
    static struct guest guests[MOST_GUESTS];
    static struct pollfd fds[MOST_GUESTS + 1];
    for (size_t i = 0; i < MOST_GUESTS; i++) {
        guests[i].fd = -1;
    }
    fds[MOST_GUESTS] = (struct pollfd){.fd = listener, .events = POLLIN};
    for (;;) {
        for (size_t i = 0; i < MOST_GUESTS; i++) {
            fds[i].fd = guests[i].fd;
        }
        if (poll(fds, MOST_GUESTS + 1, patience(guests)) < 0) {
            continue;
        }
        for (size_t i = 0; i < MOST_GUESTS; i++) {
            if (guests[i].fd >= 0 && fds[i].revents != 0) {
                fds[i].events = go_on(&guests[i], service);
            }
            if (guests[i].fd >= 0 && (fds[i].events == 0 || clock_boot_ms() >= guests[i].deadline_boot_ms)) {
                dismiss(&guests[i]);
            }
        }
        if (fds[MOST_GUESTS].revents != 0) {
            welcome(listener, guests, fds, server);
        }
    }
}

// ---- The process

static noreturn void begin(int listener, const struct net_service *service, struct net_tls_server *server, pid_t parent)
{
    struct error error;
    listener = process_settle(listener);
    process_die_with_parent(parent);
    // What mbedTLS draws from was copied with the rest: both would give the same random numbers.
    if (listener < 0 || (server != NULL && key_restart(&error) < 0)) {
        _exit(1);
    }
    attend(listener, service, server);
}

int net_responder_start(const struct net_service *service, struct net_responder *responder, struct error *error)
{
    struct net_tls_server *server = NULL;
    pid_t parent = getpid();
    responder->pid = 0;
    if (service->offer_count > 0 &&
        net_tls_server_open(service->offers, service->offer_count, service->protocol, &server, error) < 0) {
        return -1;
    }
    int listener = begin_listening(service, &responder->port, error);
    if (listener >= 0) {
        responder->pid = fork();
        if (responder->pid == 0) {
            begin(listener, service, server, parent);
        }
        if (responder->pid < 0) {
            responder->pid = 0;
            error_errno(error, "cannot start a process that listens");
        }
        close(listener);
    }
    net_tls_server_close(server);
    return responder->pid > 0 ? 0 : -1;
}

void net_responder_stop(struct net_responder *responder)
{
    if (responder->pid > 0) {
        kill(responder->pid, SIGKILL);
        while (waitpid(responder->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        responder->pid = 0;
    }
}
