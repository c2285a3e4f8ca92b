// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What x509_read.c, x509_name.c, x509_chain.c and x509_write.c share, and nobody else sees.
#ifndef X509_INNER_H
#define X509_INNER_H

#include <mbedtls/x509_crt.h>

#include "buf.h"
#include "error.h"
#include "x509.h"

// Appends a distinguished name as text, "C=DE, O=Example\, Inc., CN=example.org": in the order of the certificate,
// any string type as UTF-8, special characters after a backslash, control and broken bytes as \xNN.
void x509_name_text(const mbedtls_x509_name *name, struct buf *out);
// Appends the first value of the attribute ("O", "CN") without those backslashes; nothing without one.
void x509_name_attribute(const mbedtls_x509_name *name, const char *attribute, struct buf *out);
// True for the same name, whatever string types and case it is written in (RFC 5280 §7.1, without folding of
// anything but ASCII).
bool x509_name_same(const mbedtls_x509_name *a, const mbedtls_x509_name *b);
// Reads "CN=example.org, O=Example\, Inc." into what mbedTLS's writers take; freed by
// mbedtls_asn1_free_named_data_list.
int x509_name_parse(const char *text, mbedtls_asn1_named_data **list, struct error *error);
// The same list as a name that was read has.
int x509_name_copy(const mbedtls_x509_name *name, mbedtls_asn1_named_data **list, struct error *error);

// Parses the next certificate of PEM text into "crt" (initialised and freed by the caller) and moves on.
// 1; 0 when there is none left; -1 for one that cannot be read, also moved past.
int x509_next(const char **pem, size_t *length, mbedtls_x509_crt *crt, struct error *error);
// A certificate's subject for messages: its name, or its serial number when that is empty.
const char *x509_title(const mbedtls_x509_crt *crt, char out[256]);
// Unix seconds.
int64_t x509_time(const mbedtls_x509_time *time);
// Appends the canonical text of the alternative names that are valid names.
int x509_alternative_names(const mbedtls_x509_sequence *list, struct buf *names, struct error *error);
// The bits of the extended key usages in the list; all bits for "any".
unsigned x509_usage_bits(const mbedtls_x509_sequence *list);
// Copies what fits into "out", of longer text as much as fits before "..."; empties the buffer.
void x509_keep_text(struct buf *text, char *out, size_t size);
// error_set for bytes that mbedTLS cannot read: an algorithm that it lacks is named. what: "the certificate".
int x509_refuse(struct error *error, int result, const struct buf *der, const char *what);
// Appends a public key as SubjectPublicKeyInfo, written anew as key_public does, so that one key has one form.
bool x509_write_public(const mbedtls_pk_context *pk, struct buf *out);

#endif
