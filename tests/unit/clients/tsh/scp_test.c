/* SPDX-License-Identifier: Apache-2.0 */
/* How tsh scp reads its places, finds what wildcards mean, and shows how far it is. The parser is static in the verb, so
 * the verb is part of this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/out.h"
#include "tsh/cmd_scp.c"

struct tsh_globals tsh_globals;

struct profile *
tsh_profile(void)
{
	return NULL;
}

int
tsh_refused(struct profile *p, const struct err *e)
{
	(void)p;
	(void)e;
	return 1;
}

int
tsh_call_failed(struct profile *p, const struct client *c, const struct err *e)
{
	(void)p;
	(void)c;
	(void)e;
	return 1;
}

static struct place
place(const char *arg)
{
	struct place p;

	assert_int_equal(parse_place(arg, &p), 0);
	return p;
}

static void
test_a_path_here(void **state)
{
	static const char *const paths[] = { "file", "/tmp/x", "./with:colon", "/a:b", "dir/a:b",
		"../x", "user@host" };

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		struct place p = place(paths[i]);

		assert_string_equal(p.host, "");
		assert_string_equal(p.path, paths[i]);
	}
}

static void
test_a_path_on_a_node(void **state)
{
	struct place p = place("root@node-1:/etc/passwd");

	(void)state;
	assert_string_equal(p.login, "root");
	assert_string_equal(p.host, "node-1");
	assert_string_equal(p.path, "/etc/passwd");
	p = place("alice@corp@node-1:x");
	assert_string_equal(p.login, "alice@corp");
	assert_string_equal(p.host, "node-1");
	p = place("node-1:a:b");
	assert_string_equal(p.host, "node-1");
	assert_string_equal(p.path, "a:b");
}

/* A node that lies about modes gets no set-user-ID file and no folder that everybody writes. */
static void
test_modes_of_a_hostile_node(void **state)
{
	mode_t old = umask(022);

	(void)state;
	assert_int_equal(copy_local_mode(0106777, false), 0755);
	assert_int_equal(copy_local_mode(0106777, true), 0777);
	assert_int_equal(copy_local_mode(0104755, true), 0755);
	(void)umask(old);
}

static void
test_a_name_on_the_terminal_holds_no_escapes(void **state)
{
	struct progress p = { 0 };

	(void)state;
	progress_begin(&p, "/tmp/\033]0;owned\007\033[2Jname\r\n", 0);
	assert_string_equal(p.name, "?]0;owned??[2Jname??");
}

static void
test_no_path_is_the_home_folder(void **state)
{
	(void)state;
	assert_string_equal(place("root@node-1:").path, ".");
}

static void
test_without_a_user_the_option_and_then_our_own(void **state)
{
	(void)state;
	opt.login = "ubuntu";
	assert_string_equal(place("node-1:x").login, "ubuntu");
	assert_string_equal(place("root@node-1:x").login, "root");
	opt.login = NULL;
	assert_string_not_equal(place("node-1:x").login, "");
}

static void
test_an_address_of_ipv6(void **state)
{
	struct place p = place("root@[2001:db8::1]:/x");

	(void)state;
	assert_string_equal(p.login, "root");
	assert_string_equal(p.host, "[2001:db8::1]");
	assert_string_equal(p.path, "/x");
	p = place("[::1]:x");
	assert_string_equal(p.host, "[::1]");
}

static void
test_what_is_no_place(void **state)
{
	char text[SFTP_PATH_MAX + 300];
	struct place p;

	(void)state;
	assert_int_not_equal(parse_place(":x", &p), 0);
	assert_int_not_equal(parse_place("root@:x", &p), 0);
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	assert_int_not_equal(parse_place(text, &p), 0);
	text[300] = ':';
	assert_int_not_equal(parse_place(text, &p), 0);
	/* A login that is too long must not become another one. */
	text[300] = '@';
	text[303] = ':';
	text[310] = '\0';
	assert_int_not_equal(parse_place(text, &p), 0);
}

static void
test_the_name_of_a_copy_is_the_last_part(void **state)
{
	char folder[] = "/srv/data//", root[] = "/";

	(void)state;
	assert_string_equal(side_base_name("/a/b"), "b");
	assert_string_equal(side_base_name("b"), "b");
	assert_true(trim(folder));
	assert_string_equal(side_base_name(folder), "data");
	assert_false(trim(root));
	assert_string_equal(root, "/");
}

static char tree[64];

static int
make_tree(void **state)
{
	static const char *const files[] = { "logs/a1.txt", "logs/a2.txt", "logs/b1.txt",
		"logs/.hidden", "mail/a1.txt", "mail/\303\251.txt", "odd/x[1].txt",
		"odd/back\\slash", "top" };
	char path[256];
	struct err e;

	(void)state;
	(void)str_copy(tree, sizeof tree, "/tmp/scp-test-XXXXXX");
	if (!mkdtemp(tree))
		return -1;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		(void)str_format(path, sizeof path, "%s/%s", tree, files[i]);
		*strrchr(path, '/') = '\0';
		if (file_mkdir(path, 0700, &e) < 0)
			return -1;
		(void)str_format(path, sizeof path, "%s/%s", tree, files[i]);
		if (file_write(path, 0600, "", 0, &e) < 0)
			return -1;
	}
	return 0;
}

static int
remove_tree(void **state)
{
	char command[128];

	(void)state;
	(void)str_format(command, sizeof command, "rm -rf %s", tree);
	return system(command);
}

