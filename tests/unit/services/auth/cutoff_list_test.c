/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed list of cut-offs, with a real store and a real signer: it is there from the start, new
 * with every change, and nobody who was cut off gets in when there are too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/cutoffs.h"
#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/cutoff_list.h"
#include "base/clock.h"
#include "base/str.h"
#include "crypto/rand.h"

struct fixture {
	struct auth a;
	char dir[64];
	struct err e;
};

static void
on_dead(void *arg)
{
	(void)arg;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char db[96], sealed[96], key[96];
	struct signer_options options = { "tele.example.com", sealed, key, NULL };

	str_copy(f->dir, sizeof(f->dir), "/tmp/cutoff-list-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	str_format(db, sizeof(db), "%s/db", f->dir);
	str_format(sealed, sizeof(sealed), "%s/ca.sealed", f->dir);
	str_format(key, sizeof(key), "%s/ca.key", f->dir);
	f->a.now_ms = clock_wall_ms;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(signer_spawn(&options, &f->a.child, &f->e), 0);
	assert_int_equal(loop_new(&f->a.loop), 0);
	if (store_open_sqlite(&f->a.store, db, f->a.loop, &f->e) < 0 ||
	    resources_load(&f->a, &f->e) < 0 || watchers_init(&f->a) < 0 ||
	    signer_client_new(&f->a.signer, f->a.loop, &f->a.child, on_dead, f) < 0 ||
	    cutoff_list_new(&f->a.cutoff_list, &f->a, &f->e) < 0)
		fail_msg("%s", f->e.text);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	cutoff_list_free(f->a.cutoff_list);
	signer_client_free(f->a.signer);
	signer_child_done(&f->a.child);
	watchers_done(&f->a);
	resources_done(&f->a);
	store_close(f->a.store);
	loop_free(f->a.loop);
	snprintf(command, sizeof(command), "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Turns the loop until there is another list. */
static void
next_list(struct fixture *f, struct cutoffs *ret)
{
	uint64_t seen = f->a.watchers.next;
	struct span list;

	for (int i = 0; i < 100; i++) {
		assert_true(loop_turn(f->a.loop, 1000) >= 0);
		list = cutoff_list_get(f->a.cutoff_list);
		if (list.n == 0 || f->a.watchers.next == seen)
			continue;
		assert_int_equal(cutoffs_read(ret, list), 0);
		return;
	}
	fail_msg("no list came");
}

static void
cut(struct fixture *f, const char *user, int64_t before_ms)
{
	struct cutoff c = { .issued_before_ms = before_ms, .revision = STORE_ANY };

	str_copy(c.name, sizeof(c.name), user);
	if (resource_save(&f->a, RESOURCE_CUTOFF, &c, &f->e))
		fail_msg("%s", f->e.text);
}

static void
a_list_is_there_from_the_start_and_new_with_every_change(void **state)
{
	struct fixture *f = *state;
	struct cutoffs list;

	next_list(f, &list);
	assert_int_equal(list.n, 0);
	assert_int_equal(cutoffs_of(&list, "alice"), 0);
	cut(f, "alice", 1234);
	do
		next_list(f, &list);
	while (list.n == 0);
	assert_int_equal(cutoffs_of(&list, "alice"), 1234);
	assert_int_equal(cutoffs_of(&list, "bob"), 0);
	assert_int_equal(resource_remove(&f->a, RESOURCE_CUTOFF, "alice", &f->e), 0);
	do
		next_list(f, &list);
	while (list.n > 0);
	assert_int_equal(cutoffs_of(&list, "alice"), 0);
}

static void
one_for_everybody_is_no_entry_and_counts_for_all(void **state)
{
	struct fixture *f = *state;
	struct cutoffs list;

	next_list(f, &list);
	cut(f, CUTOFF_EVERYBODY, 5000);
	cut(f, "alice", 1234);
	cut(f, "bob", 7000);
	do
		next_list(f, &list);
	while (cutoffs_of(&list, "bob") != 7000);
	assert_int_equal(list.n, 1); /* alice's is covered */
	assert_int_equal(cutoffs_of(&list, "alice"), 5000);
	assert_int_equal(cutoffs_of(&list, "carol"), 5000);
	/* authd's own question. */
	assert_int_equal(cutoff_get(&f->a, RESOURCE_CUTOFF, "carol"), 5000);
	assert_int_equal(cutoff_get(&f->a, RESOURCE_CUTOFF, "bob"), 7000);
	assert_int_equal(cutoff_get(&f->a, RESOURCE_HOST_CUTOFF, "carol"), 0);
}

static void
more_cutoffs_than_fit_cut_everybody_who_is_as_old(void **state)
{
	enum { MANY = 1200, NAME = 60 };
	struct fixture *f = *state;
	struct cutoffs list;
	char name[NAME + 1];

	next_list(f, &list);
	assert_int_equal(resource_begin(&f->a, &f->e), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "user-%055d", i);
		cut(f, name, 1000 + i);
	}
	assert_int_equal(resource_end(&f->a, 0, &f->e), 0);
	do
		next_list(f, &list);
	while (list.everybody_ms == 0);
	assert_true(list.n > 0 && list.n < MANY);
	assert_true(list.entries.n <= CUTOFFS_ENTRIES_MAX);
	/* The latest are in it, each with his own; for all others the latest of the rest counts. */
	assert_int_equal(list.everybody_ms, 1000 + MANY - 1 - (int64_t)list.n);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "user-%055d", i);
		assert_true(cutoffs_of(&list, name) >= 1000 + i);
	}
	assert_int_equal(cutoffs_of(&list, name), 1000 + MANY - 1);
	assert_int_equal(cutoffs_of(&list, "somebody"), list.everybody_ms);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_list_is_there_from_the_start_and_new_with_every_change),
		T(one_for_everybody_is_no_entry_and_counts_for_all),
		T(more_cutoffs_than_fit_cut_everybody_who_is_as_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
