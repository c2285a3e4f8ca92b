// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// One file through inih: each raw line is judged before inih sees it, because inih cuts and joins in silence.
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_data.h"
#include "file.h"

#define BUFFER ((size_t)2 * CONFIG_MAX_LINE)
#define MAX_FILE ((int64_t)1 << 30)
#define MAX_HEADER 200   // between its brackets; less than inih's own limit
#define MAX_BAD_LINES 20 // lines of no text in one file, before the rest of it is left alone

// inih's reader has a file's bytes from here, line by line.
struct source {
    struct config_loader *loader;
    int fd;
    size_t start, end; // what of loader->buffer is not handed out yet
    bool finished;     // no more bytes in the file
    uint32_t line;
    const char *header; // of the section that inih is about to announce, without its brackets
    const char *rest;   // of a line that inih takes in several pieces; NULL: the next line
    size_t rest_length;
    unsigned bad_lines;
};

// ---- Bytes and lines

static void fill(struct source *source)
{
    char *buffer = source->loader->buffer;
    ssize_t count;

    memmove(buffer, buffer + source->start, source->end - source->start);
    source->end -= source->start;
    source->start = 0;
    do {
        count = read(source->fd, buffer + source->end, BUFFER - source->end);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        struct error error;
        error_errno(&error, "the file cannot be read");
        config_mistake(source->loader, source->line, "%s", error.message);
    }
    source->finished = count <= 0;
    source->end += count > 0 ? (size_t)count : 0;
}

// The next line without its end. One that is too long has *length CONFIG_MAX_LINE or more, and not all its bytes.
static bool next_line(struct source *source, char **line, size_t *length)
{
    char *buffer = source->loader->buffer;
    size_t skipped = 0;

    for (size_t looked = 0;;) {
        char *end = memchr(buffer + source->start + looked, '\n', source->end - source->start - looked);
        if (end != NULL) {
            *line = buffer + source->start;
            *length = skipped + (size_t)(end - *line);
            source->start = (size_t)(end - buffer) + 1;
            break;
        }
        looked = source->end - source->start;
        if (source->finished) {
            *line = buffer + source->start;
            *length = skipped + looked;
            source->start = source->end;
            if (*length == 0) {
                return false;
            }
            break;
        }
        if (looked >= CONFIG_MAX_LINE) {
            skipped += looked;
            source->start = source->end;
            looked = 0;
        }
        fill(source);
    }
    source->line++;
    return true;
}

// ---- Judging a line

// The length of the character of several bytes that begins here, or 0 when it is no UTF-8 (RFC 3629).
static size_t utf8_length(const unsigned char *text, size_t length)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    unsigned code = text[0] & (0xffu >> (size + 1));

    if (text[0] < 0xc2 || text[0] > 0xf4 || size > length) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3f);
    }
    return code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

// True when the eight bytes are all printable ASCII. Each byte is tried for its high bit, for less than 0x20, and
// for 0x7f, by sums that carry into the high bit of that byte only.
static bool are_plain(const char *bytes)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    uint64_t not_small = word + 0x60 * ones, delete = word + ones;
    return ((word | ~not_small | delete) & 0x80 * ones) == 0;
}

