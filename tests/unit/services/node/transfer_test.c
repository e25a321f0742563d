/* SPDX-License-Identifier: Apache-2.0 */
/* A file transfer at the node: told by its files, and nothing but a transfer. Over a real SSH connection, as session_test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "serve_world.h"

static struct fake_monitor *
monitor(void)
{
	return &world->monitor;
}

static void
start_sftp(void)
{
	struct buf b;

	world_sign_in();
	assert_true(world_open(0, "session"));
	buf_init(&b, 64);
	ssh_text_put(&b, "sftp");
	assert_true(world_ask(0, "subsystem", buf_span(&b)));
	buf_done(&b);
	UNTIL(world_session(0)->state == SESSION_RUNNING);
}

/* The client says this, the process reads it and says that, and the client has it. */
static void
converse(const uint8_t *asked, size_t n_asked, const uint8_t *answered, size_t n_answered)
{
	struct client_chan *c = &world->chans[0];
	size_t had = c->n_out;
	uint8_t got[256];
	ssize_t n = 0;

	assert_int_equal(ssh_chan_write(c->chan, 0, asked, n_asked), n_asked);
	world_settle();
	n = read(monitor()->in, got, sizeof(got));
	assert_int_equal(n, n_asked);
	assert_memory_equal(got, asked, n_asked);
	assert_int_equal(write(monitor()->out, answered, n_answered), n_answered);
	UNTIL(c->n_out == had + n_answered);
}

static void
a_transfer_is_told_by_its_files_and_recorded_without_their_bytes(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	start_sftp();
	/* INIT, OPEN "f" to read, READ, CLOSE; all at once. */
	static const uint8_t asked[] = "\0\0\0\5\1\0\0\0\3"
				       "\0\0\0\22\3\0\0\0\1\0\0\0\1f\0\0\0\1\0\0\0\0";
	static const uint8_t answered[] = "\0\0\0\5\2\0\0\0\3\0\0\0\12\146\0\0\0\1\0\0\0\1h";
	static const uint8_t asked_then[] = "\0\0\0\26\5\0\0\0\2\0\0\0\1h\0\0\0\0\0\0\0\0\0\0\1\0"
					    "\0\0\0\12\4\0\0\0\3\0\0\0\1h";
	static const uint8_t answered_then[] = "\0\0\0\25\147\0\0\0\2\0\0\0\14hello world\n"
					       "\0\0\0\21\145\0\0\0\3\0\0\0\0\0\0\0\0\0\0\0\0";
	converse(asked, sizeof(asked) - 1, answered, sizeof(answered) - 1);
	converse(asked_then, sizeof(asked_then) - 1, answered_then, sizeof(answered_then) - 1);
	fake_monitor_exited(0, false);
	UNTIL(c->closed);
	assert_int_equal(c->n_out, sizeof(answered) + sizeof(answered_then) - 2);
	assert_string_equal(world_recorded(), "");
	assert_string_equal(world_field("file.read", "path"), "f");
	assert_string_equal(world_field("file.read", "bytes"), "12");
	assert_string_equal(world_field("file.read", "ranges"), "0-11");
	assert_string_equal(world_field("file.read", "whole"), "false");
	assert_string_equal(world_field("file.read", "sha256"),
	    "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447");
	assert_string_equal(world_field("file.read", "protocol"), "sftp");
	assert_string_equal(world_field("subsystem", "name"), "sftp");
	assert_string_equal(world_field("subsystem", "ok"), "true");
}

/* Neither side of a transfer may say anything else. */
static void
what_is_no_transfer_ends_the_session(void **state)
{
	struct client_chan *c = &world->chans[0];
	char text[16];

	(void)state;
	start_sftp();
	assert_int_equal(ssh_chan_write(c->chan, 0, "bash -i\n", 8), 8);
	UNTIL(c->closed);
	assert_non_null(strstr(c->err, "ERROR: the client sent what is not SFTP\n"));
	assert_string_equal(world_field("session.end", "message"),
	    "the client sent what is not SFTP");
	/* The process has not seen it. */
	assert_int_equal(read(monitor()->in, text, sizeof(text)), 0);
}

static void
what_a_program_shows_in_a_transfer_reaches_nobody(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	start_sftp();
	assert_int_equal(write(monitor()->out, "root:x:0:0\n", 11), 11);
	UNTIL(c->closed);
	assert_int_equal(c->n_out, 0);
	assert_non_null(strstr(c->err, "ERROR: sftp_server sent what is not SFTP\n"));
}

static void
subsystems_are_sftp_and_have_no_terminal(void **state)
{
	struct buf b;

	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	buf_init(&b, 64);
	ssh_text_put(&b, "nfs");
	assert_false(world_ask(0, "subsystem", buf_span(&b)));
	buf_reset(&b);
	ssh_text_put(&b, "sftp");
	assert_true(world_ask(0, "subsystem", buf_span(&b)));
	buf_done(&b);
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_int_equal(monitor()->start.transfer, MON_TRANSFER_SFTP);
	assert_true(world_open(1, "session"));
	assert_true(world_pty(1));
	buf_init(&b, 64);
	ssh_text_put(&b, "sftp");
	assert_true(world_ask(1, "subsystem", buf_span(&b)));
	buf_done(&b);
	UNTIL(world->chans[1].closed);
	assert_string_equal(world_field("session.reject", "reason"),
	    "file transfers have no terminal");
}

/* `scp -t` by a command line is the same as a subsystem; its words are no shell's. */
static void
old_scp_is_a_transfer(void **state)
{
	struct client_chan *c = &world->chans[0];

	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "scp -t 'a b'"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_int_equal(monitor()->start.transfer, MON_TRANSFER_SCP_TO);
	assert_int_equal(write(monitor()->out, "", 1), 1);
	UNTIL(c->n_out == 1);
	converse((const uint8_t *)"C0644 0 f\n", 10, (const uint8_t *)"", 1);
	converse((const uint8_t *)"", 1, (const uint8_t *)"", 1);
	fake_monitor_exited(0, false);
	UNTIL(c->closed);
	assert_string_equal(world_recorded(), "");
	assert_string_equal(world_field("file.write", "path"), "a b");
	assert_string_equal(world_field("file.write", "name"), "f");
	assert_string_equal(world_field("file.write", "protocol"), "scp");
	assert_string_equal(world_field("file.write", "attributes"), "mode=0644");
	assert_string_equal(world_field("file.write", "whole"), "true");
}

static void
a_line_of_a_shell_is_none(void **state)
{
	(void)state;
	world_sign_in();
	assert_true(world_open(0, "session"));
	assert_true(world_exec(0, "scp -t x; bash"));
	UNTIL(world_session(0)->state == SESSION_RUNNING);
	assert_int_equal(monitor()->start.transfer, MON_TRANSFER_NONE);
	fake_monitor_exited(0, false);
	UNTIL(world->chans[0].closed);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		T(a_transfer_is_told_by_its_files_and_recorded_without_their_bytes),
		T(what_is_no_transfer_ends_the_session),
		T(what_a_program_shows_in_a_transfer_reaches_nobody),
		T(subsystems_are_sftp_and_have_no_terminal),
		T(old_scp_is_a_transfer),
		T(a_line_of_a_shell_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
