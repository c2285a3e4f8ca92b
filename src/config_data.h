// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the rooms of config share: sections as they were written, the table of keys, values, and the loader.
#ifndef CONFIG_DATA_H
#define CONFIG_DATA_H

#include "arena.h"
#include "config.h"
#include "nearest.h"

#define CONFIG_MAX_LINE 65536  // with its end
#define CONFIG_MAX_FILES 65535 // struct location counts them in 16 bits
#define CONFIG_MAX_ITEMS 1024  // of a list of names of sections
#define CONFIG_MAX_RETRY 64
#define CONFIG_MAX_OPTIONS 256 // of one section

// ---- The table of keys

enum section_type {
    SECTION_CERTAUTO,
    SECTION_DEFAULTS,
    SECTION_GROUP,
    SECTION_HOOKS, // the four kinds of hook sections, in the order of enum section_kind
    SECTION_CERTIFICATE = SECTION_HOOKS + 4,
    SECTION_TYPE_COUNT,
};
#define SECTION_OF_KIND(kind) ((enum section_type)(SECTION_HOOKS + (int)(kind)))

// A row of the table. The first SETTING_COUNT are those of enum setting_id.
enum rule_id {
    RULE_NAMES = SETTING_COUNT,
    RULE_GROUP,
    RULE_SUBJECT,
    RULE_HOOK,
    RULE_SECTION_TIMEOUT,
    RULE_USAGE,
    RULE_TRUST,
    RULE_TEMPLATE_PARALLEL,
    RULE_RATE,
    RULE_FALLBACK,
    RULE_FALLBACK_AFTER,
    RULE_VERIFY,
    RULE_VERIFY_TIMEOUT,
    RULE_STATE_DIR,
    RULE_RUN_DIR,
    RULE_HOOKS_DIR,
    RULE_INCLUDE,
    RULE_RUN,
    RULE_JITTER,
    RULE_MAX_PARALLEL,
    RULE_HOOK_TIMEOUT,
    RULE_HOOK_MEMORY,
    RULE_HOOK_USER,
    RULE_CLOCK,
    RULE_LOG_LEVEL,
    RULE_LOG_FORMAT,
    RULE_LOG_TARGET,
    RULE_METRICS_FILE,
    RULE_KEEP,
    RULE_TIMEZONE,
    RULE_COUNT,
};
_Static_assert(RULE_COUNT <= 64, "the keys of a section that were seen are bits of 64");

// What a value means, by its rule. "text" is how a person would write it: as written, or the default; lists are
// joined by ", "; "" when there is none.
struct value {
    const char *text;
    union {
        int64_t number; // switches (0, 1), counts, seconds, bytes, bits, words by their place
        struct renew renew;
        struct publish_when publish;
        struct runs runs;
        struct durations durations;
        struct {
            size_t count;
            const struct period *list;
        } periods;
        // Names of sections until all files are read, then pointers to what the sections became.
        struct {
            uint32_t count;
            bool broken; // a name is not known: the names stay
            const void **list;
        } sections;
        struct {
            int64_t count, s;
        } rate;
        struct zone *zone;
    };
};

// One "key = value" as it was written, or a default (line 0).
struct setting {
    const struct value *value;
    uint32_t line;
    uint16_t file;
    uint8_t rule; // enum rule_id
    bool faulty;  // what was written is a mistake
};

struct config_loader;

// Reads a text that is not empty. 0, or -1; an error without a message means that what the rule accepts says it all.
typedef int config_parse(struct config_loader *loader, const char *text, struct value *value, struct error *error);

struct rule {
    const char *key;
    config_parse *parse;
    const char *fallback; // the default as one would write it; "" for none
    const char *accepts;  // what is accepted, to follow "give"
    unsigned scopes;      // bits 1 << enum section_type
    unsigned refers;      // bit 1 << enum section_type of the sections that it names, or 0
    bool to_come;         // has no effect in this version yet
};
extern const struct rule config_rules[RULE_COUNT];

// The rule of a key (letters of any case) in a section of this type, or -1. The search begins at the rule "hint":
// sections of one type mostly have the same keys in the same order.
int config_rule(enum section_type type, const char *key, int hint);
const char *config_section_word(enum section_type type); // "certauto", "group"
const char *config_hook_kind(enum section_kind kind);    // "issue", "publish"

// ---- What is kept

// A section but [certificate].
struct section {
    enum section_type type;
    const char *name; // "" for [certauto] and [defaults]
    struct location at;
    const struct setting *settings;
    size_t setting_count;
    struct option *options; // hook sections: what the engine does not know itself
    size_t option_count;
    void *made; // struct group, template, profile or hook_section, from the start at its place
};

// Settings with all that [defaults] and, where it is a group's, the group say.
struct layer {
    const struct setting *from[SETTING_COUNT]; // line 0: the built-in default
    struct settings settings;
};

struct group {
    const struct section *section;
    struct layer layer;
};

// An index of names: places in a list, by open addressing.
struct name_slot {
    uint32_t hash;
    uint32_t place; // + 1; 0: free
};
struct name_index {
    struct name_slot *slots;
    size_t mask, count;
};

