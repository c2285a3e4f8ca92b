// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// TLS over a socket, on mbedTLS: sessions as a client, and what certificate a server shows.
#include "net_tls.h"

#include <mbedtls/pem.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "http.h"
#include "key_inner.h"
#include "net.h"
#include "net_trust.h"

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
    // A peer that never stops sending what the library passes over would keep it reading for ever.
    if (clock_boot_ms() >= wire->deadline_boot_ms) {
        error_set(wire->error, ERROR_TIMEOUT, "no answer in time");
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    ssize_t got = net_read(wire->fd, bytes, length, wire->deadline_boot_ms, wire->error);
    return got < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : got == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : (int)got;
}

static int wire_write(void *context, const unsigned char *bytes, size_t length)
{
    struct wire *wire = context;
    return net_write(wire->fd, bytes, length, wire->deadline_boot_ms, wire->error) < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR
                                                                                       : (int)length;
}

// What became of a call of the library, when no transfer has said it already.
static int wire_failed(const struct wire *wire, int result, const char *what)
{
    return wire->error->code != ERROR_NONE ? -1 : key_library_error(wire->error, result, what);
}

// ---- What a server shows

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
    result = mbedtls_ssl_handshake(&ssl);
    result = result != 0 ? wire_failed(&wire, result, "the TLS handshake")
                         : add_shown(mbedtls_ssl_get_peer_cert(&ssl), shown, error);
out:
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    return result == 0 ? 0 : -1;
}

// ---- Sessions

struct net_tls {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    struct net_trust *trust;
    struct wire wire; // its deadline and error are those of the call under way
    char protocol[NET_TLS_PROTOCOL_SIZE];
};

static int load_trust(struct net_tls *tls, const char *trust, size_t length, struct error *error)
{
    const char *bundle = trust == NULL ? http_system_bundle() : NULL;
    if (trust == NULL && bundle == NULL) {
        return error_set(error, ERROR_NOT_FOUND,
                         "no bundle of CA certificates on this machine: install ca-certificates");
    }
    return trust == NULL ? net_trust_load(bundle, &tls->trust, error)
                         : net_trust_read(trust, length, &tls->trust, error);
}

