// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Fuzz target: what a web server answers, over loopback, so that libcurl's reading and ours are both tried.
//
// The input is what the server says, one connection after the other (redirects), parted by a byte 0xff.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define LIMIT 2000 // of a body
#define PART 0xff

static int listener = -1;
static char url[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// What is still to be said; under the lock.
static const uint8_t *words;
static size_t words_length;

// Says the next part to each that comes, whatever it asks.
static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        char request[4096];
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || recv(fd, request, sizeof(request), 0) < 0) {
            close(fd);
            continue;
        }
        pthread_mutex_lock(&lock);
        const uint8_t *end = words_length == 0 ? NULL : memchr(words, PART, words_length);
        size_t part = end == NULL ? words_length : (size_t)(end - words);
        if (part > 0 && send(fd, words, part, MSG_NOSIGNAL) < 0) {
            part = words_length;
        }
        part += end != NULL && part < words_length;
        words += part;
        words_length -= part;
        pthread_mutex_unlock(&lock);
        close(fd);
    }
    return NULL;
}

static void start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    pthread_t thread;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
        pthread_create(&thread, NULL, serve, NULL) != 0) {
        abort();
    }
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/a", ntohs(address.sin_port));
}

// Header lines are "name: value\n", the name in lower case; nothing passes its limit.
static bool is_fine(const struct http_response *response)
{
    const char *line = buf_string(&response->headers);
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const char *colon = strchr(line, ':');
        if (colon == NULL || colon > end) {
            return false;
        }
        for (const char *at = line; at < colon; at++) {
            if (*at >= 'A' && *at <= 'Z') {
                return false;
            }
        }
    }
    return *line == '\0' && response->body.length <= LIMIT && strncmp(buf_string(&response->url), "http", 4) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct http *http;
    struct http_response response;
    struct error error = {0};
    if (listener < 0) {
        start();
        if (http_open(&http, &error) != 0) {
            abort();
        }
    }
    pthread_mutex_lock(&lock);
    words = bytes;
    words_length = length;
    pthread_mutex_unlock(&lock);
    // Everything goes to our own server, wherever a redirect leads.
    struct http_request request = {
        .url = url, .limit = LIMIT, .timeout_ms = 2000, .redirects = 3, .proxy = url, .ip = 4};
    int result = http_perform(http, &request, &response, &error);
    if (result == 0 ? !is_fine(&response) : error.message[0] == '\0') {
        abort();
    }
    http_response_free(&response);
    pthread_mutex_lock(&lock);
    words_length = 0;
    pthread_mutex_unlock(&lock);
    return 0;
}
