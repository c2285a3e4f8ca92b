// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Private keys: made, read, written and used to sign, through PSA where it can.
#include "key.h"

#include <errno.h>
#include <mbedtls/asn1.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "clock.h"
#include "codec.h"
#include "key_inner.h"

#define KEY_MAX_DER 8192 // more than an RSA-8192 key takes
#define KEY_MAX_SIGNATURE 1024

struct key {
    psa_key_id_t id; // 0: none; the key itself lives in PSA's store and is wiped there
    enum key_type type;
    struct buf *public_der; // SubjectPublicKeyInfo, once it was asked for: for a curve it is as dear as a signature
};

#define CURVE PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1)
#define RSA PSA_KEY_TYPE_RSA_KEY_PAIR

// What each type is called and what it is in PSA.
static const struct {
    const char *name;
    bool settable;
    psa_key_type_t kind;
    size_t bits;
    psa_algorithm_t hash;
    mbedtls_md_type_t md;
} types[KEY_TYPE_COUNT] = {
    [KEY_ECDSA_P256] = {"ecdsa-p256", true, CURVE, 256, PSA_ALG_SHA_256, MBEDTLS_MD_SHA256},
    [KEY_ECDSA_P384] = {"ecdsa-p384", true, CURVE, 384, PSA_ALG_SHA_384, MBEDTLS_MD_SHA384},
    [KEY_ECDSA_P521] = {"ecdsa-p521", false, CURVE, 521, PSA_ALG_SHA_512, MBEDTLS_MD_SHA512},
    [KEY_RSA_2048] = {"rsa-2048", true, RSA, 2048, PSA_ALG_SHA_256, MBEDTLS_MD_SHA256},
    [KEY_RSA_3072] = {"rsa-3072", true, RSA, 3072, PSA_ALG_SHA_256, MBEDTLS_MD_SHA256},
    [KEY_RSA_4096] = {"rsa-4096", true, RSA, 4096, PSA_ALG_SHA_256, MBEDTLS_MD_SHA256},
    [KEY_OTHER] = {"other", false, 0, 0, PSA_ALG_SHA_256, MBEDTLS_MD_SHA256},
};

const char *key_type_name(enum key_type type)
{
    return types[type].name;
}

bool key_type_parse(const char *word, bool settable, enum key_type *type)
{
    for (enum key_type i = 0; i < KEY_TYPE_COUNT; i++) {
        if (strcmp(types[i].name, word) == 0 && (types[i].settable || !settable)) {
            *type = i;
            return true;
        }
    }
    return false;
}

static enum key_type type_of(psa_key_type_t kind, size_t bits)
{
    for (enum key_type i = 0; i < KEY_OTHER; i++) {
        if (PSA_KEY_TYPE_KEY_PAIR_OF_PUBLIC_KEY(kind) == types[i].kind && bits == types[i].bits)
            return i;
    }
    return KEY_OTHER;
}

enum key_type key_type(const struct key *key)
{
    return key->type;
}

mbedtls_md_type_t key_md(const struct key *key)
{
    return types[key->type].md;
}

enum key_type key_type_of(const mbedtls_pk_context *pk)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;

    if (mbedtls_pk_get_psa_attributes(pk, PSA_KEY_USAGE_VERIFY_HASH, &attributes) != 0)
        return KEY_OTHER;
    return type_of(psa_get_key_type(&attributes), psa_get_key_bits(&attributes));
}

// ---- Errors of the library

int key_library_error(struct error *error, int result, const char *what)
{
    char text[160];

    mbedtls_strerror(result, text, sizeof text);
    return error_set(error, ERROR_FORMAT, "%s: %s", what, text);
}

static const char *psa_text(psa_status_t status)
{
    switch (status) {
    case PSA_ERROR_INSUFFICIENT_MEMORY: return "not enough memory";
    case PSA_ERROR_INSUFFICIENT_ENTROPY: return "the system gave no random numbers";
    case PSA_ERROR_NOT_SUPPORTED: return "this kind or size of key is not supported";
    case PSA_ERROR_INVALID_ARGUMENT: return "the key is not valid";
    case PSA_ERROR_BAD_STATE: return "the cryptographic library was not started";
    default: return "the cryptographic library failed";
    }
}

