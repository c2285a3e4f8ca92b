// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// What the commands that only look share: the configuration and the states behind it, opened together.
#include "look.h"

#include <string.h>

#include "command.h"

int look_open(struct look *look, const struct arguments *arguments, int64_t at)
{
    struct error error;
    *look = (struct look){0};
    int code = session_open(&look->session, arguments);
    if (code == EXIT_DONE) {
        code = session_check_names(look->session.config, arguments->words);
    }
    if (code != EXIT_DONE) {
        return code;
    }
    look->opened = true;
    if (status_open(&look->view, look->session.config, at, &error) < 0) {
        arguments_complain("%s", error.message);
        return error.code == ERROR_SYSTEM ? EXIT_STEP_FAILED : EXIT_MISTAKE;
    }
    if (look->view.trust != CLOCK_TRUSTED) {
        arguments_complain("%s", buf_string(&look->view.doubt));
    }
    return EXIT_DONE;
}

void look_close(struct look *look)
{
    if (look->opened) {
        status_close(&look->view);
    }
    session_close(&look->session);
}

bool look_at_each(struct look *look, const struct arguments *arguments,
                  bool (*each)(void *context, struct look *look, const struct certificate *certificate), void *context)
{
    const struct config *config = look->session.config;
    bool fine = true;
    for (size_t i = 0; fine && arguments->word_count == 0 && i < config->certificate_count; i++) {
        fine = each(context, look, &config->certificates[i]);
    }
    for (char *const *word = arguments->words; fine && *word != NULL; word++) {
        fine = each(context, look, config_find(config, *word));
    }
    return fine;
}

enum table_colour look_colour(const char *word)
{
    static const struct {
        const char *word;
        enum table_colour colour;
    } colours[] = {{"ok", TABLE_GOOD},       {"expired", TABLE_BAD}, {"failed", TABLE_BAD},   {"pending", TABLE_WARN},
                   {"unissued", TABLE_WARN}, {"due", TABLE_WARN},    {"waiting", TABLE_WARN}, {"disabled", TABLE_DIM}};
    for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++) {
        if (strcmp(colours[i].word, word) == 0) {
            return colours[i].colour;
        }
    }
    return TABLE_PLAIN;
}
