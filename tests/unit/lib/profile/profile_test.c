/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of credentials: logins of several users and proxies beside each other, the one that is meant, and the end
 * of one, which touches no other. */
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
#include "profile_home.h"

/* The fields of a profile are its own memory; nothing here writes to them. */
#define T(text) ((char *)(uintptr_t)(text))

static char *roles[] = { T("access"), T("editor") }, *logins[] = { T("root"), T("ec2-user") };

static struct profile
sample(const char *proxy, const char *user)
{
	return (struct profile){
		.proxy = T(proxy),
		.ssh_addr = T("tele.example.com:3023"),
		.user = T(user),
		.cluster = T("tele.example.com"),
		.roles = roles,
		.roles_count = 2,
		.logins = logins,
		.logins_count = 2,
		.valid_until_s = 4000000000,
	};
}

#define A "a.example.com:3080"
#define B "b.example.com:3080"

/* As tsh login leaves it. */
static void
log_in(const char *proxy, const char *user)
{
	struct profile p = sample(proxy, user);
	struct err e = { "" };

	assert_int_equal(profile_write(&p, PROFILE_SSH_KEY, user, &e), 0);
	assert_int_equal(profile_write(&p, PROFILE_CA, proxy, &e), 0);
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_use(&p, &e), 0);
}

/* "user at proxy" of the login that is meant, or why there is none. */
static const char *
meant(const char *proxy, const char *user)
{
	static char text[ERR_MAX];
	struct profile *p = NULL;
	struct err e = { "" };

	if (profile_load(&p, proxy, user, &e) < 0)
		(void)str_copy(text, sizeof text, e.text);
	else
		(void)str_format(text, sizeof text, "%s at %s", p->user, p->proxy);
	profile_free(p);
	return text;
}

static void
log_out(const char *proxy, const char *user)
{
	struct profile *p = NULL;
	struct err e = { "" };

	assert_int_equal(profile_find(&p, proxy, user, &e), 0);
	assert_int_equal(profile_remove(p, &e), 0);
	profile_free(p);
}

static int
mode_of(const char *name)
{
	char path[256];
	struct stat st;

	(void)str_format(path, sizeof path, "%s/%s", test_home, name);
	return stat(path, &st) == 0 ? (int)(st.st_mode & 0777) : -1;
}

static void
write_file(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)str_format(path, sizeof path, "%s/%s", test_home, name);
	assert_non_null(f = fopen(path, "w"));
	fputs(text, f);
	fclose(f);
}

static void
test_what_is_saved_is_loaded(void **state)
{
	struct profile p = sample(A, "alice"), *q = NULL;
	struct err e = { "" };

	(void)state;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_use(&p, &e), 0);
	assert_int_equal(profile_load(&q, NULL, NULL, &e), 0);
	assert_string_equal(q->proxy, A);
	assert_string_equal(q->ssh_addr, p.ssh_addr);
	assert_string_equal(q->user, "alice");
	assert_string_equal(q->cluster, p.cluster);
	assert_int_equal(q->roles_count, 2);
	assert_string_equal(q->roles[1], "editor");
	assert_int_equal(q->logins_count, 2);
	assert_string_equal(q->logins[1], "ec2-user");
	assert_int_equal(q->extensions_count, 0);
	assert_int_equal(q->valid_until_s, 4000000000);
	assert_true(q->current);
	assert_false(q->withdrawn || q->damaged);
	profile_free(q);
	assert_int_equal(mode_of("keys/" A "/alice/profile.yaml"), 0600);
}

static void
test_no_ssh_port_is_an_empty_address(void **state)
{
	struct profile p = sample(A, "alice"), *q = NULL;
	struct err e = { "" };

	(void)state;
	p.ssh_addr = T("");
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load(&q, NULL, NULL, &e), 0);
	assert_string_equal(q->ssh_addr, "");
	profile_free(q);
}

static void
test_sixty_four_logins(void **state)
{
	struct profile p = sample(A, "alice"), *q = NULL;
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
	assert_int_equal(profile_load(&q, NULL, NULL, &e), 0);
	assert_int_equal(q->logins_count, 64);
	assert_string_equal(q->logins[63], "u63");
	profile_free(q);
}