// The first byte that is no part of a line of text, or "length".
static size_t find_bad_byte(const char *line, size_t length)
{
    size_t i = 0;

    while (i < length) {
        if (length - i >= 8 && are_plain(line + i)) {
            i += 8;
            continue;
        }
        unsigned char c = (unsigned char)line[i];
        size_t size = c < 0x80 ? 1 : utf8_length((const unsigned char *)line + i, length - i);
        if (size == 0 || (c < 0x20 && c != '\t') || c == 0x7f) {
            return i;
        }
        i += size;
    }
    return length;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

// True when the line is text; says so otherwise. A file that is no text at all is left alone soon.
static bool is_text(struct source *source, const char *line, size_t length, bool comment)
{
    size_t bad = comment ? length : find_bad_byte(line, length);
    if (comment) {
        const char *nul = memchr(line, '\0', length);
        bad = nul == NULL ? length : (size_t)(nul - line);
    }
    if (bad == length) {
        return true;
    }
    unsigned char c = (unsigned char)line[bad];
    if (c == '\0') {
        config_mistake(source->loader, source->line, "a NUL byte stands in the line: this is no text");
    } else if (c >= 0x80) {
        config_mistake(source->loader, source->line, "the byte 0x%02x in the line is no UTF-8", c);
    } else {
        config_mistake(source->loader, source->line, "a control character (0x%02x) stands in the line", c);
    }
    if (++source->bad_lines == MAX_BAD_LINES) {
        config_mistake(source->loader, source->line, "this is no text file: the rest of it was not read");
        source->start = source->end = 0;
        source->finished = true;
    }
    return false;
}

// A header is "[kind]" or "[kind name]" and nothing else. When it is not, the keys below it are nobody's.
static bool is_header(struct source *source, const char *line, size_t length)
{
    const char *end = memchr(line, ']', length);
    const char *fault = NULL;

    if (end == NULL) {
        fault = "the header has no ']' at its end";
    } else if ((size_t)(end - line) != length - 1) {
        fault = "nothing may follow the ']' of a header; a comment has a line of its own";
    } else if (length > MAX_HEADER) {
        fault = "the header is too long: a name has at most 128 characters";
    }
    if (fault != NULL) {
        config_close_section(source->loader);
        source->loader->skip = true;
        source->loader->outside = false;
        config_mistake(source->loader, source->line, "%s", fault);
    }
    return fault == NULL;
}

// A key is a word, and '=' follows it; inih would take ':' as well.
static bool is_setting(struct source *source, const char *line, size_t length)
{
    const char *equals = memchr(line, '=', length);
    size_t key = equals == NULL ? length : (size_t)(equals - line);
    char shown[64] = "";

    while (key > 0 && is_blank(line[key - 1])) {
        key--;
    }
    memcpy(shown, line, key < sizeof(shown) ? key : sizeof(shown) - 1);
    if (equals == NULL) {
        config_mistake(source->loader, source->line,
                       "there is no '=' in '%s': a line is KEY = VALUE, a [section], or a comment", shown);
        return false;
    }
    if (key == 0) {
        config_mistake(source->loader, source->line, "there is no key before the '='");
        return false;
    }
    for (size_t i = 0; i < key; i++) {
        char c = line[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-') ||
            key > CONFIG_NAME_MAX) {
            config_mistake(source->loader, source->line, "'%s' is no key: keys are words of letters, digits and '_'",
                           shown);
            return false;
        }
    }
    return true;
}

// True when inih may see the line, whose blanks at both ends are gone.
static bool is_line(struct source *source, const char *line, size_t length, size_t whole)
{
    if (whole >= CONFIG_MAX_LINE) {
        config_mistake(source->loader, source->line, "the line is longer than 64 KiB");
        return false;
    }
    bool comment = length > 0 && (line[0] == '#' || line[0] == ';');
    if (!is_text(source, line, length, comment) || length == 0 || comment) {
        return false;
    }
    return line[0] == '[' ? is_header(source, line, length) : is_setting(source, line, length);
}

// ---- inih

// inih takes a line in pieces of less than "room" bytes; one that it is not to see comes as an empty one, so that
// it counts all of them. No piece has a newline: a short one ends the line.
static char *read_piece(char *piece, int room, void *stream)
{
    struct source *source = stream;
    size_t most = (size_t)room - 1;

    if (source->rest == NULL) {
        char *line;
        size_t whole;
        if (source->loader->no_memory || !next_line(source, &line, &whole)) {
            return NULL;
        }
        size_t length = whole >= CONFIG_MAX_LINE ? 0 : whole;
        if (source->line == 1 && length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
            line += 3; // a byte order mark, as some editors put it
            length -= 3;
        }
        while (length > 0 && (is_blank(line[length - 1]) || line[length - 1] == '\r')) {
            length--;
        }
        while (length > 0 && is_blank(line[0])) {
            line++;
            length--;
        }
        bool good = is_line(source, line, length, whole);
        source->rest = line;
        source->rest_length = good ? length : 0;
        if (good && line[0] == '[') {
            // inih looks for each byte of a header in a list; a header of one byte in the place of this one, which
            // is_header has read already, makes a configuration with a section a certificate a tenth cheaper.
            line[length - 1] = '\0';
            source->header = line + 1;
            source->rest = "[.]";
            source->rest_length = 3;
        }
    }
    size_t size = source->rest_length < most ? source->rest_length : most;
    memcpy(piece, source->rest, size);
    piece[size] = '\0';
    source->rest += size;
    source->rest_length -= size;
    // A piece that fills its room is followed by another, even if that is empty.
    source->rest = size < most ? NULL : source->rest;
    return piece;
}

static int take(void *user, const char *section, const char *name, const char *value, int line)
{
    struct source *source = user;

    (void)line;    // the same as source->line, which does not overflow
    (void)section; // see read_piece
    if (name == NULL) {
        config_open_section(source->loader, source->header, source->line);
    } else {
        config_key(source->loader, name, value == NULL ? "" : value, source->line);
    }
    return 1;
}

// ---- The file

// The path has no line in the file that names it only when it is the main file.
static void refuse_file(struct config_loader *loader, const char *path, const struct error *error)
{
    if (loader->include_at.line == 0) {
        problems_add(loader->problems, PROBLEM_MISTAKE, path, 0, "%s", error->message);
    } else {
        config_mistake_at(loader, loader->include_at, "include: %s: %s", path, error->message);
    }
}

// Opens the file and enters it in the list. -1: said, or read before.
static int open_file(struct config_loader *loader, const char *path)
{
    struct error error;
    struct stat info;
    int fd = -1;

    // Looked at before it is opened, since opening a device can do something, and again when it is open.
    if (stat(path, &info) != 0) {
        error_errno(&error, "the file cannot be opened");
    } else if (!S_ISREG(info.st_mode)) {
        error_set(&error, ERROR_CONFIG, "this is no regular file");
    } else if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0) {
        error_errno(&error, "the file cannot be opened");
    } else if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > MAX_FILE) {
        error_set(&error, ERROR_CONFIG, "this is no regular file of at most 1 GiB");
    } else if (config_enter_file(loader, path, info.st_dev, info.st_ino)) {
        if (file_check_trusted(path, true, &error) < 0) {
            config_mistake(loader, 0, "%s", error.message);
        }
        return fd;
    } else {
        close(fd);
        return -1;
    }
    refuse_file(loader, path, &error);
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

void config_read_file(struct config_loader *loader, const char *path)
{
    struct source source = {.loader = loader};

    if (loader->buffer == NULL && (loader->buffer = malloc(BUFFER)) == NULL) {
        loader->no_memory = true;
        return;
    }
    source.fd = open_file(loader, path);
    if (source.fd < 0) {
        return;
    }
    loader->outside = true;
    loader->skip = false;
    if (ini_parse_stream(read_piece, &source, take, &source) == -2) {
        loader->no_memory = true;
    }
    config_close_section(loader);
    close(source.fd);
}
