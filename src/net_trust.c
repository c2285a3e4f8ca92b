// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The CAs that a peer's certificate must come from: a bundle, read once, for all connections of a process.
#include "net_trust.h"

#include <fcntl.h>
#include <mbedtls/asn1.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "codec.h"
#include "file.h"

#define MOST_BUNDLE (16 * 1024 * 1024)

struct net_trust {
    mbedtls_x509_crt roots;
    struct buf source; // the text or path that it came of
    struct buf der;    // of all of them: "roots" points into it
};

static bool is_certificate(const struct codec_block *block)
{
    return strcmp(block->label, "CERTIFICATE") == 0 || strcmp(block->label, "X509 CERTIFICATE") == 0 ||
           strcmp(block->label, "TRUSTED CERTIFICATE") == 0;
}

// The size of the DER object that begins there (X.690 §8.1.3); 0 when it is not whole.
static size_t object_size(const unsigned char *der, size_t length)
{
    unsigned char *at = (unsigned char *)(uintptr_t)der;
    size_t size;
    if (mbedtls_asn1_get_tag(&at, der + length, &size, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE) != 0) {
        return 0;
    }
    return (size_t)(at - der) + size;
}

// Adds every certificate that can be read. The bytes must not move afterwards, so all are decoded first.
static int add_all(struct net_trust *trust, const char *pem, size_t length)
{
    struct codec_block block;
    const char *at = pem;
    size_t left = length;
    int count = 0;
    while (codec_pem_next(&at, &left, &block)) {
        size_t before = trust->der.length;
        if (!is_certificate(&block) || !codec_unbase64(&trust->der, block.body, block.length)) {
            continue;
        }
        // What follows the certificate in a block (OpenSSL's own trust settings), and what is not whole, goes again.
        size_t size = object_size((const unsigned char *)buf_string(&trust->der) + before, trust->der.length - before);
        trust->der.length = before + size;
    }
    const unsigned char *der = (const unsigned char *)buf_string(&trust->der);
    for (size_t used = 0, size; used < trust->der.length; used += size) {
        size = object_size(der + used, trust->der.length - used);
        count += mbedtls_x509_crt_parse_der_nocopy(&trust->roots, der + used, size) == 0;
    }
    return trust->der.failed ? 0 : count;
}

static int read_from(const char *source, size_t source_length, const char *pem, size_t length, struct net_trust **trust,
                     struct error *error)
{
    struct net_trust *made = calloc(1, sizeof *made);
    *trust = NULL;
    if (made == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for a bundle of CA certificates");
    }
    mbedtls_x509_crt_init(&made->roots);
    buf_init(&made->source, MOST_BUNDLE);
    buf_init(&made->der, MOST_BUNDLE);
    buf_add(&made->source, source, source_length);
    if (add_all(made, pem, length) == 0 || made->source.failed) {
        net_trust_free(made);
        return error_set(error, ERROR_FORMAT, "the bundle of CA certificates holds none that can be read");
    }
    *trust = made;
    return 0;
}

int net_trust_read(const char *pem, size_t length, struct net_trust **trust, struct error *error)
{
    return read_from(pem, length, pem, length, trust, error);
}

int net_trust_load(const char *path, struct net_trust **trust, struct error *error)
{
    struct buf text;
    buf_init(&text, MOST_BUNDLE);
    *trust = NULL;
    int result = file_read(AT_FDCWD, path, &text, error);
    if (result == 0 && read_from(path, strlen(path), buf_string(&text), text.length, trust, error) < 0) {
        result = error_prefix(error, "%s", path);
    }
    buf_free(&text);
    return result;
}

void net_trust_free(struct net_trust *trust)
{
    if (trust != NULL) {
        mbedtls_x509_crt_free(&trust->roots);
        buf_free(&trust->source);
        buf_free(&trust->der);
        free(trust);
    }
}

bool net_trust_is(const struct net_trust *trust, const char *source, size_t length)
{
    return trust != NULL && trust->source.length == length && memcmp(buf_string(&trust->source), source, length) == 0;
}

void net_trust_use(struct net_trust *trust, void *ssl_config)
{
    mbedtls_ssl_conf_ca_chain(ssl_config, &trust->roots, NULL);
}
