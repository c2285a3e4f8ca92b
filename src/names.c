// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Names of a certificate: each kind checked and brought into its one form; lists walked and compared as sets.
#include "names.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EMAIL "email:"
#define URI "uri:"
#define MAX_DNS 253
#define MAX_LABEL 63
#define MAX_LOCAL 64 // of an email address, before the '@'
#define SHOWN 80     // bytes of an item in a message
#define FEW 12       // names up to which comparing each with each is quicker than a table

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

// ---- One item

// What is wrong with one label, or NULL.
static const char *label_fault(const char *label, size_t length)
{
    if (length == 0) {
        return "a part between its dots is empty";
    }
    if (length > MAX_LABEL) {
        return "a part between its dots is longer than 63 characters";
    }
    if (label[0] == '-' || label[length - 1] == '-') {
        return "a part between its dots begins or ends with '-'";
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)label[i] >= 0x80) {
            return "names with other letters are written in their ASCII form (xn--...)";
        }
        if (!is_alnum(label[i]) && label[i] != '-' && label[i] != '_') {
            return "only letters, digits, '-', '_' and dots are allowed";
        }
    }
    return NULL;
}

static bool all_digits(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && is_digit(text[i])) {
        i++;
    }
    return i == length;
}

// What is wrong with a DNS name, or NULL. A number at the end would read as an address (RFC 1123 section 2.1).
static const char *dns_fault(const char *text, size_t length, bool wildcard)
{
    if (length > MAX_DNS) {
        return "it is longer than 253 characters";
    }
    if (wildcard && length >= 2 && text[0] == '*' && text[1] == '.') {
        text += 2;
        length -= 2;
    }
    if (memchr(text, '*', length) != NULL) {
        return wildcard ? "'*' stands only for the whole first part, as in *.example.com" : "it has a '*'";
    }
    for (;;) {
        const char *dot = memchr(text, '.', length);
        size_t part = dot == NULL ? length : (size_t)(dot - text);
        const char *fault = label_fault(text, part);
        if (fault != NULL) {
            return fault;
        }
        if (dot == NULL) {
            return all_digits(text, part) ? "its last part is a number, but it is no IP address" : NULL;
        }
        text += part + 1;
        length -= part + 1;
    }
}

static void add_lower(struct buf *out, const char *text, size_t length)
{
    char small[MAX_DNS];

    for (size_t i = 0; i < length; i++) {
        small[i] = lower(text[i]);
    }
    buf_add(out, small, length);
}

