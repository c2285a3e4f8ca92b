// SPDX-FileCopyrightText: The certauto authors
// SPDX-License-Identifier: MIT
// certauto: takes the command line apart, finds the command, and does what it says.
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "command.h"
#include "daemon.h"
#include "nearest.h"

#define ANY ((size_t)-1)
#define BIT(name) OPTION_BIT(OPTION_##name)

// What every command takes.
static const unsigned everywhere = BIT(CONFIG) | BIT(HELP) | BIT(VERSION);

static const struct command {
    const char *word;      // NULL ends the list
    command_function *run; // NULL: not in this version yet
    size_t least, most;    // words after it
    unsigned options;      // besides those taken everywhere
    const char *words, *help;
} commands[] = {
    {"--run-now", command_run_now, 0, ANY,
     BIT(RUN_NOW) | BIT(GROUP) | BIT(IGNORE_SLOTS) | BIT(DRY_RUN) | BIT(DETAILED_EXITCODE) | BIT(TRUST_CLOCK) |
         BIT(JSON),
     "[NAME...]", "take every certificate through its steps that are ready"},
    {"check", command_check, 0, 0, BIT(JSON), "", "check the configuration and the files that steps read"},
    {"status", command_status, 0, ANY, BIT(JSON), "[NAME...]", "show what each certificate does next, and why"},
    {"review", command_review, 0, 1, BIT(JSON), "[NAME]", "show every setting and where it comes from"},
    {"explain", command_explain, 1, 1, BIT(AT) | BIT(JSON), "NAME", "say why it is renewed or published, or why not"},
    {"plan", command_plan, 0, 0, BIT(DAYS) | BIT(AT) | BIT(ASSUME_FAILURE) | BIT(JSON), "",
     "show what will happen when, on a simulated clock"},
    {"import", command_import, 1, 1, BIT(CERT) | BIT(KEY) | BIT(CHAIN) | BIT(FORCE), "NAME",
     "take over a certificate as the next generation"},
    {"renew", command_renew, 1, ANY, BIT(RESTART) | BIT(TRUST_CLOCK) | BIT(JSON), "NAME...",
     "issue at once, due or not"},
    {"publish", command_publish, 1, ANY, BIT(PROFILE) | BIT(FORCE) | BIT(TRUST_CLOCK) | BIT(JSON), "NAME...",
     "publish at once, due or not"},
    {"rollback", command_rollback, 1, 1, BIT(PROFILE) | BIT(TRUST_CLOCK) | BIT(JSON), "NAME",
     "publish the generation before, and withdraw the newer one"},
    {"forget", command_forget, 1, 1, 0, "NAME", "drop the state of a certificate that is no longer configured"},
    {"revoke", command_revoke, 1, 1, BIT(GENERATION) | BIT(REASON) | BIT(JSON), "NAME",
     "have the CA revoke a generation, the newest unless one is named"},
    {"account", command_account, 1, 1, BIT(ROLL_OVER) | BIT(DEACTIVATE) | BIT(JSON), "TEMPLATE",
     "show, renew the key of, or end the account at a template's CA"},
    {"rehearse", command_rehearse, 1, ANY, BIT(KEEP) | BIT(JSON), "NAME...",
     "go the whole way against staging, into a folder of its own"},
    {"hooks", command_hooks, 0, ANY, BIT(EXPORT) | BIT(FORCE) | BIT(JSON), "[KIND/NAME...]",
     "list the hooks, show their options, export them"},
    {"lua", command_lua, 1, ANY, 0, "FILE [ARGUMENT...]", "run a script with the modules that hooks have"},
    {.word = "report"},
    {.word = NULL},
};

// What "certauto" does without a word.
static command_function run_loop;
static const struct command loop = {.word = "the loop", .run = run_loop};

// Reload if asked, collect finished workers, start due work, sleep until the next event.
static int run_loop(const struct arguments *arguments)
{
    struct daemon *daemon;
    int code = daemon_open(&daemon, arguments);
    while (code == EXIT_DONE && daemon_goes_on(daemon)) {
        daemon_reload(daemon);
        daemon_collect(daemon);
        daemon_start(daemon);
        daemon_sleep(daemon);
    }
    daemon_close(daemon);
    return code;
}

