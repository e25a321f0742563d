/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker may ask noded's monitor, and that a session starts, ends and is killed. The test is
 * the worker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "fake_worker.h"
#include "node/monitor/session.h"

static void
start(struct worker *f, uint32_t connection, uint32_t session, const char *command, bool pty)
{
	struct mon_start m = { .connection = connection,
		.session = session,
		.kind = MON_KIND_EXEC,
		.command = span_str(command),
		.pty = pty,
		.term = "xterm",
		.cols = 80,
		.rows = 24,
		.uuid = "11111111-2222-4333-8444-555555555555",
		.client_address = "127.0.0.1",
		.server_address = "127.0.0.1",
		.client_port = 4000,
		.server_port = 3022 };

	worker_begin(f, MON_START);
	mon_put_start(&f->out, &m);
}

static void
read_all(int fd, char *dst, size_t size)
{
	struct pollfd p = { fd, POLLIN, 0 };
	size_t n = 0;

	while (n < size - 1 && poll(&p, 1, 10000) > 0) {
		ssize_t r = read(fd, dst + n, size - 1 - n);
		if (r <= 0)
			break;
		n += (size_t)r;
	}
	dst[n] = '\0';
}

static struct mon_exited
expect_exit(struct worker *f)
{
	struct mon_exited exited;

	worker_expect(f, MON_EXITED);
	assert_int_equal(mon_get_exited(&exited, &f->body), 0);
	return exited;
}

static void
close_fds(struct worker *f)
{
	for (size_t i = 0; i < f->n_fds; i++)
		close(f->fds[i]);
	f->n_fds = 0;
}

/* --- the rules ------------------------------------------------------------------------------ */

static void
nothing_is_answered_before_the_greeting(void **state)
{
	struct worker *f = *state;
	static const enum mon_type types[] = { MON_TOKEN, MON_BUNDLE, MON_PROVE, MON_FORGET,
		MON_START, MON_SIGNAL, MON_KILL, MON_READY, MON_HOSTKEY, MON_SIGN, MON_SIGN_TUNNEL,
		MON_CUTOFFS };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		worker_begin(f, types[i]);
		assert_true(worker_ask(f) < 0);
	}
	worker_hello(f);
}

static void
unknown_and_repeated_requests_break_the_rules(void **state)
{
	struct worker *f = *state;

	worker_hello(f);
	for (unsigned type = 0; type < 256; type++) {
		if (type >= MON_HELLO && type <= MON_CUTOFFS)
			continue;
		worker_begin(f, (enum mon_type)type);
		assert_true(worker_ask(f) < 0);
	}
	worker_begin(f, MON_HELLO);
	wire_put_u32(&f->out, MON_VERSION);
	assert_true(worker_ask(f) < 0);
	assert_int_equal(file_write(f->config->token, 0600, "0123456789abcdef0123456789abcdef\n",
			     33, NULL),
	    0);
	worker_begin(f, MON_TOKEN);
	assert_true(worker_is_granted(f));
	worker_begin(f, MON_TOKEN);
	assert_true(worker_ask(f) < 0);
}

static void
malformed_requests_break_the_rules(void **state)
{
	struct worker *f = *state;

	worker_sign_in(f, true);
	start(f, 7, 1, "true", false);
	size_t whole = f->out.len;
	for (size_t n = 0; n < whole; n++) {
		f->out.len = n;
		assert_true(worker_ask(f) < 0);
	}
	f->out.len = whole;
	wire_put_u8(&f->out, 0);
	assert_true(worker_ask(f) < 0);
	mon_begin(&f->out, MON_FORGET, 0); /* without a number there is no answer */
	wire_put_u32(&f->out, 7);
	assert_true(worker_ask(f) < 0);
}

static void
no_session_starts_for_a_connection_that_nobody_proved(void **state)
{
	struct worker *f = *state;
	struct world_proof p;

	worker_hello(f);
	worker_give_bundle(f);
	start(f, 7, 1, "true", false);
	assert_true(worker_ask(f) < 0);
	/* A refused proof is none. */
	world_proof_default(f->world, &p);
	p.principal = "somebody";
	p.login = f->login;
	assert_true(worker_exchange(f, 7, p.session_id));
	worker_prove(f, 7, &p);
	assert_false(worker_is_granted(f));
	start(f, 7, 1, "true", false);
	assert_true(worker_ask(f) < 0);
	/* A forgotten one neither. */
	world_proof_default(f->world, &p);
	p.principal = p.login = f->login;
	assert_true(worker_exchange(f, 8, p.session_id));
	start(f, 8, 1, "true", false); /* exchanged, not proven */
	assert_true(worker_ask(f) < 0);
	worker_prove(f, 8, &p);
	assert_true(worker_is_granted(f));
	worker_begin(f, MON_FORGET);
	wire_put_u32(&f->out, 8);
	assert_true(worker_is_granted(f));
	start(f, 8, 1, "true", false);
	assert_true(worker_ask(f) < 0);
}

