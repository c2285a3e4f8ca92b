// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// Fuzzes the state file's parser: what it takes, it must write so that it reads the same again.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

static void check(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state state, again;
    static int ready;
    struct error error = {.code = ERROR_NONE};
    struct buf first, second;

    if (!ready) {
        state_init(&state);
        state_init(&again);
        ready = 1;
    }
    buf_init(&first, 4 * STATE_MAX_BYTES);
    buf_init(&second, 4 * STATE_MAX_BYTES);
    // The memory is exactly as long as the text, so that a read behind it is seen.
    buf_free(&state.text);
    state.text.data = malloc(size + 1);
    check(state.text.data != NULL);
    memcpy(state.text.data, data, size);
    state.text.data[size] = '\0';
    state.text.length = size;
    state.text.capacity = size + 1;

    if (state_parse(&state, "fuzz.state", &error) != 0) {
        check(error.code == ERROR_FORMAT);
        check(strncmp(error.message, "fuzz.state:", 11) == 0);
    } else {
        state_format(&state, &first);
        check(!first.failed);
        buf_clear(&again.text);
        buf_add(&again.text, first.data, first.length);
        check(state_parse(&again, "again.state", &error) == 0);
        state_format(&again, &second);
        check(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
        check(again.generation == state.generation && again.publication_count == state.publication_count);
        check((again.unknown == NULL) == (state.unknown == NULL));
    }
    buf_free(&first);
    buf_free(&second);
    return 0;
}
