// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The host: the text that makes its moments its own.
#include "host.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "file.h"

#define MACHINE_ID "/etc/machine-id"
#define UNINITIALIZED "uninitialized" // systemd's word in images, the same on every host

void host_text(char out[HOST_TEXT_SIZE])
{
    struct buf id;
    struct utsname names;

    buf_init(&id, HOST_TEXT_SIZE - 1);
    bool known = file_read(AT_FDCWD, MACHINE_ID, &id, NULL) == 0;
    snprintf(out, HOST_TEXT_SIZE, "%s", known ? buf_string(&id) : "");
    buf_free(&id);
    out[strcspn(out, "\r\n")] = '\0';
    if (out[0] == '\0' || strcmp(out, UNINITIALIZED) == 0) {
        snprintf(out, HOST_TEXT_SIZE, "%s", uname(&names) == 0 && names.nodename[0] != '\0' ? names.nodename : "host");
    }
}
