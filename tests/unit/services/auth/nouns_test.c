/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authd's nouns on a real store with a clock of our own: users and cutoffs, lockout, invites,
 * tokens, roles.
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
#include "auth/access.h"
#include "auth/cutoff.h"
#include "auth/hashing.h"
#include "auth/invite.h"
#include "auth/stored.h"
#include "auth/token.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/password.h"
#include "crypto/rand.h"
#include "policy/lock.h"

/* Root on authd's host, who may all. */
static const struct access_person root = { .local = true };

static int
new_link(struct auth_state *f, const char *user, bool reset, int64_t ttl_s,
    char dst[INVITE_TOKEN_SIZE], int64_t *expires)
{
	const struct invite_spec spec = { user, reset, ttl_s, "" };

	return invite_new(&f->a, &spec, dst, expires, &f->e);
}

static int
setup(void **state)
{
	return auth_state_new(state, AUTH_STATE_ROLES);
}

static void
add_user(struct auth_state *f, const char *name, const char *role)
{
	struct user u = { 0 };

	str_copy(u.name, sizeof(u.name), name);
	names_add(&u.roles, role);
	names_add(&u.logins, "root");
	if (user_add(&f->a, &u, &f->e) != 0)
		fail_msg("%s", f->e.text);
	user_done(&u);
}

/* --- values ------------------------------------------------------------------------------- */

