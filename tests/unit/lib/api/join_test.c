/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining, renewing and refusals, against a server that issues certificates like authd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/auth_watch.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/sshcert.h"
#include "join_world.h"
#include "proto/auth.async.h"

static void
on_ready(const struct join_identity *id, void *arg)
{
	struct join_world *f = arg;

	f->ready++;
	(void)str_copy(f->uuid, sizeof f->uuid, id->uuid);
}

static void
on_changed(const struct join_identity *id, void *arg)
{
	(void)id;
	((struct join_world *)arg)->changed++;
}

static void
on_refused(const char *why, void *arg)
{
	struct join_world *f = arg;

	f->refused++;
	(void)str_copy(f->why, sizeof f->why, why);
}

static void
begin(struct join_world *f, const char *token, const char *pin)
{
	static const struct join_events events = { on_ready, on_changed, on_refused };
	static const struct policy_label label = { "env", "example" };
	const char *const addresses[] = { f->address ? f->address : "n1.example" };
	struct join_config config = { .kind = "node",
		.state_dir = f->dir,
		.name = "n1",
		.authd = f->target,
		.token = token,
		.ca_pin = pin,
		.labels = &label,
		.n_labels = 1,
		.addresses = addresses,
		.n_addresses = 1 };
	struct err e = { "" };

	if (join_new(&f->join, f->loop, f->rl, &config, &events, f, &e) < 0)
		fail_msg("%s", e.text);
}

static void
until(struct join_world *f, const int *what, int n)
{
	for (int i = 0; i < 3000 && *what < n; i++)
		loop_turn(f->loop, 10);
	assert_true(*what >= n);
}

static void
again(struct join_world *f)
{
	join_free(f->join);
	f->join = NULL;
	f->ready = f->changed = f->refused = 0;
}

/* --- tests ------------------------------------------------------------------------------------------ */

