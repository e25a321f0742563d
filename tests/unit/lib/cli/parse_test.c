/* SPDX-License-Identifier: Apache-2.0 */
/* cli: command lines as people type them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"

static struct {
	const char *proxy, *format, *out;
	bool verbose, tty;
	int64_t count, ttl_s;
	struct cli_list label;
	int debug;
} opt;

static const char *called;
static char joined[256];

static int
remember(const char *name, int argc, char **argv)
{
	called = name;
	joined[0] = 0;
	for (int i = 0; i < argc; i++)
		snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s",
		    i ? "|" : "", argv[i]);
	return 7;
}

static int
run_ls(int argc, char **argv)
{
	return remember("ls", argc, argv);
}

static int
run_ssh(int argc, char **argv)
{
	return remember("ssh", argc, argv);
}

static int
run_add(int argc, char **argv)
{
	return remember("users add", argc, argv);
}

static const struct cli_option globals[] = {
	{ 0, "proxy", "HOST[:PORT]", "the proxy", CLI_STRING, &opt.proxy, "TEST_PROXY" },
	{ 'd', "debug", NULL, "more talk", CLI_COUNT, &opt.debug, NULL },
	{ 0 },
};
static const struct cli_option ls_options[] = {
	{ 'f', "format", "text|json|yaml", "output format", CLI_CHOICE, &opt.format, NULL },
	{ 'v', "verbose", NULL, "all columns", CLI_FLAG, &opt.verbose, NULL },
	{ 0, "count", "N", "how many", CLI_INT, &opt.count, NULL },
	{ 0, "ttl", "DURATION", "how long", CLI_DURATION, &opt.ttl_s, NULL },
	{ 'L', NULL, "LABEL", "labels", CLI_LIST, &opt.label, NULL },
	{ 'o', "out", "FILE", "where to", CLI_STRING, &opt.out, NULL },
	{ 0, "secret-switch", NULL, NULL, CLI_FLAG, &opt.tty, NULL },
	{ 0 },
};
static const struct cli_option ssh_options[] = {
	{ 't', "tty", NULL, "a terminal", CLI_FLAG, &opt.tty, NULL },
	{ 'p', NULL, "PORT", "the port", CLI_INT, &opt.count, NULL },
	{ 0 },
};
static const struct cli_command users[] = {
	{ .name = "add",
	    .args = "USER",
	    .summary = "make a user",
	    .options = ls_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = run_add },
	{ 0 },
};
static const struct cli_command commands[] = {
	{ .name = "ls",
	    .args = "[LABEL...]",
	    .summary = "list nodes",
	    .options = ls_options,
	    .max_args = -1,
	    .run = run_ls },
	{ .name = "ssh",
	    .args = "HOST [COMMAND...]",
	    .summary = "a shell",
	    .options = ssh_options,
	    .min_args = 1,
	    .max_args = -1,
	    .stop_at_arg = true,
	    .run = run_ssh },
	{ .name = "users", .summary = "users", .sub = users },
	{ 0 },
};
static const struct cli_program program = {
	.name = "prog",
	.summary = "a test",
	.version = "1.2.3",
	.globals = globals,
	.commands = commands,
	/* The last one would be a command, if a shell expanded it. */
	.node_names = "printf '%s\\n' web-1 web-2 db 'w-`echo 1`'",
};

static char folder[] = "/tmp/cli-test-XXXXXX";
static char *said; /* stdout and stderr of the last run */

