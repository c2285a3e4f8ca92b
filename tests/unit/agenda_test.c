// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tests of agenda.c and queue.c against lists that are searched from end to end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agenda.h"
#include "clock.h"
#include "queue.h"
#include "random.h"

#define COUNT 200
#define ROUNDS 100000

static void an_empty_agenda_has_no_first(void **unused)
{
    struct agenda agenda;
    struct error error;
    size_t index;
    int64_t when;

    (void)unused;
    assert_int_equal(agenda_init(&agenda, 0, &error), 0);
    assert_false(agenda_first(&agenda, &index, &when));
    agenda_free(&agenda);
    // Also when it has been given back.
    assert_false(agenda_first(&agenda, &index, &when));
}

static void an_agenda_that_is_too_large_is_refused(void **unused)
{
    struct agenda agenda;
    struct error error;

    (void)unused;
    assert_int_equal(agenda_init(&agenda, (size_t)UINT32_MAX + 1, &error), -1);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_null(agenda.when);
}

static void the_earliest_is_first_and_what_is_taken_off_is_gone(void **unused)
{
    struct agenda agenda;
    struct error error;
    size_t index;
    int64_t when;

    (void)unused;
    assert_int_equal(agenda_init(&agenda, 4, &error), 0);
    agenda_set(&agenda, 2, 30);
    agenda_set(&agenda, 0, 10);
    agenda_set(&agenda, 3, -5);
    assert_true(agenda_first(&agenda, &index, &when));
    assert_int_equal(index, 3);
    assert_int_equal(when, -5);
    agenda_set(&agenda, 3, CLOCK_NONE);
    agenda_set(&agenda, 0, 40);
    assert_true(agenda_first(&agenda, &index, &when));
    assert_int_equal(index, 2);
    agenda_set(&agenda, 2, CLOCK_NONE);
    agenda_set(&agenda, 2, CLOCK_NONE);
    assert_true(agenda_first(&agenda, &index, &when));
    assert_int_equal(index, 0);
    assert_int_equal(when, 40);
    agenda_free(&agenda);
}

// Any sequence of changes: the first is the least of all, as a search finds it.
static void the_first_is_always_the_least_of_all(void **unused)
{
    struct agenda agenda;
    struct error error;
    struct random random = random_start("agenda");
    int64_t moments[COUNT];
    size_t index = 0;
    int64_t when = 0;

    (void)unused;
    assert_int_equal(agenda_init(&agenda, COUNT, &error), 0);
    for (size_t i = 0; i < COUNT; i++) {
        moments[i] = CLOCK_NONE;
    }
    for (int round = 0; round < ROUNDS; round++) {
        size_t changed = (size_t)random_between(&random, 0, COUNT - 1);
        moments[changed] = random_one_in(&random, 3) ? CLOCK_NONE : random_between(&random, -50, 50);
        agenda_set(&agenda, changed, moments[changed]);
        size_t entries = 0;
        int64_t least = INT64_MAX;
        for (size_t i = 0; i < COUNT; i++) {
            entries += moments[i] != CLOCK_NONE;
            least = moments[i] != CLOCK_NONE && moments[i] < least ? moments[i] : least;
        }
        assert_int_equal(agenda.length, entries);
        assert_int_equal(agenda_first(&agenda, &index, &when), entries > 0);
        if (entries > 0) {
            assert_int_equal(when, least);
            assert_int_equal(moments[index], least);
        }
    }
    agenda_free(&agenda);
}

static void a_queue_gives_back_by_rank_and_then_by_number(void **unused)
{
    struct queue queue = {0};
    struct random random = random_start("agenda");
    bool in[COUNT] = {false};
    int64_t ranks[COUNT];

    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t number = (uint32_t)random_between(&random, 0, COUNT - 1);
        if (!in[number] && random_one_in(&random, 2)) {
            in[number] = true;
            ranks[number] = random_one_in(&random, 10) ? INT64_MIN : random_between(&random, 0, 30);
            assert_int_equal(queue_push(&queue, ranks[number], number), 0);
        } else if (queue.length > 0) {
            uint32_t best = UINT32_MAX;
            for (uint32_t i = 0; i < COUNT; i++) {
                best = in[i] && (best == UINT32_MAX || ranks[i] < ranks[best]) ? i : best;
            }
            assert_int_equal(queue_first(&queue)->number, best);
            assert_int_equal(queue_first(&queue)->rank, ranks[best]);
            in[best] = false;
            queue_pop(&queue);
        }
    }
    queue_free(&queue);
    assert_int_equal(queue.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_agenda_has_no_first),
        cmocka_unit_test(an_agenda_that_is_too_large_is_refused),
        cmocka_unit_test(the_earliest_is_first_and_what_is_taken_off_is_gone),
        cmocka_unit_test(the_first_is_always_the_least_of_all),
        cmocka_unit_test(a_queue_gives_back_by_rank_and_then_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
