/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authd's registry of nodes and the ring of changes, on a real store with a clock of our own.
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
#include "base/str.h"

static int
setup(void **state)
{
	return auth_state_new(state, AUTH_STATE_LOOP);
}

static struct host *
add(struct auth_state *f, int number, const char *name)
{
	struct host *n = resource_new(RESOURCE_HOST);

	str_format(n->uuid, sizeof(n->uuid), "%08d-0000-4000-8000-000000000000", number);
	str_copy(n->name, sizeof(n->name), name);
	str_copy(n->kind, sizeof(n->kind), "node");
	n->valid_until_ms = auth_state_ms + 7LL * 86400 * 1000;
	if (host_put(&f->a, n, &f->e) != 0)
		fail_msg("%s", f->e.text);
	return n;
}

static void
beat(struct auth_state *f, struct host *n, const char *key, const char *value)
{
	struct labels labels = { 0 };
	struct host_seen seen = { .address = "", .version = "1", .labels = &labels };

	labels_set(&labels, key, value);
	if (host_heartbeat(&f->a, n, &seen, &f->e) != 0)
		fail_msg("%s", f->e.text);
	labels_done(&labels);
}

static void
a_name_that_several_have_is_refused_unless_one_is_there(void **state)
{
	struct auth_state *f = *state;
	struct host *a = add(f, 1, "db"), *b = add(f, 2, "db"), *found;

	assert_int_equal(host_by_name(&f->a, "db", &found, &f->e), AUTH_E_INVALID);
	beat(f, b, "x", "y");
	assert_int_equal(host_by_name(&f->a, "db", &found, &f->e), 0);
	assert_ptr_equal(found, b);
	beat(f, a, "x", "y");
	assert_int_equal(host_by_name(&f->a, "db", &found, &f->e), AUTH_E_INVALID);
	assert_int_equal(host_by_name(&f->a, a->uuid, &found, &f->e), 0);
	assert_ptr_equal(found, a);
	assert_int_equal(host_by_name(&f->a, "web", &found, &f->e), AUTH_E_NOT_FOUND);
}

static void
server_labels_win_over_the_tokens_and_those_over_the_nodes_own(void **state)
{
	struct auth_state *f = *state;
	struct host *n = add(f, 1, "db");
	struct labels set = { 0 };
	char *remove[] = { (char *)(uintptr_t) "env" };

	labels_set(&n->token_labels, "env", "token");
	labels_set(&n->token_labels, "team", "token");
	beat(f, n, "team", "own");
	assert_string_equal(labels_get(&n->labels, "team"), "token");
	labels_set(&set, "env", "server");
	assert_int_equal(host_label(&f->a, n, &set, NULL, 0, &f->e), 0);
	assert_string_equal(labels_get(&n->labels, "env"), "server");
	labels_done(&set);
	assert_int_equal(host_label(&f->a, n, &set, remove, 1, &f->e), 0);
	assert_string_equal(labels_get(&n->labels, "env"), "token");
	labels_set(&set, "bad key", "x");
	assert_int_equal(host_label(&f->a, n, &set, NULL, 0, &f->e), AUTH_E_INVALID);
	labels_done(&set);
}

static void
silence_takes_a_node_off_the_list_and_time_out_of_the_registry(void **state)
{
	struct auth_state *f = *state;
	struct host *n = add(f, 1, "db");
	char uuid[37];

	str_copy(uuid, sizeof(uuid), n->uuid);
	beat(f, n, "x", "y");
	auth_state_ms += HOST_LISTED_S * 1000;
	hosts_sweep(&f->a);
	assert_true(n->online);
	auth_state_ms += 1;
	hosts_sweep(&f->a);
	assert_false(n->online);
	beat(f, n, "x", "y");
	assert_true(n->online);
	auth_state_ms = n->valid_until_ms;
	resources_sweep(&f->a);
	assert_null(host_find(&f->a, uuid));
}

static void
whoever_was_there_is_listed_right_after_a_restart(void **state)
{
	struct auth_state *f = *state;
	struct host *a = add(f, 1, "db"), *b = add(f, 2, "web");

	beat(f, a, "env", "x");
	beat(f, b, "env", "x");
	host_leave(&f->a, b);
	auth_state_close(f);
	auth_state_open(f);
	a = host_find(&f->a, "00000001-0000-4000-8000-000000000000");
	b = host_find(&f->a, "00000002-0000-4000-8000-000000000000");
	assert_true(a->online);
	assert_string_equal(labels_get(&a->labels, "env"), "x");
	assert_false(b->online);
	auth_state_ms += HOST_LISTED_S * 1000 + 1;
	hosts_sweep(&f->a);
	assert_false(a->online); /* it did not come back */
}

