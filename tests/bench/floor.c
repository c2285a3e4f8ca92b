// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The floor that certauto is measured against: opens, reads and closes the same files, and nothing else.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char buffer[65536];

// Returns 0 when the file below dirfd was opened, read to its end and closed.
static int read_file(int dirfd, const char *name)
{
    int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(name);
        return -1;
    }
    ssize_t got;
    do {
        got = read(fd, buffer, sizeof buffer);
    } while (got == (ssize_t)sizeof buffer);
    close(fd);
    return got < 0 ? -1 : 0;
}

// The files are named "hNNNNNN.example.org.state", as 10-nothing-due.sh makes them.
static void set_number(char name[], unsigned number)
{
    for (int i = 6; i >= 1; i--) {
        name[i] = (char)('0' + number % 10);
        number /= 10;
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: floor CONFIG STATE_DIR COUNT\n");
        return 2;
    }
    int dirfd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0) {
        perror(argv[2]);
        return 1;
    }
    int failed = read_file(AT_FDCWD, argv[1]) != 0;
    unsigned count = (unsigned)strtoul(argv[3], NULL, 10);
    char name[] = "h000000.example.org.state";
    for (unsigned i = 0; i < count; i++) {
        set_number(name, i);
        failed |= read_file(dirfd, name) != 0;
    }
    return failed;
}
