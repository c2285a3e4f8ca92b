// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Runs a command and prints what it and all that it waited for cost: "EXIT_CODE CPU_MS WALL_MS PEAK_KIB".
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double ms_of(struct timeval time)
{
    return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3;
}

// tree LOG COMMAND...: its output is appended to the log.
int main(int argc, char **argv)
{
    struct timespec begun, ended;
    struct rusage usage;
    int status = 0;
    if (argc < 3) {
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &begun);
    pid_t pid = fork();
    if (pid == 0) {
        int log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(log, 1);
        dup2(log, 2);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
        perror("tree");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double wall_ms = (double)(ended.tv_sec - begun.tv_sec) * 1e3 + (double)(ended.tv_nsec - begun.tv_nsec) / 1e6;
    printf("%d %.1f %.1f %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128, ms_of(usage.ru_utime) + ms_of(usage.ru_stime),
           wall_ms, usage.ru_maxrss);
    return 0;
}
