/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session at the node: what a client may ask for and when, what is written down of it, and its end
 * in every state, over a real SSH connection and a monitor that the test plays.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "node/share.h"
#include "serve_world.h"

static const struct span nothing = { NULL, 0 };

static struct fake_monitor *
monitor(void)
{
	return &world->monitor;
}

static void
process_writes(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* A command that runs. */
static void
start(const char *command)
{
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, command));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
}

static void
start_terminal(void)
{
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_pty(0));
	assert_true(world_ask(0, "shell", nothing));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
}

/* --- a life ------------------------------------------------------------------------------------- */

static void
a_command_from_its_request_to_session_end(void **state)
{
	struct client_chan *c = &world->chans[0];
	char text[8] = "";

	(void)state;
	start("make world");
	assert_string_equal(monitor()->command, "make world");
	assert_int_equal(monitor()->start.kind, MON_KIND_EXEC);
	assert_string_equal(monitor()->start.client_address, "192.0.2.7");
	assert_int_equal(world_live_files(), 1);
	assert_int_equal(world_events("session.start"), 1);
	assert_int_equal(ssh_chan_write(c->chan, 0, "input", 5), 5);
	ssh_chan_eof(c->chan);
	world_settle();
	assert_int_equal(read(monitor()->in, text, sizeof(text)), 5);
	assert_string_equal(text, "input");
	assert_int_equal(read(monitor()->in, text, sizeof(text)), 0); /* its end of input */
	process_writes(monitor()->out, "all is well");
	process_writes(monitor()->err, "a warning");
	fake_monitor_exited(3, false);
	UNTIL(c->closed);
	assert_string_equal(c->out, "all is well");
	assert_string_equal(c->err, "a warning");
	assert_true(c->has_status && c->status == 3);
	assert_string_equal(world_recorded(), "all is well");
	assert_int_equal(world_events("session.end"), 1);
	assert_int_equal(world_events("exec"), 1);
	assert_string_equal(world_field("exec", "ok"), "false");
	assert_string_equal(world_field("exec", "command"), "make world");
	assert_string_equal(world_field("session.end", "exit_status"), "3");
	assert_string_equal(world_field("session.end", "rx"), "5");
	assert_string_equal(world_field("session.end", "tx"), "20");
	assert_string_equal(world_field("session.end", "user"), "alice");
	assert_string_equal(world_field("session.end", "login"), "root");
	assert_string_equal(world_field("session.end", "connection"),
	    "01234567-89ab-4def-8123-456789abcdef");
	assert_string_equal(world_field("session.start", "kind"), "exec");
	assert_int_equal(world_live_files(), 0);
	UNTIL(!world_session(0)); /* the client's CLOSE comes last */
	assert_int_equal(world->node.n_sessions, 0);
}

static void
a_terminal_has_its_size_and_ends_when_its_process_does(void **state)
{
	struct client_chan *c = &world->chans[0];
	struct winsize size;

	(void)state;
	start_terminal();
	assert_int_equal(monitor()->start.kind, MON_KIND_SHELL);
	assert_true(monitor()->start.pty);
	assert_int_equal(monitor()->start.cols, 80);
	assert_true(world_window(0, 132, 43));
	assert_int_equal(ioctl(monitor()->in, TIOCGWINSZ, &size), 0);
	assert_true(size.ws_col == 132 && size.ws_row == 43);
	process_writes(monitor()->out, "$ ");
	UNTIL(c->n_out == 2);
	/* Somebody who holds the terminal for ever does not hold the session. */
	int held = dup(monitor()->in);
	fake_monitor_exited(SIGKILL, true);
	UNTIL(c->closed);
	assert_string_equal(c->signal, "KILL");
	assert_string_equal(world_field("session.end", "exit_status"), "255");
	assert_string_equal(world_field("session.end", "exit_signal"), "KILL");
	assert_int_equal(world_events("exec"), 0);
	close(held);
}