static int set_up_session(struct net_tls *tls, const char *name, const char *const *protocols)
{
    int result = mbedtls_ssl_config_defaults(&tls->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_rng(&tls->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    net_trust_use(tls->trust, &tls->config);
    mbedtls_ssl_conf_min_tls_version(&tls->config, MBEDTLS_SSL_VERSION_TLS1_2);
    if (result == 0 && protocols != NULL) {
        // The library does not write to it, it only forgot to say so.
        result = mbedtls_ssl_conf_alpn_protocols(&tls->config, (const char **)(uintptr_t)protocols);
    }
    if (result == 0) {
        result = mbedtls_ssl_setup(&tls->ssl, &tls->config);
    }
    // An address is never named to the server (RFC 6066 §3), and so is verified apart, in check_address.
    return result != 0 ? result : mbedtls_ssl_set_hostname(&tls->ssl, net_is_address(name) ? NULL : name);
}

static int distrust(uint32_t flags, const char *name, struct error *error)
{
    const char *why = (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0 ? "it is not for this name"
                      : (flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0   ? "it has expired"
                      : (flags & MBEDTLS_X509_BADCERT_FUTURE) != 0    ? "it is not valid yet"
                                                                      : "no CA that is trusted stands behind it";
    return error_set(error, ERROR_REFUSED, "the TLS certificate of %s is not trusted: %s", name, why);
}

static int check_address(struct net_tls *tls, const char *name, struct error *error)
{
    uint32_t flags = 0;
    mbedtls_x509_crt *shown = (mbedtls_x509_crt *)(uintptr_t)mbedtls_ssl_get_peer_cert(&tls->ssl);
    mbedtls_x509_crt *roots = tls->config.MBEDTLS_PRIVATE(ca_chain);
    if (shown == NULL || mbedtls_x509_crt_verify(shown, roots, NULL, name, &flags, NULL, NULL) != 0) {
        return distrust(flags, name, error);
    }
    return 0;
}

static int begin(struct net_tls *tls, const char *name, struct error *error)
{
    int result = mbedtls_ssl_handshake(&tls->ssl);
    uint32_t flags = result != 0 ? mbedtls_ssl_get_verify_result(&tls->ssl) : 0;
    if (flags != 0 && flags != UINT32_MAX && error->code == ERROR_NONE) {
        return distrust(flags, name, error);
    }
    if (result != 0) {
        return wire_failed(&tls->wire, result, "the TLS handshake");
    }
    const char *protocol = mbedtls_ssl_get_alpn_protocol(&tls->ssl);
    snprintf(tls->protocol, sizeof(tls->protocol), "%s", protocol == NULL ? "" : protocol);
    return net_is_address(name) ? check_address(tls, name, error) : 0;
}

int net_tls_open(int fd, const char *name, const char *trust, size_t trust_length, const char *const *protocols,
                 long long deadline_boot_ms, struct net_tls **tls, struct error *error)
{
    int result;
    struct net_tls *made = calloc(1, sizeof(*made));
    *tls = NULL;
    error_clear(error);
    if (made == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for TLS");
    }
    mbedtls_ssl_init(&made->ssl);
    mbedtls_ssl_config_init(&made->config);
    made->wire = (struct wire){fd, deadline_boot_ms, error};
    mbedtls_ssl_set_bio(&made->ssl, &made->wire, wire_write, wire_read, NULL);
    if (load_trust(made, trust, trust_length, error) < 0) {
        goto out;
    }
    if ((result = set_up_session(made, name, protocols)) != 0) {
        key_library_error(error, result, "TLS cannot be set up");
        goto out;
    }
    if (begin(made, name, error) == 0) {
        *tls = made;
        made = NULL;
    }
out:
    net_tls_close(made);
    return *tls != NULL ? 0 : -1;
}

void net_tls_close(struct net_tls *tls)
{
    struct error error = {.code = ERROR_NONE};
    if (tls == NULL) {
        return;
    }
    tls->wire.error = &error;
    tls->wire.deadline_boot_ms = 0;
    if (mbedtls_ssl_is_handshake_over(&tls->ssl)) {
        mbedtls_ssl_close_notify(&tls->ssl);
    }
    mbedtls_ssl_free(&tls->ssl);
    mbedtls_ssl_config_free(&tls->config);
    net_trust_free(tls->trust);
    free(tls);
}

const char *net_tls_protocol(const struct net_tls *tls)
{
    return tls->protocol;
}

static void begin_call(struct net_tls *tls, long long deadline_boot_ms, struct error *error)
{
    error_clear(error);
    tls->wire.deadline_boot_ms = deadline_boot_ms;
    tls->wire.error = error;
}

ssize_t net_tls_read(struct net_tls *tls, void *bytes, size_t length, long long deadline_boot_ms, struct error *error)
{
    begin_call(tls, deadline_boot_ms, error);
    int got = mbedtls_ssl_read(&tls->ssl, bytes, length);
    if (got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        return 0;
    }
    return got > 0 ? got
                   : wire_failed(&tls->wire, got == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : got, "the TLS connection broke");
}

int net_tls_write(struct net_tls *tls, const void *bytes, size_t length, long long deadline_boot_ms,
                  struct error *error)
{
    const unsigned char *at = bytes;
    begin_call(tls, deadline_boot_ms, error);
    while (length > 0) {
        int put = mbedtls_ssl_write(&tls->ssl, at, length);
        if (put <= 0) {
            return wire_failed(&tls->wire, put, "the TLS connection broke");
        }
        at += put;
        length -= (size_t)put;
    }
    return 0;
}
