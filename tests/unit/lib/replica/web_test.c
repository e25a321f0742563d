/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Web sessions as proxies and audit daemons know them: which are good, and whose calls they make.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "cluster.h"

#define PROXY "5d2a4b0e-7f2e-4f5c-9a43-0c1d8d1c2b3a"
static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static struct loop *loop;
static struct replica *r;
static int64_t now_s;

/* A user with a session, and the proxy that it is used through; authd is there. */
static int
setup(void **state)
{
	static const char *const roles[] = { "access" };

	(void)state;
	now_s = clock_wall_ms() / 1000;
	assert_int_equal(loop_new(&loop), 0);
	r = cluster_new(loop, NULL, NULL);
	r->connected = true;
	cluster_user(r, "alice", roles, 1);
	cluster_host(r,
	    &(struct replica_host){ .uuid = PROXY, .kind = "proxy", .name = "p", .address = "" });
	cluster_web_session(r, key, "alice", now_s - 60, (now_s + 3600) * 1000);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	replica_free(r);
	loop_free(loop);
	return 0;
}

static enum rpc_code
call(const char *with, struct rpc_peer *ret)
{
	struct err e;

	*ret = (struct rpc_peer){ .who = RPC_PROXY, .name = PROXY, .issued_s = now_s - 60 };
	return replica_web_peer(r, with, ret, &e);
}

/* As a call and as something that lasts. */
static void
has_ended(void)
{
	struct rpc_peer peer;
	struct err e;

	assert_int_equal(replica_check_web(r, key, NULL, &e), REPLICA_E_CUT);
	assert_int_equal(call(key, &peer), RPC_UNAUTHENTICATED);
	assert_int_equal(peer.who, RPC_PROXY);
}

static void
a_call_in_a_session_is_its_users(void **state)
{
	const struct replica_web_session *s;
	struct rpc_peer peer;
	struct err e;

	(void)state;
	assert_int_equal(replica_check_web(r, key, &s, &e), 0);
	assert_string_equal(s->user, "alice");
	assert_int_equal(call(key, &peer), RPC_OK);
	assert_int_equal(peer.who, RPC_USER);
	assert_string_equal(peer.name, "alice");
	assert_int_equal(peer.issued_s, now_s - 60);
	assert_int_equal(peer.expires_s, now_s + 3600);
}

static void
a_session_ends_when_authd_says_so(void **state)
{
	(void)state;
	replica_remove(r, REPLICA_WEB_SESSION, key);
	has_ended();
}

static void
a_session_ends_with_its_time(void **state)
{
	(void)state;
	cluster_web_session(r, key, "alice", now_s - 60, now_s * 1000 - 1);
	has_ended();
}

static void
a_session_ends_with_its_user(void **state)
{
	(void)state;
	replica_remove(r, REPLICA_USER, "alice");
	has_ended();
}

static void
a_session_ends_with_a_cut_off_and_not_with_an_older_one(void **state)
{
	struct err e;

	(void)state;
	cluster_cutoff(r, REPLICA_CUTOFF, "alice", (now_s - 60) * 1000);
	assert_int_equal(replica_check_web(r, key, NULL, &e), 0);
	cluster_cutoff(r, REPLICA_CUTOFF, "alice", (now_s - 59) * 1000);
	has_ended();
	/* What is lost cuts every session. */
	cluster_garbage(r, REPLICA_CUTOFF, "alice");
	has_ended();
}

static void
a_session_that_cannot_be_decoded_is_none(void **state)
{
	(void)state;
	cluster_garbage(r, REPLICA_WEB_SESSION, key);
	has_ended();
}

/* It would be found where another is asked for. */
static void
a_session_under_another_key_is_none(void **state)
{
	static const char other[] =
	    "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	Auth__LiveWebSession m = AUTH__LIVE_WEB_SESSION__INIT;
	struct rpc_peer peer;
	struct buf b;

	(void)state;
	m.key = key;
	m.user = "alice";
	m.expires = (now_s + 3600) * 1000;
	cluster_pack(&b, &m.base);
	replica_put(r, REPLICA_WEB_SESSION, other, buf_span(&b));
	buf_done(&b);
	assert_int_equal(call(other, &peer), RPC_UNAUTHENTICATED);
}

