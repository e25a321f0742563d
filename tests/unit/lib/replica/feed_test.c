/* SPDX-License-Identifier: Apache-2.0 */
/* The stream from authd: a real gRPC server that answers Watch as the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "cluster.h"
#include "proto/auth.server.h"

enum { TURNS = 500 };

static struct loop *loop;
static struct rpc_loop *rl;
static struct rpc_server *server;
static struct rpc_client *client;
static struct replica *r;
static struct rpc_call *watch; /* the stream that is open */
static char dir[64], path[128], target[160];
static int asked, begun;
static char asked_kinds[256], asked_epoch[64];
static uint64_t asked_after;

static const struct policy_role dev = { .name = "dev" }, ops = { .name = "ops" };

/* --- authd -------------------------------------------------------------------------------- */

static void
on_watch(struct rpc_call *call, const Auth__WatchRequest *q)
{
	asked++;
	watch = call;
	asked_kinds[0] = '\0';
	for (size_t i = 0; i < q->n_kinds; i++) {
		size_t at = strlen(asked_kinds);

		str_format(asked_kinds + at, sizeof(asked_kinds) - at, "%s,", q->kinds[i]);
	}
	str_copy(asked_epoch, sizeof(asked_epoch), q->epoch);
	asked_after = q->after;
}

static void
on_watch_closed(struct rpc_call *call, const struct rpc_status *status)
{
	(void)status;
	if (watch == call)
		watch = NULL;
}

static void
on_other(struct rpc_call *call, const void *message)
{
	(void)message;
	rpc_finish(call, RPC_UNIMPLEMENTED, "%s", "not here");
}

static void
serve(void)
{
	static const struct rpc_row served = AUTH_METHOD(Watch, RPC_LOCAL, on_watch,
	    .closed = on_watch_closed);
	static struct rpc_method others[64];
	static struct rpc_row rows[64];
	const ProtobufCServiceDescriptor *d = &auth__auth__descriptor;
	struct rpc_server_config config = { .cluster = "test" };
	struct err e;

	/* What this test does not serve has rows too, as every method must. */
	for (unsigned i = 0; i < d->n_methods; i++) {
		others[i] = (struct rpc_method){ d, d->methods[i].name, RPC_UNARY };
		rows[i] = (struct rpc_row){ &others[i], RPC_LOCAL, { .message = on_other } };
		if (strcmp(others[i].name, "Watch") == 0)
			rows[i] = served;
	}
	assert_int_equal(rpc_server_new(&server, rl, &config), 0);
	assert_int_equal(auth_serve_rows(server, rows, d->n_methods, NULL), 0);
	assert_int_equal(rpc_server_listen_local(server, path, &e), 0);
	rpc_server_start(server);
}

static void
say(const char *kind, const char *key, struct span value, uint64_t revision)
{
	Auth__WatchUpdate u = AUTH__WATCH_UPDATE__INIT;

	u.kind = kind;
	u.key = key;
	u.value = (ProtobufCBinaryData){ value.n, (uint8_t *)(uintptr_t)value.p };
	u.revision = revision;
	auth_watch_push(watch, &u);
}

static void
say_role(const struct policy_role *role, uint64_t revision)
{
	struct buf b;

	cluster_pack_role(&b, role);
	say("role", role->name, buf_span(&b), revision);
	buf_done(&b);
}

static void
say_removed(const char *kind, const char *key, uint64_t revision)
{
	Auth__WatchUpdate u = AUTH__WATCH_UPDATE__INIT;

	u.kind = kind;
	u.key = key;
	u.removed = true;
	u.revision = revision;
	auth_watch_push(watch, &u);
}

static void
say_epoch(const char *epoch)
{
	Auth__WatchUpdate u = AUTH__WATCH_UPDATE__INIT;

	u.epoch = epoch;
	auth_watch_push(watch, &u);
}

static void
say_complete(uint64_t revision)
{
	Auth__WatchUpdate u = AUTH__WATCH_UPDATE__INIT;

	u.complete = true;
	u.revision = revision;
	auth_watch_push(watch, &u);
}

/* --- the world -------------------------------------------------------------------------------- */

static void
on_changed(enum replica_kind kind, const char *key, void *arg)
{
	(void)kind, (void)key, (void)arg;
}

static void
on_begun(void *arg)
{
	(void)arg;
	begun++;
}

static void
until_asked(int n)
{
	for (int i = 0; i < TURNS && (asked < n || !watch); i++)
		loop_turn(loop, 100);
	assert_int_equal(asked, n);
}

static enum subject_role
role(const char *name)
{
	const struct policy_role *found;

	return replica_role(r, name, &found);
}

static void
until_role(const char *name, enum subject_role what)
{
	for (int i = 0; i < TURNS && role(name) != what; i++)
		loop_turn(loop, 100);
	assert_int_equal(role(name), what);
}

static int
setup(void **state)
{
	static const struct replica_events events = { .changed = on_changed, .begun = on_begun };
	struct replica_config config = { .kinds = REPLICA_BIT(REPLICA_ROLE) |
		    REPLICA_BIT(REPLICA_CUTOFF) };
	struct rpc_channel_config c = { .target = target };
	struct err e;

	(void)state;
	asked = begun = 0;
	watch = NULL;
	str_copy(dir, sizeof(dir), "/tmp/sp-feed-XXXXXX");
	assert_non_null(mkdtemp(dir));
	str_format(path, sizeof(path), "%s/authd.sock", dir);
	str_format(target, sizeof(target), "unix:%s", path);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(rpc_loop_new(&rl, loop), 0);
	serve();
	config.loop = loop;
	assert_int_equal(rpc_client_new(&client, rl, &c, &e), 0);
	assert_int_equal(replica_new(&r, &config, &events, NULL), 0);
	assert_int_equal(replica_start(r, client, NULL, &e), 0);
	until_asked(1);
	return 0;
}

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

