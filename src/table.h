// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tables for people: aligned columns within 80, nothing cut, colour on a terminal only.
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "buf.h"

#define TABLE_MAX_COLUMNS 8
#define TABLE_WIDTH 80

enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_WARN, TABLE_BAD, TABLE_DIM, TABLE_COLOUR_COUNT };

// Cells are added row by row, each row with all its columns. The last column is wrapped at words; in the others a
// cell that is wider than "most" puts the rest of its row on the next line, so that no text is ever cut.
struct table_column {
    const char *title; // NULL in the first column: no line of titles
    size_t most;       // widest that the column becomes; 0: 40
};
struct table {
    const struct table_column *columns;
    size_t column_count;
    size_t widths[TABLE_MAX_COLUMNS];
    size_t cell_count;
    struct buf text; // each cell: a byte for its colour, its text, a NUL
};

// columns is borrowed.
void table_init(struct table *table, const struct table_column *columns, size_t column_count);
void table_free(struct table *table);
// Adds the next cell. Control characters, and bytes that are no UTF-8, are written \xNN. NULL: an empty one.
void table_cell(struct table *table, enum table_colour colour, const char *text);
void table_format(struct table *table, enum table_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Appends the lines, each at most "width" columns wide (at least 40 are taken). Sets out->failed without memory.
void table_draw(const struct table *table, size_t width, bool colour, struct buf *out);
// The same to a stream: as wide as its terminal, 80 at most; colour if it is a terminal and NO_COLOR is not set.
void table_print(const struct table *table, FILE *out);
// Prints one text, wrapped at words to the same width.
void table_paragraph(FILE *out, const char *text);

// True when text to this stream is coloured.
bool table_has_colour(FILE *out);
// Columns that UTF-8 text takes on a terminal: wide characters count two, combining ones none.
size_t table_text_width(const char *text, size_t length);

#endif
