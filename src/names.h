// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Names of a certificate: DNS names, wildcards, IP addresses, "email:" and "uri:", as one canonical text.
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"

// The canonical text of a list is its names joined by ", ": DNS names and the host part of email
// addresses in lower case, IP addresses in their shortest form (inet_ntop), without doubles, the order kept.
// DNS names follow RFC 1123 and RFC 5280 §4.2.1.6 (letters, digits, '-', '_' allowed; IDNs as A-labels;
// labels 1-63, whole 1-253; "*." only as the first label).

enum name_kind { NAME_DNS, NAME_IP, NAME_EMAIL, NAME_URI };

#define NAMES_MAX_BYTES 65536

struct name {
    enum name_kind kind;
    const char *text; // without "email:" or "uri:"; not NUL-terminated
    size_t length;
};

// Reads a comma-separated list as a person writes it into canonical text. 0, or -1 with the item named.
int names_parse(const char *text, struct buf *canonical, struct error *error);
// Walks canonical text: *at starts at the text and moves on. False at the end.
bool names_next(const char **at, struct name *name);
size_t names_count(const char *canonical);
// True when both hold the same names; order does not count. Equal text is the fast way.
bool names_same(const char *a, const char *b);
// True when every name of "asked" is in "given" ("given" may hold more). On false, *missing is the first
// one that is not there.
bool names_cover(const char *given, const char *asked, struct name *missing);

#endif