/* A proof that is good but for its session identifier, which the test has chosen. */
static void
a_terminal_needs_the_right_to_one(void **state)
{
	struct worker *f = *state;

	worker_sign_in(f, false);
	start(f, 7, 1, "true", true);
	assert_false(worker_is_granted(f));
}

/* It becomes part of a path below /sys/fs/cgroup. */
static void
a_session_id_that_is_not_a_uuid_breaks_the_rules(void **state)
{
	struct worker *f = *state;
	static const char *const ids[] = { "", "a/../../../x",
		"11111111-2222-4333-8444-55555555555", "../../../../../../../../../../tmp/xxxx",
		"11111111-2222-4333-8444-55555555555/", "11111111-2222-4333-8444-55555555555G",
		"111111111222243333844445555555555555" };

	worker_sign_in(f, true);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct mon_start m = { .connection = 7,
			.session = 1,
			.kind = MON_KIND_EXEC,
			.command = span_str("true") };
		str_copy(m.uuid, sizeof(m.uuid), ids[i]);
		worker_begin(f, MON_START);
		mon_put_start(&f->out, &m);
		assert_true(worker_ask(f) < 0);
	}
}

static void
no_session_starts_after_the_certificate_ended(void **state)
{
	struct worker *f = *state;
	char why[MON_TEXT_MAX];

	worker_sign_in(f, true);
	connection_find(&f->monitor.connections, 7)->until_s = time(NULL);
	start(f, 7, 1, "true", false);
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_non_null(strstr(why, "expired"));
}

/* Each body cut at every byte, and with one more. Where that is no fault of the worker's, it is not granted. */
static void
cut_and_prolonged(struct worker *f)
{
	size_t whole = f->out.len;
	enum { HEADER = 5 };

	for (size_t n = HEADER; n < whole; n++) {
		f->out.len = n;
		if (worker_ask(f) == 0)
			fail_msg("%zu of %zu bytes", n, whole);
	}
	f->out.len = whole;
	wire_put_u8(&f->out, 0);
	assert_true(worker_ask(f) < 0);
}

static void
every_body_is_whole_and_no_longer(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	struct kex_transcript t;

	worker_hello(f);
	worker_give_bundle(f);
	worker_begin(f, MON_BUNDLE);
	wire_put_string(&f->out, span_str("no bundle"));
	cut_and_prolonged(f);
	worker_begin(f, MON_CUTOFFS);
	wire_put_string(&f->out, span_str("no list"));
	cut_and_prolonged(f);
	worker_begin(f, MON_FORGET);
	wire_put_u32(&f->out, 7);
	cut_and_prolonged(f);
	worker_begin(f, MON_KILL);
	wire_put_u32(&f->out, 1);
	cut_and_prolonged(f);
	worker_begin(f, MON_SIGNAL);
	wire_put_u32(&f->out, 1);
	wire_put_u32(&f->out, SIGTERM);
	cut_and_prolonged(f);
	worker_begin(f, MON_SIGN_TUNNEL);
	wire_put_string(&f->out, span_str("no login"));
	cut_and_prolonged(f);
	world_exchange(f->world, sshkey_blob(f->monitor.host_key), &t);
	worker_put_sign(f, 9, &t);
	cut_and_prolonged(f);
	world_proof_default(f->world, &p);
	worker_prove(f, 9, &p);
	cut_and_prolonged(f);
	assert_int_equal(f->monitor.connections.n, 0);
}

/* What has no body: one that has is refused, and the request counts as not made. */
static void
where_no_body_belongs_there_is_none(void **state)
{
	static const enum mon_type types[] = { MON_TOKEN, MON_READY, MON_HOSTKEY };
	struct worker *f = *state;
	struct span data;

	worker_hello(f);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		worker_begin(f, types[i]);
		wire_put_u8(&f->out, 0);
		assert_true(worker_ask(f) < 0);
	}
	assert_false(f->monitor.was_ready);
	worker_begin(f, MON_READY);
	assert_true(worker_is_granted(f));
	assert_true(f->monitor.was_ready);
	worker_begin(f, MON_READY);
	assert_true(worker_ask(f) < 0);
	for (int i = 0; i < 2; i++) {
		worker_begin(f, MON_HOSTKEY);
		assert_true(worker_is_signed(f, &data));
		assert_true(span_eq(data, sshkey_blob(f->monitor.host_key)));
	}
}