struct config_data {
    struct config config;
    struct arena arena;
    struct section **sections; // all but certificates
    size_t section_count, section_capacity;
    struct certificate *certificates;
    size_t certificate_count, certificate_capacity;
    struct name_index section_names[SECTION_TYPE_COUNT], certificate_names;
    const struct value *fallbacks[RULE_COUNT];
    const struct setting *engine[RULE_COUNT]; // [certauto]; NULL: not in that section
    const char **files;
    size_t file_count, file_capacity;
    struct layer defaults;
    struct slots **slots; // each different pair of days and periods once
    size_t slots_count, slots_mask;
    struct zone *zone; // the one to free
};

// ---- While it is loaded

// Where a list of sections has to be filled in once all files are read.
struct reference {
    struct value *value;
    enum rule_id rule;
};

// A file that was read, so that none is read twice. inode 0: a free place.
struct file_id {
    uint64_t device, inode;
};

struct config_loader {
    struct config_data *data;
    struct problems *problems;
    size_t mistakes_before; // that were in the list already
    const struct hook_source *hooks;
    const char *file; // that is being read
    uint16_t file_index;
    uint32_t line;
    bool no_memory;

    // The section that is being read. "skip": its header was broken, so its keys are nobody's. "stray": its keys are
    // checked and then dropped (its name was wrong, or it stands twice).
    enum section_type type;
    bool skip, stray, outside; // outside: before the first header
    const char *name;
    uint32_t header_line;
    struct setting settings[RULE_COUNT];
    size_t setting_count;
    uint64_t seen; // bits 1 << rule
    int hint;      // the rule that was found last
    struct option options[CONFIG_MAX_OPTIONS];
    size_t option_count;

    struct value *last[RULE_COUNT]; // the value read last: neighbours often say the same
    struct reference *references;
    size_t reference_count, reference_capacity;
    struct setting includes; // value NULL: none
    struct location include_at;
    struct file_id *file_ids; // by open addressing
    size_t file_ids_mask;
    char *buffer; // of the file that is being read
    struct buf scratch;
    size_t suggestions_used; // "did you mean" among many names is dear
};

// The default of a rule as a value; a value with the text "" for none.
const struct value *config_fallback(struct config_loader *loader, enum rule_id rule);

// Adds a mistake at a line of the file that is being read; config_mistake_at: anywhere.
void config_mistake(struct config_loader *loader, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_mistake_at(struct config_loader *loader, struct location at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_warning_at(struct config_loader *loader, struct location at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// A copy of the text cut at 200 bytes with "...", for messages; in one of a few places used in turn.
const char *config_shown(const char *text);
// Memory of the configuration; NULL with loader->no_memory set when there is none.
void *config_take(struct config_loader *loader, size_t size);
const char *config_text(struct config_loader *loader, const char *text, size_t length);
struct location config_here(const struct config_loader *loader, uint32_t line);

// Enters a file that is about to be read. False when it was read before, under whatever name, or on a mistake.
bool config_enter_file(struct config_loader *loader, const char *path, uint64_t device, uint64_t inode);

// config_read.c: one file through inih; a file that was read before is passed over.
void config_read_file(struct config_loader *loader, const char *path);
// config_include.c: the files that "include" names, read one after the other.
void config_read_includes(struct config_loader *loader);

// config_section.c: what inih finds, in its order.
void config_open_section(struct config_loader *loader, const char *text, uint32_t line);
void config_close_section(struct config_loader *loader);
void config_key(struct config_loader *loader, const char *key, const char *text, uint32_t line);
struct section *config_find_section(const struct config_data *data, enum section_type type, const char *name);
const char *config_certificate_at(const struct config_data *data, uint32_t place);
// Offers the names of the sections of a type, while the loader still has patience for it.
void config_offer_sections(struct config_loader *loader, enum section_type type, struct nearest *nearest);

// config_index.c: the names of the sections of one type. name_at gives the name at a place.
typedef const char *config_name_at(const struct config_data *data, uint32_t place);
uint32_t config_hash(const char *name, size_t length);
// Puts a place in that is not there; -1 without memory.
int config_index_add(struct name_index *index, uint32_t hash, uint32_t place);
// The place of a name (NUL-terminated, "hash" is its), or -1.
int64_t config_index_find(const struct name_index *index, uint32_t hash, const char *name, config_name_at *name_at,
                          const struct config_data *data);

// config_resolve.c: once all files are read.
void config_resolve(struct config_loader *loader);
// config_hook.c: hooks found, options checked against what they declare; templates and profiles filled in.
void config_resolve_hooks(struct config_loader *loader);
// config_settings.c: the layers and the slots.
void config_build_layers(struct config_loader *loader);
const struct setting *config_own_setting(const struct setting *settings, size_t count, enum rule_id rule);
// config_value.c: a value of an option by its declared type. NULL when it fits, else what would be accepted.
const char *config_option_fault(const char *type, const char *text, char *room, size_t room_size);

#endif
