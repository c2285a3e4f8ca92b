// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The command forget: the state of a certificate that is no longer configured is dropped.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "file.h"
#include "lock.h"
#include "session.h"
#include "state.h"

// Removes NAME.state with the lock in hand. What is in certs/ and live/ stays: no key is lost by a word typed wrong.
static int drop_state(int state_dirfd, const char *name, struct error *error)
{
    char file[CONFIG_NAME_MAX + sizeof(".state")];
    struct stat facts;
    snprintf(file, sizeof(file), "%s.state", name);
    if (fstatat(state_dirfd, file, &facts, AT_SYMLINK_NOFOLLOW) < 0) {
        return error_errno(error, "there is no state of '%s'", name);
    }
    int lock = lock_take(state_dirfd, "locks", name, error);
    if (lock < 0) {
        return -1;
    }
    int result = file_remove(state_dirfd, file, error);
    close(lock);
    return result;
}

static int forget(const struct config *config, const char *name)
{
    const char *state_dir = config->engine.state_dir;
    struct error error;
    if (!state_is_name(name, strlen(name))) {
        arguments_complain("'%s' is no name of a certificate", name);
        return EXIT_MISTAKE;
    }
    if (config_find(config, name) != NULL) {
        arguments_complain("'%s' is configured: remove its section first", name);
        return EXIT_MISTAKE;
    }
    int state_dirfd = file_open_directory(AT_FDCWD, state_dir, &error);
    int result = state_dirfd < 0 || file_check_trusted(state_dir, false, &error) < 0
                     ? -1
                     : drop_state(state_dirfd, name, &error);
    if (state_dirfd >= 0) {
        close(state_dirfd);
    }
    if (result < 0) {
        arguments_complain("%s", error.message);
        return error.code == ERROR_NOT_FOUND || error.code == ERROR_REFUSED ? EXIT_MISTAKE : EXIT_STEP_FAILED;
    }
    printf("the state of %s is dropped; what there is of its certificates and keys stays in %s/certs/%s\n", name,
           state_dir, name);
    return EXIT_DONE;
}

int command_forget(const struct arguments *arguments)
{
    struct session session = {0};
    int code = session_open(&session, arguments);
    if (code == EXIT_DONE) {
        code = forget(session.config, arguments->words[0]);
    }
    session_close(&session);
    return code;
}
