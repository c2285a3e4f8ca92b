// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Chains: a CA's intermediate certificates put in order, checked, and followed to a trusted one.
#include <mbedtls/rsa.h>
#include <psa/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "codec.h"
#include "key_inner.h"
#include "x509_inner.h"

#define MAX_LINKS 17   // the leaf and 16 others; public CAs send at most four
#define MAX_STEPS 4096 // of the search, so that a hostile heap of cross-signatures ends too

struct link {
    mbedtls_x509_crt crt;
    bool self_signed;
    bool valid;    // at "now"
    bool anchored; // is trusted itself, or issued by a trusted CA
    bool related;  // belongs to the chain, used or not
};

enum memo { MEMO_UNKNOWN, MEMO_NO, MEMO_YES };

// The way from the leaf upwards: indexes of links, the leaf itself left out.
struct way {
    int index[MAX_LINKS];
    int length;
    int score;
};

struct chain {
    struct link *links; // [0] is the leaf
    int count;
    int64_t now;
    bool has_trust;
    bool anchor_expired; // a trusted CA would have fitted
    int anchors;         // trusted CAs that could be read
    unsigned char memo[MAX_LINKS][MAX_LINKS];
    struct way way, best;
    int steps;
};

// ---- Single facts

static bool valid_at(const mbedtls_x509_crt *crt, int64_t now)
{
    return x509_time(&crt->valid_from) <= now && now <= x509_time(&crt->valid_to);
}

static bool same_bytes(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static bool same_certificate(const mbedtls_x509_crt *a, const mbedtls_x509_crt *b)
{
    return same_bytes(&a->raw, &b->raw);
}

// Only the signature: what a parent may sign is judged with the whole way before us.
static bool verifies(mbedtls_x509_crt *parent, const mbedtls_x509_crt *child)
{
    mbedtls_md_type_t md = child->MBEDTLS_PRIVATE(sig_md);
    mbedtls_pk_type_t pk = child->MBEDTLS_PRIVATE(sig_pk);
    const mbedtls_x509_buf *signature = &child->MBEDTLS_PRIVATE(sig);
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(md);
    unsigned char hash[PSA_HASH_MAX_SIZE];

    if (info == NULL || !mbedtls_pk_can_do(&parent->pk, pk) ||
        mbedtls_md(info, child->tbs.p, child->tbs.len, hash) != 0)
        return false;
    // PSA stops at 4096 bits, but there are larger roots.
    if (pk == MBEDTLS_PK_RSA && mbedtls_pk_get_bitlen(&parent->pk) > 4096)
        return signature->len == mbedtls_pk_get_len(&parent->pk) &&
               mbedtls_rsa_pkcs1_verify(mbedtls_pk_rsa(parent->pk), md, mbedtls_md_get_size(info), hash,
                                        signature->p) == 0;
    return mbedtls_pk_verify_ext(pk, child->MBEDTLS_PRIVATE(sig_opts), &parent->pk, md, hash, mbedtls_md_get_size(info),
                                 signature->p, signature->len) == 0;
}

static bool issued(struct chain *chain, int parent, int child)
{
    unsigned char *memo = &chain->memo[parent][child];

    if (*memo == MEMO_UNKNOWN) {
        mbedtls_x509_crt *above = &chain->links[parent].crt, *below = &chain->links[child].crt;

        *memo = x509_name_same(&above->subject, &below->issuer) && verifies(above, below) ? MEMO_YES : MEMO_NO;
    }
    return *memo == MEMO_YES;
}

static bool may_issue(const mbedtls_x509_crt *crt)
{
    return mbedtls_x509_crt_get_ca_istrue(crt) > 0 &&
           mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) == 0;
}

// A self-signed certificate from before extensions is a CA when somebody trusts it.
static bool may_anchor(const mbedtls_x509_crt *crt)
{
    return crt->version < 3 || may_issue(crt);
}

// ---- Reading

static int add_links(struct chain *chain, const char *pem, size_t length, bool only_first, struct error *error)
{
    int found = 1;

    while (found > 0 && !(only_first && chain->count > 0)) {
        struct link *link = &chain->links[chain->count];
        bool seen = false;

        mbedtls_x509_crt_init(&link->crt);
        found = x509_next(&pem, &length, &link->crt, error);
        for (int i = 0; found > 0 && i < chain->count && !seen; i++)
            seen = same_certificate(&chain->links[i].crt, &link->crt);
        if (found <= 0 || seen || chain->count == MAX_LINKS - 1) {
            mbedtls_x509_crt_free(&link->crt);
            if (found > 0 && !seen)
                return error_set(error, ERROR_REFUSED, "the chain has more than %d certificates", MAX_LINKS - 2);
            continue;
        }
        chain->count++;
    }
    if (found < 0)
        return error_prefix(error, only_first ? "leaf" : "certificate %d of the chain", chain->count);
    return 0;
}

