// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Distinguished names: shown, compared, and read from what people write.
#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform.h>
#include <string.h>
#include <strings.h>

#include "codec.h"
#include "x509_inner.h"

#define MAX_ATTRIBUTES 32
#define MAX_VALUE 512

// The attributes that have a short name; others are shown by their number. "tag" is how a value is written,
// "most" the upper bound of RFC 5280 (X.520) in bytes.
static const struct attribute {
    const char *name;
    const char *oid;
    unsigned char tag;
    unsigned char least;
    unsigned short most;
} attributes[] = {
#define UTF8 MBEDTLS_ASN1_UTF8_STRING
#define PRINTABLE MBEDTLS_ASN1_PRINTABLE_STRING
#define IA5 MBEDTLS_ASN1_IA5_STRING
    {"CN", "\x55\x04\x03", UTF8, 1, 64},
    {"O", "\x55\x04\x0a", UTF8, 1, 64},
    {"OU", "\x55\x04\x0b", UTF8, 1, 64},
    {"C", "\x55\x04\x06", PRINTABLE, 2, 2},
    {"ST", "\x55\x04\x08", UTF8, 1, 128},
    {"L", "\x55\x04\x07", UTF8, 1, 128},
    {"street", "\x55\x04\x09", UTF8, 1, 128},
    {"postalCode", "\x55\x04\x11", UTF8, 1, 40},
    {"serialNumber", "\x55\x04\x05", PRINTABLE, 1, 64},
    {"SN", "\x55\x04\x04", UTF8, 1, 64},
    {"GN", "\x55\x04\x2a", UTF8, 1, 64},
    {"title", "\x55\x04\x0c", UTF8, 1, 64},
    {"organizationIdentifier", "\x55\x04\x61", UTF8, 1, 256},
    {"emailAddress", "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", IA5, 1, 255},
    {"DC", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", IA5, 1, 63},
    {"UID", "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", UTF8, 1, 256},
};
#define ATTRIBUTES (sizeof attributes / sizeof attributes[0])

static const struct attribute *attribute_of(const mbedtls_asn1_buf *oid)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (oid->len == strlen(attributes[i].oid) && memcmp(oid->p, attributes[i].oid, oid->len) == 0)
            return &attributes[i];
    }
    return NULL;
}

static const struct attribute *attribute_named(const char *name, size_t length)
{
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        if (strlen(attributes[i].name) == length && strncasecmp(attributes[i].name, name, length) == 0)
            return &attributes[i];
    }
    return NULL;
}

// ---- Showing

// quoted: with a backslash before what has a meaning in a whole name.
static void add_character(struct buf *out, uint32_t code, bool quoted)
{
    char bytes[4];
    size_t length;

    if (code < 0x80) {
        if (code < 0x20 || code == 0x7f) {
            buf_format(out, "\\x%02x", (unsigned)code);
            return;
        }
        if (quoted && strchr(",+\"\\<>;", (int)code) != NULL)
            buf_char(out, '\\');
        bytes[0] = (char)code;
        length = 1;
    } else if (code < 0x800) {
        bytes[0] = (char)(0xc0 | code >> 6);
        bytes[1] = (char)(0x80 | (code & 0x3f));
        length = 2;
    } else if (code < 0x10000) {
        bytes[0] = (char)(0xe0 | code >> 12);
        bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (code & 0x3f));
        length = 3;
    } else {
        bytes[0] = (char)(0xf0 | code >> 18);
        bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (code >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (code & 0x3f));
        length = 4;
    }
    buf_add(out, bytes, length);
}

// Reads one character of UTF-8. Returns its length, or 0 for bytes that are none.
static size_t utf8_character(const unsigned char *at, size_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xe0) == 0xc0 ? 2
                    : (at[0] & 0xf0) == 0xe0 ? 3
                    : (at[0] & 0xf8) == 0xf0 ? 4
                                             : 0;

    if (length == 0 || length > left)
        return 0;
    *code = length == 1 ? at[0] : at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3f);
    }
    if (*code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return 0;
    return length;
}

// Characters of two or four bytes, big-endian. Halves of surrogate pairs are shown as what is no character.
static void add_wide(struct buf *out, const mbedtls_asn1_buf *value, size_t width, bool quoted)
{
    for (size_t i = 0; i + width <= value->len; i += width) {
        uint32_t code = 0;

        for (size_t j = 0; j < width; j++)
            code = code << 8 | value->p[i + j];
        add_character(out, code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0xfffd : code, quoted);
    }
}