// Appends the address in its one form; false when the text is no address.
static bool add_address(struct buf *out, const char *text, size_t length)
{
    char copy[INET6_ADDRSTRLEN], form[INET6_ADDRSTRLEN];
    unsigned char address[16];
    int family = memchr(text, ':', length) != NULL ? AF_INET6 : AF_INET;

    if (length == 0 || length >= sizeof(copy) || (family == AF_INET && !is_digit(text[0]))) {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (inet_pton(family, copy, address) != 1 || inet_ntop(family, address, form, sizeof(form)) == NULL) {
        return false;
    }
    buf_text(out, form);
    return true;
}

// The characters of a dotted atom (RFC 5322 section 3.2.3); quoted local parts are not taken.
static bool is_local(const char *text, size_t length)
{
    if (length == 0 || length > MAX_LOCAL || text[0] == '.' || text[length - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        bool dot = text[i] == '.' && text[i - 1] != '.';
        if (!is_alnum(text[i]) && !dot && (text[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~", text[i]) == NULL)) {
            return false;
        }
    }
    return true;
}

static const char *add_email(struct buf *out, const char *text, size_t length)
{
    const char *at = memchr(text, '@', length);
    size_t local = at == NULL ? 0 : (size_t)(at - text);

    if (!is_local(text, local)) {
        return "an email address is written email:USER@HOST";
    }
    const char *host = at + 1;
    size_t host_length = length - local - 1;
    const char *fault = dns_fault(host, host_length, false);
    if (fault == NULL) {
        buf_text(out, EMAIL);
        buf_add(out, text, local + 1);
        add_lower(out, host, host_length);
    }
    return fault;
}

// RFC 3986: a scheme, a colon, and something in the characters of a URI.
static const char *add_uri(struct buf *out, const char *text, size_t length)
{
    size_t scheme = 0;

    while (scheme < length && (is_alnum(text[scheme]) || memchr("+-.", text[scheme], 3) != NULL)) {
        scheme++;
    }
    if (scheme == 0 || is_digit(text[0]) || !is_alnum(text[0]) || scheme + 1 >= length || text[scheme] != ':') {
        return "a URI is written uri:SCHEME:..., as in uri:spiffe://example.com/web";
    }
    for (size_t i = scheme; i < length; i++) {
        if (text[i] <= ' ' || text[i] == 0x7f || strchr("<>\"\\^`{|}", text[i]) != NULL) {
            return "it has a character that a URI may not have";
        }
    }
    buf_text(out, URI);
    buf_add(out, text, length);
    return NULL;
}

static bool has_prefix(const char *text, size_t length, const char *prefix)
{
    return length >= strlen(prefix) && strncasecmp(text, prefix, strlen(prefix)) == 0;
}

// Most names are plain: letters, digits and '-' inside labels, dots between them. Appends such a one; false, with
// nothing appended, for any other, which the rules below judge.
static bool add_plain(struct buf *out, const char *text, size_t length)
{
    char small[MAX_DNS], before = '.';
    size_t start = 0; // of the label

    if (length > MAX_DNS || length == 0 || is_digit(text[length - 1])) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = lower(text[i]);
        bool hyphen = c == '-' && i > start;
        bool dot = c == '.' && i > start && i - start <= MAX_LABEL && before != '-';
        if (!(c >= 'a' && c <= 'z') && !is_digit(c) && !hyphen && !dot) {
            return false;
        }
        start = dot ? i + 1 : start;
        small[i] = before = c;
    }
    if (before == '.' || before == '-' || length - start > MAX_LABEL) {
        return false;
    }
    buf_add(out, small, length);
    return true;
}

// Appends one item in its one form. NULL, or what is wrong with it.
static const char *add_item(struct buf *out, const char *text, size_t length)
{
    if (has_prefix(text, length, EMAIL)) {
        return add_email(out, text + strlen(EMAIL), length - strlen(EMAIL));
    }
    if (has_prefix(text, length, URI)) {
        return add_uri(out, text + strlen(URI), length - strlen(URI));
    }
    if (memchr(text, ':', length) != NULL) {
        return add_address(out, text, length) ? NULL : "it is neither an IPv6 address nor begins with email: or uri:";
    }
    if (is_digit(text[0]) && add_address(out, text, length)) {
        return NULL;
    }
    const char *fault = dns_fault(text, length, true);
    if (fault == NULL) {
        add_lower(out, text, length);
    }
    return fault;
}

// ---- Sets of names

// The names of a canonical text by open addressing. Without a table (few names, or no memory) the text is
// searched from its start instead.
struct set {
    const char *text;
    uint32_t *slots; // offset of a name + 1; 0: free
    size_t mask;
};

static size_t name_hash(const char *text, size_t length)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    }
    return (size_t)(hash ^ hash >> 29);
}

// The whole name with its prefix, as it stands in canonical text; moves *at behind it.
static bool next_item(const char **at, const char **item, size_t *length)
{
    if (*at == NULL || **at == '\0') {
        return false;
    }
    const char *comma = strchr(*at, ',');
    *item = *at;
    *length = comma == NULL ? strlen(*at) : (size_t)(comma - *at);
    *at += *length;
    *at += **at == ',';
    *at += **at == ' ';
    return true;
}

static bool set_linear(const char *text, const char *item, size_t length)
{
    const char *other;
    size_t other_length;

    while (next_item(&text, &other, &other_length)) {
        if (other_length == length && memcmp(other, item, length) == 0) {
            return true;
        }
    }
    return false;
}

// The slot of the name, or the free one where it belongs.
static size_t set_slot(const struct set *set, const char *item, size_t length)
{
    size_t slot = name_hash(item, length) & set->mask;

    for (; set->slots[slot] != 0; slot = (slot + 1) & set->mask) {
        const char *other = set->text + set->slots[slot] - 1;
        if (strncmp(other, item, length) == 0 && (other[length] == ',' || other[length] == '\0')) {
            break;
        }
    }
    return slot;
}

static bool set_holds(const struct set *set, const char *item, size_t length)
{
    if (set->slots == NULL) {
        return set_linear(set->text, item, length);
    }
    return set->slots[set_slot(set, item, length)] != 0;
}

static void set_room(struct set *set, size_t count)
{
    size_t size = 32;

    set->slots = NULL;
    if (count <= FEW) {
        return;
    }
    while (size < 2 * count) {
        size *= 2;
    }
    set->mask = size - 1;
    set->slots = calloc(size, sizeof(*set->slots));
}

static void set_init(struct set *set, const char *canonical)
{
    const char *at = canonical, *item;
    size_t length;

    set->text = canonical;
    set_room(set, names_count(canonical));
    while (set->slots != NULL && next_item(&at, &item, &length)) {
        set->slots[set_slot(set, item, length)] = (uint32_t)(item - canonical) + 1;
    }
}

// ---- Lists

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && ((*text)[*length - 1] == ' ' || (*text)[*length - 1] == '\t')) {
        (*length)--;
    }
}

