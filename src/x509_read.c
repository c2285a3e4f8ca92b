// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Certificates read: PEM text to facts.
#include <arpa/inet.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "key_inner.h"
#include "names.h"
#include "x509_inner.h"

#define MAX_DER (256 * 1024) // of one certificate; a thousand names take 30 KiB
#define MAX_KEY_DER 8192
#define MAX_DN 8192
#define ANY_USAGE (X509_SERVER | X509_CLIENT | X509_EMAIL | X509_CODE)
#define EXT_POISON "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03" // RFC 6962 §3.1
#define MAX_NAME 1100                                         // an "email:" or "uri:" of any use

// ---- One certificate

// mbedTLS refuses critical extensions that it has no parser for, name constraints and policies of intermediate
// certificates among them. They limit what clients accept; to hand the certificate on we need not understand them.
static int take_extension(void *context, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid, int critical,
                          const unsigned char *p, const unsigned char *end)
{
    bool *poisoned = context;

    (void)crt;
    (void)critical;
    (void)p;
    (void)end;
    if (oid->len == sizeof EXT_POISON - 1 && memcmp(oid->p, EXT_POISON, oid->len) == 0)
        *poisoned = true;
    return 0;
}

// The algorithms that mbedTLS lacks by name, since its own message has only a number.
int x509_refuse(struct error *error, int result, const struct buf *der, const char *what)
{
    static const struct {
        const char *oid; // with tag and length, so that it is not found inside another one
        size_t length;
        const char *name;
    } missing[] = {
        {"\x06\x03\x2b\x65\x70", 5, "Ed25519"},
        {"\x06\x03\x2b\x65\x71", 5, "Ed448"},
        {"\x06\x07\x2a\x86\x48\xce\x38\x04\x01", 9, "DSA"},
        {"\x06\x07\x2a\x86\x48\xce\x38\x04\x03", 9, "DSA"},
        {"\x06\x05\x2b\x81\x04\x00\x0a", 7, "the curve secp256k1"},
        {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", 11, "MD5"},
        {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", 11, "MD2"},
    };

    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        if (memmem(der->data, der->length, missing[i].oid, missing[i].length) != NULL)
            return error_set(error, ERROR_FORMAT, "%s uses %s, which is not supported", what, missing[i].name);
    }
    return key_library_error(error, result, what);
}

static int parse_der(const struct buf *der, mbedtls_x509_crt *crt, struct error *error)
{
    bool poisoned = false;
    int result = mbedtls_x509_crt_parse_der_with_ext_cb(crt, (const unsigned char *)der->data, der->length, 1,
                                                        take_extension, &poisoned);

    if (result != 0)
        return x509_refuse(error, result, der, "the certificate");
    if (poisoned)
        return error_set(error, ERROR_FORMAT, "this is a precertificate (RFC 6962), not a certificate");
    return 0;
}

int x509_next(const char **pem, size_t *length, mbedtls_x509_crt *crt, struct error *error)
{
    struct codec_block block;
    struct buf der;
    int status = -1;

    do {
        if (!codec_pem_next(pem, length, &block))
            return 0;
    } while (strcmp(block.label, "CERTIFICATE") != 0 && strcmp(block.label, "X509 CERTIFICATE") != 0);
    buf_init(&der, MAX_DER);
    if (!codec_unbase64(&der, block.body, block.length) || der.failed || der.length == 0)
        error_set(error, ERROR_FORMAT, "the certificate is not valid PEM");
    else if (parse_der(&der, crt, error) == 0)
        status = 1;
    buf_free(&der);
    return status;
}

int64_t x509_time(const mbedtls_x509_time *time)
{
    return clock_days(time->year, time->mon, time->day) * 86400 + time->hour * 3600 + time->min * 60 + time->sec;
}

// ---- Facts

// Copies what fits, and of longer text as much as fits before "..."; empties the buffer.
void x509_keep_text(struct buf *text, char *out, size_t size)
{
    const char *from = buf_string(text);

    if (text->length < size)
        memcpy(out, from, text->length + 1);
    else
        snprintf(out, size, "%.*s...", (int)size - 4, from);
    buf_clear(text);
}

// Turns a negative number in two's complement into its size.
static void negate(unsigned char *bytes, size_t length)
{
    unsigned carry = 1;

    for (size_t i = length; i-- > 0;) {
        carry += (unsigned char)~bytes[i];
        bytes[i] = (unsigned char)carry;
        carry >>= 8;
    }
}

static int read_serial(const mbedtls_x509_buf *serial, struct x509_facts *facts, struct error *error)
{
    unsigned char bytes[64 + 1];
    const unsigned char *at = bytes;
    size_t left = serial->len;
    bool negative = left > 0 && serial->p[0] >= 0x80;
    struct buf text;

    // One byte more than is kept, for the zero that keeps a large number positive.
    if (left == 0 || left > sizeof bytes)
        return error_set(error, ERROR_FORMAT, "the certificate's serial number is %s",
                         left == 0 ? "empty" : "longer than 64 bytes");
    memcpy(bytes, serial->p, left);
    if (negative)
        negate(bytes, left);
    for (; left > 1 && at[0] == 0; at++)
        left--;
    if (left > 64)
        return error_set(error, ERROR_FORMAT, "the certificate's serial number is longer than 64 bytes");
    buf_init(&text, sizeof facts->serial);
    buf_text(&text, negative ? "-" : "");
    codec_hex(&text, at, left);
    x509_keep_text(&text, facts->serial, sizeof facts->serial);
    buf_free(&text);
    return 0;
}

static unsigned usage_bit(const mbedtls_x509_buf *oid)
{
    static const struct {
        const char *oid;
        size_t length;
        unsigned usage;
    } usages[] = {
        {MBEDTLS_OID_SERVER_AUTH, sizeof MBEDTLS_OID_SERVER_AUTH - 1, X509_SERVER},
        {MBEDTLS_OID_CLIENT_AUTH, sizeof MBEDTLS_OID_CLIENT_AUTH - 1, X509_CLIENT},
        {MBEDTLS_OID_EMAIL_PROTECTION, sizeof MBEDTLS_OID_EMAIL_PROTECTION - 1, X509_EMAIL},
        {MBEDTLS_OID_CODE_SIGNING, sizeof MBEDTLS_OID_CODE_SIGNING - 1, X509_CODE},
        {MBEDTLS_OID_ANY_EXTENDED_KEY_USAGE, sizeof MBEDTLS_OID_ANY_EXTENDED_KEY_USAGE - 1, ANY_USAGE},
    };

    for (size_t i = 0; i < sizeof usages / sizeof usages[0]; i++) {
        if (oid->len == usages[i].length && memcmp(oid->p, usages[i].oid, oid->len) == 0)
            return usages[i].usage;
    }
    return 0;
}

unsigned x509_usage_bits(const mbedtls_x509_sequence *list)
{
    unsigned bits = 0;

    for (; list != NULL && list->buf.p != NULL; list = list->next)
        bits |= usage_bit(&list->buf);
    return bits;
}

const char *x509_title(const mbedtls_x509_crt *crt, char out[256])
{
    struct buf text;

    buf_init(&text, MAX_DN);
    x509_name_text(&crt->subject, &text);
    if (text.length == 0) {
        buf_text(&text, "serial number ");
        codec_hex(&text, crt->serial.p, crt->serial.len < 64 ? crt->serial.len : 64);
    }
    x509_keep_text(&text, out, 256);
    buf_free(&text);
    return out;
}

// The texts of facts: each is built in one buffer and cut to its field.
static int read_texts(const mbedtls_x509_crt *crt, struct x509_facts *facts, struct error *error)
{
    const mbedtls_x509_buf *aki = &crt->authority_key_id.keyIdentifier;
    struct buf text;
    bool failed;

    buf_init(&text, 4 * MAX_DER);
    x509_name_text(&crt->subject, &text);
    failed = text.failed;
    x509_keep_text(&text, facts->subject, sizeof facts->subject);
    x509_name_text(&crt->issuer, &text);
    failed = failed || text.failed;
    x509_keep_text(&text, facts->issuer, sizeof facts->issuer);
    x509_name_attribute(&crt->issuer, "O", &text);
    x509_keep_text(&text, facts->issuer_organisation, sizeof facts->issuer_organisation);
    x509_name_attribute(&crt->subject, "CN", &text);
    x509_keep_text(&text, facts->common_name, sizeof facts->common_name);
    if (aki->len > 0 && aki->len <= (sizeof facts->aki - 1) / 2)
        codec_hex(&text, aki->p, aki->len);
    x509_keep_text(&text, facts->aki, sizeof facts->aki);
    buf_free(&text);
    return failed ? error_set(error, ERROR_SYSTEM, "not enough memory for a certificate's names") : 0;
}

static int fill_facts(const mbedtls_x509_crt *crt, struct x509_facts *facts, struct error *error)
{
    facts->not_before = x509_time(&crt->valid_from);
    facts->not_after = x509_time(&crt->valid_to);
    facts->key_type = key_type_of(&crt->pk);
    facts->is_ca = mbedtls_x509_crt_get_ca_istrue(crt) > 0;
    facts->usage = x509_usage_bits(&crt->ext_key_usage);
    codec_sha256_hex(crt->raw.p, crt->raw.len, facts->fingerprint);
    if (read_serial(&crt->serial, facts, error) != 0 || read_texts(crt, facts, error) != 0)
        return -1;
    return x509_alternative_names(&crt->subject_alt_names, &facts->names, error);
}

int x509_read(const char *pem, size_t length, struct x509_facts *facts, struct error *error)
{
    mbedtls_x509_crt crt;
    int found, status = -1;

    memset(facts, 0, sizeof *facts);
    buf_init(&facts->names, NAMES_MAX_BYTES);
    mbedtls_x509_crt_init(&crt);
    found = x509_next(&pem, &length, &crt, error);
    if (found == 0)
        error_set(error, ERROR_FORMAT, "no certificate in PEM form found");
    if (found > 0 && fill_facts(&crt, facts, error) == 0)
        status = 0;
    else
        x509_facts_free(facts);
    mbedtls_x509_crt_free(&crt);
    return status;
}

void x509_facts_free(struct x509_facts *facts)
{
    buf_free(&facts->names);
    memset(facts, 0, sizeof *facts);
}

// ---- Alternative names

// Appends one name as text that names_parse would read. False for what cannot be one.
static bool name_text(const mbedtls_x509_buf *name, enum name_kind *kind, struct buf *text)
{
    char address[INET6_ADDRSTRLEN];

    switch (name->tag & MBEDTLS_ASN1_TAG_VALUE_MASK) {
    case MBEDTLS_X509_SAN_DNS_NAME: *kind = NAME_DNS; break;
    case MBEDTLS_X509_SAN_RFC822_NAME:
        *kind = NAME_EMAIL;
        buf_text(text, "email:");
        break;
    case MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER:
        *kind = NAME_URI;
        buf_text(text, "uri:");
        break;
    case MBEDTLS_X509_SAN_IP_ADDRESS:
        *kind = NAME_IP;
        if (inet_ntop(name->len == 4 ? AF_INET : AF_INET6, name->p, address, sizeof address) == NULL)
            return false;
        buf_text(text, address);
        return true;
    default: return false;
    }
    for (size_t i = 0; i < name->len; i++) {
        if (name->p[i] <= ' ' || name->p[i] >= 0x7f || name->p[i] == ',')
            return false;
    }
    buf_add(text, name->p, name->len);
    return name->len > 0;
}

// A name counts only as what the certificate says it is: an address in a dNSName covers nothing.
static bool is_name_of_kind(const char *text, enum name_kind kind)
{
    struct buf canonical;
    struct name name;
    const char *at;
    bool is;

    buf_init(&canonical, MAX_NAME);
    is = names_parse(text, &canonical, NULL) == 0;
    at = buf_string(&canonical);
    is = is && names_next(&at, &name) && name.kind == kind;
    buf_free(&canonical);
    return is;
}

int x509_alternative_names(const mbedtls_x509_sequence *list, struct buf *names, struct error *error)
{
    struct buf all, one;
    enum name_kind kind;
    int status = -1;

    buf_init(&all, 2 * NAMES_MAX_BYTES);
    buf_init(&one, MAX_NAME);
    for (; list != NULL && list->buf.p != NULL; list = list->next) {
        buf_clear(&one);
        if (!name_text(&list->buf, &kind, &one) || one.failed || !is_name_of_kind(buf_string(&one), kind))
            continue;
        buf_text(&all, all.length > 0 ? ", " : "");
        buf_add(&all, one.data, one.length);
    }
    if (all.failed)
        error_set(error, ERROR_FORMAT, "the certificate's names are too long");
    else
        status = all.length == 0 ? 0 : names_parse(buf_string(&all), names, error);
    buf_free(&all);
    buf_free(&one);
    return status;
}

// ---- Many certificates

int x509_split(const char *pem, size_t length, struct buf *leaf, struct buf *rest, struct error *error)
{
    mbedtls_x509_crt crt;
    int count = 0, found;

    do {
        mbedtls_x509_crt_init(&crt);
        found = x509_next(&pem, &length, &crt, error);
        if (found < 0)
            error_prefix(error, "certificate %d", count + 1);
        if (found > 0) {
            struct buf *out = count == 0 ? leaf : rest;

            count++;
            if (out != NULL)
                codec_pem(out, "CERTIFICATE", crt.raw.p, crt.raw.len);
            if (out != NULL && out->failed)
                found = error_set(error, ERROR_REFUSED, "the certificates are too long");
        }
        mbedtls_x509_crt_free(&crt);
    } while (found > 0);
    return found < 0 ? -1 : count;
}

int x509_bundle_count(const char *pem, size_t length, int *skipped)
{
    mbedtls_x509_crt crt;
    int count = 0, found;

    *skipped = 0;
    do {
        mbedtls_x509_crt_init(&crt);
        found = x509_next(&pem, &length, &crt, NULL);
        count += found > 0;
        *skipped += found < 0;
        mbedtls_x509_crt_free(&crt);
    } while (found != 0);
    return count;
}

// ---- Public keys

// Written anew by mbedTLS, as key_public does, so that one key has one form.
bool x509_write_public(const mbedtls_pk_context *pk, struct buf *out)
{
    unsigned char der[MAX_KEY_DER];
    int length = mbedtls_pk_write_pubkey_der(pk, der, sizeof der);

    if (length > 0)
        buf_add(out, der + sizeof der - length, (size_t)length);
    return length > 0 && !out->failed;
}

bool x509_matches_key(const char *pem, size_t length, const struct key *key, struct error *error)
{
    struct buf ours, theirs;
    mbedtls_x509_crt crt;
    bool same = false;
    int found;

    buf_init(&ours, MAX_KEY_DER);
    buf_init(&theirs, MAX_KEY_DER);
    mbedtls_x509_crt_init(&crt);
    found = x509_next(&pem, &length, &crt, error);
    if (found == 0)
        error_set(error, ERROR_FORMAT, "no certificate in PEM form found");
    if (found <= 0 || key_public(key, &ours, error) != 0)
        goto out;
    same = x509_write_public(&crt.pk, &theirs) && ours.length == theirs.length &&
           memcmp(ours.data, theirs.data, ours.length) == 0;
    if (!same)
        error_set(error, ERROR_REFUSED, "the certificate is for another key");
out:
    mbedtls_x509_crt_free(&crt);
    buf_free(&ours);
    buf_free(&theirs);
    return same;
}
