/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete_fish: the completion script for fish, from the tables; see complete.c.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"

/* In single quotes of fish: a backslash before a quote or a backslash. */
static void
print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('\'');
}

/* "complete -c tsh -n '__tsh_at users add'", to which the caller adds. path "": nothing was said yet. */
static void
begin(const struct cli_program *program, const char *path)
{
	printf("complete -c %s -n '__%s_at %s'", program->name, program->name, path);
}

static void
print_values(const struct cli_option *o)
{
	if (!cli_option_takes_value(o))
		return;
	if (o->kind == CLI_CHOICE) {
		printf(" -x -a '");
		for (const char *p = o->arg; *p; p++)
			putchar(*p == '|' ? ' ' : *p);
		printf("'");
	} else if (o->arg &&
	    (strstr(o->arg, "FILE") || strstr(o->arg, "PATH") || strstr(o->arg, "DIR"))) {
		printf(" -r -F");
	} else {
		printf(" -x");
	}
}

/* path NULL: of every command. */
static void
print_options(const struct cli_program *program, const struct cli_option *options, const char *path)
{
	for (const struct cli_option *o = options; o && !cli_option_is_end(o); o++) {
		if (!o->help)
			continue;
		if (path)
			begin(program, path);
		else
			printf("complete -c %s", program->name);
		if (o->long_name)
			printf(" -l %s", o->long_name);
		if (o->short_name)
			printf(" -s %c", o->short_name);
		print_values(o);
		printf(" -d ");
		print_quoted(o->help);
		putchar('\n');
	}
}

static void
print_word(const struct cli_program *program, const char *path, const char *word,
    const char *summary)
{
	begin(program, path);
	printf(" -a %s", word);
	if (summary) {
		printf(" -d ");
		print_quoted(summary);
	}
	putchar('\n');
}

static void
print_command(const struct cli_program *program, const struct cli_command *c, const char *path)
{
	print_options(program, c->options, path);
	if (program->node_names && (cli_args_have(c, "HOST") || cli_args_have(c, "NODE"))) {
		begin(program, path);
		printf(" -a '(__%s_nodes)'\n", program->name);
	}
	if (cli_args_have(c, "FROM") || cli_args_have(c, "FILE")) {
		begin(program, path);
		printf(" -F\n");
	}
}

static void
print_functions(const struct cli_program *program)
{
	const char *name = program->name;

	/* The words behind the program, without options, begin with those given. A word alone that has commands of its
	 * own is named by none of their rows. */
	printf(
	    "function __%s_at\n"
	    "\tset -l said\n"
	    "\tfor w in (commandline -opc)[2..-1]\n"
	    "\t\tstring match -q -- '-*' $w; or set -a said $w\n"
	    "\tend\n"
	    "\ttest (count $argv) -eq 0; and test (count $said) -gt 0; and return 1\n"
	    "\ttest \"$argv[-1]\" = only; and set -e argv[-1]; and test (count $said) -ne (count $argv); and return 1\n"
	    "\tset -l n (count $argv)\n"
	    "\ttest (count $said) -ge $n; or return 1\n"
	    "\ttest $n -eq 0; or test \"$said[1..$n]\" = \"$argv\"\n"
	    "end\n",
	    name);
	if (program->node_names)
		printf(
		    "function __%s_nodes\n"
		    "\tset -l before (string match -r -- '^[^@]*@' (commandline -ct))\n"
		    "\tfor n in (%s 2>/dev/null </dev/null | string match -r -- '^[A-Za-z0-9._-]+$')\n"
		    "\t\techo $before$n\n"
		    "\tend\n"
		    "end\n",
		    name, program->node_names);
}

void
cli_completion_fish(const struct cli_program *program)
{
	char path[128];

	printf("# fish completion of %s; use it with: %s completion fish | source\n", program->name,
	    program->name);
	print_functions(program);
	printf("complete -c %s -f\n", program->name);
	print_options(program, program->globals, NULL);
	print_options(program, cli_builtin_options, NULL);
	print_word(program, "", "help", "help of a command");
	print_word(program, "", "completion", "a script for a shell");
	print_word(program, "completion only", "'bash zsh fish'", NULL);
	for (const struct cli_command *c = program->commands; c && c->name; c++) {
		if (!c->hidden)
			print_word(program, "", c->name, c->summary);
		print_command(program, c, c->name);
		for (const struct cli_command *s = c->sub; s && s->name; s++) {
			snprintf(path, sizeof(path), "%s only", c->name);
			if (!s->hidden)
				print_word(program, path, s->name, s->summary);
			snprintf(path, sizeof(path), "%s %s", c->name, s->name);
			print_command(program, s, path);
		}
	}
}