static void print_help(const struct command *command)
{
    if (command != NULL) {
        printf("usage: certauto [-c FILE] %s [OPTION...] %s\n%s\n\n", command->word, command->words, command->help);
        arguments_help((command->options & ~BIT(RUN_NOW)) | everywhere);
        return;
    }
    puts("usage: certauto [-c FILE] [COMMAND [OPTION...] [ARGUMENT...]]\n"
         "Keeps TLS certificates renewed and published: without a command, for as long as it runs.\n");
    for (command = commands; command->word != NULL; command++) {
        if (command->run != NULL) {
            int used = printf("  %s %s", command->word, command->words);
            printf("%*s%s\n", used < 28 ? 28 - used : 1, "", command->help);
        }
    }
    puts("");
    arguments_help(everywhere);
    puts("\n'certauto COMMAND -h' tells a command's options, certauto(8) all.");
}

static void print_version(void)
{
    fputs("certauto " CERTAUTO_VERSION "\n" CERTAUTO_LIBRARIES, stdout);
}

// The command is the first word, which is taken off the list; --run-now is one by itself. NULL: none is named.
static const struct command *find_command(struct arguments *arguments)
{
    if (arguments->option[OPTION_RUN_NOW] != NULL) {
        return &commands[0];
    }
    if (arguments->word_count == 0) {
        return &loop;
    }
    for (const struct command *command = commands; arguments->word_count > 0 && command->word != NULL; command++) {
        if (strcmp(command->word, arguments->words[0]) == 0) {
            arguments->word_count--;
            memmove(arguments->words, arguments->words + 1, (arguments->word_count + 1) * sizeof(char *));
            return command;
        }
    }
    return NULL;
}

static int refuse_command(const struct arguments *arguments)
{
    char near[NEAREST_SIZE];
    struct nearest nearest = {.word = arguments->words[0]};
    for (const struct command *command = commands; command->word != NULL; command++) {
        if (command->run != NULL) {
            nearest_offer(&nearest, command->word);
        }
    }
    arguments_complain("unknown command '%s'%s", nearest.word, nearest_text(&nearest, near));
    return EXIT_MISTAKE;
}

// Runs the command if it takes these options, and so many words.
static int run(const struct command *command, const struct arguments *arguments)
{
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (arguments->option[i] != NULL && ((command->options | everywhere) & OPTION_BIT(i)) == 0) {
            arguments_complain("%s takes no --%s", command->word, arguments_name(i));
            return EXIT_MISTAKE;
        }
    }
    if (arguments->word_count < command->least || arguments->word_count > command->most) {
        arguments_complain("usage: certauto [-c FILE] %s [OPTION...] %s", command->word, command->words);
        return EXIT_MISTAKE;
    }
    return command->run(arguments);
}

// A descriptor of our own must not stand where lines for the user go. Writing to these fails as to a closed one.
static void fill_closed(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.words = NULL};
    struct error error;
    int code = EXIT_MISTAKE;
    fill_closed();
    // A reader of our output that goes away is a failed write, not the end of a run.
    signal(SIGPIPE, SIG_IGN);
    // How workers end must reach us, whatever our parent thought of its own.
    signal(SIGCHLD, SIG_DFL);
    if (isatty(STDOUT_FILENO) != 1) {
        // A short document goes out in one write, so that "| grep -q" does not end it in the middle.
        setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
    }
    int parsed = arguments_parse(argc, argv, "lua", &arguments, &error);
    const struct command *command = arguments.words == NULL ? NULL : find_command(&arguments);
    if (command != NULL && command->run == NULL) {
        arguments_complain("the command '%s' is not in this version yet", command->word);
    } else if (parsed < 0) {
        arguments_complain("%s", error.message);
    } else if (arguments.option[OPTION_VERSION] != NULL) {
        print_version();
        code = EXIT_DONE;
    } else if (arguments.option[OPTION_HELP] != NULL && (command != NULL || arguments.word_count == 0)) {
        print_help(command == &loop ? NULL : command);
        code = EXIT_DONE;
    } else {
        code = command == NULL ? refuse_command(&arguments) : run(command, &arguments);
    }
    if ((fflush(stdout) != 0 || ferror(stdout) != 0) && code == EXIT_DONE) {
        arguments_complain("the standard output cannot be written");
        code = EXIT_STEP_FAILED;
    }
    arguments_free(&arguments);
    return code;
}