static void judge_links(struct chain *chain)
{
    for (int i = 0; i < chain->count; i++) {
        struct link *link = &chain->links[i];

        link->valid = valid_at(&link->crt, chain->now);
        link->self_signed = issued(chain, i, i);
    }
}

// Goes once through the trusted certificates and marks what each of them vouches for.
static void read_trust(struct chain *chain, const char *pem, size_t length)
{
    mbedtls_x509_crt anchor;
    int found;

    do {
        mbedtls_x509_crt_init(&anchor);
        found = x509_next(&pem, &length, &anchor, NULL);
        chain->anchors += found > 0;
        for (int i = 0; found > 0 && i < chain->count; i++) {
            struct link *link = &chain->links[i];

            if (!same_certificate(&anchor, &link->crt) && !(x509_name_same(&anchor.subject, &link->crt.issuer) &&
                                                            may_anchor(&anchor) && verifies(&anchor, &link->crt)))
                continue;
            if (valid_at(&anchor, chain->now) || same_certificate(&anchor, &chain->links[0].crt))
                link->anchored = true;
            else
                chain->anchor_expired = true;
        }
        mbedtls_x509_crt_free(&anchor);
    } while (found != 0);
}

// ---- Searching

// How many of the way's certificates are handed on: up to a root or one that is not valid.
static int usable_length(const struct chain *chain, const struct way *way)
{
    int length = 0;

    while (length < way->length && !chain->links[way->index[length]].self_signed &&
           chain->links[way->index[length]].valid)
        length++;
    return length;
}

// True when the leaf or one of the first "length" certificates above it is vouched for.
static bool is_anchored(const struct chain *chain, const struct way *way, int length)
{
    bool anchored = chain->links[0].anchored;

    for (int i = 0; i < length; i++)
        anchored = anchored || chain->links[way->index[i]].anchored;
    return anchored;
}

// Trusted before valid before long.
static void keep_best(struct chain *chain)
{
    struct way *way = &chain->way;
    int usable = usable_length(chain, way);
    bool whole = usable == way->length || chain->links[way->index[usable]].self_signed;

    way->score = (is_anchored(chain, way, usable) ? 2000 : 0) + (whole ? 1000 : 0) + usable;
    if (way->score > chain->best.score)
        chain->best = *way;
}

// Tries every way upwards. Only those that can go no further are compared.
static void search(struct chain *chain, int child)
{
    struct way *way = &chain->way;
    bool taken[MAX_LINKS] = {true}, ends = true;

    for (int i = 0; i < way->length; i++)
        taken[way->index[i]] = true;
    for (int i = 1; i < chain->count && !chain->links[child].self_signed; i++) {
        if (taken[i] || !issued(chain, i, child))
            continue;
        ends = false;
        if (++chain->steps > MAX_STEPS)
            return;
        way->index[way->length++] = i;
        search(chain, i);
        way->length--;
    }
    if (ends)
        keep_best(chain);
}

// ---- Judging

static int refuse_link(struct error *error, const struct link *link, const char *why)
{
    char title[256];

    return error_set(error, ERROR_REFUSED, "the chain's certificate '%s' %s", x509_title(&link->crt, title), why);
}

static int refuse_validity(const struct chain *chain, const struct link *link, struct error *error)
{
    bool early = x509_time(&link->crt.valid_from) > chain->now;
    char time[CLOCK_UTC_SIZE], title[256];

    clock_format(x509_time(early ? &link->crt.valid_from : &link->crt.valid_to), time);
    return error_set(error, ERROR_REFUSED, "the chain's certificate '%s' %s %s", x509_title(&link->crt, title),
                     early ? "is not valid before" : "expired at", time);
}

// What may stand in a chain without being used: the same CA in other words (cross-signed, or its root), and
// whoever issued that.
static void mark_related(struct chain *chain)
{
    bool more = true;

    chain->links[0].related = true;
    for (int i = 0; i < chain->best.length; i++)
        chain->links[chain->best.index[i]].related = true;
    while (more) {
        more = false;
        for (int i = 1; i < chain->count; i++) {
            struct link *link = &chain->links[i];

            for (int j = 1; j < chain->count && !link->related; j++) {
                const struct link *other = &chain->links[j];

                link->related = other->related &&
                                (issued(chain, i, j) || (x509_name_same(&link->crt.subject, &other->crt.subject) &&
                                                         same_bytes(&link->crt.pk_raw, &other->crt.pk_raw)));
                more = more || link->related;
            }
        }
    }
}