/* Without a terminal the end is when nobody has the output open any more. */
static void
output_that_comes_after_the_exit_is_still_sent(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	start("daemon &");
	int child = dup(monitor()->out);
	fake_monitor_exited(0, false);
	UNTIL(world_session(0)->state == SESSION_DRAINING);
	world_settle();
	assert_false(c->closed);
	assert_int_equal(world_events("session.end"), 0);
	process_writes(child, "late");
	UNTIL(c->n_out == 4);
	world_settle();
	assert_false(c->closed);
	process_writes(child, "r");
	UNTIL(c->n_out == 5);
	close(child);
	UNTIL(c->closed);
	assert_true(c->has_status && c->status == 0);
	assert_string_equal(world_recorded(), "later");
}

/* A client that does not read stops the process, and nothing is lost. */
static void
a_slow_client_gets_everything(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	start("yes");
	c->stalled = true;
	process_writes(monitor()->out, "abc");
	fake_monitor_exited(0, false);
	world_settle();
	assert_false(c->closed);
	c->stalled = false;
	ssh_chan_resume(c->chan);
	UNTIL(c->closed);
	assert_string_equal(c->out, "abc");
}

/* --- odd orders --------------------------------------------------------------------------------- */

static void
one_program_a_session(void **state)
{
	(void)state;
	start("first");
	assert_false(world_exec(0, "second"));
	assert_false(world_ask(0, "shell", nothing));
	assert_false(world_pty(0));
	assert_false(world_env(0, "A", "b"));
	assert_int_equal(monitor()->starts, 1);
	assert_string_equal(monitor()->command, "first");
}

/* The first counts also while the monitor still thinks. */
static void
a_second_program_before_the_first_is_there(void **state)
{
	(void)state;
	monitor()->hold_start = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "first"));
	UNTIL(monitor()->starts == 1);
	assert_false(world_exec(0, "second"));
	assert_false(world_env(0, "A", "b"));
	fake_monitor_answers(true, "");
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_int_equal(monitor()->starts, 1);
}

static void
a_window_change_needs_a_terminal_and_may_be_early(void **state)
{
	struct winsize size;

	(void)state;
	monitor()->hold_start = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_false(world_window(0, 1, 1));
	assert_true(world_pty(0));
	assert_false(world_pty(0)); /* one is enough */
	assert_true(world_window(0, 90, 30));
	assert_true(world_ask(0, "shell", nothing));
	UNTIL(monitor()->starts == 1);
	assert_int_equal(monitor()->start.cols, 90);
	assert_true(world_window(0, 100, 40)); /* the monitor has the old one */
	fake_monitor_answers(true, "");
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_int_equal(ioctl(monitor()->in, TIOCGWINSZ, &size), 0);
	assert_true(size.ws_col == 100 && size.ws_row == 40);
}

static void
malformed_requests_are_refused(void **state)
{
	static const char *const names[] = { "pty-req", "env", "shell", "exec", "subsystem",
		"window-change", "signal" };

	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_false(world_ask(0, names[i], (struct span){ (const uint8_t *)"\0\0\1", 3 }));
	assert_false(world_ask(0, "x11-req", nothing));
	assert_false(world_ask(0, "auth-agent-req@openssh.com", nothing));
	assert_int_equal(world_session(0)->state, SESSION_OPEN);
	assert_true(world_exec(0, "still possible"));
}

static void
the_environment_is_bounded(void **state)
{
	char value[3000], name[16];

	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	assert_true(world_env(0, "LANG", "C.UTF-8"));
	assert_false(world_env(0, "A=B", "x"));
	assert_true(world_env(0, "B1", value));
	assert_true(world_env(0, "B2", value));
	assert_false(world_env(0, "B3", value)); /* 8 KiB in all */
	for (int i = 0; i < MON_ENV_MAX - 3; i++) {
		str_format(name, sizeof(name), "N%d", i);
		assert_true(world_env(0, name, "1"));
	}
	assert_false(world_env(0, "ONE_MORE", "1"));
	assert_true(world_exec(0, "env"));
	UNTIL(monitor()->starts == 1);
	assert_int_equal(monitor()->start.n_env, MON_ENV_MAX);
	assert_true(str_starts(monitor()->env, "LANG=C.UTF-8 "));
}