static int
teardown(void **state)
{
	bool down = false;

	(void)state;
	replica_free(r);
	rpc_client_free(client);
	rpc_server_stop(server, 0, on_stopped, &down);
	while (!down)
		loop_turn(loop, 100);
	rpc_server_free(server);
	rpc_loop_free(rl);
	loop_free(loop);
	unlink(path);
	rmdir(dir);
	return 0;
}

/* A whole snapshot with dev and ops, at revision 10. */
static void
snapshot(const char *epoch)
{
	say_epoch(epoch);
	say_role(&dev, 0);
	say_role(&ops, 0);
	say_complete(10);
	for (int i = 0; i < TURNS && (!replica_is_known(r) || r->filling); i++)
		loop_turn(loop, 100);
	assert_true(replica_is_known(r));
}

static void
break_stream(void)
{
	rpc_finish(watch, RPC_UNAVAILABLE, "%s", "away for a moment");
	watch = NULL;
}

/* --- tests --------------------------------------------------------------------------------------- */

static void
the_first_stream_asks_for_everything_of_its_kinds(void **state)
{
	(void)state;
	assert_string_equal(asked_kinds, "role,cutoff,");
	assert_string_equal(asked_epoch, "");
	say_epoch("e1");
	say_role(&dev, 0);
	until_role("dev", SUBJECT_ROLE_FOUND);
	assert_false(replica_is_known(r)); /* not before it is complete */
	assert_int_equal(begun, 1);
	say_complete(10);
	for (int i = 0; i < TURNS && !replica_is_known(r); i++)
		loop_turn(loop, 100);
	assert_true(replica_is_known(r));
	say_removed("role", "dev", 11);
	until_role("dev", SUBJECT_ROLE_NONE);
}

static void
a_stream_that_broke_goes_on_where_it_ended(void **state)
{
	(void)state;
	snapshot("e1");
	say_removed("role", "dev", 12);
	until_role("dev", SUBJECT_ROLE_NONE);
	break_stream();
	until_asked(2);
	assert_string_equal(asked_epoch, "e1");
	assert_int_equal(asked_after, 12);
	/* No epoch: what is not named stays. */
	say_role(&dev, 13);
	say_complete(13);
	until_role("dev", SUBJECT_ROLE_FOUND);
	assert_int_equal(role("ops"), SUBJECT_ROLE_FOUND);
	break_stream();
	until_asked(3);
	assert_int_equal(asked_after, 13);
}

static void
what_a_new_snapshot_does_not_name_is_gone(void **state)
{
	(void)state;
	snapshot("e1");
	break_stream();
	until_asked(2);
	say_epoch("e2");
	say_role(&dev, 0);
	say_complete(3);
	until_role("ops", SUBJECT_ROLE_NONE);
	assert_int_equal(role("dev"), SUBJECT_ROLE_FOUND);
	break_stream();
	until_asked(3);
	assert_string_equal(asked_epoch, "e2");
	assert_int_equal(asked_after, 3);
}

/* Half of it is no base for "what changed since". */
static void
a_snapshot_that_broke_is_asked_for_again_as_a_whole(void **state)
{
	(void)state;
	snapshot("e1");
	break_stream();
	until_asked(2);
	say_epoch("e2");
	say_removed("role", "ops", 0);
	until_role("ops", SUBJECT_ROLE_NONE);
	break_stream();
	until_asked(3);
	assert_string_equal(asked_epoch, "");
	assert_int_equal(role("dev"), SUBJECT_ROLE_FOUND); /* known, and not contradicted */
}

static void
after_a_loss_everything_is_asked_for_again(void **state)
{
	static const uint8_t garbage[] = { 0x0a, 0xff, 0xff };

	(void)state;
	snapshot("e1");
	say("role", "dev", (struct span){ garbage, sizeof(garbage) }, 11);
	until_role("dev", SUBJECT_ROLE_LOST);
	break_stream();
	until_asked(2);
	assert_string_equal(asked_epoch, "");
	snapshot("e1");
	until_role("dev", SUBJECT_ROLE_FOUND);
	break_stream();
	until_asked(3);
	assert_string_equal(asked_epoch, "e1");
}

static void
kinds_that_were_not_asked_for_are_not_kept(void **state)
{
	(void)state;
	snapshot("e1");
	say("host", "u1", (struct span){ NULL, 0 }, 11);
	say("frobnicate", "x", (struct span){ NULL, 0 }, 12);
	say_removed("role", "dev", 13);
	until_role("dev", SUBJECT_ROLE_NONE);
	assert_null(replica_host(r, "u1"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_stream_asks_for_everything_of_its_kinds),
		TEST(a_stream_that_broke_goes_on_where_it_ended),
		TEST(what_a_new_snapshot_does_not_name_is_gone),
		TEST(a_snapshot_that_broke_is_asked_for_again_as_a_whole),
		TEST(after_a_loss_everything_is_asked_for_again),
		TEST(kinds_that_were_not_asked_for_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
