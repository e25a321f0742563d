/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the connections of one user may have together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ssh/allowance.h"
#include "ssh/ssh_priv.h"
#include "ssh_pair.h"

enum { MIB = 1024 * 1024 };

/* What all windows of a user's connections promise stays bounded: there may be a thousand. */
static void
connections_of_one_user_share_an_allowance(void **state)
{
	enum { CONNECTIONS = 100, MANY = 8 * MIB };
	static struct pair p[CONNECTIONS];
	static struct end ends[CONNECTIONS + 1];
	struct ssh_allowances *all;
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(ssh_allowances_new(&all, CONNECTIONS), 0);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct ssh_allowance *of = ssh_allowances_take(all, "alice");

		pair_init(&p[i]);
		p[i].server_config.window_in = MANY;
		pair_login(&p[i]);
		ssh_join_allowance(p[i].server, of);
		end_init(&ends[i]);
		ends[i].chan = ssh_chan_open(p[i].client, "session", pair_span(""),
		    &pair_chan_events, &ends[i]);
		pair_run(&p[i]);
		sum += ends[i].chan->peer_window;
		assert_true(ends[i].chan->peer_window >= 64 * 1024);
		assert_int_equal(of->channels, i + 1);
		assert_int_equal(of->promised, sum);
	}
	assert_int_equal(ends[0].chan->peer_window, MANY);
	assert_true(sum <= 256 * MIB + CONNECTIONS * 64 * 1024);
	/* Nor more channels than all of them may have. */
	end_init(&ends[CONNECTIONS]);
	ends[CONNECTIONS].chan = ssh_chan_open(p[0].client, "session", pair_span(""),
	    &pair_chan_events, &ends[CONNECTIONS]);
	pair_run(&p[0]);
	assert_true(ends[CONNECTIONS].refused);
	struct ssh_allowance *left = ssh_allowances_take(all, "alice");
	for (int i = 0; i < CONNECTIONS; i++) {
		pair_done(&p[i]);
		ssh_allowances_give(all, left);
	}
	assert_int_equal(left->promised + left->channels + left->grown, 0);
	ssh_allowances_give(all, left);
	ssh_allowances_free(all);
}

static void
another_user_has_his_own(void **state)
{
	struct ssh_allowances *all;
	struct ssh_allowance *alice, *bob;

	(void)state;
	assert_int_equal(ssh_allowances_new(&all, 0), 0);
	alice = ssh_allowances_take(all, "alice");
	bob = ssh_allowances_take(all, "bob");
	assert_ptr_not_equal(alice, bob);
	assert_ptr_equal(ssh_allowances_take(all, "alice"), alice);
	ssh_allowances_give(all, alice);
	ssh_allowances_give(all, bob);
	ssh_allowances_give(all, alice);
	ssh_allowances_give(all, NULL);
	ssh_allowances_free(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_of_one_user_share_an_allowance),
		cmocka_unit_test(another_user_has_his_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