static void
bytes_that_end_a_text_are_no_part_of_an_environment(void **state)
{
	struct buf b;

	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	buf_init(&b, 64);
	wire_put_string(&b, (struct span){ (const uint8_t *)"A\0B", 3 });
	wire_put_text(&b, "x");
	assert_false(world_ask(0, "env", buf_span(&b)));
	buf_reset(&b);
	wire_put_text(&b, "A");
	wire_put_string(&b, (struct span){ (const uint8_t *)"x\0LD_PRELOAD=y", 14 });
	assert_false(world_ask(0, "env", buf_span(&b)));
	buf_reset(&b);
	wire_put_string(&b, (struct span){ (const uint8_t *)"ls\0 -l", 6 });
	assert_false(world_ask(0, "exec", buf_span(&b)));
	buf_done(&b);
	assert_int_equal(monitor()->starts, 0);
}

/* As long as the system takes it, in one packet; a byte more is refused in words. */
static void
a_command_that_is_too_long(void **state)
{
	static char command[MON_COMMAND_MAX + 2];
	struct client_chan *c = &world->chans[0];

	(void)state;
	world_sign_in();
	memset(command, 'x', sizeof(command) - 1);
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, command));
	UNTIL(c->closed);
	assert_non_null(strstr(c->err, "ERROR: the command is too long: 131072 bytes"));
	assert_true(c->has_status && c->status == 254);
	assert_int_equal(monitor()->starts, 0);
	assert_int_equal(world_events("session.reject"), 1);
	assert_in_range(strlen(world_field("session.reject", "command")), 1000, 1024);
	command[MON_COMMAND_MAX] = '\0';
	assert_true(world_open(1, "session"));
	assert_true(world_exec(1, command));
	UNTIL(monitor()->starts == 1);
	assert_int_equal(monitor()->start.command.n, MON_COMMAND_MAX);
}

static void
signals_and_breaks_are_for_what_runs(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 64);
	ssh_text_put(&b, "INT");
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_false(world_ask(0, "signal", buf_span(&b)));
	assert_true(world_exec(0, "sleep"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_true(world_ask(0, "signal", buf_span(&b)));
	assert_false(world_ask(0, "break", buf_span(&b))); /* no terminal */
	buf_reset(&b);
	ssh_text_put(&b, "NONSENSE");
	assert_false(world_ask(0, "signal", buf_span(&b)));
	buf_done(&b);
	UNTIL(monitor()->n_signals == 1);
	assert_int_equal(monitor()->signals[0], SIGINT);
}

/* Input that comes before the process waits for it, and so does its end. */
static void
input_before_the_process_is_kept(void **state)
{
	struct client_chan *c = &world->chans[0];
	char text[8] = "";

	(void)state;
	monitor()->hold_start = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "cat"));
	assert_int_equal(ssh_chan_write(c->chan, 0, "early", 5), 5);
	ssh_chan_eof(c->chan);
	UNTIL(monitor()->starts == 1);
	world_settle();
	fake_monitor_answers(true, "");
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	world_settle();
	assert_int_equal(read(monitor()->in, text, sizeof(text)), 5);
	assert_string_equal(text, "early");
	assert_int_equal(read(monitor()->in, text, sizeof(text)), 0);
}

/* --- what may not be ------------------------------------------------------------------------------ */

static void
refused(const char *why, bool begun)
{
	struct client_chan *c = &world->chans[0];

	UNTIL(c->closed);
	assert_true(c->has_status && c->status == 254);
	assert_true(str_starts(c->n_err ? c->err : c->out, "ERROR: "));
	assert_non_null(strstr(c->n_err ? c->err : c->out, why));
	assert_non_null(strstr(world_field("session.reject", "reason"), why));
	assert_int_equal(world_events("session.reject"), 1);
	/* What the monitor was asked is written down before. */
	assert_int_equal(world_events("session.start"), begun);
	assert_int_equal(world_events("session.end"), begun);
	assert_int_equal(world_live_files(), 0);
	UNTIL(world->node.n_sessions == 0);
}

