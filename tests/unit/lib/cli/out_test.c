/* SPDX-License-Identifier: Apache-2.0 */
/* cli: what is printed, and what is asked. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/out.h"

static char *
printed(struct cli_table *t)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	cli_table_print(t, f);
	fclose(f);
	cli_table_free(t);
	return text;
}

static void
columns_stand_two_apart_under_dashes(void **state)
{
	struct cli_table *t = cli_table_new("Node Name", "Address", "Labels", NULL);
	_cleanup_free_ char *text = NULL;

	(void)state;
	cli_table_add(t, "node-1", "\xe2\x9f\xb5 Tunnel", "env=prod", NULL);
	cli_table_add(t, "a-longer-name", "", "", NULL);
	text = printed(t);
	assert_string_equal(text,
	    "Node Name      Address   Labels\n"
	    "-------------  --------  --------\n"
	    "node-1         \xe2\x9f\xb5 Tunnel  env=prod\n"
	    "a-longer-name\n"
	    "\n");
}

static void
the_last_column_is_cut_to_the_terminal(void **state)
{
	struct cli_table *t = cli_table_new("Name", "Labels", NULL);
	_cleanup_free_ char *text = NULL;

	(void)state;
	cli_table_width(t, 20);
	cli_table_add(t, "n", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e=0123456789", NULL);
	text = printed(t);
	assert_string_equal(text,
	    "Name  Labels\n"
	    "----  --------------\n"
	    "n     \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e=0123...\n"
	    "\n");
}

static void
cells_cannot_move_the_cursor(void **state)
{
	struct cli_table *t = cli_table_new("A", "B", NULL);
	_cleanup_free_ char *text = NULL;

	(void)state;
	cli_table_headless(t);
	cli_table_add(t, "\x1b[2J", "x\ny", NULL);
	text = printed(t);
	assert_string_equal(text, "?[2J  x?y\n");
}

static void
width_counts_columns_and_not_bytes(void **state)
{
	(void)state;
	assert_int_equal(cli_width("abc"), 3);
	assert_int_equal(cli_width("\xc3\xa9"), 1);
	assert_int_equal(cli_width("e\xcc\x81"), 1);
	assert_int_equal(cli_width("\xe6\x97\xa5"), 2);
	assert_int_equal(cli_width("\xf0\x9f\x98\x80"), 2);
	assert_int_equal(cli_width("\xff\xff"), 2);
}

static char *
value_text(const char *json, enum cli_format format)
{
	json_t *v = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	cli_print_value(v, format, f);
	fclose(f);
	json_decref(v);
	return text;
}

static void
values_are_printed_as_json_and_yaml(void **state)
{
	_cleanup_free_ char *json = value_text("[{\"a\": 1}]", CLI_JSON);
	_cleanup_free_ char *empty = value_text("[]", CLI_JSON);
	_cleanup_free_ char *yaml = NULL;

	(void)state;
	assert_string_equal(json, "[\n  {\n    \"a\": 1\n  }\n]\n");
	assert_string_equal(empty, "[]\n");
	yaml = value_text(
	    "{\"kind\":\"role\",\"spec\":{\"logins\":[\"root\",\"no\",\"1.5\",\"a: b\"],\"max\":5,"
	    "\"deny\":{},\"none\":null,\"on\":true},\"list\":[{\"a\":\"x y\",\"b\":[1,[2,3]]},[]],"
	    "\"t\":\"2026-01-01\",\"e\":\"\",\"n\":\"a\\nb\"}",
	    CLI_YAML);
	assert_string_equal(yaml,
	    "kind: role\n"
	    "spec:\n"
	    "  logins:\n"
	    "  - root\n"
	    "  - \"no\"\n"
	    "  - \"1.5\"\n"
	    "  - \"a: b\"\n"
	    "  max: 5\n"
	    "  deny: {}\n"
	    "  none: null\n"
	    "  \"on\": true\n"
	    "list:\n"
	    "- a: x y\n"
	    "  b:\n"
	    "  - 1\n"
	    "  - - 2\n"
	    "    - 3\n"
	    "- []\n"
	    "t: \"2026-01-01\"\n"
	    "e: \"\"\n"
	    "\"n\": \"a\\nb\"\n");
}

static struct cli_table *
words_table(void)
{
	return cli_table_new("Word", NULL);
}

static void
words_row(struct cli_table *t, const void *found, size_t i)
{
	cli_table_add(t, ((const char *const *)found)[i], NULL);
}

static json_t *
words_value(const void *found, size_t i)
{
	return json_string(((const char *const *)found)[i]);
}

static char *
listed(const char *const *words, size_t n, const char *none, const char *format)
{
	const struct cli_listing l = { words_table, words_row, words_value, none };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	cli_print_listing(&l, words, n, format, f);
	fclose(f);
	return text;
}

static void
a_listing_is_a_table_or_one_array(void **state)
{
	static const char *const words[] = { "one", "two" };
	static const struct {
		size_t n;
		const char *none, *format, *text;
	} rows[] = {
		{ 2, NULL, "text", "Word\n----\none\ntwo\n\n" },
		{ 2, "No words.", NULL, "Word\n----\none\ntwo\n\n" },
		{ 0, NULL, "text", "Word\n----\n\n" },
		{ 0, "No words.", "text", "No words.\n" },
		{ 2, NULL, "json", "[\n  \"one\",\n  \"two\"\n]\n" },
		{ 0, "No words.", "json", "[]\n" },
		{ 1, NULL, "yaml", "- one\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *text = listed(words, rows[i].n, rows[i].none, rows[i].format);

		assert_string_equal(text, rows[i].text);
	}
}

/* --- prompts, on a terminal of their own ------------------------------------------- */

