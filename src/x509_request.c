// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Certificate requests read: what they ask for, their own signature verified.
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_csr.h>
#include <psa/crypto.h>
#include <string.h>

#include "codec.h"
#include "key_inner.h"
#include "names.h"
#include "x509_inner.h"

#define MAX_DER (256 * 1024)
#define MAX_KEY_DER 8192
#define MAX_DN 8192
#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define SET (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SET)
#define ATTRIBUTES (MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED)

// Nothing critical is refused: the CA decides what it grants.
static int take_extension(void *context, const mbedtls_x509_csr *csr, const mbedtls_x509_buf *oid, int critical,
                          const unsigned char *p, const unsigned char *end)
{
    (void)context;
    (void)csr;
    (void)oid;
    (void)critical;
    (void)p;
    (void)end;
    return 0;
}

// ---- The extended key usage, which mbedTLS passes over in requests without asking

// A stretch of DER that is being read.
struct reader {
    unsigned char *at;
    const unsigned char *end;
};

// Takes the next element if it has this tag; "inner" is its content.
static bool take(struct reader *reader, int tag, struct reader *inner)
{
    size_t length;

    if (mbedtls_asn1_get_tag(&reader->at, reader->end, &length, tag) != 0)
        return false;
    inner->at = reader->at;
    inner->end = reader->at + length;
    reader->at += length;
    return true;
}

static bool take_oid(struct reader *reader, const char *oid, size_t length)
{
    struct reader inner;

    return take(reader, MBEDTLS_ASN1_OID, &inner) && (size_t)(inner.end - inner.at) == length &&
           memcmp(inner.at, oid, length) == 0;
}

static unsigned usage_of_extension(struct reader extension)
{
    struct reader inner;
    mbedtls_x509_sequence list;
    unsigned bits = 0;

    if (!take_oid(&extension, MBEDTLS_OID_EXTENDED_KEY_USAGE, sizeof MBEDTLS_OID_EXTENDED_KEY_USAGE - 1))
        return 0;
    (void)take(&extension, MBEDTLS_ASN1_BOOLEAN, &inner);
    if (!take(&extension, MBEDTLS_ASN1_OCTET_STRING, &inner))
        return 0;
    memset(&list, 0, sizeof list);
    if (mbedtls_asn1_get_sequence_of(&inner.at, inner.end, &list, MBEDTLS_ASN1_OID) == 0)
        bits = x509_usage_bits(&list);
    mbedtls_asn1_sequence_free(list.next);
    return bits;
}

static unsigned read_usage(const mbedtls_x509_buf *cri)
{
    struct reader whole = {cri->p, cri->p + cri->len};
    struct reader info, attributes, attribute, values, extensions, extension, skipped;
    unsigned bits = 0;

    if (!take(&whole, SEQUENCE, &info) || !take(&info, MBEDTLS_ASN1_INTEGER, &skipped) ||
        !take(&info, SEQUENCE, &skipped) || !take(&info, SEQUENCE, &skipped) || !take(&info, ATTRIBUTES, &attributes))
        return 0;
    while (take(&attributes, SEQUENCE, &attribute)) {
        if (!take_oid(&attribute, MBEDTLS_OID_PKCS9_CSR_EXT_REQ, sizeof MBEDTLS_OID_PKCS9_CSR_EXT_REQ - 1) ||
            !take(&attribute, SET, &values) || !take(&values, SEQUENCE, &extensions))
            continue;
        while (take(&extensions, SEQUENCE, &extension))
            bits |= usage_of_extension(extension);
    }
    return bits;
}

// ---- An empty subject, which mbedTLS refuses in requests

// Makes "readable" the request with a subject put where it has none, so that mbedTLS reads the rest; else the same.
// "signed_part" is the stretch of the original that its signature is over.
static int fill_subject(const struct buf *der, struct buf *readable, mbedtls_x509_buf *signed_part)
{
    static const char placeholder[] = "\x30\x0c\x31\x0a\x30\x08\x06\x03\x55\x04\x03\x0c\x01-";
    unsigned char *bytes = (unsigned char *)der->data;
    struct reader whole = {bytes, bytes + der->length}, outer, info, skipped, subject;
    struct buf fields, content;
    unsigned char *start;

    if (!take(&whole, SEQUENCE, &outer))
        return -1;
    signed_part->p = outer.at;
    if (!take(&outer, SEQUENCE, &info))
        return -1;
    signed_part->len = (size_t)(outer.at - signed_part->p);
    start = info.at;
    if (!take(&info, MBEDTLS_ASN1_INTEGER, &skipped))
        return -1;
    buf_init(&fields, MAX_DER);
    buf_init(&content, MAX_DER);
    buf_add(&fields, start, (size_t)(info.at - start));
    if (!take(&info, SEQUENCE, &subject) || subject.at != subject.end) {
        buf_add(readable, der->data, der->length);
    } else {
        buf_add(&fields, placeholder, sizeof placeholder - 1);
        buf_add(&fields, info.at, (size_t)(info.end - info.at));
        codec_der(&content, SEQUENCE, fields.data, fields.length);
        buf_add(&content, outer.at, (size_t)(outer.end - outer.at));
        codec_der(readable, SEQUENCE, content.data, content.length);
    }
    readable->failed = readable->failed || fields.failed || content.failed;
    buf_free(&fields);
    buf_free(&content);
    return readable->failed ? -1 : 0;
}

