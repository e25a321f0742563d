/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli: from argv to the command's function; see cli.h.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli_priv.h"

static struct {
	bool help, version;
} builtin;

const struct cli_option cli_builtin_options[] = {
	{ 'h', "help", NULL, "this text", CLI_FLAG, &builtin.help, NULL },
	{ 0, "version", NULL, "the version, and nothing else", CLI_FLAG, &builtin.version, NULL },
	{ 0 },
};

/* Where the walk over argv has come to. */
struct call {
	const struct cli_program *program;
	const struct cli_command *command; /* NULL: none named yet */
	struct parser parser;
	char path[128]; /* "users add" */
	char hint[192];
	char **args; /* positionals, moved to the front of argv */
	int n_args;
};

static const struct cli_command *
find_command(const struct cli_command *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* For errors: where the help for this command is. */
static void
set_hint(struct call *c)
{
	(void)str_format(c->hint, sizeof(c->hint), " (see `%s%s%s --help`)", c->program->name,
	    *c->path ? " " : "", c->path);
}

/* "; did you mean 'ls'?", or "". */
static const char *
suggest_command(const struct cli_command *table, const char *word, char *dst, size_t size)
{
	struct suggestion s = { .word = word, .n = strlen(word) };

	for (; table && table->name; table++)
		if (!table->hidden)
			suggest_offer(&s, table->name);
	return suggest_text(&s, "", dst, size);
}

/* A word while no command with a function is chosen. */
static int
choose(struct call *c, const char *word, struct err *e)
{
	const struct cli_command *table = c->command ? c->command->sub : c->program->commands;
	const struct cli_command *found = find_command(table, word);
	size_t n = strlen(c->path);
	char meant[96];

	if (!found)
		return err_set(e, "unknown command '%s%s%s'%s%s", c->path, n ? " " : "", word,
		    suggest_command(table, word, meant, sizeof(meant)), c->hint);
	c->command = found;
	(void)str_format(c->path + n, sizeof(c->path) - n, "%s%s", n ? " " : "", word);
	set_hint(c);
	if (found->options)
		c->parser.tables[c->parser.n_tables++] = found->options;
	return 0;
}

/* Chooses the command and collects its arguments. Negative with e. */
static int
walk(struct call *c, struct err *e)
{
	int r;

	while ((r = cli_parser_next(&c->parser, e)) == 1) {
		if (!c->command || c->command->sub) {
			if (choose(c, c->parser.positional, e) < 0)
				return -1;
			continue;
		}
		c->args[c->n_args++] = c->parser.positional;
		if (c->command->stop_at_arg) {
			/* "ssh HOST ls -l": what follows the host belongs to the remote command,
			 * and so does what follows "HOST --". */
			while (c->parser.at < c->parser.argc) {
				char *next = c->parser.argv[c->parser.at];

				if (c->n_args == 1 && next[0] == '-' && !c->parser.ended)
					break;
				c->args[c->n_args++] = next;
				c->parser.at++;
			}
		}
	}
	if (r < 0)
		return -1;
	return cli_parser_environment(&c->parser, e);
}

/* Too few are answered with the usage: whoever forgot one wants to see it. */
static int
check_args(const struct call *c, struct err *e)
{
	const struct cli_command *cmd = c->command;

	if (c->n_args < cmd->min_args)
		return err_set(e, "usage: %s %s %s%s", c->program->name, c->path,
		    cmd->args ? cmd->args : "", c->hint);
	if (cmd->max_args >= 0 && c->n_args > cmd->max_args)
		return err_set(e, "unexpected argument '%s'%s", c->args[cmd->max_args], c->hint);
	return 0;
}

static int
run_completion(const struct cli_program *program, const char *shell)
{
	static const struct {
		const char *shell;
		void (*print)(const struct cli_program *program);
	} rows[] = { { "bash", cli_completion_bash }, { "zsh", cli_completion_zsh },
		{ "fish", cli_completion_fish } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].shell, shell) == 0) {
			rows[i].print(program);
			return 0;
		}
	return cli_fail("usage: %s completion bash|zsh|fish", program->name);
}

/* `help`, `help COMMAND`, `completion SHELL`: present in every program that has no command of that name. */
static int
run_builtin(const struct cli_program *program, int argc, char **argv)
{
	const struct cli_command *table = program->commands;
	const struct cli_command *found = NULL;
	char path[128] = "", meant[96];

	if (strcmp(argv[1], "completion") == 0)
		return run_completion(program, argc == 3 ? argv[2] : "");
	for (int i = 2; i < argc; i++, table = found->sub) {
		size_t n = strlen(path);

		found = find_command(table, argv[i]);
		if (!found)
			return cli_fail("unknown command '%s'%s (see `%s --help`)", argv[i],
			    suggest_command(table, argv[i], meant, sizeof(meant)), program->name);
		(void)str_format(path + n, sizeof(path) - n, "%s%s", n ? " " : "", argv[i]);
	}
	if (found)
		help_command(program, found, path);
	else
		help_program(program);
	return 0;
}

/* All options are read by now, wherever they stood: "tsh --help ls" and "tsh ls --help" are the
 * same. */
static int
run_call(struct call *c)
{
	struct err e;
	int status;

	if (builtin.version) {
		printf("%s\n", c->program->version);
		return 0;
	}
	if (builtin.help && c->command) {
		help_command(c->program, c->command, c->path);
		return 0;
	}
	if (builtin.help || !c->command) {
		help_program(c->program);
		return 0;
	}
	if (c->command->sub)
		return cli_fail("say which command of `%s`%s", c->path, c->hint);
	if (check_args(c, &e) < 0)
		return cli_fail_err(&e);
	if (c->program->before && (status = c->program->before()) != 0)
		return status;
	status = c->command->run(c->n_args, c->args);
	/* As a shell tells the end by a signal: a question answered by Ctrl-C is no failure like others. */
	return status != 0 && cli_prompt_interrupted() ? 128 + cli_prompt_interrupted() : status;
}

int
cli_main(const struct cli_program *program, int argc, char **argv)
{
	struct call c = { .program = program };
	struct err e;

	if (argc > 1 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "completion") == 0) &&
	    !find_command(program->commands, argv[1]))
		return run_builtin(program, argc, argv);
	builtin.help = builtin.version = false;
	c.parser = (struct parser){ .argc = argc, .at = 1, .argv = argv, .hint = c.hint };
	/* In the order in which an option is looked for: the command's own come last and are searched
	 * last, so that no command can give a global option another meaning. */
	c.parser.tables[c.parser.n_tables++] = cli_builtin_options;
	if (program->globals)
		c.parser.tables[c.parser.n_tables++] = program->globals;
	/* Never overtakes the walk: a positional is moved to the front only after it was read. */
	c.args = argv;
	set_hint(&c);
	if (walk(&c, &e) < 0) {
		/* "tsh ls --help --wrong" is a wish for help all the same. */
		if (builtin.help)
			return run_call(&c);
		return cli_fail_err(&e);
	}
	return run_call(&c);
}
