/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What authd keeps, by kinds, on a real store: every member comes back, bytes of an older program
 * are read, damage stays where it is, and whoever is slower does not overwrite.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth_state.h"
#include "auth/cutoff.h"
#include "auth/invite.h"
#include "auth/token.h"
#include "auth/user.h"
#include "base/str.h"

static int
setup(void **state)
{
	return auth_state_new(state, 0);
}

static void
save(struct auth_state *f, enum resource_kind kind, void *object)
{
	if (resource_save(&f->a, kind, object, &f->e) != 0)
		fail_msg("%s", f->e.text);
}

static void
load(struct auth_state *f, enum resource_kind kind, const char *key, void *object)
{
	if (resource_load(&f->a, kind, key, object, &f->e) != 0)
		fail_msg("%s", f->e.text);
}

static void
put_raw(struct auth_state *f, const char *key, struct span value)
{
	assert_int_equal(store_put(f->a.store, key, value, 0, STORE_ANY, NULL), 0);
}

/* --- every member comes back ------------------------------------------------------------------ */

static void
a_user_is_kept_with_every_member(void **state)
{
	struct auth_state *f = *state;
	struct user u = { .name = "alice",
		.created_ms = 5,
		.created_by = "root",
		.confirmed = true,
		.password = "$argon2id$x" };
	const struct factor app = { .id = "0123456789abcdef",
		.name = "phone",
		.kind = FACTOR_TOTP,
		.created_ms = 6,
		.used_ms = 7,
		.seed = { 0xa5, [SEED_SEALED_BYTES - 1] = 0x5a },
		.last_step = 77 };
	const struct factor key = { .id = "fedcba9876543210",
		.name = "blue key",
		.kind = FACTOR_WEBAUTHN,
		.created_ms = 8,
		.rp_id = "proxy.example.org",
		.key = { .id = { 1, 2, 3 },
		    .n_id = 3,
		    .algorithm = -257,
		    .key = { 4, [WEBAUTHN_KEY_MAX - 1] = 5 },
		    .n_key = WEBAUTHN_KEY_MAX,
		    .counter = UINT32_MAX } };
	struct user again;

	names_add(&u.roles, "access");
	names_add(&u.roles, "editor");
	names_add(&u.logins, "root");
	assert_non_null(factor_list_add(&u.factors, &app));
	assert_non_null(factor_list_add(&u.factors, &key));
	save(f, RESOURCE_USER, &u);
	auth_state_close(f);
	auth_state_open(f);
	load(f, RESOURCE_USER, "alice", &again);
	assert_string_equal(again.name, "alice");
	assert_true(names_equal(&again.roles, &u.roles));
	assert_true(names_equal(&again.logins, &u.logins));
	assert_int_equal(again.created_ms, 5);
	assert_string_equal(again.created_by, "root");
	assert_true(again.confirmed);
	assert_string_equal(again.password, "$argon2id$x");
	assert_int_equal(again.factors.n, 2);
	assert_memory_equal(&again.factors.v[0], &app, sizeof(app));
	assert_memory_equal(&again.factors.v[1], &key, sizeof(key));
	assert_int_equal(again.revision, u.revision);
	user_done(&again);
	user_done(&u);
}

