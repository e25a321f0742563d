/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host makes once and keeps: it stays the same host, or does not start.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/host_state.h"
#include "base/str.h"

static char dir[64];

static void
path_of(char path[128], const char *name)
{
	assert_true(str_format(path, 128, "%s/%s", dir, name));
}

static int
setup(void **state)
{
	(void)state;
	(void)str_copy(dir, sizeof(dir), "/tmp/host-state-test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int
teardown(void **state)
{
	static const char *const names[] = { "uuid", "ssh_host_key", "ssh_host_key.pub", "tls.key",
		"token_used" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(path, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static struct host_state *
opened(void)
{
	struct host_state *s;
	struct err e;

	if (host_state_open(&s, dir, "node", NULL, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

static void
a_host_stays_the_same(void **state)
{
	struct host_state *a = opened(), *b = opened();
	struct buf one, two;

	(void)state;
	assert_string_equal(a->uuid, b->uuid);
	assert_true(sshkey_equal(a->ssh_key, b->ssh_key));
	assert_int_equal(host_state_tls_key_pem(a, &one), 0);
	assert_int_equal(host_state_tls_key_pem(b, &two), 0);
	assert_string_equal((char *)buf_head(&one), (char *)buf_head(&two));
	buf_wipe(&one);
	buf_wipe(&two);
	host_state_free(a);
	host_state_free(b);
}

static void
another_token_than_the_one_it_joined_with_is_seen(void **state)
{
	struct host_state *s = opened();
	struct err e;

	(void)state;
	/* Of a host that joined with none, or with one it did not note, none is new. */
	assert_false(host_state_is_other_token(s, "0123456789abcdef"));
	assert_int_equal(host_state_note_token(s, "0123456789abcdef", &e), 0);
	assert_false(host_state_is_other_token(s, "0123456789abcdef"));
	assert_true(host_state_is_other_token(s, "fedcba9876543210"));
	assert_true(host_state_is_other_token(s, ""));
	host_state_free(s);
}

/* A folder in its place: the tests may run as root, who can read every file. */
static void
what_cannot_be_read_is_not_replaced(void **state)
{
	static const char *const names[] = { "uuid", "ssh_host_key", "tls.key" };
	char path[128], kept[128];

	(void)state;
	host_state_free(opened());
	path_of(kept, "kept");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct host_state *s = NULL;
		struct err e = { "" };
		struct stat st;

		path_of(path, names[i]);
		assert_int_equal(rename(path, kept), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_true(host_state_open(&s, dir, "node", NULL, &e) < 0);
		assert_null(s);
		if (!strstr(e.text, path))
			fail_msg("%s", e.text);
		assert_int_equal(stat(path, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
		assert_int_equal(rmdir(path), 0);
		assert_int_equal(rename(kept, path), 0);
	}
	host_state_free(opened());
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_host_stays_the_same),
		T(another_token_than_the_one_it_joined_with_is_seen),
		T(what_cannot_be_read_is_not_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
