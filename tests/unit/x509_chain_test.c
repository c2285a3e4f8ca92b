// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Chains of every shape, made on the spot: in and out of order, with gaps, roots, cross-signatures, forgeries, and
// certificates that have expired.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec.h"
#include "x509_data.h"

#define LIMIT (1024 * 1024)
#define NOW 1800000000
#define YEAR 31536000

// A certificate and its key.
struct node {
    struct key *key;
    char *pem;
    const char *subject;
};

// What is issued: fields left out mean a valid CA without a path length.
struct plan {
    const char *subject;
    const struct node *issuer; // NULL: itself
    struct key *key;           // NULL: a new one
    int64_t not_before, not_after;
    bool is_leaf;
    int path_length; // 0: none stated; else one more than it says
};

static struct node nodes[64];
static int node_count;

static const struct node *make(struct plan plan)
{
    struct node *node = &nodes[node_count++];
    struct x509_template template = {
        .subject = plan.subject,
        .names = plan.is_leaf ? "www.example.org" : NULL,
        .not_before = plan.not_before != 0 ? plan.not_before : NOW - YEAR,
        .not_after = plan.not_after != 0 ? plan.not_after : NOW + YEAR,
        .is_ca = !plan.is_leaf,
        .path_length = plan.path_length - 1,
    };
    const char *issuer = plan.issuer != NULL ? plan.issuer->pem : NULL;
    struct buf public, pem;
    struct error error;

    assert_true(node_count <= 64);
    buf_init(&public, LIMIT);
    buf_init(&pem, LIMIT);
    if (plan.key == NULL)
        assert_int_equal(key_generate(KEY_ECDSA_P256, &plan.key, &error), 0);
    assert_int_equal(key_public(plan.key, &public, &error), 0);
    template.public_der = public.data;
    template.public_length = public.length;
    if (x509_issue(&template, issuer, issuer != NULL ? strlen(issuer) : 0, issuer != NULL ? plan.issuer->key : plan.key,
                   &pem, &error) != 0)
        fail_msg("%s: %s", plan.subject, error.message);
    *node = (struct node){plan.key, strdup(pem.data), plan.subject};
    buf_free(&public);
    buf_free(&pem);
    return node;
}

static int forget_nodes(void **state)
{
    (void)state;
    for (int i = 0; i < node_count; i++) {
        bool shared = false;

        for (int j = 0; j < i; j++)
            shared = shared || nodes[j].key == nodes[i].key;
        if (!shared)
            key_free(nodes[i].key);
    }
    for (int i = 0; i < node_count; i++)
        free(nodes[i].pem);
    node_count = 0;
    return 0;
}

// ---- Asking

#define LIST(...) ((const struct node *[]){__VA_ARGS__, NULL})
#define NONE ((const struct node *[]){NULL})

static char *join(const struct node *const *list)
{
    struct buf text;
    char *joined;

    buf_init(&text, LIMIT);
    buf_text(&text, "text before\r\n");
    for (; *list != NULL; list++)
        buf_text(&text, (*list)->pem);
    joined = strdup(buf_string(&text));
    buf_free(&text);
    return joined;
}

static int check(const struct node *leaf, const struct node *const *chain, const struct node *const *trust,
                 struct buf *ordered, struct error *error)
{
    char *chain_text = join(chain), *trust_text = trust != NULL ? join(trust) : NULL;
    int status = x509_check_chain(leaf->pem, strlen(leaf->pem), chain_text, strlen(chain_text), trust_text,
                                  trust_text != NULL ? strlen(trust_text) : 0, NOW, ordered, error);

    free(chain_text);
    free(trust_text);
    return status;
}

static void expect_order(const struct node *leaf, const struct node *const *chain, const struct node *const *trust,
                         const struct node *const *expected)
{
    struct buf ordered, wanted;
    struct error error;

    buf_init(&ordered, LIMIT);
    buf_init(&wanted, LIMIT);
    for (; *expected != NULL; expected++)
        buf_text(&wanted, (*expected)->pem);
    if (check(leaf, chain, trust, &ordered, &error) != 0)
        fail_msg("%s", error.message);
    assert_string_equal(buf_string(&ordered), buf_string(&wanted));
    buf_free(&ordered);
    buf_free(&wanted);
}