// Names the reason: a signature that is wrong, or a certificate from elsewhere.
static int check_fit(struct chain *chain, struct error *error)
{
    char title[256], below[256];

    mark_related(chain);
    for (int i = 1; i < chain->count; i++) {
        struct link *link = &chain->links[i];

        if (link->related)
            continue;
        for (int j = 0; j < chain->count; j++) {
            if (i != j && chain->links[j].related && x509_name_same(&link->crt.subject, &chain->links[j].crt.issuer))
                return error_set(error, ERROR_REFUSED, "the signature of '%s' does not verify with '%s' of the chain",
                                 x509_title(&chain->links[j].crt, below), x509_title(&link->crt, title));
        }
        return refuse_link(error, link, "does not fit in: it issued nothing in the chain");
    }
    return 0;
}

// What each certificate of the way may do, seen from the leaf. Self-issued ones (a CA's new key) do not count
// for the path length (RFC 5280 §4.2.1.9).
static int check_way(const struct chain *chain, struct error *error)
{
    int usable = usable_length(chain, &chain->best), below = 0;

    for (int i = 0; i < chain->best.length; i++) {
        const struct link *link = &chain->links[chain->best.index[i]];
        int most = link->crt.MBEDTLS_PRIVATE(max_pathlen); // one more than RFC 5280's

        if (i >= usable && !link->self_signed) {
            if (is_anchored(chain, &chain->best, usable))
                return 0;
            return refuse_validity(chain, link, error);
        }
        if (!(link->self_signed && link->crt.version < 3) && !may_issue(&link->crt))
            return refuse_link(error, link, "is no CA certificate");
        if (most > 0 && below > most - 1)
            return refuse_link(error, link, "allows fewer CA certificates below it");
        if (!x509_name_same(&link->crt.subject, &link->crt.issuer))
            below++;
    }
    return 0;
}

static int check_trust(const struct chain *chain, struct error *error)
{
    int usable = usable_length(chain, &chain->best);
    const struct link *last = &chain->links[usable > 0 ? chain->best.index[usable - 1] : 0];
    struct buf issuer;
    char title[256];

    if (!chain->has_trust || is_anchored(chain, &chain->best, usable))
        return 0;
    if (chain->anchors == 0)
        return error_set(error, ERROR_REFUSED, "among the trusted certificates is none that can be read");
    if (chain->anchor_expired)
        return error_set(error, ERROR_REFUSED, "the chain ends at a trusted certificate that is not valid now");
    buf_init(&issuer, 4096);
    x509_name_text(&last->crt.issuer, &issuer);
    error_set(error, ERROR_REFUSED, "the issuer '%.200s' of '%s' is not among the trusted", buf_string(&issuer),
              x509_title(&last->crt, title));
    buf_free(&issuer);
    return -1;
}

static int write_way(const struct chain *chain, struct buf *ordered, struct error *error)
{
    int usable = usable_length(chain, &chain->best);

    for (int i = 0; i < usable; i++) {
        const mbedtls_x509_buf *raw = &chain->links[chain->best.index[i]].crt.raw;

        codec_pem(ordered, "CERTIFICATE", raw->p, raw->len);
    }
    return ordered->failed ? error_set(error, ERROR_REFUSED, "the chain is too long") : 0;
}

int x509_check_chain(const char *leaf, size_t leaf_length, const char *chain_pem, size_t chain_length,
                     const char *trust, size_t trust_length, int64_t now, struct buf *ordered, struct error *error)
{
    struct chain chain = {.now = now, .has_trust = trust != NULL, .best = {.score = -1}};
    int status = -1;

    chain.links = calloc(MAX_LINKS, sizeof *chain.links);
    if (chain.links == NULL)
        return error_set(error, ERROR_SYSTEM, "not enough memory for a chain");
    if (add_links(&chain, leaf, leaf_length, true, error) != 0)
        goto out;
    if (chain.count == 0) {
        error_set(error, ERROR_FORMAT, "no certificate in PEM form found");
        goto out;
    }
    if (chain_pem != NULL && add_links(&chain, chain_pem, chain_length, false, error) != 0)
        goto out;
    judge_links(&chain);
    if (trust != NULL)
        read_trust(&chain, trust, trust_length);
    search(&chain, 0);
    if (check_fit(&chain, error) == 0 && check_way(&chain, error) == 0 && check_trust(&chain, error) == 0)
        status = write_way(&chain, ordered, error);
out:
    for (int i = 0; i < chain.count; i++)
        mbedtls_x509_crt_free(&chain.links[i].crt);
    free(chain.links);
    return status;
}