static void
a_token_an_invite_and_a_lockout_are_kept_with_every_member(void **state)
{
	struct auth_state *f = *state;
	struct token t = { .id = "12345678",
		.kind = "node",
		.expires_ms = auth_state_ms + 10,
		.uses_left = 3,
		.created_ms = 4,
		.created_by = "root",
		.key = "abc",
		.forget_ms = auth_state_ms + 1000 },
		     t2;
	struct invite i = { .user = "alice",
		.expires_ms = auth_state_ms + 10,
		.reset = true,
		.has_totp = true,
		.tries = 2,
		.key = "def" },
		      i2;
	struct lockout l = { .user = "bob",
		.failures = { 1, 2 },
		.last_ms = { 3, 4 },
		.until_ms = { 5, 6 },
		.n_failures = 2,
		.n_last = 2,
		.n_until = 2,
		.paid_until_ms = 9,
		.expires_ms = auth_state_ms + 10 },
		       l2;

	names_add(&l.sources, "10.0.0.1");
	names_add(&l.sources, "2001:db8::");
	labels_set(&t.labels, "env", "prod");
	memset(i.seed, 0x5a, sizeof(i.seed));
	save(f, RESOURCE_TOKEN, &t);
	save(f, RESOURCE_INVITE, &i);
	save(f, RESOURCE_LOCKOUT, &l);
	load(f, RESOURCE_TOKEN, "abc", &t2);
	assert_string_equal(t2.id, "12345678");
	assert_string_equal(t2.kind, "node");
	assert_int_equal(t2.expires_ms, t.expires_ms);
	assert_int_equal(t2.forget_ms, t.forget_ms);
	assert_int_equal(t2.uses_left, 3);
	assert_string_equal(labels_get(&t2.labels, "env"), "prod");
	load(f, RESOURCE_INVITE, "def", &i2);
	assert_string_equal(i2.user, "alice");
	assert_true(i2.reset && i2.has_totp);
	assert_int_equal(i2.tries, 2);
	assert_memory_equal(i2.seed, i.seed, sizeof(i.seed));
	load(f, RESOURCE_LOCKOUT, "bob", &l2);
	assert_int_equal(l2.sources.n, 2);
	assert_string_equal(l2.sources.v[1], "2001:db8::");
	assert_int_equal(l2.n_failures, 2);
	assert_int_equal(l2.failures[1], 2);
	assert_int_equal(l2.last_ms[1], 4);
	assert_int_equal(l2.until_ms[1], 6);
	assert_int_equal(l2.paid_until_ms, 9);
	resource_done(RESOURCE_LOCKOUT, &l);
	resource_done(RESOURCE_LOCKOUT, &l2);
	token_done(&t);
	token_done(&t2);
}

static void
a_host_is_kept_with_every_member(void **state)
{
	struct auth_state *f = *state;
	struct host *n = resource_new(RESOURCE_HOST);
	const char *uuid = "00000001-0000-4000-8000-000000000000";

	str_copy(n->uuid, sizeof(n->uuid), uuid);
	str_copy(n->name, sizeof(n->name), "db");
	str_copy(n->kind, sizeof(n->kind), "proxy");
	str_copy(n->public_addr, sizeof(n->public_addr), "a:1");
	str_copy(n->ssh_addr, sizeof(n->ssh_addr), "a:2");
	str_copy(n->address, sizeof(n->address), "a:3");
	str_copy(n->version, sizeof(n->version), "1");
	memset(n->key_sha256, 1, sizeof(n->key_sha256));
	memset(n->token_sha256, 2, sizeof(n->token_sha256));
	n->joined_ms = 3;
	n->certs_from_s = 4;
	n->valid_until_ms = auth_state_ms + 1000;
	n->online = true;
	labels_set(&n->own_labels, "a", "own");
	labels_set(&n->token_labels, "b", "token");
	labels_set(&n->server_labels, "c", "server");
	names_add(&n->addresses, "10.0.0.1");
	save(f, RESOURCE_HOST, n);
	auth_state_close(f);
	auth_state_open(f);
	n = resource_find(&f->a, RESOURCE_HOST, uuid);
	assert_non_null(n);
	assert_string_equal(n->name, "db");
	assert_string_equal(n->kind, "proxy");
	assert_string_equal(n->public_addr, "a:1");
	assert_string_equal(n->ssh_addr, "a:2");
	assert_string_equal(n->address, "a:3");
	assert_string_equal(n->version, "1");
	assert_int_equal(n->key_sha256[31], 1);
	assert_int_equal(n->token_sha256[31], 2);
	assert_int_equal(n->joined_ms, 3);
	assert_int_equal(n->certs_from_s, 4);
	assert_int_equal(n->valid_until_ms, auth_state_ms + 1000);
	assert_true(n->online);
	assert_int_equal(n->labels.n, 3);
	assert_string_equal(n->addresses.v[0], "10.0.0.1");
}

