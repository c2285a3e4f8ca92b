// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tables: widths, wrapping, long cells, hostile text, colour.
#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column three[] = {{"NAME", 10}, {"STATE", 0}, {"NEXT", 0}};
static const struct table_column untitled[] = {{NULL, 10}, {NULL, 0}};

static char *draw(struct table *table, size_t width, bool colour)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    table_draw(table, width, colour, &out);
    char *text = strdup(buf_string(&out));
    buf_free(&out);
    table_free(table);
    return text;
}

static void assert_drawn(struct table *table, size_t width, const char *expected)
{
    char *text = draw(table, width, false);
    assert_string_equal(text, expected);
    free(text);
}

static void table_aligns_columns_by_their_widest_cell(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, three, 3);
    const char *const cells[] = {"a", "ok", "nothing", "longer", "unissued", "soon"};
    for (size_t i = 0; i < 6; i++) {
        table_cell(&table, TABLE_PLAIN, cells[i]);
    }
    assert_drawn(&table, 80,
                 "NAME    STATE     NEXT\n"
                 "a       ok        nothing\n"
                 "longer  unissued  soon\n");
}

static void table_wraps_the_last_column_at_words(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, untitled, 2);
    table_cell(&table, TABLE_PLAIN, "key");
    table_cell(&table, TABLE_PLAIN, "one two three four five six seven eight nine ten");
    assert_drawn(&table, 40,
                 "key  one two three four five six seven\n"
                 "     eight nine ten\n");
}

static void table_breaks_a_word_that_fits_no_line(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, untitled, 2);
    table_cell(&table, TABLE_PLAIN, "k");
    table_cell(&table, TABLE_PLAIN, "0123456789012345678901234567890123456789abc");
    assert_drawn(&table, 40,
                 "k  0123456789012345678901234567890123456\n"
                 "   789abc\n");
}

static void table_puts_the_rest_below_a_cell_that_is_too_wide(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, three, 3);
    const char *const cells[] = {"www", "ok", "x", "much-too-wide-a-name", "due", "y"};
    for (size_t i = 0; i < 6; i++) {
        table_cell(&table, TABLE_PLAIN, cells[i]);
    }
    assert_drawn(&table, 80,
                 "NAME  STATE  NEXT\n"
                 "www   ok     x\n"
                 "much-too-wide-a-name\n"
                 "      due    y\n");
}

static void table_adds_no_line_below_a_wide_cell_that_stands_alone(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, three, 3);
    const char *const cells[] = {"much-too-wide-a-name", "", "", "b", "ok", "x"};
    for (size_t i = 0; i < 6; i++) {
        table_cell(&table, TABLE_PLAIN, cells[i]);
    }
    assert_drawn(&table, 80,
                 "NAME  STATE  NEXT\n"
                 "much-too-wide-a-name\n"
                 "b     ok     x\n");
}

static void table_of_one_column_is_a_paragraph(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, &untitled[1], 1);
    table_cell(&table, TABLE_PLAIN, "one two three four five six seven eight nine ten");
    assert_drawn(&table, 40, "one two three four five six seven eight\nnine ten\n");
}

static void table_ends_no_line_with_blanks(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, three, 3);
    table_cell(&table, TABLE_PLAIN, "a");
    table_cell(&table, TABLE_PLAIN, NULL);
    table_cell(&table, TABLE_PLAIN, "");
    assert_drawn(&table, 80, "NAME  STATE  NEXT\na\n");
}

static void table_without_rows_draws_nothing(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, three, 3);
    assert_drawn(&table, 80, "");
}

static void table_counts_columns_not_bytes(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        size_t width;
    } texts[] = {{"", 0},
                 {"abc", 3},
                 {"00:00\xe2\x80\x93"
                  "04:00",
                  11},
                 {"\xc3\xa9", 1},
                 {"e\xcc\x81", 1},
                 {"\xe6\x97\xa5\xe6\x9c\xac", 4},
                 {"\xf0\x9f\x98\x80", 2}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(table_text_width(texts[i].text, strlen(texts[i].text)), texts[i].width);
    }
}

static void table_shows_control_characters_and_no_escape_sequences(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, untitled, 2);
    table_cell(&table, TABLE_PLAIN, "a\nb");
    table_cell(&table, TABLE_PLAIN, "\033[31m\xff");
    char *text = draw(&table, 80, true);
    assert_string_equal(text, "a\\x0ab  \\x1b[31m\\xff\n");
    free(text);
}

static void table_colours_cells_but_not_their_padding(void **context)
{
    (void)context;
    struct table table;
    table_init(&table, untitled, 2);
    table_cell(&table, TABLE_GOOD, "ok");
    table_cell(&table, TABLE_PLAIN, "x");
    char *text = draw(&table, 80, true);
    assert_string_equal(text, "\033[32mok\033[0m  x\n");
    free(text);
}

// No line is ever wider than asked for, and no letter is lost.
static void table_fits_the_width_whatever_the_cells(void **context)
{
    (void)context;
    unsigned seed = 7;
    for (int round = 0; round < 2000; round++) {
        struct table table;
        size_t letters = 0;
        table_init(&table, three, 3);
        for (int cell = 0; cell < 12; cell++) {
            char text[120];
            seed = seed * 1103515245u + 12345u;
            size_t length = seed >> 8 & 0x3f;
            length = cell % 3 == 2 ? length : length % 17;
            for (size_t i = 0; i < length; i++) {
                seed = seed * 1103515245u + 12345u;
                bool blank = (seed >> 16 & 7) == 0 && i > 0 && cell % 3 == 2;
                text[i] = blank ? ' ' : 'x';
                letters += !blank;
            }
            text[length] = '\0';
            table_cell(&table, TABLE_PLAIN, text);
        }
        char *drawn = draw(&table, 44, false);
        size_t seen = 0;
        for (char *line = strtok(drawn, "\n"); line != NULL; line = strtok(NULL, "\n")) {
            assert_true(strlen(line) <= 44);
            for (const char *at = line; *at != '\0'; at++) {
                seen += *at == 'x';
            }
        }
        assert_int_equal(seen, letters);
        free(drawn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_aligns_columns_by_their_widest_cell),
        cmocka_unit_test(table_wraps_the_last_column_at_words),
        cmocka_unit_test(table_breaks_a_word_that_fits_no_line),
        cmocka_unit_test(table_puts_the_rest_below_a_cell_that_is_too_wide),
        cmocka_unit_test(table_adds_no_line_below_a_wide_cell_that_stands_alone),
        cmocka_unit_test(table_of_one_column_is_a_paragraph),
        cmocka_unit_test(table_ends_no_line_with_blanks),
        cmocka_unit_test(table_without_rows_draws_nothing),
        cmocka_unit_test(table_counts_columns_not_bytes),
        cmocka_unit_test(table_shows_control_characters_and_no_escape_sequences),
        cmocka_unit_test(table_colours_cells_but_not_their_padding),
        cmocka_unit_test(table_fits_the_width_whatever_the_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
