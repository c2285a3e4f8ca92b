// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Certificate requests, and the certificates of the built-in CA, written.
#include <arpa/inet.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "key_inner.h"
#include "names.h"
#include "x509_inner.h"

#define MAX_EXTENSION (2 * NAMES_MAX_BYTES)
#define MAX_REST (16 * 1024) // what a certificate holds besides its names
#define SERIAL_SIZE 16
#define MAX_SERIAL 20 // RFC 5280 §4.1.2.2
#define MAX_CN 64

#define SEQUENCE (MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)
#define CONTEXT(n) (MBEDTLS_ASN1_CONTEXT_SPECIFIC | (n))

// A request and a certificate take an extension by different functions of one kind.
struct target {
    mbedtls_x509write_csr *request;
    mbedtls_x509write_cert *certificate;
};

static int set_extension(const struct target *target, const char *oid, size_t oid_length, bool critical,
                         const struct buf *value, struct error *error)
{
    const unsigned char *bytes = (const unsigned char *)buf_string(value);
    int result;

    if (value->failed)
        return error_set(error, ERROR_REFUSED, "an extension is too long");
    if (target->request != NULL)
        result = mbedtls_x509write_csr_set_extension(target->request, oid, oid_length, critical, bytes, value->length);
    else
        result =
            mbedtls_x509write_crt_set_extension(target->certificate, oid, oid_length, critical, bytes, value->length);
    return result == 0 ? 0 : key_library_error(error, result, "adding an extension");
}

// ---- Names and usage

static void add_address(struct buf *out, const struct name *name)
{
    char text[INET6_ADDRSTRLEN] = "";
    unsigned char address[16];

    if (name->length < sizeof text)
        memcpy(text, name->text, name->length);
    if (inet_pton(AF_INET, text, address) == 1)
        codec_der(out, CONTEXT(MBEDTLS_X509_SAN_IP_ADDRESS), address, 4);
    else if (inet_pton(AF_INET6, text, address) == 1)
        codec_der(out, CONTEXT(MBEDTLS_X509_SAN_IP_ADDRESS), address, 16);
    else
        out->failed = true;
}

// critical: only where there is no subject that could name the holder (RFC 5280 §4.1.2.6).
static int set_names(const struct target *target, const char *names, bool critical, struct error *error)
{
    static const unsigned char tags[] = {
        [NAME_DNS] = CONTEXT(MBEDTLS_X509_SAN_DNS_NAME),
        [NAME_EMAIL] = CONTEXT(MBEDTLS_X509_SAN_RFC822_NAME),
        [NAME_URI] = CONTEXT(MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER),
    };
    struct buf list, value;
    struct name name;
    int status;

    buf_init(&list, MAX_EXTENSION);
    buf_init(&value, MAX_EXTENSION);
    while (names_next(&names, &name)) {
        if (name.kind == NAME_IP)
            add_address(&list, &name);
        else
            codec_der(&list, tags[name.kind], name.text, name.length);
    }
    codec_der(&value, SEQUENCE, list.data, list.length);
    value.failed = value.failed || list.failed;
    status = set_extension(target, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME),
                           critical, &value, error);
    buf_free(&list);
    buf_free(&value);
    return status;
}

static int set_usage(const struct target *target, unsigned usage, struct error *error)
{
    static const struct {
        unsigned bit;
        const char *oid;
        size_t length;
    } usages[] = {
        {X509_SERVER, MBEDTLS_OID_SERVER_AUTH, sizeof MBEDTLS_OID_SERVER_AUTH - 1},
        {X509_CLIENT, MBEDTLS_OID_CLIENT_AUTH, sizeof MBEDTLS_OID_CLIENT_AUTH - 1},
        {X509_EMAIL, MBEDTLS_OID_EMAIL_PROTECTION, sizeof MBEDTLS_OID_EMAIL_PROTECTION - 1},
        {X509_CODE, MBEDTLS_OID_CODE_SIGNING, sizeof MBEDTLS_OID_CODE_SIGNING - 1},
    };
    struct buf list, value;
    int status = 0;

    buf_init(&list, 256);
    buf_init(&value, 256);
    for (size_t i = 0; i < sizeof usages / sizeof usages[0]; i++) {
        if ((usage & usages[i].bit) != 0)
            codec_der(&list, MBEDTLS_ASN1_OID, usages[i].oid, usages[i].length);
    }
    codec_der(&value, SEQUENCE, list.data, list.length);
    if (list.length > 0)
        status = set_extension(target, MBEDTLS_OID_EXTENDED_KEY_USAGE, MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE),
                               false, &value, error);
    buf_free(&list);
    buf_free(&value);
    return status;
}

