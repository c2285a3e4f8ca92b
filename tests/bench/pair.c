// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Runs two commands by turns and prints the median of the CPU ratios of the pairs, and each one's CPU and memory.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_ROUNDS 101

struct figure {
    double cpu_ms;
    long rss_kib;
};

// Runs the command with its output thrown away. A command that fails ends the measurement.
static struct figure run(char **command)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execv(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0) {
        fprintf(stderr, "pair: %s failed (status %d)\n", command[0], status);
        exit(1);
    }
    double user = (double)usage.ru_utime.tv_sec * 1e3 + (double)usage.ru_utime.tv_usec / 1e3;
    double sys = (double)usage.ru_stime.tv_sec * 1e3 + (double)usage.ru_stime.tv_usec / 1e3;
    return (struct figure){.cpu_ms = user + sys, .rss_kib = usage.ru_maxrss};
}

static double median(double *values, int count)
{
    for (int i = 1; i < count; i++) {
        for (int j = i; j > 0 && values[j - 1] > values[j]; j--) {
            double swap = values[j];
            values[j] = values[j - 1];
            values[j - 1] = swap;
        }
    }
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

// pair ROUNDS A... -- B...: prints "ratio a_cpu_ms b_cpu_ms a_rss_kib b_rss_kib", medians all.
int main(int argc, char **argv)
{
    int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    int split = 2;
    while (split < argc && strcmp(argv[split], "--") != 0) {
        split++;
    }
    if (rounds < 1 || rounds > MOST_ROUNDS || split >= argc - 1 || split == 2) {
        fprintf(stderr, "usage: pair ROUNDS A... -- B...\n");
        return 2;
    }
    argv[split] = NULL;
    char **a = argv + 2, **b = argv + split + 1;
    double ratio[MOST_ROUNDS], a_cpu[MOST_ROUNDS], b_cpu[MOST_ROUNDS], a_rss[MOST_ROUNDS], b_rss[MOST_ROUNDS];
    run(a); // warms the page cache for both; not counted
    for (int i = 0; i < rounds; i++) {
        // Who goes first changes, so that neither always finds the cache as the other left it.
        struct figure first = run(i % 2 ? b : a), second = run(i % 2 ? a : b);
        struct figure fa = i % 2 ? second : first, fb = i % 2 ? first : second;
        ratio[i] = fa.cpu_ms / (fb.cpu_ms > 0 ? fb.cpu_ms : 0.001);
        a_cpu[i] = fa.cpu_ms;
        b_cpu[i] = fb.cpu_ms;
        a_rss[i] = (double)fa.rss_kib;
        b_rss[i] = (double)fb.rss_kib;
    }
    printf("%.2f %.2f %.2f %.0f %.0f\n", median(ratio, rounds), median(a_cpu, rounds),
           median(b_cpu, rounds), median(a_rss, rounds), median(b_rss, rounds));
    return 0;
}
