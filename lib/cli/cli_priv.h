/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli_priv: the inside of command lines, for the files of lib/cli only.
 */
#ifndef CLI_CLI_PRIV_H
#define CLI_CLI_PRIV_H

#include "cli/cli.h"

enum {
	PARSER_MAX_TABLES = 4,
	PARSER_MAX_SEEN = 256,
};

/* A walk over argv. The tables are searched in order. */
struct parser {
	int argc, at;
	char **argv;
	const char *hint; /* behind "unknown option": " (see PROG CMD --help)" */
	const struct cli_option *tables[PARSER_MAX_TABLES];
	size_t n_tables;
	bool ended; /* "--" was met, or options end here */
	char *positional;
	const struct cli_option *seen[PARSER_MAX_SEEN];
	size_t n_seen;
};

/* Options up to the next positional: 1 with p->positional, 0 at the end, negative with e. */
int cli_parser_next(struct parser *p, struct err *e);
/* Options that were not given take their environment variables. */
int cli_parser_environment(struct parser *p, struct err *e);

bool cli_option_is_end(const struct cli_option *o);
bool cli_option_takes_value(const struct cli_option *o);

/* --help of the program, or of a command; path is "tctl users add" without the program's name. */
void help_program(const struct cli_program *program);
void help_command(const struct cli_program *program, const struct cli_command *command,
    const char *path);
/* The script of `completion SHELL` to stdout. */
void cli_completion_bash(const struct cli_program *program);
void cli_completion_zsh(const struct cli_program *program);
void cli_completion_fish(const struct cli_program *program);
/* What the words of a command's usage name: files, nodes. */
bool cli_args_have(const struct cli_command *command, const char *word);

/* The candidate that is nearest to a word which is none. */
struct suggestion {
	const char *word; /* n bytes */
	size_t n;
	const char *best; /* NULL: none is near */
	size_t distance;
};
void suggest_offer(struct suggestion *s, const char *candidate);
/* "; did you mean 'BEFOREbest'?", or "". Returns dst. */
const char *suggest_text(const struct suggestion *s, const char *before, char *dst, size_t size);

/* The signal that ended the last question; 0: none did. */
int cli_prompt_interrupted(void);

extern const struct cli_option cli_builtin_options[];

#endif
