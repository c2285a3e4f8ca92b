// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The courier: the process that delivers notifications by their hooks, and notes which warnings of expiry were given.
#ifndef COURIER_H
#define COURIER_H

#include <stddef.h>
#include <stdnoreturn.h>

#include "notify.h"

// In a process that was just forked: delivers each by all sections that its certificate's "notify" names, then ends. A
// failure is a warning in the log; a section whose hook had to be killed is not tried again. EVENT_EXPIRING is first made
// sure of and noted in the state, with the certificate's lock in hand, so that no warning is given twice.
noreturn void courier_run(const struct config *config, const struct notice *list, size_t count);

#endif
