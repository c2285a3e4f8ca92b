// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The host: the text that makes its moments its own.
#ifndef HOST_H
#define HOST_H

#define HOST_TEXT_SIZE 256

// Stable text of this host, for jitter: what /etc/machine-id holds, else the node name. Never empty.
void host_text(char out[HOST_TEXT_SIZE]);

#endif