static void
another_version_is_greeted_with_a_refusal_and_once(void **state)
{
	struct worker *f = *state;
	char why[MON_TEXT_MAX];

	worker_begin(f, MON_HELLO);
	wire_put_u32(&f->out, MON_VERSION + 1);
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_non_null(strstr(why, "different versions"));
	worker_begin(f, MON_READY);
	assert_true(worker_ask(f) < 0);
	worker_begin(f, MON_HELLO);
	wire_put_u32(&f->out, MON_VERSION);
	assert_true(worker_ask(f) < 0);
}

static void
a_greeting_is_one_number(void **state)
{
	struct worker *f = *state;

	/* It may be tried once only. */
	worker_begin(f, MON_HELLO);
	wire_put_u32(&f->out, MON_VERSION);
	wire_put_u8(&f->out, 0);
	assert_true(worker_ask(f) < 0);
	assert_false(f->monitor.greeted);
}

static void
what_is_refused_with_words_breaks_no_rule(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	char why[MON_TEXT_MAX];

	worker_hello(f);
	worker_begin(f, MON_TOKEN); /* there is no such file */
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_non_null(strstr(why, "token"));
	worker_begin(f, MON_BUNDLE);
	wire_put_string(&f->out, span_str("no bundle"));
	assert_false(worker_is_granted(f));
	worker_begin(f, MON_CUTOFFS);
	wire_put_string(&f->out, span_str("no list"));
	assert_false(worker_is_granted(f));
	worker_begin(f, MON_SIGN_TUNNEL);
	wire_put_string(&f->out, span_str("no login"));
	assert_false(worker_is_granted(f));
	worker_give_bundle(f);
	world_proof_default(f->world, &p);
	worker_prove(f, 99, &p);
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_non_null(strstr(why, "no keys were exchanged"));
	worker_begin(f, MON_FORGET);
	wire_put_u32(&f->out, 99);
	assert_true(worker_is_granted(f));
	worker_begin(f, MON_KILL);
	wire_put_u32(&f->out, 99);
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_string_equal(why, "the session has ended");
}

static void
without_a_token_file_there_is_no_token(void **state)
{
	struct worker *f = *state;
	char *token = f->config->token, why[MON_TEXT_MAX];

	worker_hello(f);
	f->config->token = NULL;
	worker_begin(f, MON_TOKEN);
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_non_null(strstr(why, "no join token is configured"));
	f->config->token = token;
}

static void
signals_have_numbers_that_there_are(void **state)
{
	static const struct {
		uint32_t signo;
		bool ok;
	} rows[] = { { 0, false }, { 1, true }, { NSIG - 1, true }, { NSIG, false },
		{ UINT32_MAX, false } };
	struct worker *f = *state;

	worker_hello(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		worker_begin(f, MON_SIGNAL);
		wire_put_u32(&f->out, 1);
		wire_put_u32(&f->out, rows[i].signo);
		assert_int_equal(worker_ask(f) == 0, rows[i].ok);
		if (rows[i].ok) {
			char why[MON_TEXT_MAX];
			assert_false(worker_answer(f, why, sizeof(why)));
			assert_string_equal(why, "the session has ended");
		}
	}
}