static int psa_failed(struct error *error, psa_status_t status, const char *what)
{
    return error_set(error, ERROR_SYSTEM, "%s: %s (PSA %d)", what, psa_text(status), (int)status);
}

// ---- Start

// Where mbedTLS takes entropy from. Its own source would open /dev/random on musl, which a chroot does not have
// and which blocks on old kernels.
int mbedtls_hardware_poll(void *data, unsigned char *output, size_t size, size_t *length);

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t size, size_t *length)
{
    size_t done = 0;

    (void)data;
    *length = 0;
    while (done < size) {
        ssize_t n = getrandom(output + done, size - done, 0);

        if (n < 0 && errno != EINTR)
            return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
        if (n > 0)
            done += (size_t)n;
    }
    *length = size;
    return 0;
}

static mbedtls_time_t library_time(mbedtls_time_t *out)
{
    mbedtls_time_t now = (mbedtls_time_t)clock_now();

    if (out != NULL)
        *out = now;
    return now;
}

int key_start(struct error *error)
{
    psa_status_t status;

    mbedtls_platform_set_time(library_time);
    status = psa_crypto_init();
    if (status != PSA_SUCCESS)
        return psa_failed(error, status, "starting the cryptographic library");
    return 0;
}

void key_stop(void)
{
    mbedtls_psa_crypto_free();
}

int key_restart(struct error *error)
{
    key_stop();
    return key_start(error);
}

int key_random(void *out, size_t length, struct error *error)
{
    psa_status_t status = psa_generate_random(out, length);

    return status == PSA_SUCCESS ? 0 : psa_failed(error, status, "random numbers");
}

// ---- Making and reading

static void set_policy(psa_key_attributes_t *attributes, psa_key_type_t kind)
{
    psa_set_key_algorithm(attributes, PSA_KEY_TYPE_IS_RSA(kind) ? PSA_ALG_RSA_PKCS1V15_SIGN(PSA_ALG_ANY_HASH)
                                                                : PSA_ALG_DETERMINISTIC_ECDSA(PSA_ALG_ANY_HASH));
    psa_set_key_usage_flags(attributes, PSA_KEY_USAGE_EXPORT | PSA_KEY_USAGE_SIGN_HASH | PSA_KEY_USAGE_SIGN_MESSAGE);
}

static struct key *new_key(struct error *error)
{
    struct key *key = calloc(1, sizeof *key);

    if (key == NULL || (key->public_der = calloc(1, sizeof *key->public_der)) == NULL) {
        error_set(error, ERROR_SYSTEM, "not enough memory for a key");
        free(key);
        return NULL;
    }
    buf_init(key->public_der, KEY_MAX_DER);
    return key;
}

int key_generate(enum key_type type, struct key **out, struct error *error)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_status_t status;
    struct key *key;

    *out = NULL;
    if (type >= KEY_OTHER)
        return error_set(error, ERROR_USAGE, "keys of type \"other\" cannot be made");
    key = new_key(error);
    if (key == NULL)
        return -1;
    key->type = type;
    psa_set_key_type(&attributes, types[type].kind);
    psa_set_key_bits(&attributes, types[type].bits);
    set_policy(&attributes, types[type].kind);
    status = psa_generate_key(&attributes, &key->id);
    if (status != PSA_SUCCESS) {
        key_free(key);
        return psa_failed(error, status, "making a key");
    }
    *out = key;
    return 0;
}

// Puts what mbedTLS parsed into PSA's store.
static int import(const mbedtls_pk_context *pk, struct key *key, struct error *error)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    int result;

    // mbedTLS takes X25519, which agrees on secrets only, for a curve like any other.
    if (mbedtls_pk_get_psa_attributes(pk, PSA_KEY_USAGE_SIGN_HASH, &attributes) != 0 ||
        (psa_get_key_type(&attributes) != RSA && psa_get_key_type(&attributes) != CURVE))
        return error_set(error, ERROR_FORMAT, "the private key is of a kind that cannot sign");
    set_policy(&attributes, psa_get_key_type(&attributes));
    key->type = type_of(psa_get_key_type(&attributes), psa_get_key_bits(&attributes));
    result = mbedtls_pk_import_into_psa(pk, &attributes, &key->id);
    if (result != 0)
        return error_set(error, ERROR_FORMAT, "the private key is of a size that is not supported (%u bits)",
                         (unsigned)psa_get_key_bits(&attributes));
    return 0;
}

