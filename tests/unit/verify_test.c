// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of verify.c and net.c where they touch no network: targets taken apart, and questions that are not whole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clock.h"
#include "verify.h"

static void targets_have_a_scheme_a_host_and_a_port(void **unused)
{
    static const struct {
        const char *url, *host;
        uint16_t port;
    } table[] = {
        {"tls://localhost:8443", "localhost", 8443},
        {"TLS://[::1]:1", "::1", 1},
        {"https://www.example.org", "www.example.org", 443},
        {"https://192.0.2.1:65535", "192.0.2.1", 65535},
        {"smtp://mx.example.org", "mx.example.org", 25},
        {"submission://mx", "mx", 587},
        {"imap://mx", "mx", 143},
        {"imaps://[2001:db8::1]", "2001:db8::1", 993},
        {"pop3://mx:1100", "mx", 1100},
        {"ftp://ftp.example.org", "ftp.example.org", 21},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct verify_target target;
        struct error error;
        assert_int_equal(verify_parse(table[i].url, &target, &error), 0);
        assert_string_equal(target.host, table[i].host);
        assert_int_equal(target.port, table[i].port);
    }
}

static void targets_that_are_none_are_refused_with_what_is_wrong(void **unused)
{
    static const struct {
        const char *url, *words;
    } table[] = {
        {"", "begins with tls://"},
        {"localhost:443", "begins with tls://"},
        {"tls", "begins with tls://"},
        {"tls:localhost:443", "begins with tls://"},
        {"gopher://localhost:70", "begins with tls://"},
        {"tlss://localhost:70", "begins with tls://"},
        {"tls://localhost", "the port is missing"},
        {"tls://:443", "a host and a port"},
        {"tls://", "a host and a port"},
        {"tls://localhost:", "a host and a port"},
        {"tls://localhost:0", "a host and a port"},
        {"tls://localhost:65536", "a host and a port"},
        {"tls://localhost:99999999999999999999", "a host and a port"},
        {"tls://localhost:+1", "a host and a port"},
        {"tls://localhost:1x", "a host and a port"},
        {"tls://::1:443", "a host and a port"},
        {"tls://[::1:443", "a host and a port"},
        {"tls://[localhost]:443", "a host and a port"},
        {"tls://[::1]443", "a host and a port"},
        {"tls://user@localhost:1", "a host and a port"},
        {"https://localhost/path", "a host and a port"},
        {"tls://local host:1", "a host and a port"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct verify_target target;
        struct error error;
        assert_int_equal(verify_parse(table[i].url, &target, &error), -1);
        assert_non_null(strstr(error.message, table[i].words));
    }
    char url[600] = "tls://";
    struct verify_target target;
    struct error error;
    memset(url + 6, 'a', 500);
    memcpy(url + 506, ":443", 5);
    assert_int_equal(verify_parse(url, &target, &error), -1);
}

static void questions_that_are_not_whole_are_answered_with_an_error(void **unused)
{
    static const char *const table[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"url\":\"tls://localhost:1\",\"names\":\"\"}",
        "{\"url\":\"tls://localhost:1\",\"names\":\"a\",\"fullchain\":\"no PEM\"}",
        "{\"url\":1,\"names\":\"a\",\"fullchain\":\"\"}",
    };
    (void)unused;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buf answer;
        buf_init(&answer, 4096);
        assert_int_equal(verify_answer(table[i], strlen(table[i]), clock_boot_ms() + 1000, &answer), 0);
        assert_int_equal(strncmp(buf_string(&answer), "{\"error\":\"", 10), 0);
        buf_free(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_have_a_scheme_a_host_and_a_port),
        cmocka_unit_test(targets_that_are_none_are_refused_with_what_is_wrong),
        cmocka_unit_test(questions_that_are_not_whole_are_answered_with_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
