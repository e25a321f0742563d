/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete: a bash completion script from the tables; see cli.h. The script is
 * self-contained (bash-completion is not needed) and never runs the program.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"

static void
print_option_words(const struct cli_option *options)
{
	for (const struct cli_option *o = options; o && !cli_option_is_end(o); o++) {
		if (!o->help)
			continue;
		if (o->long_name)
			printf(" --%s", o->long_name);
		if (o->short_name)
			printf(" -%c", o->short_name);
	}
}

/* "path) words='...' ;;": what may follow a command. */
static void
print_case(const struct cli_program *program, const struct cli_command *command, const char *path)
{
	const struct cli_command *sub = command ? command->sub : program->commands;

	printf("\t'%s') words='", path);
	for (const struct cli_command *s = sub; s && s->name; s++)
		if (!s->hidden)
			printf("%s ", s->name);
	if (!command)
		printf("help completion");
	if (command)
		print_option_words(command->options);
	print_option_words(program->globals);
	print_option_words(cli_builtin_options);
	printf("' ;;\n");
}

/* "path:--format|path:-f) words='text json yaml' ;;": what may follow an option. */
static void
print_values(const struct cli_option *options, const char *path)
{
	for (const struct cli_option *o = options; o && !cli_option_is_end(o); o++) {
		if (!o->help || !cli_option_takes_value(o))
			continue;
		printf("\t");
		if (o->long_name)
			printf("%s':--%s'", path, o->long_name);
		if (o->short_name)
			printf("%s%s':-%c'", o->long_name ? "|" : "", path, o->short_name);
		if (o->kind == CLI_CHOICE) {
			printf(") words='");
			for (const char *p = o->arg; *p; p++)
				putchar(*p == '|' ? ' ' : *p);
			printf("'; return ;;\n");
		} else if (o->arg &&
		    (strstr(o->arg, "FILE") || strstr(o->arg, "PATH") || strstr(o->arg, "DIR"))) {
			printf(") files=1; return ;;\n");
		} else {
			printf(") return ;;\n");
		}
	}
}

static void
for_each_command(const struct cli_program *program, bool values)
{
	for (const struct cli_command *c = program->commands; c && c->name; c++) {
		char path[128];

		if (values) {
			snprintf(path, sizeof(path), "'%s'", c->name);
			print_values(c->options, path);
		} else {
			print_case(program, c, c->name);
		}
		for (const struct cli_command *s = c->sub; s && s->name; s++) {
			if (values) {
				snprintf(path, sizeof(path), "'%s %s'", c->name, s->name);
				print_values(s->options, path);
			} else {
				snprintf(path, sizeof(path), "%s %s", c->name, s->name);
				print_case(program, s, path);
			}
		}
	}
}

/* Commands that have commands: their second word belongs to the path, any other is an argument. */
static void
print_second_level(const struct cli_program *program)
{
	const char *bar = "";

	printf("\t\t\t");
	for (const struct cli_command *c = program->commands; c && c->name; c++) {
		if (!c->sub)
			continue;
		printf("%s'%s'", bar, c->name);
		bar = "|";
	}
	if (!*bar)
		/* A pattern that never fits: bash wants one in each case. */
		printf("'-'");
	printf(") path=\"$path $w\" ;;\n");
}

void
cli_completion_bash(const struct cli_program *program)
{
	const char *name = program->name;

	printf("# bash completion of %s; use it with: source <(%s completion bash)\n", name, name);
	printf("_%s_words() {\n\tcase \"$1:$2\" in\n", name);
	for_each_command(program, true);
	print_values(program->globals, "*");
	printf("\tesac\n\tcase \"$1\" in\n");
	print_case(program, NULL, "");
	for_each_command(program, false);
	printf("\tesac\n}\n");
	printf("_%s() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= w i\n"
	       "\tlocal words= files=\n"
	       "\tif [ \"$prev\" = '=' ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	       "\tif [ \"$cur\" = '=' ]; then cur=; fi\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tw=${COMP_WORDS[i]}\n"
	       "\t\tcase \"$w\" in -*|=) continue ;; esac\n"
	       "\t\tcase \"$path\" in\n"
	       "\t\t\t'') path=$w ;;\n",
	    name);
	print_second_level(program);
	printf("\t\tesac\n"
	       "\tdone\n"
	       "\t_%s_words \"$path\" \"$prev\"\n"
	       "\tif [ -n \"$files\" ]; then COMPREPLY=($(compgen -f -- \"$cur\"))\n"
	       "\telse COMPREPLY=($(compgen -W \"$words\" -- \"$cur\")); fi\n"
	       "}\n"
	       "complete -o default -F _%s %s\n",
	    name, name, name);
}
