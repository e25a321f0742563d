/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's connection at the node: signing in, the monitor's word on it, channels of every kind,
 * rights that change while it lasts, and its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "net/ceiling.h"
#include "serve_world.h"

static const struct span nothing = { NULL, 0 };

static void
over(void)
{
	UNTIL(!world->client && list_empty(&world->node.connections));
}

/* --- signing in --------------------------------------------------------------------------------- */

static void
who_signs_in_is_proven_and_forgotten_at_the_end(void **state)
{
	(void)state;
	world_sign_in();
	assert_int_equal(world->monitor.exchanges, 1);
	assert_int_equal(world->monitor.proofs, 1);
	assert_int_equal(ceiling_count(world->node.strangers), 0);
	assert_string_equal(world_conn()->access.user, "alice");
	assert_string_equal(world_conn()->login, "root");
	world_disconnect();
	over();
	UNTIL(world->monitor.forgets == 1);
	assert_int_equal(world_events("client.disconnect"), 1);
	assert_string_equal(world_field("client.disconnect", "user"), "alice");
	assert_string_equal(world_field("client.disconnect", "remote_addr"), "192.0.2.7");
	assert_int_equal(world_events("auth"), 0);
}

/* All that a client asks for behind its login, in one flight with it. */
static void
what_travels_along_with_the_login_waits_for_the_proof(void **state)
{
	(void)state;
	world->monitor.hold_proof = true;
	world->ahead = "c";
	world_sign_in();
	UNTIL(world->chans[0].opened);
	assert_int_equal(world->monitor.starts, 0);
	fake_monitor_answers(true, "");
	UNTIL(world->monitor.starts == 1);
	UNTIL(world->chans[0].yes == 1);
	assert_int_equal(world->chans[0].no, 0);
}

static void
what_travels_along_with_a_refused_login_starts_nothing(void **state)
{
	(void)state;
	world->stranger = true;
	world->ahead = "c";
	world_connect();
	over();
	assert_int_equal(world->monitor.starts, 0);
	assert_int_equal(world->node.n_sessions, 0);
	assert_int_equal(world_events("auth"), 1);
	assert_string_equal(world_field("auth", "reason"), "not of this cluster");
}

static void
a_key_of_nobody_is_written_down_once(void **state)
{
	(void)state;
	world->stranger = true;
	world_connect();
	over();
	assert_false(world->authenticated);
	assert_int_equal(world->monitor.proofs, 0);
	assert_int_equal(world_events("auth"), 1);
	assert_string_equal(world_field("auth", "ok"), "false");
	assert_string_equal(world_field("auth", "reason"), "not of this cluster");
	assert_string_equal(world_field("auth", "login"), "root");
	assert_string_equal(world_field("auth", "user"), "");
	assert_string_equal(world_field("auth", "connection"),
	    "01234567-89ab-4def-8123-456789abcdef");
	assert_int_equal(world_events("client.disconnect"), 0);
}

/* The holder of a certificate of ours reads why. */
static void
a_certificate_that_may_not_is_told_why(void **state)
{
	(void)state;
	world->denied = "access to node-1 as root denied: no role allows it";
	world_connect();
	over();
	assert_false(world->authenticated);
	assert_string_equal(world->goodbye, world->denied);
	assert_int_equal(world_events("auth"), 1);
	assert_string_equal(world_field("auth", "user"), "alice");
	assert_string_equal(world_field("auth", "reason"), world->denied);
}

/* The monitor has the last word, and says it while the client believes to be in. */
static void
what_the_monitor_does_not_believe_is_cut(void **state)
{
	(void)state;
	world->monitor.hold_proof = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	fake_monitor_answers(false, "the signature is of another connection");
	over();
	assert_string_equal(world->goodbye, "the signature is of another connection");
	assert_int_equal(world->monitor.starts, 0);
	assert_int_equal(world_events("auth"), 1);
	assert_string_equal(world_field("auth", "reason"),
	    "the signature is of another connection");
	assert_int_equal(world->node.n_sessions, 0);
	assert_int_equal(world->node.counts.denials[NODE_DENIAL_MONITOR], 1);
}

