/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running something on a host: a real SSH server at the other end of a socket pair, and every way in
 * which it, or the way to it, can fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "session/remote.h"

/* What the host does with a session. */
struct host {
	struct ssh_link *link;
	struct ssh_chan *chan;
	bool refuse_user, refuse_channel, refuse_request;
	bool silent;     /* never answers the request */
	char asked[256]; /* names of requests, each with a blank */
	char command[64], env[64];
	char heard[64]; /* what the client sent */
	size_t n_heard;
	bool eof, ended;
};

/* What the caller of remote is told. */
struct caller {
	struct remote *remote;
	int started, ended;
	struct remote_result result;
	char out[64], err[64];
	size_t n_out, n_err, take; /* at most so much at once */
};

static struct loop *loop;
static struct sshkey *host_key, *user_key;
static struct ssh_identity host_id, user_id;
static struct host host;
static struct caller caller;
static bool believe, connect_fails, connect_late;
static struct ssh_link *unconnected;

/* --- the host --------------------------------------------------------------------------------- */

static size_t
on_host_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	(void)chan, (void)ext, (void)arg;
	assert_true(host.n_heard + n < sizeof(host.heard));
	memcpy(host.heard + host.n_heard, p, n);
	host.n_heard += n;
	return n;
}

static enum ssh_answer
on_host_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct span text, value;
	char word[64];

	(void)chan, (void)arg;
	str_format(word, sizeof(word), "%.*s ", (int)name.n, (const char *)name.p);
	assert_true(strlen(host.asked) + strlen(word) < sizeof(host.asked));
	memcpy(host.asked + strlen(host.asked), word, strlen(word) + 1);
	if (span_is(name, "env") && ssh_env_parse(payload, &text, &value) == 0)
		str_format(host.env, sizeof(host.env), "%.*s=%.*s", (int)text.n,
		    (const char *)text.p, (int)value.n, (const char *)value.p);
	if ((span_is(name, "exec") || span_is(name, "subsystem") || span_is(name, "signal")) &&
	    ssh_text_parse(payload, &text) == 0)
		str_format(host.command, sizeof(host.command), "%.*s", (int)text.n,
		    (const char *)text.p);
	if (host.silent)
		return SSH_LATER;
	return host.refuse_request ? SSH_FAIL : SSH_OK;
}

static void
on_host_eof(struct ssh_chan *chan, void *arg)
{
	(void)chan, (void)arg;
	host.eof = true;
}

static void
on_host_closed(struct ssh_chan *chan, void *arg)
{
	(void)chan, (void)arg;
	host.chan = NULL;
}

static void
on_host_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	static const struct ssh_chan_events events = { .data = on_host_data,
		.request = on_host_request,
		.eof = on_host_eof,
		.closed = on_host_closed };

	(void)ssh, (void)arg;
	assert_true(span_is(open->type, "session"));
	if (host.refuse_channel) {
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES, "no room here");
		return;
	}
	host.chan = chan;
	ssh_chan_accept(chan, &events, NULL);
	ssh_chan_requests(chan, open->payload);
}

static enum ssh_verdict
on_host_auth(struct ssh *ssh, const struct ssh_auth *auth, void *arg)
{
	(void)ssh, (void)arg;
	assert_string_equal(auth->user, "login");
	return host.refuse_user ? SSH_DENY : SSH_ALLOW;
}

static void
on_host_ended(struct ssh_link *link, const char *why, void *arg)
{
	(void)link, (void)why, (void)arg;
	host.link = NULL;
	host.ended = true;
}

/* --- the way ---------------------------------------------------------------------------------- */