/* What a pattern below the tree means, by the names below it, apart by blanks; or the error. */
static const char *
found(const char *pattern)
{
	static char text[1024];
	char path[SFTP_PATH_MAX];
	struct side_names l;
	struct err e = { "" };

	*text = '\0';
	(void)str_format(path, sizeof path, "%s/%s", tree, pattern);
	if (glob_expand(&here, path, &l, &e) < 0)
		(void)str_copy(text, sizeof text, e.text + strlen(tree) + 1);
	for (size_t i = 0; i < l.n; i++) {
		size_t n = strlen(text);

		(void)str_format(text + n, sizeof text - n, "%s%s", i ? " " : "",
		    l.v[i].name + strlen(tree) + 1);
	}
	side_names_done(&l);
	return text;
}

static void
test_wildcards_in_any_part_of_a_path(void **state)
{
	(void)state;
	assert_string_equal(found("logs/*.txt"), "logs/a1.txt logs/a2.txt logs/b1.txt");
	assert_string_equal(found("*/a1.txt"), "logs/a1.txt mail/a1.txt");
	assert_string_equal(found("[lm]*/[a-z][!1].txt"), "logs/a2.txt");
	assert_string_equal(found("*/a?.*"), "logs/a1.txt logs/a2.txt mail/a1.txt");
	assert_string_equal(found("*"), "logs mail odd top");
	assert_string_equal(found("lo[g]s/.h*"), "logs/.hidden");
	assert_string_equal(found("*/nothing"), "*/nothing: nothing matches");
	assert_non_null(strstr(found("top/*"), "Not a directory"));
}

static void
test_a_question_mark_is_a_character_of_any_length(void **state)
{
	(void)state;
	assert_string_equal(found("mail/?.txt"), "mail/\303\251.txt");
	assert_true(glob_match("?", "\303\251"));
	assert_true(glob_match("?", "\377")); /* no UTF-8: a byte */
	assert_false(glob_match("?", "ab"));
	assert_true(glob_match("[\303\240-\303\277]", "\303\251"));
}

/* A name that looks like a pattern is still found by itself, and a backslash makes a character mean itself. */
static void
test_names_that_look_like_patterns(void **state)
{
	(void)state;
	assert_string_equal(found("odd/x[1].txt"), "odd/x[1].txt");
	assert_string_equal(found("odd/x\\[1\\].*"), "odd/x[1].txt");
	assert_string_equal(found("odd/back\\slash"), "odd/back\\slash");
	assert_string_equal(found("odd/x\\[1].txt"), "odd/x[1].txt");
	assert_string_equal(found("plain"), "plain");
}

static void
test_sizes_fit(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = { { 0, "0 B" }, { 999, "999 B" }, { 1000, "1.00 kB" }, { 9994, "9.99 kB" },
		{ 9996, "10.0 kB" }, { 99960, "100 kB" }, { 999499, "999 kB" },
		{ 999500, "1.00 MB" }, { 1ull << 40, "1.10 TB" }, { UINT64_MAX, "18.4 EB" } };
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		progress_size(sizes[i].bytes, text, sizeof text);
		assert_string_equal(text, sizes[i].text);
		assert_true(strlen(text) <= 7);
	}
}

/* Never wider than the terminal, whatever the name: a line that wraps is not taken away by the next one. */
static void
test_the_line_of_progress_is_as_wide_as_the_terminal(void **state)
{
	static const char *const names[] = { "a",
		"a-name-that-is-much-longer-than-any-terminal-has-room-for-in-one-line.iso",
		"\346\227\245\346\234\254\350\252\236\343\201\256\345\220\215\345\211\215.txt",
		"e\314\201e\314\201" };
	struct progress p = { .began_ms = 0 };
	char line[4096];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (int columns = 20; columns < 140; columns += 7) {
			progress_begin(&p, names[i], 2000000000);
			p.began_ms = 0;
			progress_line(&p, 500000000, 10000, false, columns, line, sizeof line);
			assert_int_equal(cli_width(line), columns - 1);
			assert_non_null(strstr(line, " 25%"));
		}
	progress_line(&p, 500000000, 10000, false, 80, line, sizeof line);
	assert_non_null(strstr(line, "  500 MB  50.0 MB/s    00:30 ETA"));
	progress_line(&p, 2000000000, 3661000, true, 80, line, sizeof line);
	assert_non_null(strstr(line, "100%  2.00 GB   546 kB/s  1:01:01"));
	/* An empty file, and one whose size nobody knew. */
	progress_begin(&p, "x", 0);
	p.began_ms = 0;
	progress_line(&p, 0, 0, true, 80, line, sizeof line);
	assert_non_null(strstr(line, "100%      0 B"));
	progress_line(&p, 5000, 1000, false, 80, line, sizeof line);
	assert_non_null(strstr(line, "  0%  5.00 kB"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_here),
		cmocka_unit_test(test_a_path_on_a_node),
		cmocka_unit_test(test_modes_of_a_hostile_node),
		cmocka_unit_test(test_a_name_on_the_terminal_holds_no_escapes),
		cmocka_unit_test(test_no_path_is_the_home_folder),
		cmocka_unit_test(test_without_a_user_the_option_and_then_our_own),
		cmocka_unit_test(test_an_address_of_ipv6),
		cmocka_unit_test(test_what_is_no_place),
		cmocka_unit_test(test_the_name_of_a_copy_is_the_last_part),
		cmocka_unit_test_setup_teardown(test_wildcards_in_any_part_of_a_path, make_tree,
		    remove_tree),
		cmocka_unit_test_setup_teardown(test_a_question_mark_is_a_character_of_any_length,
		    make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(test_names_that_look_like_patterns, make_tree,
		    remove_tree),
		cmocka_unit_test(test_sizes_fit),
		cmocka_unit_test(test_the_line_of_progress_is_as_wide_as_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