/* --- older files ------------------------------------------------------------------------------ */

/* What the first version wrote, byte for byte. */
static void
bytes_of_the_first_version_are_read(void **state)
{
	static const char user[] = "\x0a\x05"
				   "alice"
				   "\x12\x06"
				   "access"
				   "\x1a\x04"
				   "root"
				   "\x20\x07"
				   "\x2a\x04"
				   "root";
	static const char cutoff[] = "\x0a\x03"
				     "bob"
				     "\x10\x64";
	static const char token[] = "\x0a\x08"
				    "12345678"
				    "\x12\x04"
				    "node"
				    "\x18\x64"
				    "\x20\x02"
				    "\x2a\x0b"
				    "\x0a\x03"
				    "env"
				    "\x12\x04"
				    "prod"
				    "\x30\x05"
				    "\x3a\x04"
				    "root";
	static const char role[] = "\x0a\x03"
				   "dev"
				   "\x12\x05"
				   "\x0a\x03"
				   "dev"
				   "\x22\x03"
				   "\x08\x90\x1c"
				   "\x28\x01";
	struct auth_state *f = *state;
	const struct role *r;
	struct cutoff c;
	struct token t;
	struct user u;

	put_raw(f, "user/alice", (struct span){ (const uint8_t *)user, sizeof(user) - 1 });
	put_raw(f, "cutoff/bob", (struct span){ (const uint8_t *)cutoff, sizeof(cutoff) - 1 });
	put_raw(f, "token/abc", (struct span){ (const uint8_t *)token, sizeof(token) - 1 });
	put_raw(f, "role/dev", (struct span){ (const uint8_t *)role, sizeof(role) - 1 });
	load(f, RESOURCE_USER, "alice", &u);
	assert_string_equal(u.roles.v[0], "access");
	assert_string_equal(u.logins.v[0], "root");
	assert_int_equal(u.created_ms, 7);
	assert_false(u.confirmed);
	user_done(&u);
	load(f, RESOURCE_CUTOFF, "bob", &c);
	assert_int_equal(c.issued_before_ms, 100);
	load(f, RESOURCE_TOKEN, "abc", &t);
	assert_int_equal(t.uses_left, 2);
	assert_string_equal(labels_get(&t.labels, "env"), "prod");
	token_done(&t);
	auth_state_close(f);
	auth_state_open(f);
	r = resource_find(&f->a, RESOURCE_ROLE, "dev");
	assert_non_null(r);
	assert_true(r->preset);
	assert_int_equal(r->policy->options.max_session_ttl_s, 3600);
	assert_string_equal(r->policy->allow.logins.v[0], "dev");
}

/* --- damage ------------------------------------------------------------------------------------- */

static int
count(const void *object, void *arg)
{
	(void)object;
	(*(int *)arg)++;
	return 0;
}

static void
a_damaged_record_hides_itself_and_no_other(void **state)
{
	struct auth_state *f = *state;
	struct user u = { .name = "carol" };
	int n = 0;

	put_raw(f, "user/bob", span_str("\xff\xff"));
	put_raw(f, "role/bad", span_str("\xff\xff"));
	save(f, RESOURCE_USER, &u);
	assert_int_equal(resource_each(&f->a, RESOURCE_USER, count, &n), 0);
	assert_int_equal(n, 1);
	assert_true(resource_load(&f->a, RESOURCE_USER, "bob", &u, &f->e) < 0);
	assert_non_null(strstr(f->e.text, "damaged"));
	auth_state_close(f);
	auth_state_open(f);
	assert_null(resource_find(&f->a, RESOURCE_ROLE, "bad"));
}

