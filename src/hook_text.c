// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// The texts of the built-in hooks, which the program holds compressed.
#include "hook_text.h"

#include <libdeflate.h>

int hook_text(const struct hook_file *file, struct buf *out, struct error *error)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    char *room = buf_reserve(out, file->length);
    int result = 0;
    if (decompressor == NULL || room == NULL) {
        result = error_set(error, ERROR_SYSTEM, "no memory for the text of the hook %s", file->name);
    } else if (libdeflate_deflate_decompress(decompressor, file->packed, file->packed_length, room, file->length,
                                             NULL) != LIBDEFLATE_SUCCESS) {
        result = error_set(error, ERROR_FORMAT, "the program is damaged: the text of its hook %s cannot be unpacked",
                           file->name);
    } else {
        buf_added(out, file->length);
    }
    libdeflate_free_decompressor(decompressor);
    return result;
}