static void add_value(struct buf *out, const mbedtls_asn1_buf *value, bool quoted)
{
    if (value->tag == MBEDTLS_ASN1_BMP_STRING || value->tag == MBEDTLS_ASN1_UNIVERSAL_STRING) {
        add_wide(out, value, value->tag == MBEDTLS_ASN1_BMP_STRING ? 2 : 4, quoted);
        return;
    }
    for (size_t i = 0; i < value->len;) {
        uint32_t code;
        size_t length = utf8_character(value->p + i, value->len - i, &code);

        // T61String is Latin-1 in practice, where it is not UTF-8.
        if (length > 0)
            add_character(out, code, quoted);
        else if (value->tag == MBEDTLS_ASN1_T61_STRING)
            add_character(out, value->p[i], quoted);
        else
            buf_format(out, "\\x%02x", value->p[i]);
        i += length > 0 ? length : 1;
    }
}

static void add_type(struct buf *out, const mbedtls_asn1_buf *oid)
{
    const struct attribute *attribute = attribute_of(oid);
    char number[64];

    if (attribute != NULL)
        buf_text(out, attribute->name);
    else if (mbedtls_oid_get_numeric_string(number, sizeof number, oid) > 0)
        buf_text(out, number);
    else
        buf_char(out, '?');
}

void x509_name_text(const mbedtls_x509_name *name, struct buf *out)
{
    bool merged = false;

    // mbedTLS has an empty name as one entry without an OID.
    for (bool first = true; name != NULL && name->oid.p != NULL; name = name->next) {
        if (!first)
            buf_text(out, merged ? "+" : ", ");
        add_type(out, &name->oid);
        buf_char(out, '=');
        add_value(out, &name->val, true);
        merged = name->MBEDTLS_PRIVATE(next_merged) != 0;
        first = false;
    }
}

void x509_name_attribute(const mbedtls_x509_name *name, const char *attribute, struct buf *out)
{
    for (; name != NULL && name->oid.p != NULL; name = name->next) {
        const struct attribute *found = attribute_of(&name->oid);

        if (found != NULL && strcmp(found->name, attribute) == 0) {
            add_value(out, &name->val, false);
            return;
        }
    }
}

// ---- Comparing

static bool same_bytes(const mbedtls_asn1_buf *a, const mbedtls_asn1_buf *b)
{
    return a->tag == b->tag && a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

static bool same_value(const mbedtls_asn1_buf *a, const mbedtls_asn1_buf *b)
{
    struct buf texts[2];
    bool same;

    if (same_bytes(a, b))
        return true;
    buf_init(&texts[0], 64 * 1024);
    buf_init(&texts[1], 64 * 1024);
    add_value(&texts[0], a, true);
    add_value(&texts[1], b, true);
    same = !texts[0].failed && !texts[1].failed && texts[0].length == texts[1].length &&
           strncasecmp(buf_string(&texts[0]), buf_string(&texts[1]), texts[0].length) == 0;
    buf_free(&texts[0]);
    buf_free(&texts[1]);
    return same;
}

bool x509_name_same(const mbedtls_x509_name *a, const mbedtls_x509_name *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (!same_bytes(&a->oid, &b->oid) || !same_value(&a->val, &b->val) ||
            a->MBEDTLS_PRIVATE(next_merged) != b->MBEDTLS_PRIVATE(next_merged))
            return false;
    }
    return a == NULL && b == NULL;
}

// ---- Reading

// Puts an entry in front: mbedTLS writes the list from its end.
static int push(mbedtls_asn1_named_data **list, const void *oid, size_t oid_length, int tag, const void *value,
                size_t length, struct error *error)
{
    mbedtls_asn1_named_data *entry = mbedtls_calloc(1, sizeof *entry);

    if (entry == NULL)
        return error_set(error, ERROR_SYSTEM, "not enough memory for a name");
    entry->next = *list;
    *list = entry;
    entry->oid.p = mbedtls_calloc(1, oid_length);
    entry->val.p = mbedtls_calloc(1, length > 0 ? length : 1);
    if (entry->oid.p == NULL || entry->val.p == NULL)
        return error_set(error, ERROR_SYSTEM, "not enough memory for a name");
    entry->oid.tag = MBEDTLS_ASN1_OID;
    entry->oid.len = oid_length;
    memcpy(entry->oid.p, oid, oid_length);
    entry->val.tag = tag;
    entry->val.len = length;
    if (length > 0)
        memcpy(entry->val.p, value, length);
    return 0;
}