static void
a_host_joins_and_is_itself_after_a_restart(void **state)
{
	struct join_world *f = *state;
	const struct join_identity *id;
	char path[128], uuid[40];
	struct stat st;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	id = join_identity(f->join);
	assert_string_equal(id->cluster, "test");
	assert_string_equal(id->auth_server, "authd.test");
	assert_true(sshkey_is_private(id->host_key));
	assert_true(sshcert_is_cert(id->ssh_host_cert) && sshcert_is_cert(id->tunnel_cert));
	assert_int_equal(id->ca->n_host_ssh, 1);
	assert_int_equal(f->fetches, 1);
	assert_int_equal(f->joins, 1);
	static const char *const files[] = { "tls.key", "tls.crt", "ssh_host_key", "ssh_host_cert",
		"tunnel_cert", "ca_bundle", "uuid" };
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		(void)str_format(path, sizeof path, "%s/%s", f->dir, files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	(void)str_copy(uuid, sizeof uuid, f->uuid);
	again(f);
	join_world_stop(f);
	begin(f, NULL, NULL); /* no token, no pin, no authd: the identity is on disk */
	until(f, &f->ready, 1);
	assert_string_equal(f->uuid, uuid);
	assert_int_equal(f->joins, 1);
}

static void
a_wrong_pin_is_refused_before_the_token_is_sent(void **state)
{
	struct join_world *f = *state;
	char pin[CAPIN_SIZE];

	(void)str_copy(pin, sizeof pin, f->pin);
	pin[10] = pin[10] == 'a' ? 'b' : 'a';
	begin(f, TOKEN, pin);
	until(f, &f->refused, 1);
	assert_non_null(strstr(f->why, "CA pin does not match"));
	assert_int_equal(f->joins, 0);
}

static void
without_a_pin_nothing_is_trusted(void **state)
{
	struct join_world *f = *state;

	begin(f, TOKEN, NULL);
	until(f, &f->refused, 1);
	assert_non_null(strstr(f->why, "CA pin"));
	assert_int_equal(f->fetches, 0);
}

static void
a_used_token_is_a_definite_refusal(void **state)
{
	struct join_world *f = *state;
	struct err e = { "" };

	f->refuse_with = RPC_PERMISSION_DENIED;
	begin(f, TOKEN, f->pin);
	assert_int_equal(join_wait(f->join, NULL, &e), -1);
	assert_string_equal(e.text, "the token was used before: make a new one");
	assert_int_equal(f->refused, 1);
	assert_int_equal(f->joins, 1);
	assert_null(join_identity(f->join));
}

static void
a_host_without_a_token_says_how_to_get_one(void **state)
{
	struct join_world *f = *state;

	begin(f, NULL, f->pin);
	until(f, &f->refused, 1);
	assert_non_null(strstr(f->why, "tctl tokens add"));
}

static void
while_authd_is_away_or_busy_the_host_tries_again(void **state)
{
	struct join_world *f = *state;
	char address[64];

	(void)str_copy(address, sizeof address, f->target);
	join_world_stop(f);
	begin(f, TOKEN, f->pin);
	for (int i = 0; i < 30; i++)
		loop_turn(f->loop, 20);
	assert_int_equal(f->ready + f->refused, 0);
	f->refuse_with = RPC_UNAVAILABLE;
	join_world_serve(f, address);
	until(f, &f->joins, 1);
	f->refuse_with = RPC_OK;
	until(f, &f->ready, 1);
}

/* The file of the state folder, as if it had joined with another token. */
static void
used_another(struct join_world *f)
{
	char path[128];
	struct err e;

	(void)str_format(path, sizeof path, "%s/token_used", f->dir);
	assert_int_equal(file_write(path, 0600, "another", 7, &e), 0);
}

static void
a_new_token_is_tried_until_it_is_answered(void **state)
{
	struct join_world *f = *state;
	char address[64];

	(void)str_copy(address, sizeof address, f->target);
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	again(f);
	used_another(f);
	/* Nobody waits for an authd that is away or busy. */
	f->refuse_with = RPC_UNAVAILABLE;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	assert_int_equal(f->joins, 2);
	join_world_stop(f);
	for (int i = 0; i < 50; i++)
		loop_turn(f->loop, 20);
	f->refuse_with = RPC_OK;
	join_world_serve(f, address);
	until(f, &f->joins, 3);
	until(f, &f->changed, 1);
	assert_int_equal(f->refused, 0);
	/* That was it. */
	again(f);
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	assert_int_equal(f->joins, 3);
	/* Of one that is refused, too. */
	again(f);
	used_another(f);
	f->refuse_with = RPC_PERMISSION_DENIED;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	assert_int_equal(f->joins, 4);
	for (int i = 0; i < 100; i++)
		loop_turn(f->loop, 20);
	assert_int_equal(f->joins, 4);
	assert_int_equal(f->refused, 0);
}

static void
an_identity_is_renewed_while_a_new_token_is_not_answered(void **state)
{
	struct join_world *f = *state;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	again(f);
	used_another(f);
	f->refuse_joins = true;
	/* So that it is due. */
	f->address = "n2.example";
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	until(f, &f->renewals, 1);
}

static void
a_token_of_which_nothing_was_kept_is_not_used(void **state)
{
	struct join_world *f = *state;
	char path[128];

	/* Nothing can be written under that name. */
	(void)str_format(path, sizeof path, "%s/tls.crt", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	begin(f, TOKEN, f->pin);
	until(f, &f->refused, 1);
	assert_int_equal(f->joins, 1);
	(void)str_format(path, sizeof path, "%s/token_used", f->dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void
an_identity_is_renewed_before_it_ends(void **state)
{
	struct join_world *f = *state;
	int64_t until_s;

	f->ttl_s = 4;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	until_s = join_identity(f->join)->valid_until_s;
	f->ttl_s = 3600;
	until(f, &f->changed, 1);
	assert_int_equal(f->joins, 1);
	assert_int_equal(f->renewals, 1);
	assert_true(join_identity(f->join)->valid_until_s > until_s + 3000);
}

static void
another_address_is_in_the_certificates_at_once(void **state)
{
	struct join_world *f = *state;
	struct sshcert *cert;
	struct err e;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	again(f);
	f->address = "N1.example"; /* the same, as names are */
	begin(f, NULL, NULL);
	until(f, &f->ready, 1);
	for (int i = 0; i < 100; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(f->renewals, 0);
	again(f);
	f->address = "n2.example";
	f->refuse_with = RPC_UNAVAILABLE;
	begin(f, NULL, NULL);
	until(f, &f->renewals, 1); /* authd is busy: it asks again, and goes on meanwhile */
	assert_int_equal(f->ready, 1);
	f->refuse_with = RPC_OK;
	until(f, &f->changed, 1);
	assert_int_equal(f->joins, 1);
	assert_int_equal(sshcert_parse(&cert, join_identity(f->join)->ssh_host_cert, &e), 0);
	assert_string_equal(cert->principals[1], "n2.example");
	sshcert_free(cert);
}

static void
an_identity_that_nobody_renewed_is_joined_again(void **state)
{
	struct join_world *f = *state;

	f->ttl_s = 2;
	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	f->refuse_with = RPC_UNAVAILABLE;
	until(f, &f->joins, 2);
	f->ttl_s = 3600;
	f->refuse_with = RPC_OK;
	until(f, &f->joins, 3);
	for (int i = 0;
	     i < 1000 && join_identity(f->join)->valid_until_s < clock_wall_ms() / 1000 + 1000; i++)
		loop_turn(f->loop, 10);
	assert_true(join_identity(f->join)->valid_until_s > clock_wall_ms() / 1000 + 1000);
}

static void
a_new_bundle_is_taken_and_an_older_or_foreign_one_is_not(void **state)
{
	struct join_world *f = *state;
	Auth__CaBundle b = AUTH__CA_BUNDLE__INIT;
	struct buf set, sig;

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	f->generation = 5;
	join_world_bundle(f, &set, &sig);
	join_world_fill_bundle(&b, &set, &sig);
	join_take_bundle(f->join, &b);
	assert_int_equal(f->changed, 1);
	assert_int_equal(join_identity(f->join)->ca->generation, 5);
	join_take_bundle(f->join, &b); /* the same */
	assert_int_equal(f->changed, 1);
	set.data[set.off + 4] ^= 1; /* the signature does not cover this one */
	join_take_bundle(f->join, &b);
	assert_int_equal(f->changed, 1);
	buf_done(&set);
	buf_done(&sig);
	f->generation = 4;
	join_world_bundle(f, &set, &sig);
	join_world_fill_bundle(&b, &set, &sig);
	join_take_bundle(f->join, &b);
	assert_int_equal(f->changed, 1);
	buf_done(&set);
	buf_done(&sig);
}

/* --- what a joined host asks -------------------------------------------------------------------- */

struct asked {
	int done, begun, complete, lost;
	enum rpc_code code;
};

static void
on_beaten(enum rpc_code code, const char *why, const Auth__HeartbeatReply *reply, void *arg)
{
	struct asked *a = arg;

	(void)why;
	assert_int_equal(code == RPC_OK, reply != NULL);
	a->code = code;
	a->done++;
}

static void
on_ask(Auth__WatchRequest *q, void *arg)
{
	(void)q, (void)arg;
}

static void
on_begin(void *arg)
{
	((struct asked *)arg)->begun++;
}

static void
on_update(const Auth__WatchUpdate *u, void *arg)
{
	((struct asked *)arg)->complete += u->complete;
}

static void
on_lost(enum rpc_code code, const char *why, void *arg)
{
	(void)code, (void)why;
	((struct asked *)arg)->lost++;
}

static void
a_joined_host_beats_and_its_watch_survives_authd(void **state)
{
	static const struct auth_watch_events events = { on_ask, on_begin, on_update, on_lost };
	struct join_world *f = *state;
	struct rpc_channel_config config = { .server_name = "authd.test", .keepalive = true };
	Auth__HeartbeatRequest q = AUTH__HEARTBEAT_REQUEST__INIT;
	struct rpc_client *c;
	struct auth_watch *watch;
	struct asked a = { 0 };
	struct err e = { "" };
	char address[64];

	begin(f, TOKEN, f->pin);
	until(f, &f->ready, 1);
	(void)str_copy(address, sizeof address, f->target);
	config.target = join_auth_target(f->join);
	config.identity = join_rpc_identity(f->join);
	assert_int_equal(rpc_client_new(&c, f->rl, &config, &e), 0);
	q.name = "n1";
	auth_heartbeat(c, &q, on_beaten, &a);
	until(f, &a.done, 1);
	assert_int_equal(a.code, RPC_OK);
	q.name = "nobody";
	auth_heartbeat(c, &q, on_beaten, &a);
	until(f, &a.done, 2);
	assert_int_equal(a.code, RPC_NOT_FOUND);
	assert_int_equal(auth_watch_new(&watch, c, &events, &a), 0);
	until(f, &a.complete, 1);
	join_world_stop(f);
	until(f, &a.lost, 1);
	join_world_serve(f, address);
	until(f, &a.complete, 2);
	assert_int_equal(a.begun, 2);
	auth_heartbeat(c, &q, on_beaten, &a); /* not answered before the client goes: no callback */
	auth_watch_free(watch);
	rpc_client_free(c);
	for (int i = 0; i < 20; i++)
		loop_turn(f->loop, 10);
	assert_int_equal(a.done, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_host_joins_and_is_itself_after_a_restart,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(a_wrong_pin_is_refused_before_the_token_is_sent,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(without_a_pin_nothing_is_trusted, join_world_setup,
		    join_world_teardown),
		cmocka_unit_test_setup_teardown(a_used_token_is_a_definite_refusal,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(a_host_without_a_token_says_how_to_get_one,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(while_authd_is_away_or_busy_the_host_tries_again,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(an_identity_is_renewed_before_it_ends,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(another_address_is_in_the_certificates_at_once,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(a_new_token_is_tried_until_it_is_answered,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(
		    an_identity_is_renewed_while_a_new_token_is_not_answered, join_world_setup,
		    join_world_teardown),
		cmocka_unit_test_setup_teardown(a_token_of_which_nothing_was_kept_is_not_used,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(an_identity_that_nobody_renewed_is_joined_again,
		    join_world_setup, join_world_teardown),
		cmocka_unit_test_setup_teardown(
		    a_new_bundle_is_taken_and_an_older_or_foreign_one_is_not, join_world_setup,
		    join_world_teardown),
		cmocka_unit_test_setup_teardown(a_joined_host_beats_and_its_watch_survives_authd,
		    join_world_setup, join_world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