static int refuse(struct error *error, const char *item, size_t length, const char *fault)
{
    bool long_one = length > SHOWN;

    return error_set(error, ERROR_FORMAT, "'%.*s%s' is no name for a certificate: %s", (int)(long_one ? SHOWN : length),
                     item, long_one ? "..." : "", fault);
}

// True when the name at offset "at" of the text (offsets from "start") was there before; remembers it otherwise.
// The text moves when the buffer grows, so what was seen is kept as offsets.
static bool seen_before(struct buf *canonical, size_t start, size_t at, struct set *seen)
{
    char *text = canonical->data + start, *added = canonical->data + at;
    size_t length = canonical->length - at;

    seen->text = text;
    if (seen->slots != NULL) {
        uint32_t *slot = &seen->slots[set_slot(seen, added, length)];
        bool known = *slot != 0;
        *slot = known ? *slot : (uint32_t)(at - start) + 1;
        return known;
    }
    if (at == start) {
        return false;
    }
    // The ", " before the new name is where the old ones end.
    added[-2] = '\0';
    bool known = set_linear(text, added, length);
    added[-2] = ',';
    return known;
}

// Appends one item to the names that "canonical" holds from "start" on, unless it is there.
static int add_once(struct buf *canonical, size_t start, const char *item, size_t length, struct set *seen,
                    struct error *error)
{
    size_t before = canonical->length;

    if (length == 0) {
        return error_set(error, ERROR_FORMAT, "a name is missing between two commas, or before or after one");
    }
    if (before > start) {
        buf_text(canonical, ", ");
    }
    size_t at = canonical->length;
    const char *fault = NULL;
    if (!add_plain(canonical, item, length)) {
        fault = memchr(item, ' ', length) != NULL || memchr(item, '\t', length) != NULL
                    ? "it has a blank inside; names are separated by commas"
                    : add_item(canonical, item, length);
    }
    if (fault != NULL) {
        return refuse(error, item, length, fault);
    }
    if (canonical->failed || canonical->length - start > NAMES_MAX_BYTES) {
        return error_set(error, ERROR_REFUSED, "the names are longer than %d bytes together", NAMES_MAX_BYTES);
    }
    if (seen_before(canonical, start, at, seen)) {
        canonical->length = before;
        canonical->data[before] = '\0';
    }
    return 0;
}

int names_parse(const char *text, struct buf *canonical, struct error *error)
{
    struct set seen = {0};
    size_t start = canonical->length, commas = 0;
    int result = 0;

    for (const char *at = strchr(text, ','); at != NULL; at = strchr(at + 1, ',')) {
        commas++;
    }
    set_room(&seen, commas + 1);
    for (;;) {
        const char *comma = commas == 0 ? NULL : strchr(text, ',');
        const char *item = text;
        size_t length = comma == NULL ? strlen(text) : (size_t)(comma - text);
        trim(&item, &length);
        result = add_once(canonical, start, item, length, &seen, error);
        if (result < 0 || comma == NULL) {
            break;
        }
        text = comma + 1;
    }
    if (result < 0 && canonical->data != NULL) {
        canonical->length = start;
        canonical->data[start] = '\0';
    }
    free(seen.slots);
    return result;
}

bool names_next(const char **at, struct name *name)
{
    const char *item;
    size_t length;

    if (!next_item(at, &item, &length)) {
        return false;
    }
    name->kind = NAME_DNS;
    if (has_prefix(item, length, EMAIL)) {
        name->kind = NAME_EMAIL;
        item += strlen(EMAIL);
        length -= strlen(EMAIL);
    } else if (has_prefix(item, length, URI)) {
        name->kind = NAME_URI;
        item += strlen(URI);
        length -= strlen(URI);
    } else if (memchr(item, ':', length) != NULL ||
               (length > 0 && is_digit(item[length - 1]) && dns_fault(item, length, true) != NULL)) {
        name->kind = NAME_IP;
    }
    name->text = item;
    name->length = length;
    return true;
}

size_t names_count(const char *canonical)
{
    size_t count = canonical != NULL && *canonical != '\0';

    for (const char *at = canonical; at != NULL && (at = strchr(at, ',')) != NULL; at++) {
        count++;
    }
    return count;
}

bool names_same(const char *a, const char *b)
{
    if (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0)) {
        return true;
    }
    // Canonical lists have no doubles: of equal size, one covers the other only if they are the same.
    return names_count(a) == names_count(b) && names_cover(a, b, NULL);
}

bool names_cover(const char *given, const char *asked, struct name *missing)
{
    struct set set;
    const char *at = asked, *item;
    size_t length;
    bool covered = true;

    set_init(&set, given == NULL ? "" : given);
    for (const char *before = at; covered && next_item(&at, &item, &length); before = at) {
        covered = set_holds(&set, item, length);
        if (!covered && missing != NULL) {
            names_next(&before, missing);
        }
    }
    free(set.slots);
    return covered;
}