static void
test_the_login_that_is_meant(void **state)
{
	(void)state;
	assert_string_equal(meant(NULL, NULL),
	    "not logged in; run tsh login --proxy=HOST:PORT --user=NAME");
	assert_string_equal(meant(A, "alice"),
	    "alice is not logged in; run tsh login --proxy=" A " --user=alice");
	log_in(A, "alice");
	log_in(B, "bob");
	log_in(A, "bob");
	/* Nothing said: the last login. What is said is never exchanged for something else. */
	assert_string_equal(meant(NULL, NULL), "bob at " A);
	assert_string_equal(meant(NULL, "alice"), "alice at " A);
	assert_string_equal(meant(B, NULL), "bob at " B);
	assert_string_equal(meant(B, "bob"), "bob at " B);
	assert_string_equal(meant(A, NULL), "bob at " A);
	assert_string_equal(meant("A.Example.Com", "alice"), "alice at " A);
	assert_non_null(strstr(meant(B, "alice"), "alice is not logged in to " B));
	assert_non_null(strstr(meant(B, "alice"), "alice at " A));
	assert_non_null(strstr(meant(NULL, "carol"), "--user=carol"));
	assert_non_null(strstr(meant("a.example.com:4000", NULL), "not logged in"));
	assert_non_null(strstr(meant("a/..", NULL), "not the address of a proxy"));
	/* A user without a login at the proxy in use is not looked for at others. */
	log_in(A, "alice");
	log_out(A, "bob");
	assert_non_null(strstr(meant(NULL, "bob"), "bob at " B));
	assert_non_null(strstr(meant(NULL, "bob"), "not logged in to " A));
}

static void
test_without_a_current_login_the_only_one_that_fits_is_meant(void **state)
{
	(void)state;
	log_in(A, "alice");
	log_in(B, "alice");
	log_in(A, "bob");
	log_out(A, "bob");
	assert_non_null(
	    strstr(meant(NULL, NULL), "several logins fit: alice at " A ", alice at " B));
	assert_non_null(strstr(meant(NULL, "alice"), "several logins fit"));
	assert_string_equal(meant(A, NULL), "alice at " A);
	log_out(B, "alice");
	assert_string_equal(meant(NULL, NULL), "alice at " A);
}

static void
test_the_end_of_a_login_touches_no_other(void **state)
{
	struct profile bob = sample(A, "bob");
	struct profile_list l;
	struct err e = { "" };
	char *text = NULL;

	(void)state;
	log_in(B, "alice");
	log_in(A, "alice");
	log_in(A, "bob");
	log_out(A, "alice");
	assert_int_equal(mode_of("keys/" A "/alice"), -1);
	assert_int_equal(profile_read(&bob, PROFILE_SSH_KEY, &text, &e), 0);
	free(text);
	assert_int_equal(profile_read(&bob, PROFILE_CA, &text, &e), 0);
	free(text);
	assert_string_equal(meant(NULL, NULL), "bob at " A);
	assert_int_equal(profile_list(&l, &e), 0);
	assert_int_equal(l.n, 2);
	assert_true(l.all[0]->current);
	profile_list_done(&l);
	log_out(A, "bob");
	assert_int_equal(mode_of("keys/" A), -1);
	assert_int_equal(mode_of("current"), -1);
	assert_string_equal(meant(NULL, NULL), "alice at " B);
}

/* Names of users that are also names of files. */
static void
test_no_name_of_a_user_meets_a_file(void **state)
{
	static const char *const users[] = { "key", "ca.pem", "known_hosts", "alice",
		"alice-cert.pub", "alice.key", "current", "profile.yaml" };
	struct err e = { "" };
	struct profile p = sample(A, ".."), *q = NULL;
	char *text;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		log_in(A, users[i]);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(profile_load(&q, A, users[i], &e), 0);
		assert_int_equal(profile_read(q, PROFILE_SSH_KEY, &text, &e), 0);
		assert_string_equal(text, users[i]);
		free(text);
		profile_free(q);
	}
	assert_true(profile_save(&p, &e) < 0);
	p.user = T("a/b");
	assert_true(profile_save(&p, &e) < 0);
}

static void
test_a_proxy_has_one_name(void **state)
{
	static const char *const forms[][2] = { { "Tele.Example.COM", "tele.example.com:3080" },
		{ "tele:443", "tele:443" }, { "[::1]:3080", "[::1]:3080" },
		{ "[FE80::1]", "[fe80::1]:3080" }, { "10.0.0.1", "10.0.0.1:3080" } };
	static const char *const none[] = { "", ":3080", "a/b", "../x:1", "::1", "a b:1", "-x:1",
		"a:0", "a\nb:1", "https://tele:1" };
	char name[PROFILE_PROXY_MAX];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		assert_int_equal(profile_proxy(forms[i][0], name, &e), 0);
		assert_string_equal(name, forms[i][1]);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_true(profile_proxy(none[i], name, &e) < 0);
}

