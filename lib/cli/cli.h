/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: command lines as tables. Called by tsh, tctl and the skeleton of the
 * daemons; touches stdin, stdout, stderr and the terminal.
 *
 * A command is a row; its options are rows that point at the variables they
 * set. `--help` and shell completion come from the same rows, so that they
 * cannot differ from what is parsed.
 *
 *	static struct { const char *format; bool verbose; } opt = { .format = "text" };
 *	static const struct cli_option options[] = {
 *		{ 'f', "format", "text|json|yaml", "output format", CLI_CHOICE, &opt.format },
 *		{ 'v', "verbose", NULL, "all columns", CLI_FLAG, &opt.verbose },
 *		{ 0 },
 *	};
 *	static const struct cli_command commands[] = {
 *		{ .name = "ls", .args = "[LABEL=VALUE...]", .summary = "list nodes", .options = options,
 *		  .max_args = -1, .run = cmd_ls },
 *		{ 0 },
 *	};
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum cli_kind {
	CLI_FLAG,     /* bool *: --name sets, --no-name clears */
	CLI_STRING,   /* const char **: the last one counts */
	CLI_INT,      /* int64_t *: a decimal of at least 0 */
	CLI_DURATION, /* int64_t *: seconds, from "12h" */
	CLI_CHOICE,   /* const char **: one of the words of arg, "text|json|yaml" */
	CLI_LIST,     /* struct cli_list *: may be given often */
	CLI_COUNT,    /* int *: -vvv */
};

enum { CLI_LIST_MAX = 64 };

/* The values of a CLI_LIST option, in order; they point into argv. */
struct cli_list {
	const char *item[CLI_LIST_MAX];
	size_t n;
};

struct cli_option {
	char short_name;       /* 0: none */
	const char *long_name; /* NULL: only a short one; a row with neither ends the table */
	const char *arg;       /* placeholder of the value ("FILE"), or the words of a choice */
	const char *help;      /* one line; NULL: hidden */
	enum cli_kind kind;
	void *dest;
	const char *env; /* environment variable used when the option is not given; may be NULL */
};

struct cli_command {
	const char *name; /* NULL ends the table */
	const char *args; /* "[user@]HOST [COMMAND...]"; NULL: none */
	const char *summary;
	const char *more; /* further text of its --help; may be NULL */
	const struct cli_option *options;
	const struct cli_command *sub; /* instead of run: second level, "users add" */
	int min_args, max_args;        /* positionals; max -1: any number */
	bool stop_at_arg;              /* options end at the second positional: "ssh HOST ls -l" */
	bool hidden;
	int (*run)(int argc, char **argv); /* positionals only; returns the exit status */
};

struct cli_program {
	const char *name;
	const char *summary;
	const char *version;
	const struct cli_option *globals; /* before or after the command */
	const struct cli_command *commands;
	/* Command line that prints the names of nodes, one a line, for completion; may be NULL. */
	const char *node_names;
	/* Once all is parsed; a status other than 0 ends the program. May be NULL. */
	int (*before)(void);
};

/* Parses, runs, returns the exit status of main. --help and --version are built in, and so are the
 * commands `help [COMMAND]` and `completion bash|zsh|fish`. No command at all is a wish for help.
 * Usage errors: one ERROR line, status 1. */
int cli_main(const struct cli_program *program, int argc, char **argv);

/* Only options, for programs without commands. Positionals are moved to the front of argv;
 * returns how many there are, or negative. */
int cli_parse(const struct cli_option *options, int argc, char **argv, struct err *e);
/* The option lines of a --help to stdout. */
void cli_print_options(const struct cli_option *options);

/* --- errors -------------------------------------------------------------------- */

/* "ERROR: text" on stderr, control characters replaced; always returns 1, the exit status. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for a filled struct err. */
int cli_fail_err(const struct err *e);
/* "WARNING: text" on stderr. */
void cli_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- colours --------------------------------------------------------------------- */

enum cli_tone { CLI_PLAIN, CLI_GOOD, CLI_BAD, CLI_DOUBT, CLI_NAME };

/* What begins the tone on a descriptor, and CLI_PLAIN ends it; "" when that is no terminal, or nobody wants colours
 * (NO_COLOR, TERM=dumb). What matters is never said by colour alone. */
const char *cli_tone(enum cli_tone tone, int fd);

/* --- prompts ------------------------------------------------------------------- */

/* Questions go to a terminal; false: there is none, and a program's standard input answers. */
bool cli_prompt_has_person(void);
/* Without echo; the caller wipes dst. */
int cli_prompt_secret(const char *prompt, char *dst, size_t size, struct err *e);
/* With echo: a line as it is typed. */
int cli_prompt_line(const char *prompt, char *dst, size_t size, struct err *e);
/* Six to eight digits, blanks removed, or nothing; asks again (three times) for anything else. */
int cli_prompt_otp(const char *prompt, char *dst, size_t size, struct err *e);

#endif
