// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Configuration: INI files to immutable data, with the file and line of every setting and every mistake.
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "error.h"
#include "hooks_data.h"
#include "key.h"
#include "log.h"
#include "problems.h"
#include "schedule.h"

#define CONFIG_DEFAULT_FILE "/etc/certauto/certauto.ini"
#define CONFIG_NAME_MAX 128

// Where something is written: an index into config->files and a line from 1. line 0: a built-in default.
struct location {
    uint32_t line;
    uint16_t file;
};

// The settings that [defaults], [group] and [certificate] take (spec 2), in the order of review.
enum setting_id {
    SETTING_AUTO_RENEW,
    SETTING_RENEW,
    SETTING_TEMPLATE,
    SETTING_AUTO_PUBLISH,
    SETTING_PROFILE,
    SETTING_PUBLISH,
    SETTING_DAYS,
    SETTING_PERIODS,
    SETTING_RENEW_DAYS,
    SETTING_RENEW_PERIODS,
    SETTING_PUBLISH_DAYS,
    SETTING_PUBLISH_PERIODS,
    SETTING_OVERRIDE_SLOTS,
    SETTING_RETRY,
    SETTING_MUST_KEEP,
    SETTING_NOTIFY_BEFORE,
    SETTING_POLICY,
    SETTING_NOTIFY,
    SETTING_KEY,
    SETTING_REUSE_KEY,
    SETTING_COUNT,
};

enum renew_rule { RENEW_AUTO, RENEW_BEFORE, RENEW_BEFORE_PERCENT, RENEW_ON_EXPIRY, RENEW_AFTER_EXPIRY };
struct renew {
    enum renew_rule rule;
    int64_t amount; // seconds; for RENEW_BEFORE_PERCENT 1-99
};

enum publish_rule { PUBLISH_AFTER_RENEWAL, PUBLISH_ON_PREVIOUS_EXPIRY, PUBLISH_AFTER_PREVIOUS_EXPIRY };
struct publish_when {
    enum publish_rule rule;
    int64_t after_s; // for PUBLISH_AFTER_PREVIOUS_EXPIRY
};

enum must_keep { KEEP_NAMES = 1, KEEP_EKU = 2, KEEP_KEY_TYPE = 4, KEEP_ISSUER = 8 };

// A list of durations in seconds; immutable, owned by the configuration.
struct durations {
    size_t count;
    const int64_t *s;
};

// One option of a hook as written under [template], [profile], [policy] or [notify].
struct option {
    const char *name;
    const char *value;                  // as written; may be "@path"
    const struct hook_option *declared; // type and default; never NULL after a good load
    struct location at;
};

enum section_kind { SECTION_TEMPLATE, SECTION_PROFILE, SECTION_POLICY, SECTION_NOTIFY };

// What hook sections share.
struct hook_section {
    enum section_kind kind;
    const char *name;
    const char *hook;       // the hook's name, "local-ca"
    int64_t hook_timeout_s; // own, else the engine's
    const struct option *options;
    size_t option_count;
    const struct hook_option *declared; // all the hook declares
    size_t declared_count;
    struct location at;
    unsigned functions; // enum hook_function bits
};

struct template
{
    struct hook_section section;
    enum key_type key;
    bool has_key, has_reuse_key; // set in the section itself
    bool reuse_key;
    unsigned usage;    // enum x509_usage
    const char *trust; // path or NULL
    int max_parallel;  // 0: the engine's
    int rate_count;    // 0: none
    int64_t rate_s;
    const struct template *fallback; // or NULL; a chain of them ends
    int fallback_after;              // failures, at least 1
};

struct profile {
    struct hook_section section;
    const char *verify; // or NULL
    int64_t verify_timeout_s;
};

struct profiles {
    size_t count;
    const struct profile *const *list;
};
struct sections { // policies or notifies
    size_t count;
    const struct hook_section *const *list;
};

// The effective settings of one certificate: everything resolved, nothing left to look up.
struct settings {
    bool auto_renew, auto_publish, reuse_key, key_is_own; // key_is_own: "key" stands in the certificate's own section
    bool has_key;                                         // a key was set by certificate, group, template or defaults
    bool has_reuse_key;
    enum key_type key; // certificate, group, template, defaults, else ecdsa-p256
    unsigned must_keep;
    struct renew renew;
    struct publish_when publish;
    const struct slots *renew_slots, *publish_slots;
    int64_t override_before_s; // -1: never
    struct durations retry;    // never empty
    struct durations notify_before;
    const struct template *template; // or NULL; the one to issue by now
    // What is set, whose fallback "template" is after failures (config_fall_back), and the key with it.
    const struct template *first;
    enum key_type first_key;
    bool first_reuse_key;
    struct profiles profiles; // count 0: live link only
    struct sections policies, notifies;
};

