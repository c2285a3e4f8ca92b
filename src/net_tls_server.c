// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The other side of TLS, as far as a CA's validation goes (RFC 8737): a handshake that shows a certificate, and no more.
#include "net_tls_server.h"

#include <errno.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "buf.h"
#include "codec.h"
#include "key_inner.h"

struct shown {
    const char *name;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
};

struct net_tls_server {
    mbedtls_ssl_config config;
    const char *protocols[2];
    size_t count;
    struct shown shown[];
};

struct net_tls_guest {
    mbedtls_ssl_context ssl;
    int fd;
    bool over;
};

// ---- What is shown

static int choose(void *context, mbedtls_ssl_context *ssl, const unsigned char *name, size_t length)
{
    struct net_tls_server *server = context;
    for (size_t i = 0; i < server->count; i++) {
        struct shown *shown = &server->shown[i];
        if (strlen(shown->name) == length && strncasecmp(shown->name, (const char *)name, length) == 0) {
            return mbedtls_ssl_set_hs_own_cert(ssl, &shown->certificate, &shown->key);
        }
    }
    return MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME;
}

// The library refuses a critical extension that it does not know, as that of RFC 8737; it is for the guest to judge.
static int pass_over(void *context, const mbedtls_x509_crt *certificate, const mbedtls_x509_buf *oid, int critical,
                     const unsigned char *at, const unsigned char *end)
{
    (void)context, (void)certificate, (void)oid, (void)critical, (void)at, (void)end;
    return 0;
}

static int read_certificates(const char *pem, size_t length, mbedtls_x509_crt *list)
{
    struct codec_block block;
    struct buf der;
    int result = MBEDTLS_ERR_X509_INVALID_FORMAT;
    buf_init(&der, length);
    while (codec_pem_next(&pem, &length, &block)) {
        buf_clear(&der);
        result = !codec_unbase64(&der, block.body, block.length)
                     ? MBEDTLS_ERR_X509_INVALID_FORMAT
                     : mbedtls_x509_crt_parse_der_with_ext_cb(list, (const unsigned char *)buf_string(&der), der.length,
                                                              1, pass_over, NULL);
        if (result != 0) {
            break;
        }
    }
    buf_free(&der);
    return result;
}

static int read_offer(const struct net_offer *offer, struct shown *shown, struct error *error)
{
    int result = read_certificates(offer->certificate, strlen(offer->certificate), &shown->certificate);
    if (result == 0) {
        result = mbedtls_pk_parse_key(&shown->key, (const unsigned char *)offer->key, strlen(offer->key) + 1, NULL, 0,
                                      mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    }
    if (result == 0) {
        result = mbedtls_pk_check_pair(&shown->certificate.pk, &shown->key, mbedtls_psa_get_random,
                                       MBEDTLS_PSA_RANDOM_STATE);
    }
    return result == 0 ? 0 : key_library_error(error, result, "certificate and key cannot be shown");
}

int net_tls_server_open(const struct net_offer *offers, size_t count, const char *protocol,
                        struct net_tls_server **server, struct error *error)
{
    struct net_tls_server *made = calloc(1, sizeof(*made) + count * sizeof(made->shown[0]));
    *server = NULL;
    if (made == NULL) {
        return error_set(error, ERROR_SYSTEM, "no memory for TLS");
    }
    mbedtls_ssl_config_init(&made->config);
    for (size_t i = 0; i < count; i++) {
        mbedtls_x509_crt_init(&made->shown[i].certificate);
        mbedtls_pk_init(&made->shown[i].key);
    }
    made->protocols[0] = protocol;
    int result = mbedtls_ssl_config_defaults(&made->config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    if (result != 0 || (result = mbedtls_ssl_conf_alpn_protocols(&made->config, made->protocols)) != 0) {
        key_library_error(error, result, "TLS cannot be set up");
        goto failed;
    }
    mbedtls_ssl_conf_rng(&made->config, mbedtls_psa_get_random, MBEDTLS_PSA_RANDOM_STATE);
    mbedtls_ssl_conf_sni(&made->config, choose, made);
    mbedtls_ssl_conf_min_tls_version(&made->config, MBEDTLS_SSL_VERSION_TLS1_2);
    for (made->count = 0; made->count < count; made->count++) {
        made->shown[made->count].name = offers[made->count].name;
        if (read_offer(&offers[made->count], &made->shown[made->count], error) < 0) {
            made->count++;
            goto failed;
        }
    }
    *server = made;
    return 0;
failed:
    net_tls_server_close(made);
    return -1;
}

void net_tls_server_close(struct net_tls_server *server)
{
    if (server != NULL) {
        for (size_t i = 0; i < server->count; i++) {
            mbedtls_x509_crt_free(&server->shown[i].certificate);
            mbedtls_pk_free(&server->shown[i].key);
        }
        mbedtls_ssl_config_free(&server->config);
        free(server);
    }
}

// ---- Guests

static int take(void *context, unsigned char *bytes, size_t length)
{
    const struct net_tls_guest *guest = context;
    ssize_t got = recv(guest->fd, bytes, length, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    return got == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : (int)got;
}

static int give(void *context, const unsigned char *bytes, size_t length)
{
    const struct net_tls_guest *guest = context;
    ssize_t put = send(guest->fd, bytes, length, MSG_NOSIGNAL);
    if (put < 0) {
        return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    }
    return (int)put;
}

struct net_tls_guest *net_tls_greet(struct net_tls_server *server, int fd)
{
    struct net_tls_guest *guest = calloc(1, sizeof(*guest));
    if (guest == NULL) {
        return NULL;
    }
    guest->fd = fd;
    mbedtls_ssl_init(&guest->ssl);
    if (mbedtls_ssl_setup(&guest->ssl, &server->config) != 0) {
        net_tls_dismiss(guest);
        return NULL;
    }
    mbedtls_ssl_set_bio(&guest->ssl, guest, give, take, NULL);
    return guest;
}

short net_tls_go_on(struct net_tls_guest *guest)
{
    // Once it is over, what is left is to say goodbye.
    int result = guest->over ? 0 : mbedtls_ssl_handshake(&guest->ssl);
    if (result == 0) {
        guest->over = true;
        result = mbedtls_ssl_close_notify(&guest->ssl);
    }
    return result == MBEDTLS_ERR_SSL_WANT_READ ? POLLIN : result == MBEDTLS_ERR_SSL_WANT_WRITE ? POLLOUT : 0;
}

void net_tls_dismiss(struct net_tls_guest *guest)
{
    if (guest != NULL) {
        mbedtls_ssl_free(&guest->ssl);
        free(guest);
    }
}
