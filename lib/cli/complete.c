/* SPDX-License-Identifier: Apache-2.0 */
/*
 * complete: completion scripts for bash, zsh and fish from the tables; see cli.h. They need nothing but the shell, and run
 * the program only for the names of nodes: without a terminal on its input, so that it never asks for a password.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"

bool
cli_args_have(const struct cli_command *command, const char *word)
{
	return command && command->args && strstr(command->args, word);
}

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
	printf("'%s%s ;;\n",
	    cli_args_have(command, "HOST") || cli_args_have(command, "NODE") ? "; nodes=1" : "",
	    cli_args_have(command, "FROM") || cli_args_have(command, "FILE") ? "; files=1" : "");
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
	printf(") verb=\"$verb $w\" ;;\n");
}

/* The shells expand what compgen is given: of names that come from elsewhere only those that cannot be a command.
 * "root@no": what stands before the node's name is kept, where the shell has not cut it off itself. */
static void
print_candidates(const struct cli_program *program)
{
	printf(
	    "\tif [ -n \"$nodes\" ]; then case \"$cur\" in -*) ;; *)\n"
	    "\t\tcase \"$cur\" in *@*) before=${cur%%%%@*}@ ;; esac\n"
	    "\t\twords=\"$words $(%s 2>/dev/null </dev/null | LC_ALL=C grep -x '[A-Za-z0-9._-]*')\"\n"
	    "\t\tCOMPREPLY=($(compgen -P \"$before\" -W \"$words\" -- \"${cur#\"$before\"}\")) ;;\n"
	    "\tesac; fi\n",
	    program->node_names);
}

static void
print_main(const struct cli_program *program)
{
	const char *name = program->name;

	printf("_%s() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= w i\n"
	       "\tlocal words= files= nodes= before=\n"
	       "\tif [ \"$prev\" = '=' ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
	       "\tcase \"$cur\" in =|@) cur= ;; esac\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tw=${COMP_WORDS[i]}\n"
	       "\t\tcase \"$w\" in -*|=) continue ;; esac\n"
	       "\t\tcase \"$verb\" in\n"
	       "\t\t\t'') verb=$w ;;\n",
	    name);
	print_second_level(program);
	printf("\t\tesac\n"
	       "\tdone\n"
	       "\t_%s_words \"$verb\" \"$prev\"\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n",
	    name);
	if (program->node_names)
		print_candidates(program);
	printf("\tif [ -n \"$files\" ]; then COMPREPLY+=($(compgen -f -- \"$cur\")); fi\n"
	       "}\n"
	       "complete -o default -F _%s %s\n",
	    name, name);
}

static void
print_script(const struct cli_program *program, const char *shell)
{
	const char *name = program->name;

	bool zsh = strcmp(shell, "zsh") == 0;

	/* zsh finds the file of a package by this first line, and by its name, _PROGRAM. */
	if (zsh)
		printf("#compdef %s\n", name);
	printf("# %s completion of %s; use it with: source <(%s completion %s)\n", shell, name,
	    name, shell);
	/* zsh runs bash's functions, with arrays that begin at 0; but "path" is the PATH there. */
	if (zsh)
		printf("autoload -Uz compinit bashcompinit\n"
		       "(( $+functions[compdef] )) || compinit\n"
		       "bashcompinit\n");
	printf("_%s_words() {\n\tcase \"$1:$2\" in\n", name);
	for_each_command(program, true);
	print_values(program->globals, "*");
	printf("\tesac\n\tcase \"$1\" in\n");
	print_case(program, NULL, "");
	for_each_command(program, false);
	printf("\tesac\n}\n");
	print_main(program);
	/* As the file of a package zsh runs the whole script as the function of the first completion. */
	if (zsh)
		printf("if [ \"${funcstack[1]}\" = _%s ]; then _bash_complete -o default -F _%s; fi\n",
		    name, name);
}

void
cli_completion_bash(const struct cli_program *program)
{
	print_script(program, "bash");
}

void
cli_completion_zsh(const struct cli_program *program)
{
	print_script(program, "zsh");
}