static void
attach(struct ssh_link *link)
{
	static const struct ssh_events events = { .auth = on_host_auth,
		.channel_open = on_host_open };
	const struct ssh_config config = { .role = SSH_SERVER,
		.events = &events,
		.identities = &host_id,
		.n_identities = 1 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(file_set_nonblock(fds[0]) | file_set_nonblock(fds[1]), 0);
	assert_int_equal(ssh_link_new(&host.link, loop, &config, on_host_ended, NULL), 0);
	assert_int_equal(ssh_link_attach_fd(host.link, fds[0]), 0);
	assert_int_equal(ssh_link_attach_fd(link, fds[1]), 0);
}

static int
on_connect(struct ssh_link *link, const char *name, struct err *e, void *arg)
{
	assert_string_equal(name, "the-host");
	assert_ptr_equal(arg, &loop);
	if (connect_fails)
		return err_set(e, "no way there");
	if (connect_late)
		unconnected = link;
	else
		attach(link);
	return 0;
}

static int
on_verify(const struct ssh_host *shown, const char *name, struct err *e, void *arg)
{
	(void)shown, (void)arg;
	assert_string_equal(name, "the-host");
	return believe ? 0 : err_set(e, "who are you");
}

static struct remote_way way = { .identities = &user_id,
	.n_identities = 1,
	.connect = on_connect,
	.verify = on_verify,
	.arg = &loop };

/* --- the caller ------------------------------------------------------------------------------- */

static void
on_started(struct remote *r, void *arg)
{
	assert_ptr_equal(r, caller.remote);
	assert_ptr_equal(arg, &caller);
	caller.started++;
}

static size_t
on_output(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg)
{
	char *dst = ext ? caller.err : caller.out;
	size_t *at = ext ? &caller.n_err : &caller.n_out;

	(void)r, (void)arg;
	n = n < caller.take ? n : caller.take;
	assert_true(*at + n < sizeof(caller.out));
	memcpy(dst + *at, p, n);
	*at += n;
	return n;
}

static void
on_ended(struct remote *r, const struct remote_result *result, void *arg)
{
	(void)r, (void)arg;
	caller.ended++;
	caller.result = *result;
}

static const struct remote_events events = { .started = on_started,
	.output = on_output,
	.ended = on_ended };

static void
go(const struct remote_config *asked)
{
	struct remote_config config = *asked;

	config.host = "the-host";
	config.login = "login";
	config.events = &events;
	config.arg = &caller;
	assert_int_equal(remote_new(&caller.remote, &way, &config), 0);
	assert_int_equal(caller.started + caller.ended, 0); /* never from inside that call */
}

/* Turns until it is so; a test that waits for ever fails. */
#define UNTIL(condition)                               \
	for (int turns_ = 0; !(condition); turns_++) { \
		assert_true(turns_ < 1000);            \
		assert_true(loop_turn(loop, 10) >= 0); \
	}

static void
ends_with(enum remote_end end, const char *text)
{
	UNTIL(caller.ended);
	assert_int_equal(caller.result.end, end);
	if (!strstr(caller.result.text, text))
		fail_msg("%s", caller.result.text);
	assert_int_equal(caller.ended, 1);
}

static void
exit_status(uint32_t status)
{
	struct buf b;

	buf_init(&b, 16);
	ssh_exit_status_put(&b, status);
	ssh_chan_request(host.chan, "exit-status", false, buf_span(&b));
	buf_done(&b);
}

static int
setup(void **state)
{
	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	way.loop = loop;
	host = (struct host){ .link = NULL };
	caller = (struct caller){ .take = SIZE_MAX };
	believe = true;
	connect_fails = connect_late = false;
	unconnected = NULL;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remote_free(caller.remote);
	if (host.link)
		ssh_link_close(host.link, "", 0);
	for (int i = 0; i < 200 && (i < 5 || host.link); i++)
		(void)loop_turn(loop, host.link ? 10 : 1);
	assert_null(host.link);
	loop_free(loop);
	return 0;
}

/* --- what comes out --------------------------------------------------------------------------- */

static void
a_command_with_its_output_and_status(void **state)
{
	const char *const env[] = { "LANG=C.UTF-8", "nonsense", NULL };

	(void)state;
	go(&(struct remote_config){ .command = "ls -l", .env = env });
	UNTIL(caller.started);
	assert_string_equal(host.asked, "env exec ");
	assert_string_equal(host.command, "ls -l");
	assert_string_equal(host.env, "LANG=C.UTF-8");
	assert_int_equal(remote_write(caller.remote, "input", 5), 5);
	remote_eof(caller.remote);
	UNTIL(host.eof);
	assert_string_equal(host.heard, "input");
	assert_int_equal(ssh_chan_write(host.chan, 0, "out", 3), 3);
	assert_int_equal(ssh_chan_write(host.chan, 1, "err", 3), 3);
	exit_status(7);
	ssh_chan_close(host.chan);
	ends_with(REMOTE_EXITED, "");
	assert_int_equal(caller.result.status, 7);
	assert_string_equal(caller.out, "out");
	assert_string_equal(caller.err, "err");
}

static void
a_shell_with_a_terminal_that_changes_its_size(void **state)
{
	const struct ssh_pty pty = { .term = "xterm", .cols = 80, .rows = 24 };
	const struct ssh_window w = { .cols = 100, .rows = 30 };

	(void)state;
	go(&(struct remote_config){ .pty = &pty });
	remote_resize(caller.remote, &w); /* too early: no session yet */
	UNTIL(caller.started);
	assert_string_equal(host.asked, "pty-req shell ");
	remote_resize(caller.remote, &w);
	remote_signal(caller.remote, "INT");
	UNTIL(strcmp(host.asked, "pty-req shell window-change signal ") == 0);
	assert_string_equal(host.command, "INT");
}

static void
a_signal_has_its_name(void **state)
{
	struct buf b;

	(void)state;
	go(&(struct remote_config){ .subsystem = "sftp" });
	UNTIL(caller.started);
	assert_string_equal(host.asked, "subsystem ");
	buf_init(&b, 64);
	ssh_exit_signal_put(&b, "KILL", false, "");
	ssh_chan_request(host.chan, "exit-signal", false, buf_span(&b));
	buf_done(&b);
	ssh_chan_close(host.chan);
	ends_with(REMOTE_SIGNALED, "");
	assert_string_equal(caller.result.signal, "KILL");
}

static void
what_is_not_taken_waits_until_it_is(void **state)
{
	(void)state;
	caller.take = 2;
	go(&(struct remote_config){ .command = "c" });
	UNTIL(caller.started);
	assert_int_equal(ssh_chan_write(host.chan, 0, "12345", 5), 5);
	exit_status(0);
	ssh_chan_close(host.chan);
	UNTIL(caller.n_out == 2);
	for (int i = 0; i < 5; i++)
		(void)loop_turn(loop, 1);
	assert_int_equal(caller.n_out, 2);
	assert_int_equal(caller.ended, 0); /* not before all of it was taken */
	caller.take = SIZE_MAX;
	remote_resume(caller.remote);
	ends_with(REMOTE_EXITED, "");
	assert_string_equal(caller.out, "12345");
}

/* --- what fails ------------------------------------------------------------------------------- */

static void
each_failure_says_what_it_was(void **state)
{
	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		static const char *const why[] = { "no way there", "who are you", "",
			"no room here", "refused to start the session", "refused the subsystem" };

		teardown(NULL);
		setup(NULL);
		connect_fails = kind == 0;
		believe = kind != 1;
		host.refuse_user = kind == 2;
		host.refuse_channel = kind == 3;
		host.refuse_request = kind >= 4;
		go(&(struct remote_config){ .subsystem = kind == 5 ? "sftp" : NULL });
		ends_with(REMOTE_FAILED, why[kind]);
		assert_true(caller.result.text[0]);
		assert_int_equal(caller.started, 0);
	}
}