static void
a_confirmed_user_without_second_factor_is_damage(void **state)
{
	static const char bytes[] = "\x0a\x05"
				    "alice"
				    "\x30\x01";
	struct auth_state *f = *state;
	struct user u;

	put_raw(f, "user/alice", (struct span){ (const uint8_t *)bytes, sizeof(bytes) - 1 });
	assert_true(resource_load(&f->a, RESOURCE_USER, "alice", &u, &f->e) < 0);
	user_done(&u);
}

static void
a_cutoff_that_cannot_be_read_cuts_everything_off(void **state)
{
	struct auth_state *f = *state;

	put_raw(f, "cutoff/bob", span_str("\xff\xff"));
	assert_true(cutoff_get(&f->a, RESOURCE_CUTOFF, "bob") == INT64_MAX);
	assert_int_equal(cutoff_get(&f->a, RESOURCE_CUTOFF, "alice"), 0);
}

/* --- rules of every kind -------------------------------------------------------------------------- */

static void
whoever_is_slower_does_not_overwrite(void **state)
{
	struct auth_state *f = *state;
	struct user first = { .name = "alice" }, a, b;

	save(f, RESOURCE_USER, &first);
	first.revision = STORE_ABSENT;
	assert_int_equal(resource_save(&f->a, RESOURCE_USER, &first, &f->e), AUTH_E_STATE);
	load(f, RESOURCE_USER, "alice", &a);
	load(f, RESOURCE_USER, "alice", &b);
	save(f, RESOURCE_USER, &a);
	save(f, RESOURCE_USER, &a); /* the revision moved on with it */
	assert_int_equal(resource_save(&f->a, RESOURCE_USER, &b, &f->e), AUTH_E_STATE);
}

static void
names_that_cannot_be_keys_are_not_there(void **state)
{
	static const char *const names[] = { "", "a b", "a\nb", "\xc3\xa4" };
	struct auth_state *f = *state;
	struct user u;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(resource_load(&f->a, RESOURCE_USER, names[i], &u, &f->e),
		    AUTH_E_NOT_FOUND);
		assert_int_equal(resource_remove(&f->a, RESOURCE_USER, names[i], &f->e),
		    AUTH_E_NOT_FOUND);
	}
}

static void
what_is_rolled_back_is_still_in_memory(void **state)
{
	struct auth_state *f = *state;
	struct host *n = resource_new(RESOURCE_HOST);

	str_copy(n->uuid, sizeof(n->uuid), "x");
	n->valid_until_ms = auth_state_ms + 1000;
	save(f, RESOURCE_HOST, n);
	assert_int_equal(resource_begin(&f->a, &f->e), 0);
	assert_int_equal(resource_remove(&f->a, RESOURCE_HOST, "x", &f->e), 0);
	assert_int_equal(resource_end(&f->a, AUTH_E_STATE, &f->e), AUTH_E_STATE);
	assert_ptr_equal(resource_find(&f->a, RESOURCE_HOST, "x"), n);
	auth_state_close(f);
	auth_state_open(f);
	assert_non_null(resource_find(&f->a, RESOURCE_HOST, "x"));
	auth_state_ms += 1000;
	resources_sweep(&f->a);
	assert_null(resource_find(&f->a, RESOURCE_HOST, "x"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)
	const struct CMUnitTest tests[] = {
		T(a_user_is_kept_with_every_member),
		T(a_token_an_invite_and_a_lockout_are_kept_with_every_member),
		T(a_host_is_kept_with_every_member),
		T(bytes_of_the_first_version_are_read),
		T(a_damaged_record_hides_itself_and_no_other),
		T(a_confirmed_user_without_second_factor_is_damage),
		T(a_cutoff_that_cannot_be_read_cuts_everything_off),
		T(whoever_is_slower_does_not_overwrite),
		T(names_that_cannot_be_keys_are_not_there),
		T(what_is_rolled_back_is_still_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