struct group;   // opaque
struct setting; // opaque

struct certificate {
    const char *name;
    const char *names;   // canonical text or NULL: those of the imported certificate
    const char *subject; // or NULL
    const struct group *const *groups;
    const struct setting *own;
    struct location at;
    uint16_t group_count;
    uint16_t own_count;
};

struct engine { // [certauto]
    const char *state_dir, *run_dir, *hooks_dir, *hook_user /* or NULL */, *metrics_file /* or NULL */;
    struct runs runs;
    int64_t jitter_s, hook_timeout_s;
    int max_parallel, keep;
    int64_t hook_memory_bytes;
    bool trust_clock;
    enum log_level log_level;
    enum log_format log_format;
    enum log_target log_target;
    struct zone *zone;
    // The folder below which a rehearsal publishes, and then state_dir is not the configured one; NULL: it is no
    // rehearsal. Steps call the function "rehearse" of hooks, and no other.
    const char *rehearsal;
};

struct config {
    struct engine engine;
    const char *const *files; // [0] is "" (defaults), [1] the main file, then includes
    size_t file_count;
    const struct certificate *certificates; // in the order of the files
    size_t certificate_count;
    bool notifies;            // there is a [notify] section
    struct config_data *data; // the rest, config.c's own
};

// How config learns what a hook in hooks_dir declares (built-in ones it knows from hooks_data.h).
// Asked once a hook that hooks_dir holds; runs it in a worker. Returns 0 and a declaration that stays valid
// until the configuration is freed by "release", or -1 with error (ERROR_NOT_FOUND: no such file).
struct hook_source {
    int (*declare)(void *context, const char *hooks_dir, const char *kind, const char *name,
                   const struct hook_file **file, struct error *error);
    void *context;
};

// Reads the main file and its includes. All mistakes of all files are added to problems. Returns NULL when
// there was a mistake. hooks may be NULL (tests): then only built-in hooks are known.
struct config *config_load(const char *path, const struct hook_source *hooks, struct problems *problems);
void config_free(struct config *config);

const struct certificate *config_find(const struct config *config, const char *name);
const struct group *config_group(const struct config *config, const char *name);
const struct template *config_template(const struct config *config, const char *name);
const char *group_name(const struct group *group);
// A name close to "name" among the certificates, for "did you mean", or NULL.
const char *config_similar(const struct config *config, const char *name);

// The settings of a certificate when it takes its group settings from "group" (NULL: from none). Pure, no memory taken.
void config_settings(const struct config *config, const struct certificate *certificate, const struct group *group,
                     struct settings *out);

// Puts another template of the chain that begins with settings->first, and the key that goes with it, into settings that
// config_settings has made. Pure, no memory taken.
void config_fall_back(const struct config *config, const struct certificate *certificate, const struct group *group,
                      const struct template *template, struct settings *settings);

// The settings of [defaults], whose "notify" is told what concerns no certificate.
const struct settings *config_defaults(const struct config *config);

// The digest (hex) of the effective settings of issuing (profile NULL) or of one publishing profile, as
// written, @path not resolved: template or profile section, hook options, names, key and the like. Pure.
void config_digest(const struct config *config, const struct certificate *certificate, const struct settings *settings,
                   const struct profile *profile, char out[65]);

// Review: every effective setting with where it comes from. Secret-typed options are shown as written.
// Calls "each" with key, value as written ("" for none; lists joined by ", ") and source ("FILE:LINE",
// "[group x] FILE:LINE", "[defaults] FILE:LINE", "[template x] FILE:LINE", "default"). First names, group and subject,
// then the settings in the order of certauto.ini(5), then the keys and options of the template and of each profile,
// policy and notify section as "template NAME.KEY", "profile NAME.KEY" and so on. certificate NULL: the keys of [certauto].
typedef void config_review_fn(void *context, const char *key, const char *value, const char *source);
void config_review(const struct config *config, const struct certificate *certificate, const struct group *group,
                   config_review_fn *each, void *context);

#endif
