// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Tables for people: aligned columns within 80, nothing cut, colour on a terminal only.
#include "table.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_TEXT ((size_t)256 * 1024 * 1024)
#define MAX_CELL ((size_t)128 * 1024)
#define GAP 2
#define LEAST_WIDTH 40
#define LEAST_WRAPPED 16

static const char *const colours[TABLE_COLOUR_COUNT] = {
    [TABLE_PLAIN] = "",       [TABLE_GOOD] = "\033[32m", [TABLE_WARN] = "\033[33m",
    [TABLE_BAD] = "\033[31m", [TABLE_DIM] = "\033[2m",
};

// ---- Width of text

// What takes no column, and what takes two; both sorted.
struct span {
    uint32_t first, last;
};
static const struct span none[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
                                   {0x64b, 0x65f},   {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x2064},
                                   {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
static const struct span two[] = {{0x1100, 0x115f},  {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xa960, 0xa97c},
                                  {0xac00, 0xd7a3},  {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                  {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff},
                                  {0x20000, 0x3fffd}};

static bool is_in(uint32_t c, const struct span *spans, size_t count)
{
    for (size_t i = 0; i < count && spans[i].first <= c; i++) {
        if (c <= spans[i].last) {
            return true;
        }
    }
    return false;
}

// The character at text; *length is that of its bytes. The text is UTF-8, as the escaping left it.
static uint32_t character(const char *text, size_t left, size_t *length)
{
    unsigned char first = (unsigned char)text[0];
    size_t bytes = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t c = bytes == 1 ? first : first & (0xffu >> (bytes + 1));
    if (bytes > left) {
        bytes = 1;
    }
    for (size_t i = 1; i < bytes; i++) {
        c = c << 6 | ((unsigned char)text[i] & 0x3fu);
    }
    *length = bytes;
    return c;
}

static size_t character_width(uint32_t c)
{
    if (c < none[0].first) {
        return 1;
    }
    if (is_in(c, none, sizeof none / sizeof none[0])) {
        return 0;
    }
    return is_in(c, two, sizeof two / sizeof two[0]) ? 2 : 1;
}

size_t table_text_width(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t bytes; length > 0; text += bytes, length -= bytes) {
        width += character_width(character(text, length, &bytes));
    }
    return width;
}

// ---- Filling

void table_init(struct table *table, const struct table_column *columns, size_t column_count)
{
    *table = (struct table){.columns = columns, .column_count = column_count};
    buf_init(&table->text, MAX_TEXT);
    for (size_t i = 0; columns[0].title != NULL && i < column_count; i++) {
        table->widths[i] = table_text_width(columns[i].title, strlen(columns[i].title));
    }
}

void table_free(struct table *table)
{
    buf_free(&table->text);
}

void table_cell(struct table *table, enum table_colour colour, const char *text)
{
    size_t column = table->cell_count++ % table->column_count;
    const struct table_column *facts = &table->columns[column];
    size_t most = facts->most > 0 ? facts->most : 40;
    buf_char(&table->text, (char)('0' + colour));
    size_t start = table->text.length;
    if (text != NULL) {
        buf_escape_message(&table->text, text, strlen(text), SIZE_MAX);
    }
    if (!table->text.failed) {
        size_t width = table_text_width(table->text.data + start, table->text.length - start);
        if (width <= most && width > table->widths[column]) {
            table->widths[column] = width;
        }
    }
    buf_char(&table->text, '\0');
}

void table_format(struct table *table, enum table_colour colour, const char *format, ...)
{
    struct buf text;
    va_list args;
    buf_init(&text, MAX_CELL);
    va_start(args, format);
    buf_vformat(&text, format, args);
    va_end(args);
    table_cell(table, colour, buf_string(&text));
    buf_free(&text);
}

// ---- Drawing

static void blanks(struct buf *out, size_t count)
{
    static const char some[] = "                                ";
    for (size_t now; count > 0; count -= now) {
        now = count < sizeof(some) - 1 ? count : sizeof(some) - 1;
        buf_add(out, some, now);
    }
}

static void coloured(struct buf *out, char code, bool colour, const char *text, size_t length)
{
    size_t number = (size_t)(code - '0');
    bool painted = colour && number > TABLE_PLAIN && number < TABLE_COLOUR_COUNT;
    if (painted) {
        buf_text(out, colours[number]);
    }
    buf_add(out, text, length);
    if (painted) {
        buf_text(out, "\033[0m");
    }
}

// How many bytes of the text fit into the width, broken at a blank where there is one.
static size_t line_length(const char *text, size_t width)
{
    size_t used = 0, at = 0, blank = 0, left = strlen(text);
    for (size_t bytes; left > 0; at += bytes, left -= bytes) {
        if (text[at] == ' ' && at > 0 && text[at - 1] != ' ') {
            blank = at;
        }
        used += character_width(character(text + at, left, &bytes));
        if (used > width) {
            return blank > 0 ? blank : at > 0 ? at : bytes;
        }
    }
    return at;
}

static void draw_wrapped(struct buf *out, char code, bool colour, const char *text, size_t indent, size_t width)
{
    for (;;) {
        size_t length = line_length(text, width);
        coloured(out, code, colour, text, length);
        text += length;
        text += strspn(text, " ");
        buf_char(out, '\n');
        if (*text == '\0') {
            return;
        }
        blanks(out, indent);
    }
}

// A drawing: the widths that its columns have within the width of the whole.
struct drawing {
    const struct table *table;
    size_t widths[TABLE_MAX_COLUMNS];
    size_t width;
    bool colour;
    struct buf *out;
};

// The widest columns give way until the last one has room to be wrapped in.
static void settle_widths(struct drawing *drawing)
{
    size_t last = drawing->table->column_count - 1;
    for (;;) {
        size_t sum = 0, widest = 0;
        for (size_t i = 0; i < last; i++) {
            sum += drawing->widths[i] + GAP;
            widest = drawing->widths[i] > drawing->widths[widest] ? i : widest;
        }
        if (sum + LEAST_WRAPPED <= drawing->width || last == 0 || drawing->widths[widest] == 0) {
            return;
        }
        drawing->widths[widest]--;
    }
}

// One row; returns the cell after it. What stands between two texts is owed until the second comes, so that no line
// ends with blanks.
static const char *draw_row(const struct drawing *drawing, const char *cell)
{
    struct buf *out = drawing->out;
    size_t indent = 0, owed = 0;
    bool new_line = false;
    size_t last = drawing->table->column_count - 1;
    for (size_t i = 0; i <= last; i++) {
        const char *text = cell + 1;
        size_t length = strlen(text);
        if (length > 0) {
            buf_add(out, "\n", new_line ? 1 : 0);
            blanks(out, owed);
            new_line = false;
            owed = 0;
        }
        if (i == last) {
            draw_wrapped(out, cell[0], drawing->colour, text, indent, drawing->width - indent);
        } else {
            size_t wide = table_text_width(text, length);
            coloured(out, cell[0], drawing->colour, text, length);
            new_line = new_line || wide > drawing->widths[i];
            owed = new_line ? indent + drawing->widths[i] + GAP : owed + drawing->widths[i] - wide + GAP;
            indent += drawing->widths[i] + GAP;
        }
        cell = text + length + 1;
    }
    return cell;
}

static void draw_titles(const struct drawing *drawing)
{
    size_t count = drawing->table->column_count;
    for (size_t i = 0; i < count; i++) {
        const char *title = drawing->table->columns[i].title;
        size_t wide = table_text_width(title, strlen(title));
        coloured(drawing->out, '0' + TABLE_DIM, drawing->colour, title, strlen(title));
        if (i + 1 < count) {
            blanks(drawing->out, (drawing->widths[i] > wide ? drawing->widths[i] - wide : 0) + GAP);
        }
    }
    buf_char(drawing->out, '\n');
}

void table_draw(const struct table *table, size_t width, bool colour, struct buf *out)
{
    struct drawing drawing = {
        .table = table, .width = width < LEAST_WIDTH ? LEAST_WIDTH : width, .colour = colour, .out = out};
    if (table->text.failed) {
        out->failed = true;
        return;
    }
    memcpy(drawing.widths, table->widths, sizeof(drawing.widths));
    settle_widths(&drawing);
    if (table->columns[0].title != NULL && table->cell_count > 0) {
        draw_titles(&drawing);
    }
    const char *cell = table->text.data;
    for (size_t rows = table->cell_count / table->column_count; rows > 0; rows--) {
        cell = draw_row(&drawing, cell);
    }
}

bool table_has_colour(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return (no_color == NULL || no_color[0] == '\0') && isatty(fileno(out)) == 1 &&
           (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

void table_print(const struct table *table, FILE *out)
{
    struct buf text;
    struct winsize size;
    size_t width = TABLE_WIDTH;
    if (isatty(fileno(out)) == 1 && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
        size.ws_col < width) {
        width = size.ws_col;
    }
    buf_init(&text, MAX_TEXT);
    table_draw(table, width, table_has_colour(out), &text);
    if (text.failed) {
        fputs("certauto: no memory for the table\n", stderr);
    } else {
        fwrite(buf_string(&text), 1, text.length, out);
    }
    buf_free(&text);
}

void table_paragraph(FILE *out, const char *text)
{
    static const struct table_column column = {NULL, 0};
    struct table table;
    table_init(&table, &column, 1);
    table_cell(&table, TABLE_PLAIN, text);
    table_print(&table, out);
    table_free(&table);
}