/* A second sign-in would change whose connection it is; a second start, whose session. */
static void
what_was_proven_or_started_is_not_again(void **state)
{
	struct worker *f = *state;
	struct world_proof p;

	worker_sign_in(f, true);
	world_proof_default(f->world, &p);
	worker_prove(f, 7, &p);
	assert_true(worker_ask(f) < 0);
	start(f, 7, 1, "read line; exit 4", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	start(f, 7, 1, "true", false);
	assert_true(worker_ask(f) < 0);
	close_fds(f);
	assert_int_equal(expect_exit(f).code, 4);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void
a_command_runs_as_the_login_and_its_status_is_told(void **state)
{
	struct worker *f = *state;
	char text[256], expected[256];

	worker_sign_in(f, true);
	start(f, 7, 1, "id -un; echo problem >&2; exit 3", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_int_equal(f->answers, f->request);
	assert_int_equal(f->n_fds, 3);
	read_all(f->fds[1], text, sizeof(text));
	str_format(expected, sizeof(expected), "%s\n", f->login);
	assert_string_equal(text, expected);
	read_all(f->fds[2], text, sizeof(text));
	assert_string_equal(text, "problem\n");
	close_fds(f);
	struct mon_exited exited = expect_exit(f);
	assert_int_equal(exited.session, 1);
	assert_false(exited.signaled);
	assert_int_equal(exited.code, 3);
}

static void
a_session_holds_no_descriptor_of_ours(void **state)
{
	struct worker *f = *state;
	char text[512];

	worker_sign_in(f, true);
	start(f, 7, 1, "ls /proc/$$/fd; true", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	read_all(f->fds[1], text, sizeof(text));
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		assert_true(strcmp(line, "0") == 0 || strcmp(line, "1") == 0 ||
		    strcmp(line, "2") == 0 || strcmp(line, "255") == 0); /* bash's own */
	close_fds(f);
	expect_exit(f);
}

static void
a_terminal_has_the_size_and_name_that_were_asked_for(void **state)
{
	struct worker *f = *state;
	char text[256];

	worker_sign_in(f, true);
	start(f, 7, 1, "stty size; echo $TERM; test \"$SSH_TTY\" = \"$(tty)\" && echo same", true);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_int_equal(f->n_fds, 1);
	read_all(f->fds[0], text, sizeof(text));
	assert_string_equal(text, "24 80\r\nxterm\r\nsame\r\n");
	close_fds(f);
	expect_exit(f);
}

static void
signals_reach_the_session_and_kill_ends_it(void **state)
{
	struct worker *f = *state;
	char ready[16];

	worker_sign_in(f, true);
	start(f, 7, 1, "trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_int_equal(read(f->fds[1], ready, sizeof(ready)), 6);
	worker_begin(f, MON_SIGNAL);
	wire_put_u32(&f->out, 1);
	wire_put_u32(&f->out, SIGUSR1);
	assert_true(worker_is_granted(f));
	assert_int_equal(expect_exit(f).code, 9);
	close_fds(f);

	start(f, 7, 2, "trap '' HUP TERM; echo ready; sleep 1000", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_int_equal(read(f->fds[1], ready, sizeof(ready)), 6);
	worker_begin(f, MON_KILL);
	wire_put_u32(&f->out, 2);
	assert_true(worker_is_granted(f));
	struct mon_exited exited = expect_exit(f);
	assert_true(exited.signaled);
	assert_int_equal(exited.code, SIGKILL);
	close_fds(f);
}

/* The first in a text. */
static pid_t
number_of(char *text)
{
	uint64_t n;

	text[strspn(text, "0123456789")] = '\0';
	assert_true(str_u64(text, INT32_MAX, &n));
	return (pid_t)n;
}

/* The forkserver's one child. */
static pid_t
keeper_of(struct worker *f)
{
	int server = (int)f->monitor.forkserver.pid;
	char path[64], text[32] = "";

	str_format(path, sizeof(path), "/proc/%d/task/%d/children", server, server);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 1);
	close(fd);
	return number_of(text);
}

/* The kernel reports that the keeper went with something unread before it gives out what the keeper said. */
static void
what_a_keeper_left_unread_does_not_hide_how_it_ended(void **state)
{
	struct worker *f = *state;
	char ready[16];

	worker_sign_in(f, true);
	start(f, 7, 1, "trap '' HUP; echo ready; read x; exit 7", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_int_equal(read(f->fds[1], ready, sizeof(ready)), 6);
	pid_t keeper = keeper_of(f);
	assert_int_equal(kill(keeper, SIGSTOP), 0);
	for (int i = 0; i < 8; i++) {
		worker_begin(f, MON_SIGNAL);
		wire_put_u32(&f->out, 1);
		wire_put_u32(&f->out, SIGHUP);
		assert_true(worker_is_granted(f));
	}
	close(f->fds[0]); /* standard input: it ends */
	f->fds[0] = -1;
	assert_int_equal(read(f->fds[1], ready, sizeof(ready)), 0);
	assert_int_equal(kill(keeper, SIGCONT), 0);
	for (int i = 0; i < 10000 && kill(keeper, 0) == 0; i++)
		usleep(1000);
	struct mon_exited exited = expect_exit(f);
	assert_false(exited.signaled);
	assert_int_equal(exited.code, 7);
	close_fds(f);
}

/* As the kernel does for lack of memory. */
static void
what_a_killed_keeper_leaves_behind_is_killed(void **state)
{
	struct worker *f = *state;
	char text[32] = "";

	worker_sign_in(f, true);
	start(f, 7, 1, "setsid sleep 1000 >/dev/null 2>&1 & echo $!; wait", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_true(read(f->fds[1], text, sizeof(text) - 1) > 1);
	pid_t left = number_of(text);
	assert_int_equal(kill(left, 0), 0);
	assert_int_equal(kill(keeper_of(f), SIGKILL), 0);
	struct mon_exited exited = expect_exit(f);
	assert_true(exited.signaled);
	assert_int_equal(exited.code, SIGKILL);
	for (int i = 0; i < 1000 && kill(left, 0) == 0; i++)
		assert_true(monitor_turn(&f->monitor, 10) >= 0);
	assert_int_not_equal(kill(left, 0), 0);
	close_fds(f);
}

static void
the_clients_address_is_the_one_that_was_proven(void **state)
{
	struct worker *f = *state;
	char text[256];

	worker_sign_in(f, true);
	struct mon_start m = { .connection = 7,
		.session = 1,
		.kind = MON_KIND_EXEC,
		.command = span_str("echo $SSH_CLIENT"),
		.uuid = "11111111-2222-4333-8444-555555555555",
		.client_address = "10.9.9.9",
		.client_port = 4000,
		.server_port = 3022 };
	worker_begin(f, MON_START);
	mon_put_start(&f->out, &m);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	read_all(f->fds[1], text, sizeof(text));
	assert_string_equal(text, "127.0.0.1 4000 3022\n");
	close_fds(f);
	expect_exit(f);
}

/* A new worker numbers from one again: it must not be given the descriptors or the end of somebody
 * else's session. */
static void
sessions_of_a_dead_worker_are_not_the_next_ones(void **state)
{
	struct worker *f = *state;
	char text[64];

	worker_sign_in(f, true);
	start(f, 7, 1, "sleep 1000", false);
	assert_int_equal(worker_ask(f), 0); /* not started yet: no answer was read */
	session_orphan_all(&f->monitor);
	start(f, 7, 1, "echo new; exit 5", false);
	assert_int_equal(worker_ask(f), 0);
	worker_expect(f, MON_STARTED);
	assert_int_equal(f->answers, f->request);
	read_all(f->fds[1], text, sizeof(text));
	assert_string_equal(text, "new\n");
	struct mon_exited exited = expect_exit(f);
	assert_false(exited.signaled);
	assert_int_equal(exited.code, 5);
	close_fds(f);
	/* The old one is killed. */
	for (int i = 0; i < 1000 && f->monitor.n_sessions > 0; i++)
		assert_true(monitor_turn(&f->monitor, 10) >= 0);
	assert_int_equal(f->monitor.n_sessions, 0);
}

static void
a_login_that_does_not_exist_is_refused_with_words(void **state)
{
	struct worker *f = *state;
	struct world_proof p;
	char why[MON_TEXT_MAX];

	worker_hello(f);
	worker_give_bundle(f);
	world_proof_default(f->world, &p);
	p.principal = p.login = "no-such-login";
	assert_true(worker_exchange(f, 7, p.session_id));
	worker_prove(f, 7, &p);
	assert_true(worker_is_granted(f));
	start(f, 7, 1, "true", false);
	assert_int_equal(worker_ask(f), 0);
	assert_false(worker_answer(f, why, sizeof(why)));
	assert_string_equal(why, "there is no account no-such-login on this node");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, worker_setup, worker_teardown)
	const struct CMUnitTest tests[] = {
		T(nothing_is_answered_before_the_greeting),
		T(unknown_and_repeated_requests_break_the_rules),
		T(malformed_requests_break_the_rules),
		T(no_session_starts_for_a_connection_that_nobody_proved),
		T(every_body_is_whole_and_no_longer),
		T(where_no_body_belongs_there_is_none),
		T(another_version_is_greeted_with_a_refusal_and_once),
		T(a_greeting_is_one_number),
		T(what_is_refused_with_words_breaks_no_rule),
		T(without_a_token_file_there_is_no_token),
		T(signals_have_numbers_that_there_are),
		T(what_was_proven_or_started_is_not_again),
		T(a_terminal_needs_the_right_to_one),
		T(a_session_id_that_is_not_a_uuid_breaks_the_rules),
		T(no_session_starts_after_the_certificate_ended),
		T(a_command_runs_as_the_login_and_its_status_is_told),
		T(a_session_holds_no_descriptor_of_ours),
		T(a_terminal_has_the_size_and_name_that_were_asked_for),
		T(signals_reach_the_session_and_kill_ends_it),
		T(what_a_keeper_left_unread_does_not_hide_how_it_ended),
		T(what_a_killed_keeper_leaves_behind_is_killed),
		T(the_clients_address_is_the_one_that_was_proven),
		T(sessions_of_a_dead_worker_are_not_the_next_ones),
		T(a_login_that_does_not_exist_is_refused_with_words),
	};

	return cmocka_run_group_tests(tests, world_plain_root, NULL);
}