static int parse_der(const struct buf *der, struct key **out, struct error *error)
{
    static const char ed25519[] = "\x06\x03\x2b\x65\x70", ed448[] = "\x06\x03\x2b\x65\x71";
    mbedtls_pk_context pk;
    struct key *key = NULL;
    int result, status = -1;

    mbedtls_pk_init(&pk);
    result = mbedtls_pk_parse_key(&pk, (const unsigned char *)der->data, der->length, NULL, 0, mbedtls_psa_get_random,
                                  MBEDTLS_PSA_RANDOM_STATE);
    if (result != 0) {
        if (memmem(der->data, der->length, ed25519, sizeof ed25519 - 1) != NULL)
            error_set(error, ERROR_FORMAT, "Ed25519 keys are not supported");
        else if (memmem(der->data, der->length, ed448, sizeof ed448 - 1) != NULL)
            error_set(error, ERROR_FORMAT, "Ed448 keys are not supported");
        else
            key_library_error(error, result, "the private key cannot be read");
        goto out;
    }
    key = new_key(error);
    if (key == NULL || import(&pk, key, error) != 0)
        goto out;
    *out = key;
    key = NULL;
    status = 0;
out:
    key_free(key);
    mbedtls_pk_free(&pk);
    return status;
}

// Says why a block whose label is not one of ours holds no key for us; 0 when it is one to skip.
static int refuse_label(const struct codec_block *block, struct error *error)
{
    if (block->encrypted || strcmp(block->label, "ENCRYPTED PRIVATE KEY") == 0)
        return error_set(error, ERROR_FORMAT,
                         "the private key is encrypted; certauto reads only keys without a passphrase");
    if (strcmp(block->label, "OPENSSH PRIVATE KEY") == 0)
        return error_set(error, ERROR_FORMAT, "the private key is in OpenSSH's own format; PKCS#8 PEM is needed");
    if (strcmp(block->label, "DSA PRIVATE KEY") == 0)
        return error_set(error, ERROR_FORMAT, "DSA keys are not supported");
    return 0;
}

static bool is_key_label(const char *label)
{
    return strcmp(label, "PRIVATE KEY") == 0 || strcmp(label, "EC PRIVATE KEY") == 0 ||
           strcmp(label, "RSA PRIVATE KEY") == 0;
}

int key_parse(const char *pem, size_t length, struct key **out, struct error *error)
{
    struct codec_block block;
    struct buf der;
    int status = -1;

    *out = NULL;
    while (codec_pem_next(&pem, &length, &block)) {
        if (refuse_label(&block, error) != 0)
            return -1;
        if (!is_key_label(block.label))
            continue;
        buf_init_secret(&der, KEY_MAX_DER);
        if (!codec_unbase64(&der, block.body, block.length) || der.failed || der.length == 0)
            error_set(error, ERROR_FORMAT, "the private key is not valid PEM");
        else
            status = parse_der(&der, out, error);
        buf_free(&der);
        return status;
    }
    return error_set(error, ERROR_FORMAT, "no private key in PEM form found");
}

void key_free(struct key *key)
{
    if (key == NULL)
        return;
    if (key->id != PSA_KEY_ID_NULL)
        (void)psa_destroy_key(key->id);
    buf_free(key->public_der);
    free(key->public_der);
    free(key);
}

// ---- Writing

static int set_opaque(const struct key *key, mbedtls_pk_context *pk, struct error *error)
{
    int result = mbedtls_pk_setup_opaque(pk, key->id);

    return result == 0 ? 0 : key_library_error(error, result, "using the private key");
}