static void
a_transport_may_come_later_or_never(void **state)
{
	(void)state;
	connect_late = true;
	go(&(struct remote_config){ .command = "c" });
	for (int i = 0; i < 5; i++)
		(void)loop_turn(loop, 1);
	assert_int_equal(caller.started + caller.ended, 0);
	attach(unconnected);
	UNTIL(caller.started);
	teardown(NULL);
	setup(NULL);
	connect_late = true;
	go(&(struct remote_config){ .command = "c" });
	ssh_link_close(unconnected, "nobody answers", 0);
	ends_with(REMOTE_FAILED, "nobody answers");
}

static void
a_host_that_does_not_answer_in_time(void **state)
{
	(void)state;
	host.silent = true;
	go(&(struct remote_config){ .command = "c", .timeout_ms = 200 });
	ends_with(REMOTE_FAILED, "timed out");
}

static void
a_connection_that_is_lost_while_it_runs(void **state)
{
	(void)state;
	go(&(struct remote_config){ .command = "c" });
	UNTIL(caller.started);
	ssh_link_close(host.link, "", 0);
	ends_with(REMOTE_LOST, "");
	assert_true(caller.result.text[0]);
	assert_int_equal(remote_write(caller.remote, "x", 1), 0);
}

/* A status that arrived counts, whatever happens to the connection then. */
static void
a_status_counts_also_when_the_connection_is_lost(void **state)
{
	(void)state;
	go(&(struct remote_config){ .command = "c" });
	UNTIL(caller.started);
	exit_status(3);
	ssh_link_close(host.link, "", 1000);
	ends_with(REMOTE_EXITED, "");
	assert_int_equal(caller.result.status, 3);
	teardown(NULL);
	setup(NULL);
	go(&(struct remote_config){ .command = "c" });
	UNTIL(caller.started);
	ssh_chan_close(host.chan);
	ends_with(REMOTE_LOST, "without an exit status");
}

static void
the_words_of_a_host_hold_no_escapes(void **state)
{
	(void)state;
	go(&(struct remote_config){ .command = "c" });
	UNTIL(caller.started);
	ssh_disconnect(ssh_link_ssh(host.link), 11, "\033]0;owned\007bye");
	ends_with(REMOTE_LOST, "owned");
	assert_null(strchr(caller.result.text, '\033'));
}

/* Let go of after any number of turns: nothing is told any more, nothing is left. */
static void
let_go_of_at_any_time(void **state)
{
	(void)state;
	for (int turns = 0; turns < 12; turns++) {
		int told;

		teardown(NULL);
		setup(NULL);
		go(&(struct remote_config){ .command = "c" });
		for (int i = 0; i < turns; i++)
			(void)loop_turn(loop, 1);
		told = caller.started + caller.ended;
		remote_free(caller.remote);
		caller.remote = NULL;
		UNTIL(!host.link);
		assert_int_equal(caller.started + caller.ended, told);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_command_with_its_output_and_status),
		T(a_shell_with_a_terminal_that_changes_its_size),
		T(a_signal_has_its_name),
		T(what_is_not_taken_waits_until_it_is),
		T(each_failure_says_what_it_was),
		T(a_transport_may_come_later_or_never),
		T(a_host_that_does_not_answer_in_time),
		T(a_connection_that_is_lost_while_it_runs),
		T(a_status_counts_also_when_the_connection_is_lost),
		T(the_words_of_a_host_hold_no_escapes),
		T(let_go_of_at_any_time),
	};

	if (crypto_init() || sshkey_generate(&host_key) || sshkey_generate(&user_key))
		return 1;
	host_id.key = host_key;
	user_id.key = user_key;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	sshkey_free(host_key);
	sshkey_free(user_key);
	return failed;
}