/* Out as well; but nobody is called to a node whose monitor only lacks news. */
static void
what_the_monitor_cannot_say_is_no_disbelief(void **state)
{
	(void)state;
	world->monitor.cannot_prove = true;
	world_connect();
	over();
	assert_string_equal(world->goodbye, "no news");
	assert_int_equal(world_events("auth"), 1);
	assert_int_equal(world->node.counts.denials[NODE_DENIAL_MONITOR], 0);
	assert_int_equal(world->node.counts.denials[NODE_DENIAL_UNPROVEN], 1);
}

static void
an_exchange_that_the_monitor_does_not_sign_ends(void **state)
{
	(void)state;
	world->monitor.deny_sign = true;
	world_connect();
	over();
	assert_int_equal(world->monitor.exchanges, 1);
	assert_false(world->authenticated);
	assert_int_equal(world_events("client.disconnect"), 0);
}

/* What was asked for meanwhile waits for the proof, all of it. */
static void
sessions_wait_for_the_proof(void **state)
{
	(void)state;
	world->monitor.hold_proof = true;
	world_sign_in();
	for (int i = 0; i < 3; i++) {
		assert_true(world_open(i, "session"));
		assert_true(world_exec(i, "c"));
	}
	world_settle();
	assert_int_equal(world->monitor.starts, 0);
	fake_monitor_answers(true, "");
	UNTIL(world->monitor.starts == 3);
	for (int i = 0; i < 3; i++)
		UNTIL(world_session(i)->state == SESSION_RUNNING);
}

static void
a_client_that_leaves_before_the_proof(void **state)
{
	(void)state;
	world->monitor.hold_proof = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	world_disconnect();
	over();
	fake_monitor_answers(true, ""); /* nobody is there for it any more */
	UNTIL(world->monitor.forgets == 1);
	world_settle();
	assert_int_equal(world->monitor.starts, 0);
}

/* --- its name ------------------------------------------------------------------------------------- */

static void
a_connection_without_a_name_gets_one(void **state)
{
	struct conn_address address = { .client = "192.0.2.8", .server = "192.0.2.1" };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(serve_fd(&world->node, world->host, fds[0], &address), 0);
	assert_true(str_is_uuid(world_conn()->uuid));
	close(fds[1]);
	over();
}

/* How many connections of the address, for the user, are served before one is refused. */
static int
serve_all(const char *client, const char *user)
{
	struct conn_address address = { 0 };
	int served = 0, fds[2];

	str_copy(address.client, sizeof(address.client), client);
	str_copy(address.user, sizeof(address.user), user);
	for (int r = 0; r == 0; served++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
		r = serve_fd(&world->node, world->host, fds[0], &address);
		if (r) {
			close(fds[0]); /* refused: it stayed ours */
			served--;
		}
		close(fds[1]);
		assert_true(served < 1000);
	}
	return served;
}

/* Neither an address nor a user, of whom the proxy says that it is for him, has all the places. */
static void
strangers_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(serve_all("192.0.2.8", "mallory"), 64);
	assert_int_equal(serve_all("192.0.2.9", "mallory"), 0);
	assert_int_equal(serve_all("192.0.2.8", ""), 128 - 64);
	assert_int_equal(serve_all("192.0.2.8", "alice"), 0);
	/* From half of all on by chance, but never who has none yet. */
	for (int i = 0; ceiling_count(world->node.strangers) < 256; i++) {
		char client[32];

		str_format(client, sizeof(client), "192.0.3.%d", i);
		assert_true(serve_all(client, "") > 0);
	}
	assert_int_equal(serve_all("192.0.4.1", "alice"), 0);
	over();
	assert_int_equal(ceiling_count(world->node.strangers), 0);
	assert_int_equal(ceiling_count(world->node.strangers_by_user), 0);
}

/* --- channels --------------------------------------------------------------------------------------- */

static void
kinds_that_are_not_served_are_refused(void **state)
{
	static const struct {
		const char *type, *refusal;
	} rows[] = {
		{ "direct-tcpip", "1 this node forwards no ports" },
		{ "forwarded-tcpip", "3 unknown kind of channel" },
		{ "direct-streamlocal@openssh.com", "3 unknown kind of channel" },
		{ "x11", "3 unknown kind of channel" },
		{ "auth-agent@openssh.com", "3 unknown kind of channel" },
	};

	(void)state;
	world_sign_in();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_false(world_open(0, rows[i].type));
		assert_string_equal(world->chans[0].refusal, rows[i].refusal);
	}
	assert_true(world_open(0, "session"));
}