static void expect_refusal(const struct node *leaf, const struct node *const *chain, const struct node *const *trust,
                           const char *reason)
{
    struct buf ordered;
    struct error error = {.code = ERROR_NONE};

    buf_init(&ordered, LIMIT);
    assert_int_equal(check(leaf, chain, trust, &ordered, &error), -1);
    assert_int_equal(ordered.length, 0);
    if (strstr(error.message, reason) == NULL)
        fail_msg("\"%s\" instead of \"%s\"", error.message, reason);
    buf_free(&ordered);
}

// root <- one <- two <- leaf
struct tree {
    const struct node *root, *one, *two, *leaf;
};

static struct tree plant(void)
{
    struct tree tree;

    tree.root = make((struct plan){.subject = "CN=Root"});
    tree.one = make((struct plan){.subject = "CN=One", .issuer = tree.root});
    tree.two = make((struct plan){.subject = "CN=Two", .issuer = tree.one});
    tree.leaf = make((struct plan){.subject = "CN=Leaf", .issuer = tree.two, .is_leaf = true});
    return tree;
}

// ---- Order

static void any_order_becomes_the_right_one_without_root_leaf_and_doubles(void **state)
{
    struct tree t = plant();

    (void)state;
    expect_order(t.leaf, LIST(t.two, t.one), NULL, LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.one, t.two), NULL, LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.root, t.one, t.two), NULL, LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.leaf, t.two, t.one, t.root), NULL, LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.two, t.two, t.one, t.two), NULL, LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.two), NULL, LIST(t.two));
    expect_order(t.leaf, NONE, NULL, NONE);
}

static void a_self_signed_leaf_has_no_chain(void **state)
{
    const struct node *own = make((struct plan){.subject = "CN=Own", .is_leaf = true});
    const struct node *ca = make((struct plan){.subject = "CN=Own"});
    struct tree t = plant();

    (void)state;
    expect_order(own, NONE, NULL, NONE);
    expect_order(own, LIST(own), NULL, NONE);
    expect_order(own, NONE, LIST(t.root, own), NONE);
    expect_order(ca, NONE, NULL, NONE);
    expect_refusal(own, LIST(t.one), NULL, "'CN=One' does not fit in");
    expect_refusal(own, NONE, LIST(t.root), "is not among the trusted");
}

static void a_stranger_or_a_gap_is_refused_by_name(void **state)
{
    struct tree t = plant();
    const struct node *stranger = make((struct plan){.subject = "CN=Stranger", .issuer = t.root});

    (void)state;
    expect_refusal(t.leaf, LIST(t.two, t.one, stranger), NULL, "'CN=Stranger' does not fit in");
    expect_refusal(t.leaf, LIST(t.one), NULL, "'CN=One' does not fit in");
    expect_refusal(t.leaf, LIST(t.root), NULL, "'CN=Root' does not fit in");
    expect_refusal(t.two, LIST(t.root), NULL, "'CN=Root' does not fit in");
}

static void a_certificate_of_the_right_name_with_a_wrong_key_is_refused(void **state)
{
    struct tree t = plant();
    const struct node *forged = make((struct plan){.subject = "CN=Two", .issuer = t.one});

    (void)state;
    expect_refusal(t.leaf, LIST(forged, t.one), NULL, "the signature of 'CN=Leaf' does not verify with 'CN=Two'");
    // Beside the right one it is no other form of it, for its key is another.
    expect_refusal(t.leaf, LIST(t.two, forged, t.one), NULL, "does not verify with 'CN=Two'");
}

// ---- Rules

static void only_a_ca_may_stand_in_a_chain(void **state)
{
    const struct node *root = make((struct plan){.subject = "CN=Root"});
    const struct node *fake = make((struct plan){.subject = "CN=Fake", .issuer = root, .is_leaf = true});
    const struct node *leaf = make((struct plan){.subject = "CN=Leaf", .issuer = fake, .is_leaf = true});

    (void)state;
    expect_refusal(leaf, LIST(fake), NULL, "'CN=Fake' is no CA certificate");
    expect_refusal(leaf, LIST(fake), LIST(root), "'CN=Fake' is no CA certificate");
    expect_refusal(leaf, NONE, LIST(fake), "is not among the trusted");
}

