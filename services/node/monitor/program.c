/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program: see program.h.
 *
 * Security: a transfer's bodies are not recorded, so it must be nothing but a transfer: its program is
 * the configured one, no shell and no start file runs before it, and what it finds in its
 * environment is not the user's to choose (environ.c).
 */
#include "node/monitor/program.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "node/transfer_command.h"

enum { FAILED = 254 }; /* as session_end.c tells what was not started */

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* --- who may transfer ---------------------------------------------------------------------------- */

/* rbash, rksh and their like keep their users from running programs by path: this would be a way
 * around them. */
static bool
is_restricted(const char *shell)
{
	static const char *const names[] = { "rbash", "rksh", "rksh93", "rzsh", "rsh", "rdash" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(base_of(shell), names[i]) == 0)
			return true;
	return false;
}

static bool
is_listed(const char *shell)
{
	bool found = false;

	for (const char *line; !found && (line = getusershell()) != NULL;)
		found = strcmp(line, shell) == 0;
	endusershell();
	return found;
}

/* The shell is not asked, so those whose shell would not run a program at all (nologin, git-shell)
 * must be refused here. */
int
program_check(const struct keeper *k, const struct account *a, struct err *e)
{
	if (k->start->transfer == MON_TRANSFER_NONE)
		return 0;
	if (is_restricted(a->shell) || !is_listed(a->shell))
		return err_set(e,
		    "file transfers are not for the account %s: its shell %s is restricted, or not "
		    "in /etc/shells",
		    a->name, a->shell);
	return 0;
}

/* --- the shell ------------------------------------------------------------------------------------ */

static void
exec_shell(const struct mon_start *s, const struct account *a, char **env)
{
	char name[256];

	if (s->kind == MON_KIND_SHELL) {
		str_format(name, sizeof(name), "-%s", base_of(a->shell));
		char *argv[] = { name, NULL };
		execve(a->shell, argv, env);
	} else {
		char *command = span_dup(s->command);
		str_copy(name, sizeof(name), base_of(a->shell));
		char *argv[] = { name, (char *)(uintptr_t) "-c", command, NULL };
		if (command)
			execve(a->shell, argv, env);
	}
	fprintf(stderr, "ERROR: cannot run the shell %s: %s\n", a->shell, strerror(errno));
}

/* --- a transfer ----------------------------------------------------------------------------------- */

/* The words of a program, in the making. Nothing is freed: the process becomes that program. */
struct words {
	char **v; /* NULL after the last */
	size_t n;
	bool failed;
};

static void
add_text(struct words *w, const char *text)
{
	char **v = reallocarray(w->v, w->n + 2, sizeof(*v));
	char *copy = strdup(text);

	if (!v || !copy) {
		w->failed = true;
		return;
	}
	v[w->n++] = copy;
	v[w->n] = NULL;
	w->v = v;
}

/* As the shell has it: what matches nothing stays what it is. (GLOB_NOCHECK would leave the
 * backslashes in.) */
static void
add_word(struct words *w, const struct transfer_word *word)
{
	glob_t found = { 0 };
	int r = word->pattern ? glob(word->pattern, GLOB_TILDE, NULL, &found) : GLOB_NOMATCH;

	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		add_text(w, found.gl_pathv[i]);
	if (r == GLOB_NOMATCH)
		add_text(w, word->text);
	else if (r)
		w->failed = true;
	globfree(&found);
}

static void
exec_transfer(const struct keeper *k, const struct account *a, char **env)
{
	const struct mon_start *s = k->start;
	struct transfer_command c;
	struct words w = { 0 };

	/* What the worker records it as is what it is, or it does not run. */
	if (transfer_command_read(&c, k->config, s->kind, s->command) || c.kind != s->transfer) {
		fprintf(stderr, "ERROR: this is not the file transfer that was announced\n");
		return;
	}
	/* For `~`: of this process it is still the monitor's. */
	setenv("HOME", a->home, 1);
	add_text(&w, base_of(c.program));
	for (size_t i = 0; i < c.n_options; i++)
		add_word(&w, &c.words[i]);
	/* A file may have the name of an option, also one that a pattern found. */
	if (c.n_words > c.n_options)
		add_text(&w, "--");
	for (size_t i = c.n_options; i < c.n_words; i++)
		add_word(&w, &c.words[i]);
	if (w.failed)
		fprintf(stderr, "ERROR: out of memory\n");
	else if (execve(c.program, w.v, env))
		fprintf(stderr, "ERROR: cannot run %s: %s\n", c.program, strerror(errno));
}

noreturn void
program_run(const struct keeper *k, const struct account *a, char **env)
{
	if (k->start->transfer != MON_TRANSFER_NONE)
		exec_transfer(k, a, env);
	else if (k->start->kind != MON_KIND_SUBSYSTEM)
		exec_shell(k->start, a, env);
	_exit(FAILED);
}