static void
every_refusal_is_read_and_written_down(void **state)
{
	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		static const char *const why[] = { "is stopping", "as many sessions as it may",
			"cannot record", "do not permit a terminal", "no longer here",
			"no such user" };

		world_teardown(NULL);
		world_setup(NULL);
		world_sign_in();
		assert_true(world_open(0, "session"));
		world->node.stopping = kind == 0;
		if (kind == 1)
			world->config.max_sessions = 0;
		if (kind == 3) {
			world_conn()->access.permit_pty = false;
			assert_true(world_pty(0));
		}
		if (kind == 4)
			world->denied = "no longer here";
		monitor()->deny_start = kind == 5;
		if (kind == 2) {
			/* The refusal itself cannot be written then. */
			world_fill_log();
			assert_true(world_exec(0, "c"));
			UNTIL(world->chans[0].closed);
			assert_non_null(strstr(world->chans[0].err, why[kind]));
			continue;
		}
		assert_true(world_exec(0, "c"));
		refused(why[kind], kind == 5);
		assert_int_equal(monitor()->starts, kind == 5);
	}
}

/* One user is not to keep others out. */
static void
a_user_has_half_of_the_sessions(void **state)
{
	(void)state;
	world->config.max_sessions = 3;
	world_sign_in();
	for (int i = 0; i < 3; i++) {
		assert_true(world_open(i, "session"));
		assert_true(world_exec(i, "c"));
	}
	UNTIL(world->chans[2].closed);
	assert_non_null(strstr(world->chans[2].err, "as many sessions on this node as one may"));
	assert_int_equal(world->node.n_sessions, 2);
	assert_int_equal(world_events("session.reject"), 1);
}

/* Its client may be gone before he could read it: it happened all the same. */
static void
a_refusal_is_written_also_when_nobody_reads_it(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	world->node.stopping = true;
	struct buf b;
	buf_init(&b, 64);
	ssh_text_put(&b, "c");
	ssh_chan_request(world->chans[0].chan, "exec", false, buf_span(&b));
	buf_done(&b);
	ssh_chan_close(world->chans[0].chan);
	UNTIL(!world_session(0));
	assert_int_equal(world_events("session.reject"), 1);
}

/* What cannot be recorded does not run. */
static void
a_session_whose_start_cannot_be_written_does_not_begin(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	monitor()->hold_proof = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	world_fill_log();
	fake_monitor_answers(true, "");
	UNTIL(c->closed);
	assert_non_null(strstr(c->err, "cannot be recorded"));
	assert_int_equal(monitor()->starts, 0);
	assert_int_equal(world_events("session.start"), 0);
	assert_int_equal(world_live_files(), 0); /* so nobody writes an end of it later */
}

/* The disk has it before a process is asked for; and who leaves meanwhile leaves an end behind. */
static void
the_start_is_on_the_disk_before_the_process_starts(void **state)
{
	(void)state;
	for (int leave = 0; leave < 2; leave++) {
		world_teardown(NULL);
		world_setup(NULL);
		monitor()->hold_proof = true;
		world_sign_in();
		assert_true(world_open(0, "session"));
		assert_true(world_exec(0, "c"));
		fake_monitor_answers(true, "");
		UNTIL(world_session(0)->state != SESSION_WAITING);
		assert_int_equal(world_session(0)->state, SESSION_NOTING);
		assert_int_equal(monitor()->starts, 0);
		assert_int_equal(world_events("session.start"), 1);
		if (leave) {
			session_ops.lost(&world_session(0)->base);
			UNTIL(world->node.n_sessions == 0);
			assert_int_equal(monitor()->starts, 0);
			assert_int_equal(world_events("session.end"), 1);
		} else {
			UNTIL(monitor()->starts == 1);
		}
	}
}

/* Nothing of it is shown or read, and it is not ended. */
static void
a_session_waits_while_the_log_is_full(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	start("yes");
	world_fill_log();
	process_writes(monitor()->out, "must not be seen");
	assert_int_equal(ssh_chan_write(c->chan, 0, "input", 5), 5);
	UNTIL(strstr(c->err, "WAITING: ") != NULL);
	assert_int_equal(c->n_out, 0);
	assert_int_equal(poll(&(struct pollfd){ monitor()->in, POLLIN, 0 }, 1, 0), 0);
	assert_false(c->closed);
	assert_int_equal(monitor()->kills, 0);
}