static void a_path_length_is_kept(void **state)
{
    const struct node *root = make((struct plan){.subject = "CN=Root", .path_length = 2});
    const struct node *one = make((struct plan){.subject = "CN=One", .issuer = root, .path_length = 1});
    const struct node *two = make((struct plan){.subject = "CN=Two", .issuer = one});
    const struct node *leaf = make((struct plan){.subject = "CN=Leaf", .issuer = two, .is_leaf = true});
    const struct node *good = make((struct plan){.subject = "CN=Good", .issuer = one, .is_leaf = true});
    // The same CA with a new key does not count.
    const struct node *self = make((struct plan){.subject = "CN=One", .issuer = one, .path_length = 1});
    const struct node *below = make((struct plan){.subject = "CN=Below", .issuer = self, .is_leaf = true});

    (void)state;
    expect_order(good, LIST(one), LIST(root), LIST(one));
    expect_refusal(leaf, LIST(two, one), LIST(root), "'CN=One' allows fewer CA certificates");
    expect_order(below, LIST(self, one), LIST(root), LIST(self, one));
}

static void what_is_not_valid_now_is_refused_with_its_time(void **state)
{
    const struct node *root = make((struct plan){.subject = "CN=Root"});
    const struct node *old = make((struct plan){.subject = "CN=Old", .issuer = root, .not_after = NOW - 1});
    const struct node *early = make((struct plan){.subject = "CN=Early", .issuer = root, .not_before = NOW + 1});
    const struct node *last =
        make((struct plan){.subject = "CN=Last", .issuer = root, .not_before = NOW - 5, .not_after = NOW});
    const struct node *under_old =
        make((struct plan){.subject = "CN=Leaf", .issuer = old, .is_leaf = true, .not_after = NOW - 1});
    const struct node *under_early = make((struct plan){.subject = "CN=Leaf", .issuer = early, .is_leaf = true});
    const struct node *under_last =
        make((struct plan){.subject = "CN=Leaf", .issuer = last, .is_leaf = true, .not_after = NOW - 1});

    (void)state;
    expect_refusal(under_old, LIST(old), NULL, "'CN=Old' expired at 2027-01-15T07:59:59Z");
    expect_refusal(under_old, LIST(old), LIST(root), "expired at");
    expect_refusal(under_early, LIST(early, root), NULL, "'CN=Early' is not valid before 2027-01-15T08:00:01Z");
    expect_order(under_last, LIST(last), LIST(root), LIST(last));
}

static void a_root_that_is_left_out_may_have_expired_but_not_a_trusted_one(void **state)
{
    const struct node *root = make((struct plan){.subject = "CN=Root", .not_after = NOW - 1});
    const struct node *one = make((struct plan){.subject = "CN=One", .issuer = root});
    const struct node *leaf = make((struct plan){.subject = "CN=Leaf", .issuer = one, .is_leaf = true});

    (void)state;
    expect_order(leaf, LIST(one, root), NULL, LIST(one));
    expect_refusal(leaf, LIST(one), LIST(root), "trusted certificate that is not valid now");
    expect_refusal(leaf, LIST(one, root), LIST(root), "trusted certificate that is not valid now");
}

// ---- Trust

static void a_chain_must_end_at_a_trusted_certificate(void **state)
{
    struct tree t = plant();
    const struct node *other = make((struct plan){.subject = "CN=Other"});
    const struct node *namesake = make((struct plan){.subject = "CN=Root"});

    (void)state;
    expect_order(t.leaf, LIST(t.two, t.one), LIST(other, t.root), LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.two, t.one, t.root), LIST(t.root), LIST(t.two, t.one));
    // An intermediate or the leaf itself may be what is trusted.
    expect_order(t.leaf, LIST(t.two, t.one), LIST(t.one), LIST(t.two, t.one));
    expect_order(t.leaf, LIST(t.two), LIST(t.one), LIST(t.two));
    expect_order(t.leaf, NONE, LIST(t.two), NONE);
    expect_order(t.leaf, NONE, LIST(t.leaf), NONE);
    expect_refusal(t.leaf, LIST(t.two, t.one), LIST(other),
                   "the issuer 'CN=Root' of 'CN=One' is not among the trusted");
    expect_refusal(t.leaf, LIST(t.two), LIST(t.root), "the issuer 'CN=One' of 'CN=Two'");
    expect_refusal(t.leaf, LIST(t.two, t.one), LIST(namesake), "is not among the trusted");
    expect_refusal(t.leaf, LIST(t.two, t.one), NONE, "none that can be read");
}