// The extension by which a certificate answers the challenge tls-alpn-01 (RFC 8737 §3): critical, 1.3.6.1.5.5.7.1.31.
static int set_acme_identifier(const struct target *target, const void *identifier, struct error *error)
{
    static const char oid[] = "\x2b\x06\x01\x05\x05\x07\x01\x1f";
    struct buf value;
    int status;

    buf_init(&value, 2 + X509_ACME_IDENTIFIER_SIZE);
    codec_der(&value, MBEDTLS_ASN1_OCTET_STRING, identifier, X509_ACME_IDENTIFIER_SIZE);
    status = set_extension(target, oid, sizeof oid - 1, true, &value, error);
    buf_free(&value);
    return status;
}

// ---- Subjects

static int parse_subject(const char *text, mbedtls_asn1_named_data **name, struct error *error)
{
    return x509_name_parse(text, name, error) == 0 ? 0 : error_prefix(error, "subject");
}

// ---- Requests

// The subject of a request for which none is configured: the first DNS name, if it fits the field.
static void default_subject(const char *names, char *out, size_t size)
{
    struct name name;

    out[0] = '\0';
    while (names_next(&names, &name)) {
        if (name.kind != NAME_DNS)
            continue;
        if (name.length <= MAX_CN)
            snprintf(out, size, "CN=%.*s", (int)name.length, name.text);
        return;
    }
}