// A key in PSA's store holds no public point: mbedTLS would work it out each time it is asked for. So what mbedTLS gets
// of a curve is a copy with both.
int key_pk(const struct key *key, mbedtls_pk_context *pk, struct error *error)
{
    unsigned char secret[PSA_EXPORT_KEY_PAIR_MAX_SIZE];
    struct buf spki;
    size_t length;
    int result;

    if (key->type >= KEY_RSA_2048)
        return set_opaque(key, pk, error);
    buf_init(&spki, KEY_MAX_DER);
    if (key_public(key, &spki, error) != 0) {
        buf_free(&spki);
        return -1;
    }
    result = mbedtls_pk_parse_public_key(pk, (const unsigned char *)spki.data, spki.length);
    buf_free(&spki);
    if (result != 0)
        return key_library_error(error, result, "using the public key");
    if (psa_export_key(key->id, secret, sizeof secret, &length) != PSA_SUCCESS)
        return error_set(error, ERROR_SYSTEM, "the private key cannot be had from the cryptographic library");
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(*pk);
    result = mbedtls_ecp_read_key(mbedtls_ecp_keypair_get_group_id(pair), pair, secret, length);
    mbedtls_platform_zeroize(secret, sizeof secret);
    return result == 0 ? 0 : key_library_error(error, result, "using the private key");
}

int key_public(const struct key *key, struct buf *out, struct error *error)
{
    unsigned char der[KEY_MAX_DER];
    mbedtls_pk_context pk;
    int length;

    if (key->public_der->length > 0) {
        buf_add(out, key->public_der->data, key->public_der->length);
        return out->failed ? error_set(error, ERROR_SYSTEM, "not enough memory for a public key") : 0;
    }
    mbedtls_pk_init(&pk);
    if (set_opaque(key, &pk, error) != 0)
        return -1;
    length = mbedtls_pk_write_pubkey_der(&pk, der, sizeof der);
    mbedtls_pk_free(&pk);
    if (length < 0)
        return key_library_error(error, length, "writing the public key");
    buf_add(key->public_der, der + sizeof der - length, (size_t)length);
    buf_add(out, der + sizeof der - length, (size_t)length);
    return out->failed ? error_set(error, ERROR_SYSTEM, "not enough memory for a public key") : 0;
}

// The AlgorithmIdentifier with which a SubjectPublicKeyInfo begins is also that of PKCS#8.
static bool find_algorithm(const struct buf *spki, const unsigned char **from, size_t *length)
{
    unsigned char *at = (unsigned char *)spki->data, *end = at + spki->length, *start;
    const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
    size_t size;

    if (mbedtls_asn1_get_tag(&at, end, &size, sequence) != 0)
        return false;
    start = at;
    if (mbedtls_asn1_get_tag(&at, end, &size, sequence) != 0)
        return false;
    *from = start;
    *length = (size_t)(at - start) + size;
    return true;
}

// PrivateKeyInfo (RFC 5208): version 0, the algorithm, and the key in the form of its own kind.
static int write_pkcs8(const struct buf *spki, const unsigned char *inner, size_t inner_length, struct buf *out,
                       struct error *error)
{
    const unsigned char *algorithm;
    size_t algorithm_length;
    struct buf fields, whole;
    int status = -1;

    buf_init_secret(&fields, KEY_MAX_DER);
    buf_init_secret(&whole, KEY_MAX_DER);
    if (!find_algorithm(spki, &algorithm, &algorithm_length)) {
        error_set(error, ERROR_FORMAT, "the public key is not valid");
        goto out;
    }
    buf_add(&fields, "\x02\x01\x00", 3);
    buf_add(&fields, algorithm, algorithm_length);
    codec_der(&fields, MBEDTLS_ASN1_OCTET_STRING, inner, inner_length);
    codec_der(&whole, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE, fields.data, fields.length);
    codec_pem(out, "PRIVATE KEY", whole.data, whole.length);
    if (fields.failed || whole.failed || out->failed)
        error_set(error, ERROR_SYSTEM, "not enough memory for a key");
    else
        status = 0;
out:
    buf_free(&fields);
    buf_free(&whole);
    return status;
}

int key_write(const struct key *key, struct buf *out, struct error *error)
{
    unsigned char der[KEY_MAX_DER];
    mbedtls_pk_context pk;
    struct buf spki;
    int length, status = -1;

    mbedtls_pk_init(&pk);
    buf_init(&spki, KEY_MAX_DER);
    if (key_public(key, &spki, error) != 0 || key_pk(key, &pk, error) != 0)
        goto out;
    length = mbedtls_pk_write_key_der(&pk, der, sizeof der);
    if (length < 0) {
        key_library_error(error, length, "writing the private key");
        goto out;
    }
    status = write_pkcs8(&spki, der + sizeof der - length, (size_t)length, out, error);
out:
    mbedtls_platform_zeroize(der, sizeof der);
    mbedtls_pk_free(&pk);
    buf_free(&spki);
    return status;
}