/* Each size is a frame of the recording, and a client may send them all day. */
static void
no_size_of_a_terminal_is_recorded_while_there_is_no_room(void **state)
{
	(void)state;
	start_terminal();
	world_fill_log();
	assert_true(world_window(0, 100, 40));
	assert_true(world_window(0, 101, 41));
	assert_int_equal(world_session(0)->recorder.cols, 80);
	assert_true(world_session(0)->waits);
	assert_int_equal(monitor()->kills, 0);
}

/* As often as he likes, and as long as he likes. */
static void
what_is_asked_for_is_counted_to_who_asks(void **state)
{
	static char name[100000];
	int told;

	(void)state;
	/* What nobody can make much smaller. */
	rand_bytes((uint8_t *)name, sizeof(name) - 1);
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = (char)('0' + (name[i] & 63));
	world_sign_in();
	for (int i = 0; i < 600; i++) {
		struct buf b;

		assert_true(world_open(0, "session"));
		buf_init(&b, sizeof(name) + 64);
		wire_put_text(&b, name);
		assert_false(world_ask(0, "subsystem", buf_span(&b)));
		buf_done(&b);
		ssh_chan_close(world->chans[0].chan);
		UNTIL(world->chans[0].closed && !world_session(0));
	}
	told = world_events("session.reject");
	assert_true(told > 50 && told < 500);
	assert_true(audit_log_room(world->node.audit) > 0);
	assert_true(share_is_full(&world->node, world_conn()->access.user));
	assert_false(share_is_full(&world->node, "somebody else"));
}

/* --- closed by the client, in every state ------------------------------------------------------------ */

static void
closed_while_open(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	ssh_chan_close(world->chans[0].chan);
	UNTIL(!world_session(0));
	assert_int_equal(world_events("session.start") + world_events("session.reject"), 0);
}

static void
closed_while_it_waits_for_the_proof(void **state)
{
	(void)state;
	monitor()->hold_proof = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	assert_int_equal(world_session(0)->state, SESSION_WAITING);
	ssh_chan_close(world->chans[0].chan);
	UNTIL(!world_session(0));
	assert_int_equal(world->node.n_sessions, 0);
	fake_monitor_answers(true, "");
	world_settle();
	assert_int_equal(monitor()->starts, 0);
}

/* The process that comes late is hung up on, and both its start and its end are written. */
static void
closed_while_it_is_started(void **state)
{
	(void)state;
	monitor()->hold_start = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(monitor()->starts == 1);
	ssh_chan_close(world->chans[0].chan);
	UNTIL(world->chans[0].closed);
	world_settle();
	assert_int_equal(world->node.n_sessions, 1);
	fake_monitor_answers(true, "");
	UNTIL(monitor()->n_signals == 1);
	assert_int_equal(monitor()->signals[0], SIGHUP);
	assert_int_equal(world_events("session.start"), 1);
	fake_monitor_exited(SIGHUP, true);
	UNTIL(world->node.n_sessions == 0);
	assert_string_equal(world_field("session.end", "exit_signal"), "HUP");
}

static void
closed_while_it_is_started_and_refused_by_the_monitor(void **state)
{
	(void)state;
	monitor()->hold_start = true;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "c"));
	UNTIL(monitor()->starts == 1);
	ssh_chan_close(world->chans[0].chan);
	UNTIL(world->chans[0].closed);
	fake_monitor_answers(false, "no such user");
	UNTIL(world->node.n_sessions == 0);
	assert_string_equal(world_field("session.reject", "reason"), "no such user");
}

static void
closed_while_it_runs(void **state)
{
	(void)state;
	start("sleep");
	ssh_chan_close(world->chans[0].chan);
	UNTIL(monitor()->n_signals == 1);
	assert_int_equal(monitor()->signals[0], SIGHUP);
	assert_int_equal(world_events("session.end"), 0);
	fake_monitor_exited(7, false);
	UNTIL(world->node.n_sessions == 0);
	assert_string_equal(world_field("session.end", "exit_status"), "7");
	assert_string_equal(world_field("session.end", "message"), "the client closed the session");
}