/* Runs a command line, split at blanks; its output goes to `said`. */
static int
run(const char *line)
{
	static char copy[256]; /* options point into it */
	char path[64];
	char *argv[32], *save = NULL;
	int argc = 0, status, out = dup(1), err = dup(2);
	FILE *f;
	struct err e;
	size_t n;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	memset(&opt, 0, sizeof(opt));
	called = NULL;
	snprintf(path, sizeof(path), "%s/out", folder);
	f = fopen(path, "w");
	fflush(stdout);
	dup2(fileno(f), 1);
	dup2(fileno(f), 2);
	status = cli_main(&program, argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	fclose(f);
	free(said);
	assert_int_equal(file_read(path, 100000, &said, &n, &e), 0);
	return status;
}

static void
options_are_found_in_every_form(void **state)
{
	(void)state;
	assert_int_equal(run("prog ls -vf json a=b --count=5 --ttl 1h -L x -Ly --out=f c=d"), 7);
	assert_string_equal(called, "ls");
	assert_string_equal(joined, "a=b|c=d");
	assert_true(opt.verbose);
	assert_string_equal(opt.format, "json");
	assert_int_equal(opt.count, 5);
	assert_int_equal(opt.ttl_s, 3600);
	assert_int_equal(opt.label.n, 2);
	assert_string_equal(opt.label.item[1], "y");
	assert_string_equal(opt.out, "f");
	assert_int_equal(run("prog -dd ls --verbose --no-verbose --proxy=p -d"), 7);
	assert_false(opt.verbose);
	assert_int_equal(opt.debug, 3);
	assert_string_equal(opt.proxy, "p");
	assert_int_equal(run("prog ls -- -v"), 7);
	assert_string_equal(joined, "-v");
	assert_int_equal(run("prog ls -"), 7);
	assert_string_equal(joined, "-");
}

static void
a_remote_command_keeps_its_options(void **state)
{
	(void)state;
	assert_int_equal(run("prog ssh -t root@h -p 22 ls -l --color"), 7);
	assert_string_equal(joined, "root@h|ls|-l|--color");
	assert_true(opt.tty);
	assert_int_equal(opt.count, 22);
	assert_int_equal(run("prog ssh h -- -t x"), 7);
	assert_string_equal(joined, "h|-t|x");
	assert_false(opt.tty);
	assert_int_equal(run("prog ssh -- h ls -t"), 7);
	assert_string_equal(joined, "h|ls|-t");
	assert_int_equal(run("prog ssh h"), 7);
	assert_string_equal(joined, "h");
}

static void
the_second_level_is_reached(void **state)
{
	(void)state;
	assert_int_equal(run("prog users add alice"), 7);
	assert_string_equal(called, "users add");
	assert_string_equal(joined, "alice");
}

static void
mistakes_are_one_line_and_status_1(void **state)
{
	static const char *const rows[][2] = {
		{ "prog lss",
		    "ERROR: unknown command 'lss'; did you mean 'ls'? (see `prog --help`)\n" },
		{ "prog LS",
		    "ERROR: unknown command 'LS'; did you mean 'ls'? (see `prog --help`)\n" },
		{ "prog shs",
		    "ERROR: unknown command 'shs'; did you mean 'ssh'? (see `prog --help`)\n" },
		{ "prog usres add x",
		    "ERROR: unknown command 'usres'; did you mean 'users'? (see `prog --help`)\n" },
		{ "prog help user",
		    "ERROR: unknown command 'user'; did you mean 'users'? (see `prog --help`)\n" },
		{ "prog reboot", "ERROR: unknown command 'reboot' (see `prog --help`)\n" },
		{ "prog x", "ERROR: unknown command 'x' (see `prog --help`)\n" },
		{ "prog ls --fromat=json",
		    "ERROR: unknown option '--fromat'; did you mean '--format'? (see `prog ls --help`)\n" },
		{ "prog ls --secret-swich",
		    "ERROR: unknown option '--secret-swich' (see `prog ls --help`)\n" },
		{ "prog users", "ERROR: say which command of `users` (see `prog users --help`)\n" },
		{ "prog users rm x",
		    "ERROR: unknown command 'users rm' (see `prog users --help`)\n" },
		{ "prog users add",
		    "ERROR: usage: prog users add USER (see `prog users add --help`)\n" },
		{ "prog users add a b",
		    "ERROR: unexpected argument 'b' (see `prog users add --help`)\n" },
		{ "prog ls --wrong", "ERROR: unknown option '--wrong' (see `prog ls --help`)\n" },
		{ "prog ls -x", "ERROR: unknown option '-x' (see `prog ls --help`)\n" },
		{ "prog ls -f xml", "ERROR: --format: 'xml' is none of text|json|yaml\n" },
		{ "prog ls -f", "ERROR: -f needs a value (text|json|yaml)\n" },
		{ "prog ls --count=-1", "ERROR: --count: '-1' is not a number\n" },
		{ "prog ls --verbose=x", "ERROR: --verbose takes no value\n" },
		{ "prog ls --no-format",
		    "ERROR: unknown option '--no-format'; did you mean '--format'? (see `prog ls --help`)\n" },
		{ "prog ls --ttl=never",
		    "ERROR: --ttl: 'never' is not a duration (write 90s, 30m, 12h or 7d)\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(run(rows[i][0]), 1);
		assert_null(called);
		assert_string_equal(said, rows[i][1]);
	}
}

static void
the_environment_fills_what_was_not_given(void **state)
{
	(void)state;
	setenv("TEST_PROXY", "from-env", 1);
	assert_int_equal(run("prog ls"), 7);
	assert_string_equal(opt.proxy, "from-env");
	assert_int_equal(run("prog ls --proxy given"), 7);
	assert_string_equal(opt.proxy, "given");
	unsetenv("TEST_PROXY");
}

static void
help_names_everything_but_what_is_hidden(void **state)
{
	(void)state;
	assert_int_equal(run("prog --help"), 0);
	assert_non_null(strstr(said, "users add"));
	assert_non_null(strstr(said, "--proxy=HOST[:PORT]"));
	assert_non_null(strstr(said, "(environment: TEST_PROXY)"));
	assert_int_equal(run("prog ls --wrong --help"), 1);
	assert_int_equal(run("prog ls --help --wrong"), 0);
	assert_int_equal(run("prog help users add"), 0);
	assert_non_null(strstr(said, "Usage: prog users add [OPTIONS] USER"));
	assert_non_null(strstr(said, "-f, --format=text|json|yaml"));
	assert_null(strstr(said, "secret-switch"));
	assert_int_equal(run("prog --version"), 0);
	assert_string_equal(said, "1.2.3\n");
}

static void
bash_completes_from_the_same_tables(void **state)
{
	static const struct {
		const char *words;
		int cword;
		const char *want;
	} rows[] = {
		{ "prog l", 1, "ls" },
		{ "prog users a", 2, "add" },
		{ "prog users add --fo", 3, "--format" },
		{ "prog ls --format j", 3, "json" },
		{ "prog --debug ls --format = y", 5, "yaml" },
		{ "prog ss", 1, "ssh" },
		{ "prog ssh w", 2, "web-1 web-2" },
		{ "prog ssh root @ db", 4, "db" },
		{ "prog ssh root@w", 2, "root@web-1 root@web-2" },
		{ "prog ls web", 2, "" },
	};
	char path[64];
	struct err e;

	(void)state;
	assert_int_equal(run("prog completion bash"), 0);
	snprintf(path, sizeof(path), "%s/script", folder);
	assert_int_equal(file_write(path, 0600, said, strlen(said), &e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char command[512], got[64] = "";
		FILE *f;

		snprintf(command, sizeof(command),
		    "bash -c '. %s; COMP_WORDS=(%s) COMP_CWORD=%d; _prog; echo \"${COMPREPLY[*]}\"'",
		    path, rows[i].words, rows[i].cword);
		f = popen(command, "r");
		assert_non_null(fgets(got, sizeof(got), f));
		pclose(f);
		got[strcspn(got, "\n")] = 0;
		assert_string_equal(got, rows[i].want);
	}
}

/* What a shell says to a script of ours. */
static void
assert_completes(const char *command, const char *want)
{
	char got[256] = "";
	FILE *f = popen(command, "r");
	size_t n = fread(got, 1, sizeof(got) - 1, f);

	pclose(f);
	got[n] = 0;
	assert_string_equal(got, want);
}

static void
write_script(const char *shell, char *path, size_t size)
{
	char command[64];
	struct err e;

	snprintf(command, sizeof(command), "prog completion %s", shell);
	assert_int_equal(run(command), 0);
	snprintf(path, size, "%s/script.%s", folder, shell);
	assert_int_equal(file_write(path, 0600, said, strlen(said), &e), 0);
}

/* What fits the word so far is chosen by zsh itself, of all that the script says. */
static void
zsh_completes_from_the_same_tables(void **state)
{
	static const char *const rows[][2] = { { "prog users a", "add\n" },
		{ "prog ls --format j", "json\n" },
		{ "prog ssh root@w", "root@web-1\nroot@web-2\n" } };
	char path[64], command[512];

	(void)state;
	if (system("command -v zsh >/dev/null") != 0)
		skip();
	write_script("zsh", path, sizeof(path));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(command, sizeof(command),
		    "cd %s; HOME=%s zsh -f -c 'source %s; emulate -L ksh; COMP_WORDS=(%s); "
		    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _prog; "
		    "printf \"%%s\\n\" \"${COMPREPLY[@]}\"' 2>&1 | grep '^%s'",
		    folder, folder, path, rows[i][0], strrchr(rows[i][0], ' ') + 1);
		assert_completes(command, rows[i][1]);
	}
}

static void
fish_completes_from_the_same_tables(void **state)
{
	static const char *const rows[][2] = { { "prog us", "users\tusers\n" },
		{ "prog users a", "add\tmake a user\n" },
		{ "prog ls --format j", "json\toutput format\n" },
		{ "prog ssh root@w", "root@web-1\nroot@web-2\n" },
		{ "prog completion f", "fish\n" },
		{ "prog users add --fo", "--format\toutput format\n" } };
	char path[64], command[512];

	(void)state;
	if (system("command -v fish >/dev/null") != 0)
		skip();
	write_script("fish", path, sizeof(path));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(command, sizeof(command),
		    "HOME=%s fish --no-config -c 'source %s; complete -C \"%s\"' 2>&1", folder,
		    path, rows[i][0]);
		assert_completes(command, rows[i][1]);
	}
}

static void
no_command_is_a_wish_for_help(void **state)
{
	(void)state;
	assert_int_equal(run("prog"), 0);
	assert_non_null(strstr(said, "list nodes"));
	assert_null(called);
	assert_int_equal(run("prog --debug"), 0);
	assert_non_null(strstr(said, "list nodes"));
}

/* Not to a file or a pipe; on a terminal as the person wants. */
static void
colours_are_for_terminals_and_who_wants_them(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), tty;

	(void)state;
	assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(tty >= 0);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_string_equal(cli_tone(CLI_BAD, tty), "\033[1;31m");
	assert_string_equal(cli_tone(CLI_BAD, -1), "");
	setenv("NO_COLOR", "1", 1);
	assert_string_equal(cli_tone(CLI_BAD, tty), "");
	setenv("NO_COLOR", "", 1);
	assert_string_equal(cli_tone(CLI_PLAIN, tty), "\033[0m");
	setenv("TERM", "dumb", 1);
	assert_string_equal(cli_tone(CLI_GOOD, tty), "");
	close(tty);
	close(master);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_folder(void **state)
{
	char command[64];

	(void)state;
	free(said);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found_in_every_form),
		cmocka_unit_test(a_remote_command_keeps_its_options),
		cmocka_unit_test(the_second_level_is_reached),
		cmocka_unit_test(mistakes_are_one_line_and_status_1),
		cmocka_unit_test(the_environment_fills_what_was_not_given),
		cmocka_unit_test(help_names_everything_but_what_is_hidden),
		cmocka_unit_test(bash_completes_from_the_same_tables),
		cmocka_unit_test(zsh_completes_from_the_same_tables),
		cmocka_unit_test(fish_completes_from_the_same_tables),
		cmocka_unit_test(no_command_is_a_wish_for_help),
		cmocka_unit_test(colours_are_for_terminals_and_who_wants_them),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
