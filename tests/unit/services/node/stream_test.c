/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes between a process and its client: a slow one stops the other, nothing is lost or out of
 * order, and each side hears when the other takes no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "serve_world.h"

/* More than a window and all pipes on the way hold; IDLE: so many turns without a byte are the end of it. */
enum { LONG = 3 * 1024 * 1024, IDLE = 50 };

static void
start(bool terminal)
{
	world_sign_in();
	assert_true(world_open(0, "session"));
	if (terminal)
		assert_true(world_pty(0));
	assert_true(world_exec(0, "c"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
}

static struct client_chan *
client(void)
{
	return &world->chans[0];
}

/* What the process writes or reads of the long stream, as far as it goes now. */
static size_t
process_writes(int fd, size_t at, size_t end)
{
	uint8_t piece[4096];

	while (at < end) {
		size_t n = end - at < sizeof(piece) ? end - at : sizeof(piece);

		for (size_t i = 0; i < n; i++)
			piece[i] = world_byte(at + i);
		ssize_t done = write(fd, piece, n);
		if (done < 0) {
			assert_int_equal(errno, EAGAIN);
			break;
		}
		at += (size_t)done;
	}
	return at;
}

static size_t
process_reads(int fd, size_t at)
{
	uint8_t piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(piece[i], world_byte(at++));
	return at;
}

static size_t
client_writes(size_t at, size_t end)
{
	uint8_t piece[4096];
	size_t n, done = 1;

	while (at < end && done > 0) {
		n = end - at < sizeof(piece) ? end - at : sizeof(piece);
		for (size_t i = 0; i < n; i++)
			piece[i] = world_byte(at + i);
		done = ssh_chan_write(client()->chan, 0, piece, n);
		at += done;
	}
	return at;
}

/* The process says something, and the client hears it. */
static void
say(int fd, const char *text)
{
	size_t n = strlen(text),
	       *total = &client()->total[fd == world->monitor.err && fd != world->monitor.out];
	size_t want = *total + n;

	assert_int_equal(write(fd, text, n), (ssize_t)n);
	UNTIL(*total == want);
	world_settle();
}

/* --- from the process ---------------------------------------------------------------------------- */

static void
pauses_end_nothing(void **state)
{
	(void)state;
	for (int terminal = 0; terminal < 2; terminal++) {
		world_teardown(NULL);
		world_setup(NULL);
		start(terminal);
		say(world->monitor.out, "one ");
		say(world->monitor.out, "two ");
		if (!terminal) {
			say(world->monitor.err, "e1 ");
			say(world->monitor.err, "e2 ");
			assert_string_equal(client()->err, "e1 e2 ");
		}
		say(world->monitor.out, "three");
		assert_string_equal(client()->out, "one two three");
		assert_string_equal(world_recorded(), "one two three");
		assert_false(client()->closed);
	}
}

/* Each of the two outputs may end without the other. */
static void
one_output_ends_before_the_other(void **state)
{
	(void)state;
	start(false);
	close(world->monitor.out);
	world->monitor.out = -1;
	world_settle();
	say(world->monitor.err, "still here");
	assert_string_equal(client()->err, "still here");
	assert_false(client()->closed);
	fake_monitor_exited(0, false);
	UNTIL(client()->closed);
}

/* More than every window and pipe between them holds. */
static void
a_stalled_client_stops_the_process_and_loses_nothing(void **state)
{
	size_t at = 0, before;

	(void)state;
	for (int terminal = 0; terminal < 2; terminal++) {
		world_teardown(NULL);
		world_setup(NULL);
		start(terminal);
		assert_int_equal(file_set_nonblock(world->monitor.out), 0);
		client()->stalled = true;
		at = 0;
		for (int idle = 0; idle<IDLE; idle = at> before ? 0 : idle + 1) {
			before = at;
			at = process_writes(world->monitor.out, at, LONG);
			assert_true(loop_turn(world->loop, 1) >= 0);
		}
		assert_true(at < LONG); /* it had to wait */
		assert_int_equal(client()->total[0], 0);
		client()->stalled = false;
		ssh_chan_resume(client()->chan);
		while (at < LONG) {
			at = process_writes(world->monitor.out, at, LONG);
			assert_true(loop_turn(world->loop, 1) >= 0);
		}
		fake_monitor_exited(0, false);
		UNTIL(client()->closed);
		assert_int_equal(client()->total[0], LONG);
		assert_true(client()->in_order);
	}
}

/* What waits for a client that is stalled is sent before the end is told. */
static void
what_was_read_is_sent_before_the_end(void **state)
{
	(void)state;
	start(false);
	assert_int_equal(file_set_nonblock(world->monitor.out), 0);
	assert_int_equal(file_set_nonblock(world->monitor.err), 0);
	client()->stalled = true;
	size_t at = process_writes(world->monitor.out, 0, LONG);
	size_t err = process_writes(world->monitor.err, 0, LONG);
	fake_monitor_exited(0, false);
	world_settle();
	assert_false(client()->closed);
	client()->stalled = false;
	ssh_chan_resume(client()->chan);
	UNTIL(client()->closed);
	assert_int_equal(client()->total[0], at);
	assert_int_equal(client()->total[1], err);
	assert_true(client()->in_order && client()->has_status);
}

/* OpenSSH's eow: the client reads no more. The process is to notice when it writes, and may still say why on its standard
 * error. */
static void
a_client_that_reads_no_more_stops_the_writer(void **state)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	start(false);
	assert_true(world_ask(0, "eow@openssh.com", (struct span){ NULL, 0 }));
	assert_int_equal(write(world->monitor.out, "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_false(client()->closed);
	say(world->monitor.err, "nobody reads");
	assert_string_equal(client()->err, "nobody reads");
	fake_monitor_exited(1, false);
	UNTIL(client()->closed);
	assert_int_equal(client()->status, 1);
	assert_int_equal(client()->total[0], 0);
	(void)signal(SIGPIPE, old);
}

static void
a_terminal_is_hung_up_for_a_client_that_reads_no_more(void **state)
{
	char c;

	(void)state;
	start(true);
	assert_true(world_ask(0, "eow@openssh.com", (struct span){ NULL, 0 }));
	/* The end of a terminal whose other side is gone. */
	assert_int_equal(read(world->monitor.in, &c, 1), 0);
	assert_int_equal(write(world->monitor.out, "more", 4), -1);
	assert_int_equal(errno, EIO);
	/* What is typed meanwhile goes nowhere. */
	assert_int_equal(ssh_chan_write(client()->chan, 0, "x", 1), 1);
	assert_true(world_window(0, 80, 25));
	world_settle();
	fake_monitor_exited(SIGHUP, true);
	UNTIL(client()->closed);
	assert_string_equal(client()->signal, "HUP");
}

/* It closes with input still under way, which its process does not read: one that writes is not to wait for that for ever,
 * one that reads gets all of it. */
static void
a_client_that_closes_with_input_under_way_stops_the_writer(void **state)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);

	(void)state;
	for (int terminal = 0; terminal < 2; terminal++) {
		size_t sent = 0, got = 0, before;

		world_teardown(NULL);
		world_setup(NULL);
		start(terminal);
		assert_int_equal(file_set_nonblock(world->monitor.in), 0);
		for (int idle = 0; idle<IDLE; idle = sent> before ? 0 : idle + 1) {
			before = sent;
			sent = client_writes(sent, LONG);
			assert_true(loop_turn(world->loop, 1) >= 0);
		}
		ssh_chan_close(client()->chan);
		world_settle();
		assert_int_equal(write(world->monitor.out, "x", 1), -1);
		assert_int_equal(errno, terminal ? EIO : EPIPE);
		for (int turns = 0; !terminal && got < sent && turns < 3000; turns++) {
			got = process_reads(world->monitor.in, got);
			assert_true(loop_turn(world->loop, 1) >= 0);
		}
		assert_int_equal(got, terminal ? 0 : sent);
		fake_monitor_exited(SIGPIPE, true);
		UNTIL(!world_session(0));
	}
	(void)signal(SIGPIPE, old);
}

/* --- to the process ------------------------------------------------------------------------------ */

static void
a_stalled_process_stops_the_client_and_loses_nothing(void **state)
{
	(void)state;
	for (int terminal = 0; terminal < 2; terminal++) {
		size_t sent = 0, got = 0, before;

		world_teardown(NULL);
		world_setup(NULL);
		start(terminal);
		assert_int_equal(file_set_nonblock(world->monitor.in), 0);
		for (int idle = 0; idle<IDLE; idle = sent> before ? 0 : idle + 1) {
			before = sent;
			sent = client_writes(sent, LONG);
			assert_true(loop_turn(world->loop, 1) >= 0);
		}
		assert_true(sent < LONG);
		while (got < LONG) {
			got = process_reads(world->monitor.in, got);
			sent = client_writes(sent, LONG);
			assert_true(loop_turn(world->loop, 1) >= 0);
		}
		assert_int_equal(got, LONG);
		if (!terminal) {
			ssh_chan_eof(client()->chan);
			world_settle();
			assert_int_equal(read(world->monitor.in, &got, 1), 0);
		}
		/* Output goes on all the while. */
		say(world->monitor.out, "done");
		assert_string_equal(client()->out, "done");
	}
}

/* A process that closes its input: the client is told, and is not stopped. */
static void
a_process_that_reads_no_more_does_not_stop_the_client(void **state)
{
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	size_t sent = 0;

	(void)state;
	start(false);
	close(world->monitor.in);
	world->monitor.in = -1;
	while (sent < LONG) {
		sent = client_writes(sent, LONG);
		assert_true(loop_turn(world->loop, 1) >= 0);
	}
	world_settle();
	assert_string_equal(client()->last_request, "eow@openssh.com");
	say(world->monitor.out, "still here");
	assert_string_equal(client()->out, "still here");
	fake_monitor_exited(0, false);
	UNTIL(client()->closed);
	(void)signal(SIGPIPE, old);
}

/* What a client sends to standard error of a process is nothing. */
static void
only_standard_input_is_passed_on(void **state)
{
	char text[8] = "";

	(void)state;
	start(false);
	assert_int_equal(ssh_chan_write(client()->chan, 1, "bad", 3), 3);
	assert_int_equal(ssh_chan_write(client()->chan, 0, "good", 4), 4);
	world_settle();
	assert_int_equal(read(world->monitor.in, text, sizeof(text)), 4);
	assert_string_equal(text, "good");
}

/* The end of input leaves a terminal alone: whoever sits there may still read. */
static void
the_end_of_input_does_not_close_a_terminal(void **state)
{
	(void)state;
	start(true);
	ssh_chan_eof(client()->chan);
	world_settle();
	say(world->monitor.out, "still here");
	assert_string_equal(client()->out, "still here");
}

/* A window of nothing: what is typed would be in no recording, for the echo of it is all there is. */
static void
nothing_is_typed_into_a_terminal_whose_output_is_not_taken(void **state)
{
	char text[16] = "";
	size_t at = 0, before;

	(void)state;
	start(true);
	assert_int_equal(file_set_nonblock(world->monitor.out), 0);
	assert_int_equal(file_set_nonblock(world->monitor.in), 0);
	client()->stalled = true;
	for (int idle = 0; idle<IDLE; idle = at> before ? 0 : idle + 1) {
		before = at;
		at = process_writes(world->monitor.out, at, LONG);
		assert_true(loop_turn(world->loop, 1) >= 0);
	}
	assert_int_equal(ssh_chan_write(client()->chan, 0, "typed blind", 11), 11);
	world_settle();
	assert_int_equal(read(world->monitor.in, text, sizeof(text)), -1);
	client()->stalled = false;
	ssh_chan_resume(client()->chan);
	UNTIL(client()->total[0] >= at);
	UNTIL(read(world->monitor.in, text, sizeof(text)) == 11);
	assert_string_equal(text, "typed blind");
}

/* Whoever leaves at once has said it all the same. */
static void
what_a_terminal_still_holds_is_recorded_when_the_client_goes(void **state)
{
	(void)state;
	start(true);
	assert_int_equal(write(world->monitor.out, "the last words", 14), 14);
	session_hang_up(world_session(0));
	fake_monitor_exited(0, false);
	world_settle();
	assert_non_null(strstr(world_recorded(), "the last words"));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(pauses_end_nothing),
		T(one_output_ends_before_the_other),
		T(a_stalled_client_stops_the_process_and_loses_nothing),
		T(what_was_read_is_sent_before_the_end),
		T(nothing_is_typed_into_a_terminal_whose_output_is_not_taken),
		T(what_a_terminal_still_holds_is_recorded_when_the_client_goes),
		T(a_client_that_reads_no_more_stops_the_writer),
		T(a_terminal_is_hung_up_for_a_client_that_reads_no_more),
		T(a_client_that_closes_with_input_under_way_stops_the_writer),
		T(a_stalled_process_stops_the_client_and_loses_nothing),
		T(a_process_that_reads_no_more_does_not_stop_the_client),
		T(only_standard_input_is_passed_on),
		T(the_end_of_input_does_not_close_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
