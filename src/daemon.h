// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The loop's inner life: what a certauto that stays holds in memory, and the four verbs that turn it.
#ifndef DAEMON_H
#define DAEMON_H

#include <stdbool.h>

#include "command.h"

struct daemon; // opaque

// Reads the configuration, takes the loop's lock in state_dir, and tells the service manager. EXIT_DONE; or EXIT_MISTAKE
// or EXIT_STEP_FAILED, said on stderr. "arguments" must live as long. daemon_close in any case.
int daemon_open(struct daemon **daemon, const struct arguments *arguments);
// Gives everything back; NULL is fine.
void daemon_close(struct daemon *daemon);

// One turn of the loop. None of these fails: what the world denies is logged once and tried again after a while.
// False once it was asked to end and nobody works any more, or has to wait for it.
bool daemon_goes_on(struct daemon *daemon);
// Takes the configuration as it is in its files now, if that was asked for and there is no mistake in it.
void daemon_reload(struct daemon *daemon);
// Takes notice of what others wrote, of workers that are done, and of children that are none.
void daemon_collect(struct daemon *daemon);
// Starts what is due, as far as the clock is believed and there are workers.
void daemon_start(struct daemon *daemon);
// Sleeps until something is due or happens.
void daemon_sleep(struct daemon *daemon);

#endif
