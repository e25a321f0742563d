/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of credentials: saved, found again, closed to others, and gone after logout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "profile/profile.h"

static char dir[64];

static int
setup(void **state)
{
	(void)state;
	(void)str_copy(dir, sizeof dir, "/tmp/profile-test-XXXXXX");
	if (!mkdtemp(dir) || setenv("SALLYPORT_HOME", dir, 1) != 0)
		return -1;
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)str_format(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

/* The fields of a profile are its own memory; nothing here writes to them. */
#define T(text) ((char *)(uintptr_t)(text))

static char *roles[] = { T("access"), T("editor") }, *logins[] = { T("root"), T("ec2-user") };

static struct profile
sample(const char *name)
{
	return (struct profile){
		.name = (char *)(uintptr_t)name,
		.proxy = T("tele.example.com:3080"),
		.ssh_addr = T("tele.example.com:3023"),
		.user = T("alice"),
		.cluster = T("tele.example.com"),
		.roles = roles,
		.roles_count = 2,
		.logins = logins,
		.logins_count = 2,
		.valid_until_s = 4000000000,
	};
}

static int
mode_of(const char *name)
{
	char path[256];
	struct stat st;

	(void)str_format(path, sizeof path, "%s/%s", dir, name);
	return stat(path, &st) == 0 ? (int)(st.st_mode & 0777) : -1;
}

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)str_format(path, sizeof path, "%s/%s", dir, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	fclose(f);
}

static void
test_what_is_saved_is_loaded(void **state)
{
	struct profile p = sample("tele.example.com"), *q = NULL;
	struct err e = { "" };

	(void)state;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load(&q, NULL, &e), 0);
	assert_string_equal(q->name, p.name);
	assert_string_equal(q->proxy, p.proxy);
	assert_string_equal(q->ssh_addr, p.ssh_addr);
	assert_string_equal(q->user, "alice");
	assert_string_equal(q->cluster, p.cluster);
	assert_int_equal(q->roles_count, 2);
	assert_string_equal(q->roles[1], "editor");
	assert_int_equal(q->logins_count, 2);
	assert_string_equal(q->logins[1], "ec2-user");
	assert_int_equal(q->extensions_count, 0);
	assert_int_equal(q->valid_until_s, 4000000000);
	profile_free(q);
	assert_int_equal(mode_of("tele.example.com.yaml"), 0600);
}

static void
test_no_ssh_port_is_an_empty_address(void **state)
{
	struct profile p = sample("a"), *q = NULL;
	struct err e = { "" };

	(void)state;
	p.ssh_addr = T("");
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load(&q, NULL, &e), 0);
	assert_string_equal(q->ssh_addr, "");
	profile_free(q);
}

static void
test_sixty_four_logins(void **state)
{
	struct profile p = sample("a"), *q = NULL;
	char name[64][8], *many[64];
	struct err e = { "" };

	(void)state;
	for (int i = 0; i < 64; i++) {
		(void)str_format(name[i], sizeof name[i], "u%d", i);
		many[i] = name[i];
	}
	p.logins = many;
	p.logins_count = 64;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load(&q, NULL, &e), 0);
	assert_int_equal(q->logins_count, 64);
	assert_string_equal(q->logins[63], "u63");
	profile_free(q);
}

static void
test_the_last_login_is_current_and_others_are_found_by_name(void **state)
{
	struct profile a = sample("a.example.com"), b = sample("b.example.com"), *q = NULL;
	char *names[PROFILE_LIST_MAX];
	struct err e = { "" };

	(void)state;
	assert_int_equal(profile_save(&a, &e), 0);
	assert_int_equal(profile_save(&b, &e), 0);
	assert_int_equal(profile_load(&q, NULL, &e), 0);
	assert_string_equal(q->name, "b.example.com");
	profile_free(q);
	assert_int_equal(profile_load(&q, "a.example.com:3080", &e), 0);
	assert_string_equal(q->name, "a.example.com");
	profile_free(q);
	assert_int_equal(profile_list(names, &e), 2);
	free(names[0]);
	free(names[1]);
	/* Without the current one there is none in use, but the other is still there. */
	assert_int_equal(profile_remove(&b, &e), 0);
	assert_true(profile_load(&q, NULL, &e) < 0);
	assert_int_equal(profile_load(&q, "a.example.com", &e), 0);
	profile_free(q);
}

static void
test_keys_are_closed_to_others_and_gone_after_logout(void **state)
{
	struct profile p = sample("a");
	struct err e = { "" };
	char *text = NULL;

	(void)state;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_write(&p, PROFILE_TLS_KEY, "secret", &e), 0);
	assert_int_equal(profile_write(&p, PROFILE_KNOWN_HOSTS, "hosts", &e), 0);
	assert_int_equal(mode_of("keys/a/alice.key"), 0600);
	assert_int_equal(mode_of("keys/a"), 0700);
	assert_int_equal(profile_read(&p, PROFILE_TLS_KEY, &text, &e), 0);
	assert_string_equal(text, "secret");
	free(text);
	assert_int_equal(profile_remove(&p, &e), 0);
	assert_int_equal(mode_of("keys/a/alice.key"), -1);
	assert_int_equal(mode_of("keys/a/known_hosts"), -1);
	assert_int_equal(mode_of("a.yaml"), -1);
	assert_true(profile_read(&p, PROFILE_TLS_KEY, &text, &e) < 0);
	assert_non_null(strstr(e.text, "tsh login"));
}

static void
test_an_expired_login_says_how_to_renew_it(void **state)
{
	struct profile p = sample("a"), *q = NULL;
	struct err e = { "" };

	(void)state;
	p.valid_until_s = clock_wall_ms() / 1000 - 1;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_true(profile_load_valid(&q, NULL, &e) < 0);
	assert_null(q);
	assert_non_null(strstr(e.text, "--proxy=tele.example.com:3080 --user=alice"));
	p.valid_until_s += 3600;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load_valid(&q, NULL, &e), 0);
	profile_free(q);
}

static void
test_what_is_no_profile(void **state)
{
	static const char *const names[] = { "../etc:1", "a/b", ".hidden", "", ":3080" };
	struct profile *q = NULL;
	struct err e = { "" };

	(void)state;
	assert_true(profile_load(&q, NULL, &e) < 0);
	assert_non_null(strstr(e.text, "not logged in"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_true(profile_load(&q, names[i], &e) < 0);
	write_file("a.yaml", "proxy: a:1\nuser: alice\n");
	assert_true(profile_load(&q, "a", &e) < 0);
	assert_non_null(strstr(e.text, "damaged"));
	write_file("a.yaml",
	    "proxy: a:1\nproxy: b:1\nssh_addr: ''\nuser: alice\ncluster: c\nroles: [\n"
	    "logins: [a, b\nvalid_until: x\nnonsense\n: \n");
	assert_int_equal(profile_load(&q, "a", &e), 0);
	assert_string_equal(q->proxy, "a:1");
	assert_int_equal(q->roles_count, 0);
	assert_int_equal(q->logins_count, 0);
	assert_int_equal(q->valid_until_s, 0);
	profile_free(q);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_saved_is_loaded),
		TEST(test_no_ssh_port_is_an_empty_address),
		TEST(test_sixty_four_logins),
		TEST(test_the_last_login_is_current_and_others_are_found_by_name),
		TEST(test_keys_are_closed_to_others_and_gone_after_logout),
		TEST(test_an_expired_login_says_how_to_renew_it),
		TEST(test_what_is_no_profile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
