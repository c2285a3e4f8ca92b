// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Fuzz target: what a hook answers, read as the answer of an issue, a publication, a policy and renewal_info.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_issue(const struct issue_answer *answer)
{
    // What was read holds what its kind promises.
    bool fine = true;
    switch (answer->kind) {
    case ISSUE_ISSUED:
        fine = answer->certificate.length > 0 && answer->cookie.length == 0 && answer->wait_s == -1;
        break;
    case ISSUE_PENDING:
        fine = answer->certificate.length == 0 && answer->key.length == 0 &&
               answer->cookie.length <= ANSWER_MAX_COOKIE && answer->wait_s >= -1;
        break;
    case ISSUE_REFUSED:
        fine = answer->error.code == ERROR_HOOK && answer->error.message[0] != '\0' &&
               strpbrk(answer->error.message, "\n\r\x1b") == NULL && answer->wait_s >= -1;
        break;
    }
    if (!fine) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    // Exactly as long as it is, so that a read beyond it is seen.
    char *json = malloc(length + (length == 0));
    struct issue_answer answer;
    struct error error = {0};
    bool permanent;
    if (json == NULL) {
        return 0;
    }
    memcpy(json, bytes, length);
    int result = answer_read_issue(json, length, &answer, &error);
    if (result == 0) {
        check_issue(&answer);
    } else if (error.code != ERROR_HOOK) {
        abort();
    }
    answer_free_issue(&answer);
    struct buf traceback;
    buf_init(&traceback, 4096);
    answer_read_done(json, length, &permanent, &traceback, &error);
    struct policy_answer policy;
    if (answer_read_policy(json, length, "issue", &policy, &traceback, &error) < 0 && policy.passes) {
        abort();
    }
    struct window_answer window;
    if (answer_read_window(json, length, &window, &traceback, &error) == 0 &&
        ((window.start == CLOCK_NONE) != (window.finish == CLOCK_NONE) || window.finish < window.start)) {
        abort();
    }
    answer_free(&window.answer);
    buf_free(&traceback);
    free(json);
    return 0;
}