static void
a_session_is_good_only_at_the_address_that_it_is_pinned_to(void **state)
{
	const struct replica_web_session *s = NULL;
	Auth__LiveWebSession m = AUTH__LIVE_WEB_SESSION__INIT;
	struct rpc_peer peer;
	struct buf b;
	struct err e;

	(void)state;
	assert_int_equal(replica_check_web_at(r, key, "192.0.2.2", &s, &e), 0);
	m.key = key;
	m.user = "alice";
	m.valid_after_s = now_s - 60;
	m.expires = (now_s + 3600) * 1000;
	m.pinned_to = "192.0.2.1";
	cluster_pack(&b, &m.base);
	replica_put(r, REPLICA_WEB_SESSION, key, buf_span(&b));
	buf_done(&b);

	assert_int_equal(replica_check_web_at(r, key, "192.0.2.1", &s, &e), 0);
	assert_string_equal(s->user, "alice");
	s = NULL;
	assert_int_equal(replica_check_web_at(r, key, "192.0.2.2", &s, &e), REPLICA_E_CUT);
	assert_null(s);
	assert_string_equal(e.text, rpc_pinned_text);
	assert_int_equal(replica_check_web_at(r, key, "", NULL, &e), REPLICA_E_CUT);

	peer = (struct rpc_peer){ .who = RPC_PROXY,
		.name = PROXY,
		.issued_s = now_s - 60,
		.address = "ipv4:192.0.2.1:5555" };
	assert_int_equal(replica_web_peer(r, key, &peer, &e), RPC_OK);
	assert_int_equal(call(key, &peer), RPC_UNAUTHENTICATED);
}

/* It may be new. */
static void
a_session_that_is_not_known_while_authd_is_away_is_to_try_again(void **state)
{
	struct rpc_peer peer;

	(void)state;
	r->connected = false;
	assert_int_equal(call(key, &peer), RPC_OK);
	assert_int_equal(call("0", &peer), RPC_UNAVAILABLE);
	r->connected = true;
	assert_int_equal(call("0", &peer), RPC_UNAUTHENTICATED);
}

static void
a_proxy_that_was_removed_makes_no_calls(void **state)
{
	struct rpc_peer peer;

	(void)state;
	/* One that has joined again has another certificate. */
	cluster_cutoff(r, REPLICA_HOST_CUTOFF, PROXY, (now_s - 60) * 1000);
	assert_int_equal(call(key, &peer), RPC_OK);
	cluster_cutoff(r, REPLICA_HOST_CUTOFF, PROXY, now_s * 1000);
	assert_int_equal(call(key, &peer), RPC_UNAUTHENTICATED);
	assert_int_equal(peer.who, RPC_PROXY);
	replica_remove(r, REPLICA_HOST, PROXY);
	r->connected = false;
	assert_int_equal(call(key, &peer), RPC_UNAUTHENTICATED);
	replica_remove(r, REPLICA_HOST_CUTOFF, PROXY);
	/* While authd is away it may be new. */
	assert_int_equal(call(key, &peer), RPC_UNAVAILABLE);
	r->connected = true;
	assert_int_equal(call(key, &peer), RPC_UNAUTHENTICATED);
	assert_int_equal(peer.who, RPC_PROXY);
}

/* Not for ever. */
static void
a_locked_proxy_is_to_try_again(void **state)
{
	struct rpc_peer peer;

	(void)state;
	cluster_lock(r, "l", "", PROXY);
	assert_int_equal(call(key, &peer), RPC_UNAVAILABLE);
	replica_remove(r, REPLICA_LOCK, "l");
	assert_int_equal(call(key, &peer), RPC_OK);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_call_in_a_session_is_its_users),
		T(a_session_ends_when_authd_says_so),
		T(a_session_ends_with_its_time),
		T(a_session_ends_with_its_user),
		T(a_session_ends_with_a_cut_off_and_not_with_an_older_one),
		T(a_session_that_cannot_be_decoded_is_none),
		T(a_session_under_another_key_is_none),
		T(a_session_is_good_only_at_the_address_that_it_is_pinned_to),
		T(a_session_that_is_not_known_while_authd_is_away_is_to_try_again),
		T(a_proxy_that_was_removed_makes_no_calls),
		T(a_locked_proxy_is_to_try_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
