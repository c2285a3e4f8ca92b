// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The floor that plan is measured against: localtime_r over as many moments of a year, and nothing else.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: localtime COUNT\n");
        return 2;
    }
    unsigned long count = strtoul(argv[1], NULL, 10);
    int sum = 0;
    tzset();
    for (unsigned long i = 0; i < count; i++) {
        // From 2026 on, in steps that meet all seasons and hours.
        time_t moment = (time_t)(1767225600 + i * 7919 % (365 * 86400));
        struct tm local;
        if (localtime_r(&moment, &local) != NULL) {
            sum += local.tm_hour;
        }
    }
    printf("%d\n", sum);
    return 0;
}