static int append_request(mbedtls_x509write_csr *csr, size_t room, struct buf *pem, struct error *error)
{
    unsigned char *der = malloc(room);
    int length;

    if (der == NULL)
        return error_set(error, ERROR_SYSTEM, "not enough memory for a request");
    length = mbedtls_x509write_csr_der(csr, der, room, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (length > 0)
        codec_pem(pem, "CERTIFICATE REQUEST", der + room - length, (size_t)length);
    free(der);
    if (length <= 0)
        return key_library_error(error, length, "writing the request");
    return pem->failed ? error_set(error, ERROR_SYSTEM, "the request is too long") : 0;
}

int x509_request(const struct key *key, const char *names, const char *subject, unsigned usage, struct buf *pem,
                 struct error *error)
{
    char own_subject[sizeof "CN=" + MAX_CN];
    mbedtls_asn1_named_data *name = NULL;
    mbedtls_x509write_csr csr;
    struct target target = {.request = &csr};
    mbedtls_pk_context pk;
    int status = -1;

    mbedtls_x509write_csr_init(&csr);
    mbedtls_pk_init(&pk);
    default_subject(names, own_subject, sizeof own_subject);
    if (key_pk(key, &pk, error) != 0 || parse_subject(subject != NULL ? subject : own_subject, &name, error) != 0)
        goto out;
    // From here the writer owns the name. Its own setter reads no subject with two parts of one kind.
    csr.MBEDTLS_PRIVATE(subject) = name;
    mbedtls_x509write_csr_set_key(&csr, &pk);
    mbedtls_x509write_csr_set_md_alg(&csr, key_md(key));
    if ((*names != '\0' && set_names(&target, names, name == NULL, error) != 0) ||
        set_usage(&target, usage, error) != 0)
        goto out;
    status = append_request(&csr, strlen(names) * 2 + MAX_REST, pem, error);
out:
    mbedtls_x509write_csr_free(&csr);
    mbedtls_pk_free(&pk);
    return status;
}

// ---- Certificates

static int set_serial(mbedtls_x509write_cert *crt, const char *hex, struct error *error)
{
    unsigned char bytes[SERIAL_SIZE];
    struct buf serial;
    int result = -1;

    buf_init(&serial, MAX_SERIAL);
    if (hex == NULL) {
        if (key_random(bytes, sizeof bytes, error) != 0)
            return -1;
        // Positive, and as long as it says.
        bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
        buf_add(&serial, bytes, sizeof bytes);
    } else if (!codec_unhex(&serial, hex, strlen(hex)) || serial.failed || serial.length == 0 ||
               ((unsigned char)serial.data[0] & 0x80) != 0) {
        error_set(error, ERROR_USAGE, "a serial number is a positive number of 1 to %d bytes in hex", MAX_SERIAL);
        goto out;
    }
    result = mbedtls_x509write_crt_set_serial_raw(crt, (unsigned char *)serial.data, serial.length);
    if (result != 0)
        result = key_library_error(error, result, "serial number");
out:
    buf_free(&serial);
    return result;
}

// "YYYYMMDDhhmmss", which mbedTLS writes as UTCTime or, from 2050 on, GeneralizedTime.
static void format_time(int64_t time, char out[MBEDTLS_X509_RFC5280_UTC_TIME_LEN])
{
    char text[CLOCK_UTC_SIZE];
    size_t length = 0;

    clock_format(time, text);
    for (const char *c = text; *c != '\0' && length + 1 < MBEDTLS_X509_RFC5280_UTC_TIME_LEN; c++) {
        if (*c >= '0' && *c <= '9')
            out[length++] = *c;
    }
    out[length] = '\0';
}

static int set_validity(mbedtls_x509write_cert *crt, const struct x509_template *template, struct error *error)
{
    char from[MBEDTLS_X509_RFC5280_UTC_TIME_LEN], to[MBEDTLS_X509_RFC5280_UTC_TIME_LEN];
    int result;

    if (template->not_after <= template->not_before)
        return error_set(error, ERROR_USAGE, "the certificate would end before it begins");
    format_time(template->not_before, from);
    format_time(template->not_after, to);
    result = mbedtls_x509write_crt_set_validity(crt, from, to);
    return result == 0 ? 0 : key_library_error(error, result, "validity");
}

// The identifier of a key: SHA-1 of its bits (RFC 5280 §4.2.1.2, method 1), for which mbedTLS wants the key.
static int set_key_ids(mbedtls_x509write_cert *crt, const mbedtls_x509_crt *issuer, struct error *error)
{
    struct target target = {.certificate = crt};
    struct buf id, value;
    int result = mbedtls_x509write_crt_set_subject_key_identifier(crt);

    if (result == 0 && (issuer == NULL || issuer->subject_key_id.len == 0))
        result = mbedtls_x509write_crt_set_authority_key_identifier(crt);
    if (result != 0)
        return key_library_error(error, result, "key identifiers");
    if (issuer == NULL || issuer->subject_key_id.len == 0)
        return 0;
    // The issuer's own word for its key, which another program may have made in another way.
    buf_init(&id, 1024);
    buf_init(&value, 1024);
    codec_der(&id, CONTEXT(0), issuer->subject_key_id.p, issuer->subject_key_id.len);
    codec_der(&value, SEQUENCE, id.data, id.length);
    result = set_extension(&target, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER,
                           MBEDTLS_OID_SIZE(MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER), false, &value, error);
    buf_free(&id);
    buf_free(&value);
    return result;
}

static int set_extensions(mbedtls_x509write_cert *crt, const struct x509_template *template,
                          const mbedtls_x509_crt *issuer, bool has_subject, bool is_rsa, struct error *error)
{
    struct target target = {.certificate = crt};
    unsigned usage = template->is_ca
                         ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                         : MBEDTLS_X509_KU_DIGITAL_SIGNATURE | (is_rsa ? MBEDTLS_X509_KU_KEY_ENCIPHERMENT : 0u);
    int result =
        mbedtls_x509write_crt_set_basic_constraints(crt, template->is_ca, template->is_ca ? template->path_length : -1);

    if (result == 0)
        result = mbedtls_x509write_crt_set_key_usage(crt, usage);
    if (result != 0)
        return key_library_error(error, result, "basic constraints and key usage");
    if (set_key_ids(crt, issuer, error) != 0 || set_usage(&target, template->usage, error) != 0)
        return -1;
    if (template->acme_identifier != NULL && set_acme_identifier(&target, template->acme_identifier, error) != 0)
        return -1;
    if (template->names == NULL || *template->names == '\0')
        return 0;
    return set_names(&target, template->names, !has_subject, error);
}

static int append_certificate(mbedtls_x509write_cert *crt, size_t room, struct buf *pem, struct error *error)
{
    unsigned char *der = malloc(room);
    int length;

    if (der == NULL)
        return error_set(error, ERROR_SYSTEM, "not enough memory for a certificate");
    length = mbedtls_x509write_crt_der(crt, der, room, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    if (length > 0)
        codec_pem(pem, "CERTIFICATE", der + room - length, (size_t)length);
    free(der);
    if (length <= 0)
        return key_library_error(error, length, "writing the certificate");
    return pem->failed ? error_set(error, ERROR_SYSTEM, "the certificate is too long") : 0;
}

// Takes the issuer's name from its certificate, or from the template for one that signs itself.
static int set_issuer(mbedtls_x509write_cert *crt, const struct x509_template *template, const mbedtls_x509_crt *issuer,
                      struct error *error)
{
    if (issuer == NULL)
        return parse_subject(template->subject, &crt->MBEDTLS_PRIVATE(issuer), error);
    return x509_name_copy(&issuer->subject, &crt->MBEDTLS_PRIVATE(issuer), error);
}

static int read_issuer(const char *pem, size_t length, const struct key *key, mbedtls_x509_crt *crt,
                       struct error *error)
{
    const char *at = pem;
    size_t left = length;
    int found = x509_next(&at, &left, crt, error);

    if (found == 0)
        error_set(error, ERROR_FORMAT, "no certificate in PEM form found");
    if (found <= 0 || !x509_matches_key(pem, length, key, error))
        return error_prefix(error, "the issuer");
    return 0;
}

int x509_issue(const struct x509_template *template, const char *issuer_pem, size_t issuer_length,
               const struct key *issuer_key, struct buf *pem, struct error *error)
{
    mbedtls_pk_context subject_pk, issuer_pk;
    mbedtls_asn1_named_data *subject = NULL;
    mbedtls_x509write_cert crt;
    mbedtls_x509_crt issuer;
    int result, status = -1;
    const char *names = template->names != NULL ? template->names : "";

    mbedtls_pk_init(&subject_pk);
    mbedtls_pk_init(&issuer_pk);
    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509_crt_init(&issuer);
    if (issuer_pem != NULL && read_issuer(issuer_pem, issuer_length, issuer_key, &issuer, error) != 0)
        goto out;
    result =
        mbedtls_pk_parse_public_key(&subject_pk, (const unsigned char *)template->public_der, template->public_length);
    if (result != 0) {
        key_library_error(error, result, "the public key cannot be read");
        goto out;
    }
    if (key_pk(issuer_key, &issuer_pk, error) != 0 || parse_subject(template->subject, &subject, error) != 0)
        goto out;
    // From here the writer owns the names.
    crt.MBEDTLS_PRIVATE(subject) = subject;
    mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&crt, key_md(issuer_key));
    mbedtls_x509write_crt_set_subject_key(&crt, &subject_pk);
    mbedtls_x509write_crt_set_issuer_key(&crt, &issuer_pk);
    if (set_issuer(&crt, template, issuer_pem != NULL ? &issuer : NULL, error) != 0 ||
        set_serial(&crt, template->serial, error) != 0 || set_validity(&crt, template, error) != 0 ||
        set_extensions(&crt, template, issuer_pem != NULL ? &issuer : NULL, subject != NULL,
                       mbedtls_pk_can_do(&subject_pk, MBEDTLS_PK_RSA) != 0, error) != 0)
        goto out;
    status = append_certificate(&crt, strlen(names) * 2 + MAX_REST, pem, error);
out:
    mbedtls_x509write_crt_free(&crt);
    mbedtls_x509_crt_free(&issuer);
    mbedtls_pk_free(&subject_pk);
    mbedtls_pk_free(&issuer_pk);
    return status;
}