static void
closed_while_output_is_on_its_way(void **state)
{
	(void)state;
	start("daemon &");
	int child = dup(monitor()->out);
	fake_monitor_exited(0, false);
	UNTIL(world_session(0)->state == SESSION_DRAINING);
	ssh_chan_close(world->chans[0].chan);
	UNTIL(world->node.n_sessions == 0);
	assert_int_equal(world_events("session.end"), 1);
	assert_string_equal(world_field("session.end", "exit_status"), "0");
	close(child);
}

/* The whole connection goes: the same, and once. */
static void
the_connection_ends_under_it(void **state)
{
	(void)state;
	start("sleep");
	world_disconnect();
	UNTIL(monitor()->n_signals == 1);
	fake_monitor_exited(SIGHUP, true);
	UNTIL(world->node.n_sessions == 0);
	assert_int_equal(world_events("session.end"), 1);
	assert_string_equal(world_field("session.end", "message"), "the connection ended");
	assert_int_equal(world_events("client.disconnect"), 1);
}

/* The worker ends before the process does. */
static void
what_is_left_when_the_worker_ends_has_its_end_written(void **state)
{
	(void)state;
	start("sleep");
	world_disconnect();
	UNTIL(monitor()->n_signals == 1);
	session_end_all(&world->node);
	assert_int_equal(world_events("session.end"), 1);
	assert_string_equal(world_field("session.end", "exit_status"), "255");
	assert_int_equal(world->node.n_sessions, 0);
	assert_int_equal(world_live_files(), 0);
}

/* --- the setter ------------------------------------------------------------------------------------- */

static void
an_arrow_that_is_none_changes_nothing(void **state)
{
	(void)state;
	start("sleep");
	struct session *s = world_session(0);
	assert_false(session_enter(s, SESSION_WAITING));
	assert_false(session_enter(s, SESSION_RUNNING));
	assert_int_equal(s->state, SESSION_RUNNING);
}

/* The monitor's word about a session that is not there, or twice. */
static void
an_exit_that_is_told_twice_ends_once(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	start("c");
	fake_monitor_exited(1, false);
	fake_monitor_exited(2, false);
	monitor()->start.session += 1000;
	fake_monitor_exited(3, false);
	UNTIL(c->closed);
	world_settle();
	assert_int_equal(c->status, 1);
	assert_int_equal(world_events("session.end"), 1);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(a_command_from_its_request_to_session_end),
		T(a_terminal_has_its_size_and_ends_when_its_process_does),
		T(output_that_comes_after_the_exit_is_still_sent),
		T(a_slow_client_gets_everything),
		T(one_program_a_session),
		T(a_second_program_before_the_first_is_there),
		T(a_window_change_needs_a_terminal_and_may_be_early),
		T(malformed_requests_are_refused),
		T(the_environment_is_bounded),
		T(bytes_that_end_a_text_are_no_part_of_an_environment),
		T(a_command_that_is_too_long),
		T(signals_and_breaks_are_for_what_runs),
		T(input_before_the_process_is_kept),
		T(every_refusal_is_read_and_written_down),
		T(a_user_has_half_of_the_sessions),
		T(a_refusal_is_written_also_when_nobody_reads_it),
		T(a_session_whose_start_cannot_be_written_does_not_begin),
		T(the_start_is_on_the_disk_before_the_process_starts),
		T(a_session_waits_while_the_log_is_full),
		T(no_size_of_a_terminal_is_recorded_while_there_is_no_room),
		T(what_is_asked_for_is_counted_to_who_asks),
		T(closed_while_open),
		T(closed_while_it_waits_for_the_proof),
		T(closed_while_it_is_started),
		T(closed_while_it_is_started_and_refused_by_the_monitor),
		T(closed_while_it_runs),
		T(closed_while_output_is_on_its_way),
		T(the_connection_ends_under_it),
		T(what_is_left_when_the_worker_ends_has_its_end_written),
		T(an_arrow_that_is_none_changes_nothing),
		T(an_exit_that_is_told_twice_ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