static void
a_removed_node_is_cut_off(void **state)
{
	struct auth_state *f = *state;
	struct host *n = add(f, 1, "db");
	char uuid[37];

	str_copy(uuid, sizeof(uuid), n->uuid);
	assert_int_equal(cutoff_get(&f->a, RESOURCE_HOST_CUTOFF, uuid), 0);
	assert_int_equal(host_remove(&f->a, n, &f->e), 0);
	assert_null(host_find(&f->a, uuid));
	assert_true((auth_state_ms / 1000 - SIGNER_BACKDATE_S) * 1000 <
	    cutoff_get(&f->a, RESOURCE_HOST_CUTOFF, uuid));
	auth_state_close(f);
	auth_state_open(f);
	assert_null(host_find(&f->a, uuid));
	assert_true(cutoff_get(&f->a, RESOURCE_HOST_CUTOFF, uuid) > 0);
}

static void
bad_heartbeats_are_refused(void **state)
{
	struct auth_state *f = *state;
	struct host *n = add(f, 1, "db");
	struct labels labels = { 0 };
	struct host_seen seen = { .address = "not an address", .version = "1", .labels = &labels };

	assert_int_equal(host_heartbeat(&f->a, n, &seen, &f->e), AUTH_E_INVALID);
	seen.address = "10.0.0.1:22";
	seen.version = "\x1b[2J";
	assert_int_equal(host_heartbeat(&f->a, n, &seen, &f->e), AUTH_E_INVALID);
	assert_false(n->online);
	seen.version = "1";
	assert_int_equal(host_heartbeat(&f->a, n, &seen, &f->e), 0);
	assert_string_equal(n->address, "10.0.0.1:22");
}

static void
put_role(struct auth_state *f, const char *name)
{
	char key[64];

	str_format(key, sizeof(key), "role/%s", name);
	assert_int_equal(store_put(f->a.store, key, span_str("x"), 0, STORE_ANY, NULL), 0);
	store_deliver(f->a.store);
}

static void
the_ring_keeps_the_latest_changes_and_says_when_one_is_gone(void **state)
{
	struct auth_state *f = *state;
	struct watchers *w = &f->a.watchers;
	const struct change_ref *ref;
	uint64_t first = w->next;

	put_role(f, "a");
	put_role(f, "b");
	assert_true(watchers_get(w, first, &ref));
	assert_string_equal(ref->key, "a");
	assert_true(watchers_get(w, first + 1, &ref));
	assert_string_equal(ref->key, "b");
	assert_int_equal(ref->kind, RESOURCE_ROLE);
	assert_false(watchers_get(w, first + 2, &ref));
	for (int i = 0; i < WATCHERS_RING - 1; i++)
		put_role(f, "c");
	assert_false(watchers_get(w, first, &ref));
	assert_true(watchers_get(w, first + 1, &ref));
	assert_string_equal(ref->key, "b");
}

static void
who_knows_what_is_still_kept_can_go_on_from_there(void **state)
{
	struct auth_state *f = *state;
	struct watchers *w = &f->a.watchers;
	uint64_t first = w->next;

	assert_true(watchers_can_resume(w, w->epoch, first - 1));
	assert_false(watchers_can_resume(w, w->epoch, first)); /* has not happened */
	assert_false(watchers_can_resume(w, "", first - 1));
	assert_false(watchers_can_resume(w, "00000000000000000000000000000000", first - 1));
	for (int i = 0; i < WATCHERS_RING; i++)
		put_role(f, "c");
	assert_true(watchers_can_resume(w, w->epoch, first - 1));
	put_role(f, "c");
	assert_false(watchers_can_resume(w, w->epoch, first - 1));
	assert_true(watchers_can_resume(w, w->epoch, first));
	assert_false(watchers_can_resume(w, w->epoch, UINT64_MAX));
}

static void
what_is_committed_reaches_the_ring(void **state)
{
	struct auth_state *f = *state;
	const struct change_ref *ref;
	uint64_t first = f->a.watchers.next;

	assert_int_equal(store_put(f->a.store, "role/dev", span_str("x"), 0, STORE_ANY, NULL), 0);
	assert_int_equal(store_put(f->a.store, "token/x", span_str("x"), 0, STORE_ANY, NULL), 0);
	assert_int_equal(store_put(f->a.store, "lockout/bob", span_str("x"), 0, STORE_ANY, NULL),
	    0);
	store_deliver(f->a.store);
	assert_int_equal(f->a.watchers.next, first + 2); /* tokens are nobody's business */
	assert_true(watchers_get(&f->a.watchers, first, &ref));
	assert_string_equal(ref->key, "dev");
	assert_true(watchers_get(&f->a.watchers, first + 1, &ref));
	assert_int_equal(ref->kind, RESOURCE_USER);
	assert_string_equal(ref->key, "bob");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, auth_state_free)
	const struct CMUnitTest tests[] = {
		T(a_name_that_several_have_is_refused_unless_one_is_there),
		T(server_labels_win_over_the_tokens_and_those_over_the_nodes_own),
		T(silence_takes_a_node_off_the_list_and_time_out_of_the_registry),
		T(whoever_was_there_is_listed_right_after_a_restart),
		T(a_removed_node_is_cut_off),
		T(bad_heartbeats_are_refused),
		T(the_ring_keeps_the_latest_changes_and_says_when_one_is_gone),
		T(who_knows_what_is_still_kept_can_go_on_from_there),
		T(what_is_committed_reaches_the_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
