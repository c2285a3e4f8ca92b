// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The errand "renewal_info", in the keeper: a CA is asked when it would like a certificate to be renewed (spec 5).
#ifndef WINDOW_H
#define WINDOW_H

#include "keeper.h"

// Asks, if it is time to, and fills report. What the CA says that is new is written to the state. When to ask again is
// noted in run_dir, before the asking too, so that a death in it is no reason to ask at once. That it fails is logged
// when the asking before did not, and is no failure of the certificate.
void window_ask(struct keeping *keeping, struct report *report);

#endif