int x509_name_copy(const mbedtls_x509_name *name, mbedtls_asn1_named_data **list, struct error *error)
{
    for (; name != NULL && name->oid.p != NULL; name = name->next) {
        if (name->MBEDTLS_PRIVATE(next_merged) != 0)
            return error_set(error, ERROR_REFUSED, "the issuer's name has several values in one part (joined by +)");
        if (push(list, name->oid.p, name->oid.len, name->val.tag, name->val.p, name->val.len, error) != 0)
            return -1;
    }
    return 0;
}

static bool is_printable(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(" '()+,-./:=?", c) != NULL);
}

static int check_value(const struct attribute *attribute, const struct buf *value, struct error *error)
{
    uint32_t code;

    if (value->failed || value->length < attribute->least || value->length > attribute->most)
        return error_set(error, ERROR_USAGE, "%s takes %u to %u bytes", attribute->name, attribute->least,
                         attribute->most);
    for (size_t i = 0, length; i < value->length; i += length) {
        length = utf8_character((const unsigned char *)value->data + i, value->length - i, &code);
        if (length == 0 || code < 0x20 || code == 0x7f)
            return error_set(error, ERROR_USAGE, "the value of %s is not UTF-8 text", attribute->name);
        if ((attribute->tag == IA5 && code >= 0x80) ||
            (attribute->tag == PRINTABLE && (code >= 0x80 || !is_printable((char)code))))
            return error_set(error, ERROR_USAGE, "%s takes only plain letters, digits and punctuation",
                             attribute->name);
    }
    return 0;
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

// Reads a value up to its comma, undoing RFC 4514's backslashes: a special character, or two hex digits.
static int read_value(const char **at, struct buf *value, struct error *error)
{
    const char *c = skip_blanks(*at);
    size_t kept = 0; // what is left when blanks at the end are taken away

    for (; *c != '\0' && *c != ','; c++) {
        if (*c == '+' || *c == ';' || *c == '"')
            return error_set(error, ERROR_USAGE, "write '\\%c' for a '%c' that belongs to a value", *c, *c);
        if (*c == '\\' && c[1] != '\0' && strchr(",+\"\\<>;=# ", c[1]) != NULL) {
            buf_char(value, *++c);
            kept = value->length;
            continue;
        }
        if (*c == '\\') {
            if (c[1] == '\0' || !codec_unhex(value, c + 1, 2))
                return error_set(error, ERROR_USAGE, "after '\\' stands a special character or two hex digits");
            c += 2;
            kept = value->length;
            continue;
        }
        buf_char(value, *c);
        if (*c != ' ' && *c != '\t')
            kept = value->length;
    }
    if (kept < value->length) {
        value->length = kept;
        value->data[kept] = '\0';
    }
    *at = c;
    return 0;
}

static int read_attribute(const char **at, mbedtls_asn1_named_data **list, struct error *error)
{
    const char *name = skip_blanks(*at);
    size_t length = strcspn(name, "= \t,");
    const char *equals = skip_blanks(name + length);
    const struct attribute *attribute = attribute_named(name, length);
    struct buf value;
    int status = -1;

    if (length == 0 || *equals != '=')
        return error_set(error, ERROR_USAGE, "'%.*s' is not written as CN=example.org",
                         (int)(strcspn(name, ",") < 64 ? strcspn(name, ",") : 64), name);
    if (attribute == NULL)
        return error_set(error, ERROR_USAGE, "there is no part '%.*s' (CN, O, OU, C, ST, L, serialNumber ...)",
                         (int)(length < 64 ? length : 64), name);
    buf_init(&value, MAX_VALUE);
    *at = equals + 1;
    if (read_value(at, &value, error) == 0 && check_value(attribute, &value, error) == 0)
        status = push(list, attribute->oid, strlen(attribute->oid), attribute->tag, value.data, value.length, error);
    buf_free(&value);
    return status;
}

int x509_name_parse(const char *text, mbedtls_asn1_named_data **list, struct error *error)
{
    const char *at = skip_blanks(text);
    int status = 0;

    *list = NULL;
    if (*at == '\0')
        return 0;
    for (int count = 0; status == 0; count++) {
        if (count == MAX_ATTRIBUTES)
            status = error_set(error, ERROR_USAGE, "more than %d parts", MAX_ATTRIBUTES);
        else
            status = read_attribute(&at, list, error);
        if (*at == '\0')
            break;
        at++;
    }
    if (status != 0) {
        mbedtls_asn1_free_named_data_list(list);
        *list = NULL;
    }
    return status;
}

int x509_subject_check(const char *subject, struct error *error)
{
    mbedtls_asn1_named_data *list = NULL;
    int status = x509_name_parse(subject, &list, error);

    mbedtls_asn1_free_named_data_list(&list);
    return status;
}
