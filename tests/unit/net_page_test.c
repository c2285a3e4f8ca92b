// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The answers of a responder, to requests of any kind.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka.h needs the headers above.
#include <cmocka.h>

#include "net_page.h"

static const struct net_page pages[] = {{"/one", "first", 5}, {"/one/two", "se\0nd", 5}};

// Answers a copy that ends where the request does, so that a sanitizer sees what is read beyond.
static void answer(const char *request, size_t length, bool whole, struct buf *out)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    memmove(copy + 1, request, length);
    buf_init(out, 4096);
    net_page_answer(pages, 2, copy + 1, length, whole, out);
    free(copy);
}

static void expect(const char *request, const char *status, const char *end)
{
    struct buf out;
    answer(request, strlen(request), true, &out);
    assert_memory_equal(buf_string(&out), "HTTP/1.1 ", 9);
    assert_memory_equal(buf_string(&out) + 9, status, strlen(status));
    assert_string_equal(buf_string(&out) + out.length - strlen(end), end);
    buf_free(&out);
}

static void pages_are_found_by_their_whole_path(void **state)
{
    (void)state;
    expect("GET /one HTTP/1.1\r\n\r\n", "200 OK", "\r\n\r\nfirst");
    expect("GET /one HTTP/1.0\r\nHost: x\r\n\r\n", "200 OK", "\r\n\r\nfirst");
    expect("HEAD /one HTTP/1.1\r\n\r\n", "200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n",
           "\r\n\r\n");
    expect("GET /on HTTP/1.1\r\n\r\n", "404 ", "\r\n\r\n");
    expect("GET /one/ HTTP/1.1\r\n\r\n", "404 ", "\r\n\r\n");
    expect("GET /one?x HTTP/1.1\r\n\r\n", "404 ", "\r\n\r\n");
    expect("GET http://x/one HTTP/1.1\r\n\r\n", "404 ", "\r\n\r\n");
}

static void what_is_no_request_is_told(void **state)
{
    (void)state;
    expect("POST /one HTTP/1.1\r\n\r\n", "405 ", "\r\n\r\n");
    expect("get /one HTTP/1.1\r\n\r\n", "405 ", "\r\n\r\n");
    expect("\r\n\r\n", "405 ", "\r\n\r\n");
    expect("GET /one\r\n\r\n", "400 ", "\r\n\r\n");
    expect("GET /one HTTP/2\r\n\r\n", "400 ", "\r\n\r\n");
    expect("GET ", "400 ", "\r\n\r\n");
    expect("GET  HTTP/1.1\r\n\r\n", "404 ", "\r\n\r\n");
}

static void a_page_may_hold_any_bytes_and_a_request_too(void **state)
{
    struct buf out;
    (void)state;
    answer("GET /one/two HTTP/1.1\r\n\r\n", 25, true, &out);
    assert_memory_equal(out.data + out.length - 5, "se\0nd", 5);
    buf_free(&out);
    answer("GET /one\0 HTTP/1.1\r\n\r\n", 22, true, &out);
    assert_non_null(strstr(out.data, "404 "));
    buf_free(&out);
    answer("GET /one HTTP/1.1\r\n", 19, false, &out);
    assert_non_null(strstr(out.data, "431 "));
    buf_free(&out);
}

static void no_part_of_a_request_is_read_beyond_its_end(void **state)
{
    static const char request[] = "HEAD /one HTTP/1.1\r\n\r\n";
    (void)state;
    for (size_t length = 0; length < sizeof(request); length++) {
        struct buf out;
        answer(request, length, true, &out);
        assert_false(out.failed);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_found_by_their_whole_path),
        cmocka_unit_test(what_is_no_request_is_told),
        cmocka_unit_test(a_page_may_hold_any_bytes_and_a_request_too),
        cmocka_unit_test(no_part_of_a_request_is_read_beyond_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