// R is a root of its own and was signed by the older S, as CAs do that are young.
static void cross_signed_certificates_give_the_longest_way(void **state)
{
    const struct node *s = make((struct plan){.subject = "CN=S"});
    const struct node *r = make((struct plan){.subject = "CN=R"});
    const struct node *cross = make((struct plan){.subject = "CN=R", .issuer = s, .key = r->key});
    const struct node *one = make((struct plan){.subject = "CN=One", .issuer = r});
    const struct node *leaf = make((struct plan){.subject = "CN=Leaf", .issuer = one, .is_leaf = true});

    (void)state;
    expect_order(leaf, LIST(one, cross), NULL, LIST(one, cross));
    expect_order(leaf, LIST(r, one, cross), NULL, LIST(one, cross));
    expect_order(leaf, LIST(s, cross, r, one), NULL, LIST(one, cross));
    expect_order(leaf, LIST(one, cross), LIST(r), LIST(one, cross));
    expect_order(leaf, LIST(one, cross), LIST(s), LIST(one, cross));
    expect_order(leaf, LIST(one, r), NULL, LIST(one));
}

static void an_expired_cross_signature_is_left_out_where_another_way_is_good(void **state)
{
    const struct node *s = make((struct plan){.subject = "CN=S", .not_after = NOW - 1});
    const struct node *r = make((struct plan){.subject = "CN=R"});
    const struct node *cross = make((struct plan){.subject = "CN=R", .issuer = s, .key = r->key, .not_after = NOW - 1});
    const struct node *one = make((struct plan){.subject = "CN=One", .issuer = r});
    const struct node *leaf = make((struct plan){.subject = "CN=Leaf", .issuer = one, .is_leaf = true});

    (void)state;
    expect_order(leaf, LIST(one, cross), LIST(r), LIST(one));
    expect_order(leaf, LIST(one, cross, r, s), NULL, LIST(one));
    expect_refusal(leaf, LIST(one, cross), NULL, "'CN=R' expired at");
    expect_refusal(leaf, LIST(one, cross), LIST(s), "expired");
}

// ---- Signatures that OpenSSL made

// The certificate with the last bit of its signature turned.
static void forge(const char *pem, struct buf *forged)
{
    size_t length = strlen(pem);
    struct codec_block block;
    struct buf der;

    buf_init(&der, LIMIT);
    assert_true(codec_pem_next(&pem, &length, &block));
    assert_true(codec_unbase64(&der, block.body, block.length));
    der.data[der.length - 1] = (char)(der.data[der.length - 1] ^ 1);
    codec_pem(forged, "CERTIFICATE", der.data, der.length);
    buf_free(&der);
}

