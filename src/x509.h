// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Certificates and certificate requests: read, checked and (for the built-in CA) made.
#ifndef X509_H
#define X509_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "key.h"

#define X509_FINGERPRINT_SIZE 65 // SHA-256 as hex and its NUL
#define X509_ACME_IDENTIFIER_SIZE 32
#define X509_MAX_PEM (1024 * 1024) // of a leaf with its chain; a distribution's bundle may be larger

enum x509_usage { X509_SERVER = 1, X509_CLIENT = 2, X509_EMAIL = 4, X509_CODE = 8 };

// The facts of one certificate. Texts from the certificate have control bytes written \xNN.
struct x509_facts {
    int64_t not_before, not_after; // Unix seconds
    char serial[2 * 64 + 2]; // lower-case hex of whole bytes without leading zero bytes; "-" before a negative one
    char fingerprint[X509_FINGERPRINT_SIZE];
    enum key_type key_type;
    bool is_ca;
    unsigned usage; // enum x509_usage bits of the extended key usage; 0: none stated
    char subject[512], issuer[512], issuer_organisation[256];
    char aki[2 * 64 + 1];  // authority key identifier as hex, "" without (RFC 9773 §4.1 needs it)
    char common_name[256]; // the subject's first CN, "" without; for certificates from before names
    struct buf names;      // canonical text of the subject alternative names, see names.h; what is no
                           // valid name of its kind is left out
};
void x509_facts_free(struct x509_facts *facts);

// Reads the first certificate in PEM text (other text and CR LF are skipped; later ones are not looked at).
// Facts need no initialisation and are empty after a failure. Algorithms that mbedTLS lacks (Ed25519) are named.
int x509_read(const char *pem, size_t length, struct x509_facts *facts, struct error *error);

// Splits PEM text into its certificates: the first into leaf, the others, in order, into rest (either may
// be NULL). Each is written again as clean PEM (64 columns). Returns how many there were (0 without an error),
// or -1 when one of them cannot be read.
int x509_split(const char *pem, size_t length, struct buf *leaf, struct buf *rest, struct error *error);

// True when the certificate's public key is the key's; on false "error" says that it is not, or cannot be read.
bool x509_matches_key(const char *pem, size_t length, const struct key *key, struct error *error);

// Puts the chain in order: leaf excluded, each the issuer of the one before, the root (self-signed) left
// out, also doubles and the leaf itself. Fails when a certificate of the chain does not fit in, a signature does not
// verify, or one of those it uses is no CA, has a path length that is exceeded, or is not valid at "now" (Unix
// seconds; the leaf's own validity is not judged). Of cross-signed certificates with one name and key the longest
// way is taken and the others left out.
// With "trust" (PEM text of one or many CA certificates, unreadable ones skipped; NULL: none) the chain must also
// end at one of them, valid at "now"; certificates that follow in the chain may then have expired and are left out.
// The ordered chain is appended to "ordered", nothing for a self-signed leaf.
int x509_check_chain(const char *leaf, size_t leaf_length, const char *chain, size_t chain_length, const char *trust,
                     size_t trust_length, int64_t now, struct buf *ordered, struct error *error);

// Counts the certificates of a CA bundle that parse; *skipped counts those that do not.
int x509_bundle_count(const char *pem, size_t length, int *skipped);

// Whether a subject as people write it ("CN=example.org, O=Example\\, Inc.") can be taken.
int x509_subject_check(const char *subject, struct error *error);

// Makes a certificate request for "names" (canonical), with "subject" ("CN=…,O=…") or NULL: then the CN is
// the first DNS name if it fits 64 bytes, else no subject (RFC 5280 §4.1.2.6 allows it with a critical SAN).
// usage becomes the extended key usage. Appends PEM.
int x509_request(const struct key *key, const char *names, const char *subject, unsigned usage, struct buf *pem,
                 struct error *error);

// What a request asks for. Its own signature is verified unless "verify" is false: a request of our own making needs none.
struct x509_request_facts {
    struct buf names;      // canonical
    struct buf public_der; // SubjectPublicKeyInfo
    enum key_type key_type;
    unsigned usage; // enum x509_usage bits; 0: none stated
    char subject[512];
};
int x509_request_read(const char *pem, size_t length, bool verify, struct x509_request_facts *facts,
                      struct error *error);
void x509_request_free(struct x509_request_facts *facts);

// Issues a certificate (the built-in CA; also tests). Signed by "issuer_key"; issuer_pem NULL: self-signed.
struct x509_template {
    const char *subject;    // "CN=…,O=…" or "" for none
    const char *names;      // canonical or NULL
    const char *public_der; // SubjectPublicKeyInfo
    size_t public_length;
    int64_t not_before, not_after;
    bool is_ca;
    int path_length; // -1: none stated
    unsigned usage;
    const char *serial;          // hex; NULL: 16 random bytes
    const void *acme_identifier; // what RFC 8737 §3 wants shown, X509_ACME_IDENTIFIER_SIZE bytes; NULL: not that kind
};
int x509_issue(const struct x509_template *template, const char *issuer_pem, size_t issuer_length,
               const struct key *issuer_key, struct buf *pem, struct error *error);

#endif