static void
test_keys_are_closed_to_others_and_gone_after_logout(void **state)
{
	struct profile p = sample(A, "alice");
	struct err e = { "" };
	char *text = NULL;

	(void)state;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_write(&p, PROFILE_TLS_KEY, "secret", &e), 0);
	assert_int_equal(mode_of("keys/" A "/alice/tls.key"), 0600);
	assert_int_equal(mode_of("keys/" A "/alice"), 0700);
	assert_int_equal(profile_read(&p, PROFILE_TLS_KEY, &text, &e), 0);
	assert_string_equal(text, "secret");
	free(text);
	/* A write that was cut off. */
	write_file("keys/" A "/alice/tls.key.Ab12xZ", "secret");
	assert_int_equal(profile_remove(&p, &e), 0);
	assert_int_equal(mode_of("keys/" A "/alice"), -1);
	assert_true(profile_read(&p, PROFILE_TLS_KEY, &text, &e) < 0);
	assert_non_null(strstr(e.text, "tsh login"));
}

static void
test_a_link_in_the_place_of_a_login_is_not_followed(void **state)
{
	struct profile p = sample(A, "mallory");
	char target[128], link_path[128];
	struct err e = { "" };

	(void)state;
	log_in(A, "alice");
	(void)str_format(target, sizeof target, "%s/keys/%s/alice", test_home, A);
	(void)str_format(link_path, sizeof link_path, "%s/keys/%s/mallory", test_home, A);
	assert_int_equal(symlink(target, link_path), 0);
	assert_true(profile_remove(&p, &e) < 0);
	assert_string_equal(meant(A, "alice"), "alice at " A);
	assert_int_equal(mode_of("keys/" A "/alice/key"), 0600);
}

static void
test_an_expired_login_says_how_to_renew_it(void **state)
{
	struct profile p = sample(A, "alice"), *q = NULL;
	struct err e = { "" };

	(void)state;
	p.valid_until_s = clock_wall_ms() / 1000 - 1;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_true(profile_load_valid(&q, NULL, NULL, &e) < 0);
	assert_non_null(q);
	profile_free(q);
	assert_non_null(strstr(e.text, "expired; run tsh login --proxy=" A " --user=alice"));
	p.valid_until_s += 3600;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load_valid(&q, NULL, NULL, &e), 0);
	profile_free(q);
}

static void
test_a_withdrawn_login_is_not_used_again(void **state)
{
	struct profile p = sample(A, "alice"), *q = NULL;
	struct err e = { "" };

	(void)state;
	p.withdrawn = true;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_true(profile_load_valid(&q, NULL, NULL, &e) < 0);
	assert_non_null(strstr(e.text, "withdrawn"));
	assert_non_null(strstr(e.text, "run tsh login --proxy=" A " --user=alice"));
	profile_free(q);
	p.withdrawn = false;
	assert_int_equal(profile_save(&p, &e), 0);
	assert_int_equal(profile_load_valid(&q, NULL, NULL, &e), 0);
	profile_free(q);
}

static void
test_damaged_profiles_are_refused_and_can_be_ended(void **state)
{
	struct profile *q = NULL;
	struct err e = { "" };

	(void)state;
	log_in(A, "alice");
	write_file("keys/" A "/alice/profile.yaml", "cluster: a\n");
	assert_true(profile_load(&q, NULL, NULL, &e) < 0);
	assert_null(q);
	assert_non_null(strstr(e.text, "damaged"));
	assert_int_equal(profile_find(&q, NULL, NULL, &e), 0);
	assert_true(q->damaged);
	profile_free(q);
	write_file("current", "no such login");
	assert_non_null(strstr(meant(NULL, NULL), "damaged"));
	/* Lists that are no lists are empty, keys that are there twice count once, unknown ones not at all. */
	write_file("keys/" A "/alice/profile.yaml",
	    "ssh_addr: ''\ncluster: c\ncluster: d\nroles: x\nroles: [y]\nroles: [z]\nshoe_size: 43\nvalid_until: soon\n");
	assert_int_equal(profile_load(&q, A, "alice", &e), 0);
	assert_string_equal(q->cluster, "c");
	assert_int_equal(q->roles_count, 1);
	assert_string_equal(q->roles[0], "y");
	assert_int_equal(q->valid_until_s, 0);
	profile_free(q);
	log_out(A, "alice");
	assert_int_equal(mode_of("keys/" A), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, profile_home_setup, profile_home_teardown)
		TEST(test_what_is_saved_is_loaded),
		TEST(test_no_ssh_port_is_an_empty_address),
		TEST(test_sixty_four_logins),
		TEST(test_the_login_that_is_meant),
		TEST(test_without_a_current_login_the_only_one_that_fits_is_meant),
		TEST(test_the_end_of_a_login_touches_no_other),
		TEST(test_no_name_of_a_user_meets_a_file),
		TEST(test_a_proxy_has_one_name),
		TEST(test_keys_are_closed_to_others_and_gone_after_logout),
		TEST(test_a_link_in_the_place_of_a_login_is_not_followed),
		TEST(test_an_expired_login_says_how_to_renew_it),
		TEST(test_a_withdrawn_login_is_not_used_again),
		TEST(test_damaged_profiles_are_refused_and_can_be_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