static void signatures_of_every_kind_are_verified(void **state)
{
    static const struct {
        const char *leaf, *root;
    } cases[] = {
        {"below-sha1.pem", "rsa-root.pem"},   {"below-sha512.pem", "rsa-root.pem"},
        {"below-pss.pem", "rsa-root.pem"},    {"below-pss-sha384.pem", "rsa-root.pem"},
        {"below-rsa8192.pem", "rsa8192.pem"}, {"expired.pem", "issuer.pem"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *leaf = data_read(cases[i].leaf, NULL), *root = data_read(cases[i].root, NULL);
        struct x509_facts facts;
        struct buf ordered, forged;
        struct error error;

        buf_init(&ordered, LIMIT);
        buf_init(&forged, LIMIT);
        assert_int_equal(x509_read(root, strlen(root), &facts, &error), 0);
        if (x509_check_chain(leaf, strlen(leaf), "", 0, root, strlen(root), facts.not_before, &ordered, &error) != 0)
            fail_msg("%s: %s", cases[i].leaf, error.message);
        forge(leaf, &forged);
        assert_int_equal(
            x509_check_chain(forged.data, forged.length, "", 0, root, strlen(root), facts.not_before, &ordered, &error),
            -1);
        assert_non_null(strstr(error.message, "not among the trusted"));
        x509_facts_free(&facts);
        buf_free(&ordered);
        buf_free(&forged);
        free(leaf);
        free(root);
    }
}

// ---- Hostile heaps

static void sixteen_cas_that_all_sign_each_other_end_the_search(void **state)
{
    const struct node *list[17] = {NULL};
    struct key *key;
    const struct node *leaf;
    struct error error;
    struct buf ordered;

    (void)state;
    assert_int_equal(key_generate(KEY_ECDSA_P256, &key, &error), 0);
    for (int i = 0; i < 15; i++)
        list[i] = make((struct plan){
            .subject = "CN=Same", .key = key, .issuer = i > 0 ? list[0] : NULL, .not_after = NOW + YEAR + i});
    leaf = make((struct plan){.subject = "CN=Leaf", .issuer = list[0], .is_leaf = true});
    buf_init(&ordered, LIMIT);
    assert_int_equal(check(leaf, list, NULL, &ordered, &error), 0);
    list[15] = make((struct plan){.subject = "CN=Same", .issuer = list[0]});
    assert_int_equal(check(leaf, list, NULL, &ordered, &error), -1);
    list[15] = make((struct plan){.subject = "CN=Same", .key = key, .not_after = NOW + 7});
    list[16] = NULL;
    buf_clear(&ordered);
    (void)check(leaf, list, NULL, &ordered, &error);
    buf_free(&ordered);
}

static void what_is_no_certificate_is_refused(void **state)
{
    struct tree t = plant();
    struct error error;
    struct buf ordered;
    char *broken = strdup(t.two->pem);

    (void)state;
    buf_init(&ordered, LIMIT);
    broken[40] = '!';
    assert_int_equal(
        x509_check_chain(t.leaf->pem, strlen(t.leaf->pem), broken, strlen(broken), NULL, 0, NOW, &ordered, &error), -1);
    assert_non_null(strstr(error.message, "certificate 1 of the chain: "));
    assert_int_equal(x509_check_chain("", 0, "", 0, NULL, 0, NOW, &ordered, &error), -1);
    assert_non_null(strstr(error.message, "no certificate"));
    assert_int_equal(x509_check_chain(broken, strlen(broken), NULL, 0, NULL, 0, NOW, &ordered, &error), -1);
    // Among the trusted it is passed over.
    assert_int_equal(
        x509_check_chain(t.leaf->pem, strlen(t.leaf->pem), NULL, 0, broken, strlen(broken), NOW, &ordered, &error), -1);
    assert_non_null(strstr(error.message, "none that can be read"));
    free(broken);
    buf_free(&ordered);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, forget_nodes)
    const struct CMUnitTest tests[] = {
        TEST(any_order_becomes_the_right_one_without_root_leaf_and_doubles),
        TEST(a_self_signed_leaf_has_no_chain),
        TEST(a_stranger_or_a_gap_is_refused_by_name),
        TEST(a_certificate_of_the_right_name_with_a_wrong_key_is_refused),
        TEST(only_a_ca_may_stand_in_a_chain),
        TEST(a_path_length_is_kept),
        TEST(what_is_not_valid_now_is_refused_with_its_time),
        TEST(a_root_that_is_left_out_may_have_expired_but_not_a_trusted_one),
        TEST(a_chain_must_end_at_a_trusted_certificate),
        TEST(cross_signed_certificates_give_the_longest_way),
        TEST(an_expired_cross_signature_is_left_out_where_another_way_is_good),
        TEST(signatures_of_every_kind_are_verified),
        TEST(sixteen_cas_that_all_sign_each_other_end_the_search),
        TEST(what_is_no_certificate_is_refused),
    };

    return cmocka_run_group_tests(tests, start_library, NULL);
}
