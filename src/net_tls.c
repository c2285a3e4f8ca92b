// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// TLS over a socket, on mbedTLS: what certificate a server shows.
#include "net_tls.h"

#include <mbedtls/pem.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <stdbool.h>

#include "key_inner.h"
#include "net.h"

#define MOST_PEM 65536 // of one certificate

// What mbedTLS reads from and writes to.
struct wire {
    int fd;
    long long deadline_boot_ms;
    struct error *error; // set when a transfer failed
};

static int wire_read(void *context, unsigned char *bytes, size_t length)
{
    struct wire *wire = context;
    ssize_t got = net_read(wire->fd, bytes, length, wire->deadline_boot_ms, wire->error);
    return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : got == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : (int)got;
}

static int wire_write(void *context, const unsigned char *bytes, size_t length)
{
    struct wire *wire = context;
    return net_write(wire->fd, bytes, length, wire->deadline_boot_ms, wire->error) < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR
                                                                                       : (int)length;
}

// Signature schemes by the type of key that makes them (RFC 8446 §4.2.3).
static const uint16_t ecdsa_schemes[] = {MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
                                         MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
                                         MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_NONE};
static const uint16_t rsa_schemes[] = {MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
                                       MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
                                       MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
                                       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
                                       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
                                       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
                                       MBEDTLS_TLS1_3_SIG_NONE};

// In TLS 1.2 the cipher suite names the type of key as well.
static const int ecdsa_suites[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                   MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                   MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                   MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                   MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                   MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                   0};
static const int rsa_suites[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                 MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                 0};

static int set_up(mbedtls_ssl_config *config, enum key_type type)
{
    int result = mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    bool rsa = type == KEY_RSA_2048 || type == KEY_RSA_3072 || type == KEY_RSA_4096;
    mbedtls_ssl_conf_rng(config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    // Who it is told by its fingerprint, not by a CA.
    mbedtls_ssl_conf_authmode(config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    if (rsa || type != KEY_OTHER) {
        mbedtls_ssl_conf_sig_algs(config, rsa ? rsa_schemes : ecdsa_schemes);
        mbedtls_ssl_conf_ciphersuites(config, rsa ? rsa_suites : ecdsa_suites);
    }
    return result;
}

static int add_shown(const mbedtls_x509_crt *shown, struct buf *out, struct error *error)
{
    unsigned char text[MOST_PEM];
    for (; shown != NULL && shown->raw.len > 0; shown = shown->next) {
        size_t length;
        if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", shown->raw.p,
                                     shown->raw.len, text, sizeof(text), &length) != 0) {
            return error_set(error, ERROR_REFUSED, "the server showed a certificate that is too long");
        }
        buf_text(out, (const char *)text);
    }
    return out->failed ? error_set(error, ERROR_REFUSED, "the server showed too many certificates") : 0;
}

static int shake_hands(mbedtls_ssl_context *ssl, const struct wire *wire)
{
    int result = mbedtls_ssl_handshake(ssl);
    if (result != 0 && wire->error->code == ERROR_NONE) {
        key_library_error(wire->error, result, "the TLS handshake");
    }
    return result == 0 ? 0 : -1;
}

int net_tls_look(int fd, const char *server_name, enum key_type type, long long deadline_boot_ms, struct buf *shown,
                 struct error *error)
{
    struct wire wire = {fd, deadline_boot_ms, error};
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    int result;
    error_clear(error);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    if ((result = set_up(&config, type)) != 0 || (result = mbedtls_ssl_setup(&ssl, &config)) != 0 ||
        (result = mbedtls_ssl_set_hostname(&ssl, server_name)) != 0) {
        key_library_error(error, result, "TLS cannot be set up");
        goto out;
    }
    mbedtls_ssl_set_bio(&ssl, &wire, wire_write, wire_read, NULL);
    result = shake_hands(&ssl, &wire);
    if (result == 0) {
        result = add_shown(mbedtls_ssl_get_peer_cert(&ssl), shown, error);
    }
out:
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    return result == 0 ? 0 : -1;
}