/* Runs ask in a child whose terminal gets `typed`; returns all that the terminal showed. */
static void
on_terminal(int (*ask)(void), const char *typed, int *ret_status, char *screen, size_t size)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int status;
	size_t at = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	pid = fork();
	if (pid == 0) {
		int slave;

		setsid();
		slave = open(ptsname(master), O_RDWR);
		if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0)
			_exit(99);
		_exit(ask());
	}
	/* Type once the prompt is there: switching echo off discards what was typed before. */
	while ((n = read(master, screen + at, size - 1 - at)) > 0) {
		at += (size_t)n;
		screen[at] = 0;
		if (typed && strstr(screen, ": "))
			assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
		if (strstr(screen, ": "))
			typed = NULL;
	}
	screen[at] = 0;
	waitpid(pid, &status, 0);
	*ret_status = WEXITSTATUS(status);
	close(master);
}

static int
ask_secret(void)
{
	char answer[32];
	struct err e;

	return cli_prompt_secret("Password: ", answer, sizeof(answer), &e) == 0 &&
		strcmp(answer, "hunter2") == 0
	    ? 0
	    : 1;
}

static int
ask_otp(void)
{
	char answer[32];
	struct err e;

	return cli_prompt_otp("Code: ", answer, sizeof(answer), &e) == 0 &&
		strcmp(answer, "123456") == 0
	    ? 0
	    : 1;
}

static int
ask_nothing(void)
{
	char answer[32] = "x";
	struct err e;

	return cli_prompt_otp("Code: ", answer, sizeof(answer), &e) == 0 && !*answer ? 0 : 1;
}

static void
a_password_is_not_shown(void **state)
{
	char screen[1024] = "";
	int status;

	(void)state;
	on_terminal(ask_secret, "hunter2\n", &status, screen, sizeof(screen));
	assert_int_equal(status, 0);
	assert_null(strstr(screen, "hunter"));
	on_terminal(ask_otp, "12\n123 456\n", &status, screen, sizeof(screen));
	assert_int_equal(status, 0);
	on_terminal(ask_nothing, "\n", &status, screen, sizeof(screen));
	assert_int_equal(status, 0);
	on_terminal(ask_otp, "1\n2\n3\n", &status, screen, sizeof(screen));
	assert_int_equal(status, 1);
}

static void
json_holds_no_character_that_a_terminal_obeys(void **state)
{
	static const char text[] =
	    "a\033\177\xc2\x9b\xe2\x80\xae\xc3\xbc\xf0\x9f\x98\x80\xf3\xa0\x80\x81";
	char *shown = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&shown, &n);
	json_t *v = json_pack("[s]", text), *back;

	(void)state;
	cli_dump_json(v, JSON_COMPACT, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		assert_true((unsigned char)shown[i] >= ' ' && shown[i] != 0x7f);
	assert_null(strstr(shown, "\xc2\x9b"));
	assert_null(strstr(shown, "\xe2\x80\xae"));
	assert_non_null(strstr(shown, "\xc3\xbc\xf0\x9f\x98\x80"));
	/* Programs read the same. */
	back = json_loads(shown, 0, NULL);
	assert_true(json_equal(v, back));
	json_decref(back);
	json_decref(v);
	free(shown);
}

static void
without_a_terminal_answers_come_from_a_pipe(void **state)
{
	int fd[2];
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "hunter2\n123456\n", 15), 15);
	close(fd[1]);
	pid = fork();
	if (pid == 0) {
		setsid(); /* no controlling terminal, hence no /dev/tty */
		dup2(fd[0], 0);
		_exit(ask_secret() || ask_otp());
	}
	close(fd[0]);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* JSON text must be UTF-8; everything that is stays as it came. */
static void
bytes_keep_control_characters_and_lose_what_is_no_utf8(void **state)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = { { "a\nb\033[31mc\t\177", "a\nb\033[31mc\t\177" },
		{ "\303\251\360\237\230\200", "\303\251\360\237\230\200" },
		{ "a\377b", "a\357\277\275b" }, { "\303", "\357\277\275" },
		{ "\300\257", "\357\277\275\357\277\275" },
		{ "\355\240\200", "\357\277\275\357\277\275\357\277\275" } };
	bool exact;
	json_t *v;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		v = cli_bytes_value(rows[i].bytes, strlen(rows[i].bytes), &exact);
		assert_string_equal(json_string_value(v), rows[i].text);
		assert_int_equal(exact, strcmp(rows[i].bytes, rows[i].text) == 0);
		json_decref(v);
	}
	v = cli_bytes_value("a\0b\377", 4, &exact);
	assert_int_equal(json_string_length(v), 6);
	assert_false(exact);
	json_decref(v);
	v = cli_bytes_value(NULL, 0, &exact);
	assert_string_equal(json_string_value(v), "");
	assert_true(exact);
	json_decref(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_stand_two_apart_under_dashes),
		cmocka_unit_test(the_last_column_is_cut_to_the_terminal),
		cmocka_unit_test(cells_cannot_move_the_cursor),
		cmocka_unit_test(width_counts_columns_and_not_bytes),
		cmocka_unit_test(values_are_printed_as_json_and_yaml),
		cmocka_unit_test(a_listing_is_a_table_or_one_array),
		cmocka_unit_test(a_password_is_not_shown),
		cmocka_unit_test(json_holds_no_character_that_a_terminal_obeys),
		cmocka_unit_test(without_a_terminal_answers_come_from_a_pipe),
		cmocka_unit_test(bytes_keep_control_characters_and_lose_what_is_no_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