// ---- Reading

static int verify_request(mbedtls_x509_csr *csr, const mbedtls_x509_buf *signed_part, struct error *error)
{
    mbedtls_md_type_t md = csr->MBEDTLS_PRIVATE(sig_md);
    unsigned char hash[PSA_HASH_MAX_SIZE];
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md);

    if (info == NULL || mbedtls_md(info, signed_part->p, signed_part->len, hash) != 0)
        return error_set(error, ERROR_FORMAT, "the request is signed with an unknown digest");
    if (mbedtls_pk_verify_ext(csr->MBEDTLS_PRIVATE(sig_pk), csr->MBEDTLS_PRIVATE(sig_opts), &csr->pk, md, hash,
                              mbedtls_md_get_size(info), csr->MBEDTLS_PRIVATE(sig).p,
                              csr->MBEDTLS_PRIVATE(sig).len) != 0)
        return error_set(error, ERROR_REFUSED, "the request's own signature is not right");
    return 0;
}

static int next_request(const char *pem, size_t length, struct buf *der, struct error *error)
{
    struct codec_block block;

    while (codec_pem_next(&pem, &length, &block)) {
        if (strcmp(block.label, "CERTIFICATE REQUEST") != 0 && strcmp(block.label, "NEW CERTIFICATE REQUEST") != 0)
            continue;
        if (!codec_unbase64(der, block.body, block.length) || der->failed || der->length == 0)
            return error_set(error, ERROR_FORMAT, "the request is not valid PEM");
        return 0;
    }
    return error_set(error, ERROR_FORMAT, "no certificate request in PEM form found");
}

// Parses "der" into csr, for whose life "readable" must stay.
static int parse_request(const struct buf *der, struct buf *readable, bool verify, mbedtls_x509_csr *csr,
                         struct error *error)
{
    mbedtls_x509_buf signed_part = {0, 0, NULL};
    int result;

    if (fill_subject(der, readable, &signed_part) != 0)
        return error_set(error, ERROR_FORMAT, "the request is no PKCS#10");
    result = mbedtls_x509_csr_parse_der_with_ext_cb(csr, (const unsigned char *)readable->data, readable->length,
                                                    take_extension, NULL);
    if (result != 0)
        return x509_refuse(error, result, der, "the request");
    return verify ? verify_request(csr, &signed_part, error) : 0;
}

static int fill_facts(const mbedtls_x509_csr *csr, bool has_subject, struct x509_request_facts *facts,
                      struct error *error)
{
    struct buf text;

    if (x509_alternative_names(&csr->subject_alt_names, &facts->names, error) != 0)
        return -1;
    facts->key_type = key_type_of(&csr->pk);
    facts->usage = read_usage(&csr->cri);
    if (has_subject) {
        buf_init(&text, MAX_DN);
        x509_name_text(&csr->subject, &text);
        x509_keep_text(&text, facts->subject, sizeof facts->subject);
        buf_free(&text);
    }
    if (!x509_write_public(&csr->pk, &facts->public_der))
        return error_set(error, ERROR_FORMAT, "the request's public key cannot be written");
    return 0;
}

int x509_request_read(const char *pem, size_t length, bool verify, struct x509_request_facts *facts,
                      struct error *error)
{
    struct buf der, readable;
    mbedtls_x509_csr csr;
    int status = -1;

    memset(facts, 0, sizeof *facts);
    buf_init(&facts->names, NAMES_MAX_BYTES);
    buf_init(&facts->public_der, MAX_KEY_DER);
    buf_init(&der, MAX_DER);
    buf_init(&readable, MAX_DER + 64);
    mbedtls_x509_csr_init(&csr);
    if (next_request(pem, length, &der, error) == 0 && parse_request(&der, &readable, verify, &csr, error) == 0)
        status = fill_facts(&csr, readable.length == der.length, facts, error);
    if (status != 0)
        x509_request_free(facts);
    mbedtls_x509_csr_free(&csr);
    buf_free(&der);
    buf_free(&readable);
    return status;
}

void x509_request_free(struct x509_request_facts *facts)
{
    buf_free(&facts->names);
    buf_free(&facts->public_der);
    memset(facts, 0, sizeof *facts);
}