// ---- Signing

int key_sign(const struct key *key, const void *bytes, size_t length, bool raw, struct buf *out, struct error *error)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    unsigned char signature[KEY_MAX_SIGNATURE];
    psa_algorithm_t algorithm;
    psa_status_t status = psa_get_key_attributes(key->id, &attributes);
    size_t size = 0;
    bool is_rsa = PSA_KEY_TYPE_IS_RSA(psa_get_key_type(&attributes));

    algorithm =
        is_rsa ? PSA_ALG_RSA_PKCS1V15_SIGN(types[key->type].hash) : PSA_ALG_DETERMINISTIC_ECDSA(types[key->type].hash);
    if (status == PSA_SUCCESS)
        status = psa_sign_message(key->id, algorithm, length > 0 ? bytes : (const void *)"", length, signature,
                                  sizeof signature, &size);
    if (status != PSA_SUCCESS)
        return psa_failed(error, status, "signing");
    if (!raw && !is_rsa) {
        int result = mbedtls_ecdsa_raw_to_der(psa_get_key_bits(&attributes), signature, size, signature,
                                              sizeof signature, &size);

        if (result != 0)
            return key_library_error(error, result, "signing");
    }
    buf_add(out, signature, size);
    return out->failed ? error_set(error, ERROR_SYSTEM, "not enough memory for a signature") : 0;
}

// ---- JWK

static void jwk_member(struct buf *out, const char *name, const unsigned char *bytes, size_t length)
{
    buf_format(out, "\"%s\":\"", name);
    codec_base64url(out, bytes, length);
    buf_char(out, '"');
}

// PSA exports RSAPublicKey: two integers, each with a zero before a set top bit.
static bool jwk_rsa(unsigned char *bytes, size_t length, struct buf *out)
{
    const int sequence = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE;
    unsigned char *at = bytes, *end = bytes + length, *part[2];
    size_t size, part_size[2];

    if (mbedtls_asn1_get_tag(&at, end, &size, sequence) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        if (mbedtls_asn1_get_tag(&at, end, &size, MBEDTLS_ASN1_INTEGER) != 0 || size == 0)
            return false;
        part[i] = at;
        part_size[i] = size;
        if (*at == 0 && size > 1) {
            part[i]++;
            part_size[i]--;
        }
        at += size;
    }
    buf_char(out, '{');
    jwk_member(out, "e", part[1], part_size[1]);
    buf_text(out, ",\"kty\":\"RSA\",");
    jwk_member(out, "n", part[0], part_size[0]);
    buf_char(out, '}');
    return true;
}

// PSA exports an uncompressed point: 4, x, y.
static bool jwk_curve(enum key_type type, const unsigned char *bytes, size_t length, struct buf *out)
{
    size_t half = (length - 1) / 2;

    if (type >= KEY_RSA_2048 || length < 3 || bytes[0] != 4)
        return false;
    buf_format(out, "{\"crv\":\"P-%u\",\"kty\":\"EC\",", (unsigned)types[type].bits);
    jwk_member(out, "x", bytes + 1, half);
    buf_char(out, ',');
    jwk_member(out, "y", bytes + 1 + half, half);
    buf_char(out, '}');
    return true;
}

int key_jwk(const struct key *key, struct buf *out, struct error *error)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    unsigned char bytes[KEY_MAX_DER];
    psa_status_t status = psa_get_key_attributes(key->id, &attributes);
    size_t length = 0;
    bool good;

    if (status == PSA_SUCCESS)
        status = psa_export_public_key(key->id, bytes, sizeof bytes, &length);
    if (status != PSA_SUCCESS)
        return psa_failed(error, status, "reading the public key");
    good = PSA_KEY_TYPE_IS_RSA(psa_get_key_type(&attributes)) ? jwk_rsa(bytes, length, out)
                                                              : jwk_curve(key->type, bytes, length, out);
    if (!good)
        return error_set(error, ERROR_REFUSED, "this kind of key has no JWK form here");
    return out->failed ? error_set(error, ERROR_SYSTEM, "not enough memory for a key") : 0;
}