static void
names_are_what_can_stand_in_a_certificate(void **state)
{
	static const char *const good[] = { "alice", "a.b", "alice@example.com", "x_1+y-z" };
	static const char *const bad[] = { "", "-x", ".x", "a b", "a,b", "a/b", "a*", "\xc3\xa4",
		"a\nb" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(name_check(good[i], "name", &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(name_check(bad[i], "name", &e), AUTH_E_INVALID);
	assert_true(uuid_is_good("01234567-89ab-4def-8123-456789abcdef"));
	assert_false(uuid_is_good("01234567-89ab-1def-8123-456789abcdef")); /* version 1 */
	assert_false(uuid_is_good("01234567-89ab-4def-c123-456789abcdef")); /* variant */
	assert_false(uuid_is_good("01234567-89AB-4def-8123-456789abcdef"));
	assert_int_equal(label_check("env", "a,b c", &e), 0);
	assert_int_equal(label_check("e v", "x", &e), AUTH_E_INVALID);
	assert_int_equal(label_check("env", "x\x1b[2J", &e), AUTH_E_INVALID);
}

static void
labels_merge_sorted_and_the_later_wins(void **state)
{
	struct labels a = { 0 }, b = { 0 };

	(void)state;
	labels_set(&a, "z", "1");
	labels_set(&a, "b", "1");
	labels_set(&b, "b", "2");
	labels_set(&b, "c", "2");
	assert_int_equal(labels_merge(&a, &b), 0);
	assert_int_equal(a.n, 3);
	assert_string_equal(a.v[0].key, "b");
	assert_string_equal(labels_get(&a, "b"), "2");
	assert_string_equal(a.v[2].key, "z");
	labels_remove(&a, "b");
	labels_remove(&a, "none");
	assert_null(labels_get(&a, "b"));
	for (int i = 0; i < LABELS_MAX; i++) {
		char key[16];

		str_format(key, sizeof(key), "k%d", i);
		labels_set(&b, key, "x");
	}
	assert_int_equal(b.n, LABELS_MAX);
	labels_done(&a);
	labels_done(&b);
}

/* --- users ---------------------------------------------------------------------------------- */

static void
a_cutoff_lies_between_old_and_new_certificates(void **state)
{
	struct auth_state *f = *state;
	int64_t old_from_s = auth_state_ms / 1000 -
	    SIGNER_BACKDATE_S; /* a certificate of this very second */
	int64_t cutoff, wait;

	add_user(f, "alice", "access");
	assert_int_equal(cutoff_get(&f->a, RESOURCE_CUTOFF, "alice"), 0);
	assert_int_equal(user_remove(&f->a, "alice", &f->e), 0);
	cutoff = cutoff_get(&f->a, RESOURCE_CUTOFF, "alice");
	assert_true(old_from_s * 1000 < cutoff);
	wait = cutoff_wait_ms(&f->a, cutoff);
	assert_int_equal(wait, 750); /* until the next second */
	auth_state_ms += wait;
	assert_int_equal(cutoff_wait_ms(&f->a, cutoff), 0);
	assert_true((auth_state_ms / 1000 - SIGNER_BACKDATE_S) * 1000 >= cutoff);
	auth_state_ms += 31LL * 3600 * 1000; /* longer than any certificate lives */
	assert_int_equal(cutoff_get(&f->a, RESOURCE_CUTOFF, "alice"), 0);
}

static void
a_user_that_changed_is_cut_off_one_that_did_not_is_not(void **state)
{
	struct auth_state *f = *state;
	struct names same = { 0 }, other = { 0 };

	add_user(f, "alice", "access");
	names_add(&same, "access");
	names_add(&other, "auditor");
	assert_int_equal(user_update(&f->a, "alice", &same, NULL, &f->e), 0);
	assert_int_equal(cutoff_get(&f->a, RESOURCE_CUTOFF, "alice"), 0);
	assert_int_equal(user_update(&f->a, "alice", &other, NULL, &f->e), 0);
	assert_true(cutoff_get(&f->a, RESOURCE_CUTOFF, "alice") > 0);
	names_add(&other, "no-such-role");
	assert_int_equal(user_update(&f->a, "alice", &other, NULL, &f->e), AUTH_E_NOT_FOUND);
	names_done(&same);
	names_done(&other);
}

static void
a_record_that_somebody_else_changed_is_not_overwritten(void **state)
{
	struct auth_state *f = *state;
	struct user a, b;

	add_user(f, "alice", "access");
	assert_int_equal(user_load(&f->a, "alice", &a, &f->e), 0);
	assert_int_equal(user_load(&f->a, "alice", &b, &f->e), 0);
	a.created_ms = 7;
	assert_int_equal(user_save(&f->a, &a, &f->e), 0);
	assert_int_equal(user_save(&f->a, &b, &f->e), AUTH_E_STATE);
	user_done(&a);
	user_done(&b);
}

/* --- addresses ------------------------------------------------------------------------------------ */

static void
a_user_is_known_where_he_logged_in_for_a_month(void **state)
{
	struct auth_state *f = *state;
	struct user u;
	char source[32];

	add_user(f, "alice", "access");
	assert_int_equal(user_load(&f->a, "alice", &u, &f->e), 0);
	assert_false(user_knows(&u, "10.0.0.1", auth_state_ms));
	user_note_source(&u, "10.0.0.1", auth_state_ms);
	assert_int_equal(user_save(&f->a, &u, &f->e), 0);
	user_done(&u);
	auth_state_close(f);
	auth_state_open(f);
	assert_int_equal(user_load(&f->a, "alice", &u, &f->e), 0);
	assert_true(user_knows(&u, "10.0.0.1", auth_state_ms));
	assert_false(user_knows(&u, "10.0.0.2", auth_state_ms));
	assert_false(user_knows(&u, "", auth_state_ms));
	assert_false(user_knows(&u, "10.0.0.1", auth_state_ms + USER_SOURCE_KEEP_MS));
	for (int i = 0; i < (int)USER_SOURCES; i++) { /* the oldest makes room */
		str_format(source, sizeof(source), "10.4.0.%d", i);
		user_note_source(&u, source, auth_state_ms + 1 + i);
	}
	assert_false(user_knows(&u, "10.0.0.1", auth_state_ms + 100));
	assert_true(user_knows(&u, "10.4.0.0", auth_state_ms + 100));
	user_forget_sources(&u);
	assert_false(user_knows(&u, "10.4.0.0", auth_state_ms + 100));
	user_done(&u);
}

/* --- invites ------------------------------------------------------------------------------------- */

static void
an_invite_keeps_its_secret_and_a_new_one_replaces_it(void **state)
{
	struct auth_state *f = *state;
	char first[INVITE_TOKEN_SIZE], second[INVITE_TOKEN_SIZE], others[INVITE_TOKEN_SIZE];
	uint8_t totp_a[TOTP_SECRET_BYTES], totp_b[TOTP_SECRET_BYTES];
	struct invite a, b;
	int64_t expires;

	add_user(f, "alice", "access");
	add_user(f, "bob", "access");
	assert_int_equal(new_link(f, "bob", false, 0, others, &expires), 0);
	assert_int_equal(new_link(f, "alice", false, 0, first, &expires), 0);
	assert_int_equal(expires, auth_state_ms + INVITE_TTL_S * 1000);
	assert_int_equal(invite_show(&f->a, first, &a, totp_a, &f->e), 0);
	assert_int_equal(invite_show(&f->a, first, &b, totp_b, &f->e), 0);
	assert_memory_equal(totp_a, totp_b, sizeof(totp_a));
	assert_int_equal(new_link(f, "alice", true, 0, second, &expires), 0);
	assert_int_equal(invite_show(&f->a, first, &a, totp_a, &f->e), AUTH_E_NOT_FOUND);
	assert_int_equal(invite_show(&f->a, second, &a, totp_a, &f->e), 0);
	assert_true(a.reset);
	assert_memory_not_equal(totp_a, totp_b, sizeof(totp_a));
	assert_int_equal(invite_show(&f->a, others, &a, totp_a, &f->e), 0);
	auth_state_ms += INVITE_RESET_TTL_S * 1000;
	assert_int_equal(invite_show(&f->a, second, &a, totp_a, &f->e), AUTH_E_NOT_FOUND);
	assert_int_equal(new_link(f, "alice", false, INVITE_TTL_MAX_S + 1, first, &expires),
	    AUTH_E_INVALID);
}

static void
never(int rc, const struct invite_result *result, struct err *e, void *arg)
{
	(void)rc, (void)result, (void)e, (void)arg;
	fail_msg("completed");
}

static int
complete(struct auth_state *f, const char *link, const char *password, const char *code)
{
	const struct invite_answer q = { .token = link,
		.password = password,
		.otp = code,
		.name = "" };

	return invite_complete(&f->a, &q, never, NULL, &f->e);
}

static void
a_link_lives_as_long_as_was_said(void **state)
{
	static const struct {
		int64_t ttl_s;
		bool ok, reset;
	} rows[] = { { -1, false, false }, { 1, true, false }, { 48 * 3600, true, false },
		{ 48 * 3600 + 1, false, false }, { 24 * 3600, true, true },
		{ 24 * 3600 + 1, false, true } };
	struct auth_state *f = *state;
	char link[INVITE_TOKEN_SIZE];
	int64_t expires;

	add_user(f, "alice", "access");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = new_link(f, "alice", rows[i].reset, rows[i].ttl_s, link, &expires);
		assert_int_equal(rc, rows[i].ok ? 0 : AUTH_E_INVALID);
		if (rows[i].ok)
			assert_int_equal(expires, auth_state_ms + rows[i].ttl_s * 1000);
	}
}

/* A wrong code costs a try, and the last try the link; what is wrong otherwise costs none. */
static void
a_link_has_so_many_tries(void **state)
{
	static const char good[] = "correct horse battery";
	struct auth_state *f = *state;
	char link[INVITE_TOKEN_SIZE];
	uint8_t totp[TOTP_SECRET_BYTES];
	struct invite i;
	int64_t expires;

	add_user(f, "alice", "access");
	assert_int_equal(new_link(f, "alice", false, 0, link, &expires), 0);
	assert_int_equal(complete(f, link, good, "x"), AUTH_E_STATE);
	assert_non_null(strstr(f->e.text, "open the link first"));
	assert_int_equal(invite_show(&f->a, link, &i, totp, &f->e), 0);
	assert_int_equal(complete(f, link, "short", "x"), AUTH_E_INVALID);
	assert_int_equal(complete(f, "another link", good, "x"), AUTH_E_NOT_FOUND);
	for (uint32_t n = 1; n < INVITE_TRIES_MAX; n++) {
		assert_int_equal(complete(f, link, good, "x"), AUTH_E_DENIED);
		assert_non_null(strstr(f->e.text, "does not fit"));
		assert_int_equal(invite_show(&f->a, link, &i, totp, &f->e), 0);
		assert_int_equal(i.tries, n);
	}
	assert_int_equal(complete(f, link, good, "x"), AUTH_E_DENIED);
	assert_non_null(strstr(f->e.text, "this link is gone"));
	assert_int_equal(complete(f, link, good, "x"), AUTH_E_NOT_FOUND);
}

/* --- tokens ---------------------------------------------------------------------------------------- */

static int
use(struct auth_state *f, const char *value, const char *kind)
{
	struct token t;
	int rc = token_use(&f->a, value, kind, &t, &f->e);

	token_done(&t);
	return rc;
}

struct usable {
	struct auth *auth;
	int n;
};

static int
count_token(const void *object, void *arg)
{
	struct usable *u = arg;

	u->n += token_is_usable(u->auth, object);
	return 0;
}

static int
usable_tokens(struct auth_state *f)
{
	struct usable u = { &f->a, 0 };

	assert_int_equal(resource_each(&f->a, RESOURCE_TOKEN, count_token, &u), 0);
	return u.n;
}

static void
a_token_counts_expires_and_is_remembered_for_a_while(void **state)
{
	struct auth_state *f = *state;
	struct labels labels = { 0 };
	struct token_spec spec = { .kind = "node",
		.labels = &labels,
		.value = "",
		.by = "root",
		.uses = 2 };
	char value[TOKEN_TEXT_SIZE];
	struct token t;

	assert_int_equal(token_add(&f->a, &spec, &t, value, &f->e), 0);
	token_done(&t);
	assert_int_equal(strlen(value), 32);
	assert_int_equal(use(f, value, "proxy"), AUTH_E_DENIED);
	assert_int_equal(use(f, value, "node"), 0);
	assert_int_equal(usable_tokens(f), 1);
	assert_int_equal(use(f, value, "node"), 0);
	assert_int_equal(use(f, value, "node"), AUTH_E_STATE);
	assert_non_null(strstr(f->e.text, "used already"));
	assert_int_equal(usable_tokens(f), 0);
	assert_int_equal(token_add(&f->a, &spec, &t, value, &f->e), 0);
	token_done(&t);
	auth_state_ms += TOKEN_TTL_S * 1000;
	assert_int_equal(use(f, value, "node"), AUTH_E_STATE);
	assert_non_null(strstr(f->e.text, "expired"));
	auth_state_ms += TOKEN_KEEP_S * 1000;
	assert_int_equal(use(f, value, "node"), AUTH_E_NOT_FOUND);
	assert_int_equal(store_sweep(f->a.store, 100), 2);
}

static void
a_chosen_token_is_long_enough_to_be_a_secret(void **state)
{
	struct auth_state *f = *state;
	struct labels labels = { 0 };
	struct token_spec spec = { .kind = "node", .labels = &labels, .by = "root" };
	char value[TOKEN_TEXT_SIZE];
	struct token t;

	spec.value = "0123456789abcdef0123456789abcde";
	assert_int_equal(token_add(&f->a, &spec, &t, value, &f->e), AUTH_E_INVALID);
	spec.value = "0123456789abcdef0123456789abcdef";
	assert_int_equal(token_add(&f->a, &spec, &t, value, &f->e), 0);
	assert_string_equal(value, spec.value);
	token_done(&t);
}

static void
a_token_is_made_within_its_limits(void **state)
{
	char longest[TOKEN_TEXT_SIZE], longer[TOKEN_TEXT_SIZE + 1];
	const struct {
		const char *kind, *value;
		int64_t ttl_s;
		uint32_t uses;
		bool ok;
	} rows[] = {
		{ "node", "", -1, 1, false },
		{ "node", "", 1, 1, true },
		{ "node", "", TOKEN_TTL_MAX_S, 1, true },
		{ "node", "", TOKEN_TTL_MAX_S + 1, 1, false },
		{ "proxy", "", 0, TOKEN_USES_MAX, true },
		{ "audit", "", 0, TOKEN_USES_MAX + 1, false },
		{ "auth", "", 0, 1, false },
		{ "node", longest, 0, 1, true },
		{ "node", longer, 0, 1, false },
		{ "node", "0123456789abcdef\t123456789abcdef", 0, 1, false },
	};
	struct auth_state *f = *state;
	struct labels labels = { 0 };
	char value[TOKEN_TEXT_SIZE];
	struct token t;

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct token_spec spec = { rows[i].kind, rows[i].ttl_s, rows[i].uses, &labels,
			rows[i].value, "root" };
		int rc = token_add(&f->a, &spec, &t, value, &f->e);
		if (rc != (rows[i].ok ? 0 : AUTH_E_INVALID))
			fail_msg("row %zu: %d", i, rc);
		if (rc == 0 && rows[i].ttl_s)
			assert_int_equal(t.expires_ms, auth_state_ms + rows[i].ttl_s * 1000);
		token_done(&t);
	}
}

static void
a_token_is_removed_by_itself_or_by_its_id(void **state)
{
	struct auth_state *f = *state;
	struct labels labels = { 0 };
	const struct token_spec spec = { "node", 0, 1, &labels, "", "root" };
	char first[TOKEN_TEXT_SIZE], second[TOKEN_TEXT_SIZE], id[TOKEN_ID_SIZE];
	struct token t;

	assert_int_equal(token_add(&f->a, &spec, &t, first, &f->e), 0);
	token_done(&t);
	assert_int_equal(token_add(&f->a, &spec, &t, second, &f->e), 0);
	str_copy(id, sizeof(id), t.id);
	token_done(&t);
	assert_int_equal(token_remove(&f->a, "nobodys", &t, &f->e), AUTH_E_NOT_FOUND);
	token_done(&t);
	assert_int_equal(token_remove(&f->a, id, &t, &f->e), 0);
	token_done(&t);
	assert_int_equal(use(f, second, "node"), AUTH_E_NOT_FOUND);
	assert_int_equal(token_remove(&f->a, first, &t, &f->e), 0);
	token_done(&t);
	assert_int_equal(use(f, first, "node"), AUTH_E_NOT_FOUND);
}

static void
a_use_is_given_back_when_the_transaction_is(void **state)
{
	struct auth_state *f = *state;
	struct labels labels = { 0 };
	struct token_spec spec = { .kind = "node",
		.labels = &labels,
		.value = "a value that the test has chosen",
		.by = "root" };
	char value[TOKEN_TEXT_SIZE];
	struct token t;

	assert_int_equal(token_add(&f->a, &spec, &t, value, &f->e), 0);
	token_done(&t);
	assert_int_equal(token_add(&f->a, &spec, &t, value, &f->e), AUTH_E_EXISTS);
	token_done(&t);
	assert_int_equal(store_begin(f->a.store), 0);
	assert_int_equal(use(f, value, "node"), 0);
	store_rollback(f->a.store);
	assert_int_equal(use(f, value, "node"), 0);
	assert_int_equal(use(f, value, "node"), AUTH_E_STATE);
}

/* --- roles ------------------------------------------------------------------------------------------- */

static int
put_role(struct auth_state *f, const struct policy_role *policy, uint64_t revision)
{
	struct role role = { .policy = (struct policy_role *)(uintptr_t)policy };
	struct resource_file file = { .kind = RESOURCE_ROLE,
		.name = "",
		.revision = revision,
		.by = &root };
	char name[64]; /* the role that is put may be the very one that it replaces */
	struct buf b;
	int rc;

	assert_true(str_copy(name, sizeof(name), policy->name));
	buf_init(&b, STORE_VALUE_MAX);
	assert_true(stored_pack(&role_form, &role, &b));
	file.value = buf_span(&b);
	rc = resource_put(&f->a, &file, &f->e);
	if (rc == 0)
		assert_ptr_equal(file.kept, role_find(&f->a, name));
	buf_done(&b);
	return rc;
}

static void
presets_are_made_once_and_changes_of_them_stay(void **state)
{
	struct auth_state *f = *state;
	struct policy_role changed = *role_find(&f->a, "auditor")->policy;

	assert_non_null(role_find(&f->a, "access"));
	assert_non_null(role_find(&f->a, "editor"));
	changed.options.max_session_ttl_s = 3600;
	assert_int_equal(put_role(f, &changed, STORE_ABSENT), AUTH_E_EXISTS);
	assert_int_equal(put_role(f, &changed, STORE_ANY), 0);
	auth_state_close(f);
	auth_state_open(f);
	assert_int_equal(role_find(&f->a, "auditor")->policy->options.max_session_ttl_s, 3600);
	assert_true(role_find(&f->a, "auditor")->preset);
	assert_int_equal(resource_drop(&f->a, RESOURCE_ROLE, "auditor", &root, &f->e),
	    AUTH_E_STATE);
}

static void
a_file_that_was_changed_meanwhile_is_not_overwritten(void **state)
{
	static const char *const logins[] = { "dev" }, *const other[] = { "-x" };
	struct policy_role role = { .name = "dev", .allow = { .logins = { logins, 1 } } };
	struct auth_state *f = *state;
	uint64_t read;

	assert_int_equal(put_role(f, &role, STORE_ABSENT), 0);
	read = role_find(&f->a, "dev")->revision;
	assert_int_equal(put_role(f, &role, read), 0);
	assert_int_equal(put_role(f, &role, read), AUTH_E_STATE);
	role.allow.logins.v = other;
	assert_int_equal(put_role(f, &role, STORE_ANY), AUTH_E_INVALID);
	assert_string_equal(role_find(&f->a, "dev")->policy->allow.logins.v[0], "dev");
	assert_int_equal(resource_kind_of("role"), RESOURCE_ROLE);
	assert_int_equal(resource_kind_of("user"), RESOURCE_KINDS);
}

static void
a_role_that_somebody_has_stays(void **state)
{
	static const char *const logins[] = { "dev" };
	struct policy_role role = { .name = "dev", .allow = { .logins = { logins, 1 } } };
	struct auth_state *f = *state;
	struct user alice = { .name = "alice" };
	struct subject_view view;

	assert_int_equal(put_role(f, &role, STORE_ABSENT), 0);
	add_user(f, "alice", "dev");
	assert_int_equal(resource_drop(&f->a, RESOURCE_ROLE, "dev", &root, &f->e), AUTH_E_STATE);
	assert_non_null(strstr(f->e.text, "alice"));
	names_add(&alice.roles, "dev");
	names_add(&alice.roles, "gone");
	assert_int_equal(role_view(&f->a, &alice, &view, &f->e), 0);
	assert_int_equal(view.user.n_roles, 1); /* a role that is gone gives nothing */
	assert_int_equal(user_remove(&f->a, "alice", &f->e), 0);
	assert_int_equal(resource_drop(&f->a, RESOURCE_ROLE, "dev", &root, &f->e), 0);
	assert_null(role_find(&f->a, "dev"));
	names_done(&alice.roles);
}

/* It might be the one that denies: whoever has it may do nothing until it is mended. */
static void
a_role_whose_record_is_damaged_denies_who_has_it(void **state)
{
	struct auth_state *f = *state;
	struct user alice = { .name = "alice" };
	struct subject_view view;

	assert_int_equal(store_put(f->a.store, "role/broken", span_str("\xff\xff"), 0, STORE_ANY,
			     NULL),
	    0);
	auth_state_close(f);
	auth_state_open(f);
	names_add(&alice.roles, "editor");
	assert_int_equal(role_view(&f->a, &alice, &view, &f->e), 0);
	names_add(&alice.roles, "broken");
	assert_int_equal(role_view(&f->a, &alice, &view, &f->e), -1);
	assert_int_equal(view.user.n_roles, 0);
	assert_non_null(strstr(f->e.text, "broken"));
	names_done(&alice.roles);
}

/* --- locks ------------------------------------------------------------------------------------------- */

static int
put_lock(struct auth_state *f, struct policy_lock lock, char name[LOCK_NAME_SIZE])
{
	struct {
		struct policy_lock policy;
		uint64_t revision;
	} object = { .policy = lock };
	struct resource_file file = { .kind = RESOURCE_LOCK,
		.name = "",
		.revision = STORE_ABSENT,
		.by = &root };
	struct buf b;
	int rc;

	buf_init(&b, STORE_VALUE_MAX);
	assert_true(stored_pack(&lock_form, &object, &b));
	file.value = buf_span(&b);
	rc = resource_put(&f->a, &file, &f->e);
	if (rc == 0)
		str_copy(name, LOCK_NAME_SIZE, resource_key(RESOURCE_LOCK, file.kept));
	buf_done(&b);
	return rc;
}

static void
a_lock_closes_the_door_until_it_ends_or_goes(void **state)
{
	const struct policy_identity alice = { .user = "alice" }, bob = { .user = "bob" };
	struct policy_lock lock = { .user = "alice",
		.message = "stolen",
		.expires_ms = auth_state_ms + 1000 };
	struct auth_state *f = *state;
	char name[LOCK_NAME_SIZE];

	assert_int_equal(put_lock(f, lock, name), 0);
	assert_true(uuid_is_good(name));
	assert_int_equal(resource_denies(&f->a, &alice, &f->e), AUTH_E_DENIED);
	assert_string_equal(f->e.text, "user alice is locked: stolen");
	assert_int_equal(resource_denies(&f->a, &bob, &f->e), 0);
	auth_state_close(f);
	auth_state_open(f);
	assert_int_equal(resource_denies(&f->a, &alice, &f->e), AUTH_E_DENIED);
	auth_state_ms += 1000;
	assert_int_equal(resource_denies(&f->a, &alice, &f->e), 0);
	lock.expires_ms = 0;
	assert_int_equal(put_lock(f, lock, name), 0);
	assert_int_equal(resource_denies(&f->a, &alice, &f->e), AUTH_E_DENIED);
	assert_int_equal(resource_drop(&f->a, RESOURCE_LOCK, name, &root, &f->e), 0);
	assert_int_equal(resource_denies(&f->a, &alice, &f->e), 0);
}

static void
a_lock_without_target_or_of_the_past_is_refused(void **state)
{
	struct auth_state *f = *state;
	char name[LOCK_NAME_SIZE];

	assert_int_equal(put_lock(f, (struct policy_lock){ .message = "x" }, name), AUTH_E_INVALID);
	assert_int_equal(put_lock(f,
			     (struct policy_lock){ .user = "alice", .expires_ms = auth_state_ms },
			     name),
	    AUTH_E_INVALID);
	assert_int_equal(put_lock(f, (struct policy_lock){ .user = "a", .name = "a b" }, name),
	    AUTH_E_INVALID);
}

/* It needs no time of whoever asks, whose clock may be another, and leaves places for those that close doors. */
static void
a_lock_of_a_session_lasts_a_day_and_leaves_places_for_others(void **state)
{
	enum { DAY_MS = 24 * 3600 * 1000, PLACES = 800 };
	struct policy_lock lock = { .session = "11111111-2222-4333-8444-555555555555",
		.session_user = "alice" };
	struct auth_state *f = *state;
	char name[LOCK_NAME_SIZE];
	const struct policy_lock *kept;

	assert_int_equal(put_lock(f, lock, name), 0);
	kept = resource_find(&f->a, RESOURCE_LOCK, name); /* first in what it is kept in */
	assert_int_equal(kept->expires_ms, auth_state_ms + DAY_MS);
	assert_string_equal(kept->session_user, "alice");
	lock.expires_ms = auth_state_ms + DAY_MS + 1;
	assert_int_equal(put_lock(f, lock, name), AUTH_E_INVALID);
	lock.expires_ms = auth_state_ms + 1000;
	for (int i = 1; i < PLACES; i++)
		assert_int_equal(put_lock(f, lock, name), 0);
	assert_int_equal(put_lock(f, lock, name), AUTH_E_STATE);
	assert_int_equal(put_lock(f, (struct policy_lock){ .user = "mallory" }, name), 0);
	auth_state_ms += 1000;
	resources_sweep(&f->a);
	lock.expires_ms = 0;
	assert_int_equal(put_lock(f, lock, name), 0);
}

static void
a_damaged_lock_holds_for_everybody_until_it_is_removed(void **state)
{
	const struct policy_identity bob = { .user = "bob" };
	struct auth_state *f = *state;

	assert_int_equal(store_put(f->a.store, "lock/x", span_str("\xff"), 0, STORE_ANY, NULL), 0);
	auth_state_close(f);
	auth_state_open(f);
	assert_int_equal(resource_denies(&f->a, &bob, &f->e), AUTH_E_DENIED);
	assert_int_equal(resource_drop(&f->a, RESOURCE_LOCK, "x", &root, &f->e), 0);
	assert_int_equal(resource_denies(&f->a, &bob, &f->e), 0);
	assert_int_equal(resource_drop(&f->a, RESOURCE_LOCK, "x", &root, &f->e), AUTH_E_NOT_FOUND);
}

/* Measured once; what is in the store counts from then on, unless nobody could log in with it. */
static void
what_a_password_costs_stays_as_it_was_measured(void **state)
{
	struct auth_state *f = *state;
	struct hashing h = { .name = "password", .revision = STORE_ANY };
	const unsigned kept[] = { PASSWORD_PASSES_MIN, 7, PASSWORD_PASSES_MAX };
	const unsigned nonsense[] = { 0, PASSWORD_PASSES_MAX + 1, UINT32_MAX };

	assert_int_equal(hashing_load(&f->a, &f->e), 0);
	for (size_t i = 0; i < 3; i++) {
		h.passes = kept[i];
		h.revision = STORE_ANY;
		assert_int_equal(resource_save(&f->a, RESOURCE_HASHING, &h, &f->e), 0);
		auth_state_close(f);
		auth_state_open(f);
		assert_int_equal(hashing_load(&f->a, &f->e), 0);
		assert_int_equal(f->a.hash_passes, kept[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		h.passes = nonsense[i];
		h.revision = STORE_ANY;
		assert_int_equal(resource_save(&f->a, RESOURCE_HASHING, &h, &f->e), 0);
		assert_int_equal(hashing_load(&f->a, &f->e), 0);
		assert_in_range(f->a.hash_passes, PASSWORD_PASSES_MIN, PASSWORD_PASSES_MAX);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)
	const struct CMUnitTest tests[] = {
		T(names_are_what_can_stand_in_a_certificate),
		T(labels_merge_sorted_and_the_later_wins),
		T(a_cutoff_lies_between_old_and_new_certificates),
		T(a_user_that_changed_is_cut_off_one_that_did_not_is_not),
		T(a_record_that_somebody_else_changed_is_not_overwritten),
		T(a_user_is_known_where_he_logged_in_for_a_month),
		T(an_invite_keeps_its_secret_and_a_new_one_replaces_it),
		T(a_link_lives_as_long_as_was_said),
		T(a_link_has_so_many_tries),
		T(a_token_is_made_within_its_limits),
		T(a_token_is_removed_by_itself_or_by_its_id),
		T(a_token_counts_expires_and_is_remembered_for_a_while),
		T(a_chosen_token_is_long_enough_to_be_a_secret),
		T(a_use_is_given_back_when_the_transaction_is),
		T(presets_are_made_once_and_changes_of_them_stay),
		T(a_file_that_was_changed_meanwhile_is_not_overwritten),
		T(a_role_that_somebody_has_stays),
		T(a_lock_closes_the_door_until_it_ends_or_goes),
		T(a_lock_without_target_or_of_the_past_is_refused),
		T(a_lock_of_a_session_lasts_a_day_and_leaves_places_for_others),
		T(a_damaged_lock_holds_for_everybody_until_it_is_removed),
		T(a_role_whose_record_is_damaged_denies_who_has_it),
		T(what_a_password_costs_stays_as_it_was_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
