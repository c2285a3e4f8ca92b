// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command import: takes a certificate that came about elsewhere over as the next generation.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "command.h"
#include "file.h"
#include "generation.h"
#include "key.h"
#include "lock.h"
#include "names.h"
#include "session.h"
#include "status.h"
#include "succession.h"
#include "x509.h"

#define MAX_KEY ((size_t)64 * 1024)

struct import {
    const struct config *config;
    const struct certificate *certificate;
    struct generation files;
    struct x509_facts facts;
    struct buf names; // the certificate's own
    struct key *key;  // NULL: imported without
    struct state state;
    uint32_t number;
    bool held_already;
    int state_dirfd, lock;
};

// ---- The files given

static int read_key(struct import *import, const char *path, struct error *error)
{
    struct buf text;
    buf_init_secret(&text, MAX_KEY);
    int result = -1;
    if (file_read(AT_FDCWD, path, &text, error) == 0) {
        result = key_parse(buf_string(&text), text.length, &import->key, error);
        if (result < 0) {
            error_prefix(error, "%s", path);
        }
    }
    buf_free(&text);
    if (result == 0 && !x509_matches_key(buf_string(&import->files.certificate), import->files.certificate.length,
                                         import->key, error)) {
        result = error_prefix(error, "%s", path);
    }
    return result == 0 ? key_write(import->key, &import->files.key, error) : -1;
}

// The chain in order if it can be brought in order; else as it was given, with a warning: only the key must fit.
static int take_chain(struct import *import, const struct buf *given, struct error *error)
{
    const struct buf *leaf = &import->files.certificate;
    struct error reason;
    if (given->length == 0) {
        return 0;
    }
    if (x509_check_chain(buf_string(leaf), leaf->length, buf_string(given), given->length, NULL, 0, clock_now(),
                         &import->files.chain, &reason) == 0) {
        return 0;
    }
    arguments_complain("warning: the chain is kept as it is: %s", reason.message);
    buf_clear(&import->files.chain);
    buf_add(&import->files.chain, buf_string(given), given->length);
    return import->files.chain.failed ? error_set(error, ERROR_SYSTEM, "no memory for the chain") : 0;
}

// Names of a certificate from before subject alternative names are those of its common name.
static int take_names(struct import *import, struct error *error)
{
    struct error ignored;
    if (import->facts.names.length > 0) {
        buf_add(&import->names, buf_string(&import->facts.names), import->facts.names.length);
    } else if (import->facts.common_name[0] != '\0' &&
               names_parse(import->facts.common_name, &import->names, &ignored) < 0) {
        buf_clear(&import->names);
    }
    return import->names.failed ? error_set(error, ERROR_SYSTEM, "no memory for the names") : 0;
}

static int read_files(struct import *import, const struct arguments *arguments, struct error *error)
{
    const char *cert = arguments->option[OPTION_CERT], *chain = arguments->option[OPTION_CHAIN];
    struct buf text, given;
    int result = -1;
    buf_init(&text, X509_MAX_PEM);
    buf_init(&given, X509_MAX_PEM);
    if (file_read(AT_FDCWD, cert, &text, error) < 0) {
        goto out;
    }
    int count =
        x509_split(buf_string(&text), text.length, &import->files.certificate, chain == NULL ? &given : NULL, error);
    if (count == 0) {
        error_set(error, ERROR_FORMAT, "%s holds no certificate", cert);
        goto out;
    }
    if (count < 0 || x509_read(buf_string(&import->files.certificate), import->files.certificate.length, &import->facts,
                               error) < 0) {
        error_prefix(error, "%s", cert);
        goto out;
    }
    if (chain != NULL) {
        buf_clear(&text);
        if (file_read(AT_FDCWD, chain, &text, error) < 0) {
            goto out;
        }
        // All of them in their order: the first is no leaf here.
        if (x509_split(buf_string(&text), text.length, &given, &given, error) < 0) {
            error_prefix(error, "%s", chain);
            goto out;
        }
    }
    if (take_names(import, error) < 0 || take_chain(import, &given, error) < 0) {
        goto out;
    }
    result = arguments->option[OPTION_KEY] == NULL ? 0 : read_key(import, arguments->option[OPTION_KEY], error);
out:
    buf_free(&text);
    buf_free(&given);
    return result;
}

// ---- The state

static int open_state(struct import *import, bool force, struct error *error)
{
    const char *path = import->config->engine.state_dir;
    const char *name = import->certificate->name;
    if (file_make_directory(AT_FDCWD, path, 0700, true, error) < 0 || file_check_trusted(path, false, error) < 0 ||
        (import->state_dirfd = file_open_directory(AT_FDCWD, path, error)) < 0) {
        return -1;
    }
    import->lock = lock_take(import->state_dirfd, "locks", name, error);
    if (import->lock < 0) {
        return -1;
    }
    if (state_load(&import->state, import->state_dirfd, name, error) == 0 || error->code == ERROR_NOT_FOUND) {
        return 0;
    }
    if (!force) {
        return error_prefix(error, "the state is left alone (--force makes it new from this certificate)");
    }
    arguments_complain("warning: %s; it is made new", error->message);
    state_clear(&import->state);
    return 0;
}

