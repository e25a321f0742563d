/* SPDX-License-Identifier: Apache-2.0 */
/* How tsh scp reads its places. The parser is static in the verb, so the verb is part of this test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tsh/cmd_scp.c"

struct tsh_globals tsh_globals;

struct profile *
tsh_profile(void)
{
	return NULL;
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
	opt.preserve = false;
	assert_int_equal(local_mode(0106777), 0755);
	opt.preserve = true;
	assert_int_equal(local_mode(0106777), 0777);
	assert_int_equal(local_mode(0104755), 0755);
	opt.preserve = false;
	(void)umask(old);
}

static void
test_a_name_on_the_terminal_holds_no_escapes(void **state)
{
	struct copy c = { 0 };

	(void)state;
	begin(&c, "/tmp/\033]0;owned\007\033[2Jname\r\n");
	assert_string_equal(c.name, "?]0;owned??[2Jname??");
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
	assert_string_equal(base_name("/a/b"), "b");
	assert_string_equal(base_name("b"), "b");
	trim(folder);
	assert_string_equal(base_name(folder), "data");
	trim(root);
	assert_string_equal(root, "/");
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