/* --- rights that change ------------------------------------------------------------------------------ */

static void
a_connection_lives_while_its_rights_do(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	review_again(&world->node.review);
	world_settle();
	assert_int_equal(world_session(0)->state, SESSION_RUNNING);
	assert_int_equal(world->monitor.kills, 0);
}

static void
a_login_that_is_taken_away_ends_what_it_began(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	world->denied = "access to node-1 as root denied: role ops denies it";
	review_again(&world->node.review);
	over();
	assert_string_equal(world->goodbye, world->denied);
	UNTIL(world->monitor.kills == 1);
	fake_monitor_exited(SIGKILL, true);
	UNTIL(world->node.n_sessions == 0);
	assert_string_equal(world_field("session.end", "message"), world->denied);
}

/* A terminal is a right of its own: the rest of the connection goes on. */
static void
a_terminal_that_is_taken_away_ends_alone(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(1, "session"));
	assert_true(world_exec(1, "no terminal"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_true(world_open(0, "session"));
	assert_true(world_pty(0));
	assert_true(world_ask(0, "shell", nothing));
	UNTIL(world_session(1)->state == SESSION_RUNNING);
	world->permit_pty = false;
	review_again(&world->node.review);
	UNTIL(world->monitor.kills == 1);
	fake_monitor_exited(SIGKILL, true);
	UNTIL(world->chans[0].closed);
	assert_non_null(strstr(world->chans[0].out, "ERROR: your roles do not permit a terminal"));
	assert_string_equal(world_field("session.end", "message"),
	    "your roles do not permit a terminal");
	assert_non_null(world->client);
	assert_int_equal(world_session(0)->state, SESSION_RUNNING);
	/* The next one is not even begun. */
	assert_true(world_open(0, "session"));
	assert_true(world_pty(0));
	assert_true(world_ask(0, "shell", nothing));
	UNTIL(world->chans[0].closed);
	assert_int_equal(world->chans[0].status, 254);
}

/* By somebody else: its neighbour on the same connection goes on. */
static void
a_session_that_is_ended_says_why_and_ends_alone(void **state)
{
	(void)state;
	world_sign_in();
	for (int i = 0; i < 2; i++) {
		assert_true(world_open(i, "session"));
		assert_true(world_exec(i, "sleep"));
		UNTIL(world_session(i)->state == SESSION_RUNNING);
	}
	(void)str_copy(world->ended, sizeof(world->ended), world_session(1)->uuid);
	review_again(&world->node.review);
	UNTIL(world->monitor.kills == 1);
	fake_monitor_exited(SIGKILL, true);
	UNTIL(world->chans[1].closed);
	assert_non_null(strstr(world->chans[1].err, "ERROR: this session was ended by carol"));
	assert_string_equal(world_field("session.end", "message"), "this session was ended by carol");
	assert_int_equal(world_session(0)->state, SESSION_RUNNING);
	assert_non_null(world->client);
}

/* Writes until the client, which takes nothing, has its window full and the pipe is, too. */
static void
fill_window(int fd)
{
	static const char text[4096] = "output";
	ssize_t n = 0;

	assert_int_equal(file_set_nonblock(fd), 0);
	while (n >= 0 || ssh_chan_room(world_session(0)->base.chan) > 0) {
		n = write(fd, text, sizeof(text));
		assert_true(loop_turn(world->loop, 1) >= 0);
	}
}

static void
end_as_carol(void)
{
	(void)str_copy(world->ended, sizeof(world->ended), world_session(0)->uuid);
	review_again(&world->node.review);
	UNTIL(world->monitor.kills == 1);
}

/* Whoever does not read what his session says does not keep it: neither when it runs, nor when its process has ended already,
 * also when a child of that still has the output. */
static void
a_session_that_is_ended_ends_though_its_client_does_not_read(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		bool terminal = kind == 1, before = kind >= 2;
		int child = -1;

		world_teardown(NULL);
		world_setup(NULL);
		world_sign_in();
		assert_true(world_open(0, "session"));
		assert_true(!terminal || world_pty(0));
		assert_true(world_exec(0, "yes"));
		UNTIL(world_session(0)->state == SESSION_RUNNING);
		world->chans[0].stalled = true;
		fill_window(world->monitor.out);
		if (kind == 3)
			child = dup(world->monitor.out);
		if (before) {
			fake_monitor_exited(0, false);
			world_settle();
			assert_int_equal(world_session(0)->state, SESSION_DRAINING);
		}
		assert_int_equal(world_events("session.end"), 0);
		end_as_carol();
		/* As often as somebody looks: it is the first time that counts. */
		review_again(&world->node.review);
		if (!before)
			fake_monitor_exited(SIGKILL, true);
		UNTIL(world_events("session.end") == 1);
		assert_string_equal(world_field("session.end", "message"),
		    "this session was ended by carol");
		assert_string_equal(world_field("session.end", "exit_status"), before ? "0" : "255");
		world->chans[0].stalled = false;
		ssh_chan_resume(world->chans[0].chan);
		UNTIL(world->chans[0].closed);
		assert_int_equal(world_events("session.end"), 1);
		if (child >= 0)
			close(child);
	}
}

