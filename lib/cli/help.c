/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help: --help from the tables; see cli.h. Prints to stdout.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli_priv.h"

/* A longer left side has a line of its own, so that one long option does not push all texts to the
 * right. */
enum { HELP_MAX_LEFT = 34 };

/* "-f, --format=text|json|yaml" */
static void
option_left(const struct cli_option *o, char *dst, size_t size)
{
	char shorter[8] = "    ";
	char longer[128] = "";

	if (o->short_name)
		(void)str_format(shorter, sizeof(shorter), "-%c%s", o->short_name,
		    o->long_name ? ", " : "");
	if (o->long_name)
		(void)str_format(longer, sizeof(longer), "--%s", o->long_name);
	if (cli_option_takes_value(o))
		(void)str_format(dst, size, "%s%s%s%s", shorter, longer, o->long_name ? "=" : " ",
		    o->arg ? o->arg : "VALUE");
	else
		(void)str_format(dst, size, "%s%s", shorter, longer);
}

static void
print_row(const char *left, const char *right)
{
	if (strlen(left) > HELP_MAX_LEFT)
		printf("  %s\n  %-*s  %s\n", left, HELP_MAX_LEFT, "", right);
	else
		printf("  %-*s  %s\n", HELP_MAX_LEFT, left, right);
}

void
cli_print_options(const struct cli_option *options)
{
	for (const struct cli_option *o = options; o && !cli_option_is_end(o); o++) {
		char left[192];
		char right[256];
		size_t n = o->help ? strlen(o->help) : 0;

		if (!o->help)
			continue;
		option_left(o, left, sizeof(left));
		/* "(default: ...; environment: ...)": one remark, not two. */
		if (o->env && n > 0 && o->help[n - 1] == ')')
			(void)str_format(right, sizeof(right), "%.*s; environment: %s)", (int)n - 1,
			    o->help, o->env);
		else if (o->env)
			(void)str_format(right, sizeof(right), "%s (environment: %s)", o->help,
			    o->env);
		else
			(void)str_copy(right, sizeof(right), o->help);
		print_row(left, right);
	}
}

static void
print_commands(const struct cli_command *table, const char *prefix)
{
	for (; table && table->name; table++) {
		char left[160];

		if (table->hidden)
			continue;
		(void)str_format(left, sizeof(left), "%s%s%s", prefix, *prefix ? " " : "",
		    table->name);
		if (table->sub)
			print_commands(table->sub, left);
		else
			print_row(left, table->summary ? table->summary : "");
	}
}

static void
print_globals(const struct cli_program *program)
{
	printf("\nOptions of every command:\n");
	cli_print_options(program->globals);
	cli_print_options(cli_builtin_options);
}

void
help_program(const struct cli_program *program)
{
	char script[128];

	printf("%s: %s\n\nUsage: %s [OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n", program->name,
	    program->summary, program->name);
	print_commands(program->commands, "");
	print_row("help [COMMAND]", "this text, or that of a command");
	(void)str_format(script, sizeof(script),
	    "completion for bash, zsh or fish: source <(%s completion bash)", program->name);
	print_row("completion SHELL", script);
	print_globals(program);
}

void
help_command(const struct cli_program *program, const struct cli_command *command, const char *path)
{
	if (command->summary)
		printf("%s %s: %s\n\n", program->name, path, command->summary);
	if (command->sub) {
		printf("Usage: %s %s COMMAND [ARGUMENTS]\n\nCommands:\n", program->name, path);
		print_commands(command->sub, path);
	} else {
		printf("Usage: %s %s%s%s%s\n", program->name, path,
		    command->options ? " [OPTIONS]" : "", command->args ? " " : "",
		    command->args ? command->args : "");
	}
	if (command->more)
		printf("\n%s\n", command->more);
	if (command->options) {
		printf("\nOptions:\n");
		cli_print_options(command->options);
	}
	print_globals(program);
}