// The same certificate again is taken only to bring the key that was missing.
static bool is_held(const struct import *import)
{
    const struct state *state = &import->state;
    return state->generation > 0 && state->fingerprint != NULL &&
           strcmp(state->fingerprint, import->facts.fingerprint) == 0 && (!state->keyless || import->key == NULL);
}

static bool same_text(const struct buf *a, const struct buf *b)
{
    return a->length == b->length && strcmp(buf_string(a), buf_string(b)) == 0;
}

// The new generation, on disk. An import that was killed may have left it there before the state knew of it.
static int save_generation(struct import *import, struct error *error)
{
    const char *name = import->certificate->name;
    uint32_t known = import->state.generation;
    struct generation last;
    if (generation_unused(import->state_dirfd, name, &import->number, error) < 0) {
        return -1;
    }
    generation_init(&last);
    bool there = import->number > known + 1 &&
                 generation_load(import->state_dirfd, name, import->number - 1, &last, NULL) == 0 &&
                 same_text(&last.certificate, &import->files.certificate) &&
                 same_text(&last.chain, &import->files.chain) && same_text(&last.key, &import->files.key);
    generation_free(&last);
    if (there) {
        import->number--;
        return 0;
    }
    if (import->number <= known) {
        import->number = known + 1;
    }
    return generation_save(import->state_dirfd, name, import->number, &import->files, error);
}

// Under the lock: a new generation, and then the state that knows it.
static int take_over(struct import *import, struct error *error)
{
    struct state *state = &import->state;
    struct settings settings;
    int64_t now = clock_now();
    if (save_generation(import, error) < 0) {
        return -1;
    }
    decide_settings(import->config, import->certificate, state, &settings);
    const char *names = import->certificate->names != NULL ? import->certificate->names : buf_string(&import->names);
    struct successor next = {
        .number = import->number,
        .facts = &import->facts,
        .names = names[0] != '\0' ? names : NULL,
        .key_type = key_type_name(settings.key_is_own ? settings.key : import->facts.key_type),
        .template = settings.first != NULL ? settings.first->section.name : NULL,
        .issued = import->facts.not_before < now ? import->facts.not_before : now,
        .keyless = import->key == NULL,
    };
    succession_apply(state, &next);
    // A clock that is behind is no more believed for an import: only --trust-clock sets "written" back.
    int64_t written = decide_written(now, state->written, CERTAUTO_BUILD_TIME);
    return state_save(state, import->state_dirfd, import->certificate->name, written, error);
}

static void tell(const struct import *import)
{
    char expires[STATUS_TIME_SIZE];
    status_time(import->config, import->facts.not_after, expires);
    if (import->held_already) {
        printf("%s: is generation %u already; nothing was changed\n", import->certificate->name,
               import->state.generation);
        return;
    }
    printf("%s: imported as generation %u, expires %s%s\n", import->certificate->name, import->number, expires,
           import->key == NULL ? "; without its key it cannot be published" : "");
}

static void import_free(struct import *import)
{
    if (import->lock >= 0) {
        close(import->lock);
    }
    if (import->state_dirfd >= 0) {
        close(import->state_dirfd);
    }
    key_free(import->key);
    generation_free(&import->files);
    x509_facts_free(&import->facts);
    buf_free(&import->names);
    state_free(&import->state);
}

int command_import(const struct arguments *arguments)
{
    struct session session = {0};
    struct import import = {.state_dirfd = -1, .lock = -1};
    struct error error;
    generation_init(&import.files);
    buf_init(&import.names, NAMES_MAX_BYTES);
    state_init(&import.state);
    int code = EXIT_MISTAKE;
    if (arguments->option[OPTION_CERT] == NULL) {
        arguments_complain("import needs --cert FILE");
        goto out;
    }
    code = session_open(&session, arguments);
    if (code != EXIT_DONE) {
        goto out;
    }
    import.config = session.config;
    import.certificate = session_find(session.config, arguments->words[0]);
    if (import.certificate == NULL) {
        code = EXIT_MISTAKE;
        goto out;
    }
    code = EXIT_STEP_FAILED;
    if (key_start(&error) < 0 || read_files(&import, arguments, &error) < 0 ||
        open_state(&import, arguments->option[OPTION_FORCE] != NULL, &error) < 0) {
        arguments_complain("%s", error.message);
        goto out;
    }
    import.held_already = is_held(&import);
    if (!import.held_already && take_over(&import, &error) < 0) {
        arguments_complain("%s", error.message);
        goto out;
    }
    tell(&import);
    code = EXIT_DONE;
out:
    import_free(&import);
    session_close(&session);
    return code;
}