/* Also one that only waits for the proof. */
static void
what_waits_is_decided_again_too(void **state)
{
	(void)state;
	world->monitor.hold_proof = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_pty(0));
	assert_true(world_ask(0, "shell", nothing));
	assert_int_equal(world_session(0)->state, SESSION_WAITING);
	world->permit_pty = false;
	review_again(&world->node.review);
	UNTIL(world->chans[0].closed);
	assert_int_equal(world->chans[0].status, 254);
	assert_non_null(strstr(world->chans[0].out, "do not permit a terminal"));
	fake_monitor_answers(true, "");
	world_settle();
	assert_int_equal(world->monitor.starts, 0);
}

/* Nobody is judged before he has said who he is. */
static void
strangers_are_not_judged(void **state)
{
	(void)state;
	world_connect();
	world->denied = "no";
	review_again(&world->node.review);
	(void)loop_turn(world->loop, 0);
	assert_int_equal(ceiling_count(world->node.strangers), 1);
	world->denied = NULL;
	UNTIL(world->authenticated);
}

/* --- the end -------------------------------------------------------------------------------------------- */

static void
everybody_is_told_when_the_node_stops(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	serve_cut_all(&world->node, "the node is stopping");
	over();
	assert_string_equal(world->goodbye, "the node is stopping");
	UNTIL(world->monitor.kills == 1);
	fake_monitor_exited(SIGKILL, true);
	UNTIL(world->node.n_sessions == 0);
	assert_string_equal(world_field("session.end", "message"), "the node is stopping");
}

/* A session holds its connection's memory until it is over; sanitizers look. */
static void
a_session_outlives_its_connection(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	world_disconnect();
	over();
	assert_int_equal(world->node.n_sessions, 1);
	review_again(&world->node.review);
	world_settle();
	fake_monitor_exited(0, false);
	UNTIL(world->node.n_sessions == 0);
	assert_string_equal(world_field("session.end", "user"), "alice");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(who_signs_in_is_proven_and_forgotten_at_the_end),
		T(what_travels_along_with_the_login_waits_for_the_proof),
		T(what_travels_along_with_a_refused_login_starts_nothing),
		T(a_key_of_nobody_is_written_down_once),
		T(a_certificate_that_may_not_is_told_why),
		T(what_the_monitor_does_not_believe_is_cut),
		T(what_the_monitor_cannot_say_is_no_disbelief),
		T(an_exchange_that_the_monitor_does_not_sign_ends),
		T(sessions_wait_for_the_proof),
		T(a_client_that_leaves_before_the_proof),
		T(a_connection_without_a_name_gets_one),
		T(strangers_are_bounded),
		T(kinds_that_are_not_served_are_refused),
		T(a_connection_lives_while_its_rights_do),
		T(a_login_that_is_taken_away_ends_what_it_began),
		T(a_terminal_that_is_taken_away_ends_alone),
		T(a_session_that_is_ended_says_why_and_ends_alone),
		T(a_session_that_is_ended_ends_though_its_client_does_not_read),
		T(what_waits_is_decided_again_too),
		T(strangers_are_not_judged),
		T(everybody_is_told_when_the_node_stops),
		T(a_session_outlives_its_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
