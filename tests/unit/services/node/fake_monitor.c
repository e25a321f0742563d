/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_monitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve_world.h"

static void
say(struct buf *b, const int *fds, size_t n_fds)
{
	assert_true(buf_ok(b));
	assert_int_equal(mon_send(world->monitor.fd, buf_span(b), fds, n_fds), 0);
	buf_done(b);
}

static void
say_verdict(uint32_t request, enum mon_verdict verdict, const char *text)
{
	struct buf b;

	buf_init(&b, 2048);
	mon_begin(&b, MON_ANSWER, request);
	wire_put_u8(&b, (uint8_t)verdict);
	wire_put_text(&b, text);
	say(&b, NULL, 0);
}

static void
answer(uint32_t request, bool ok, const char *text)
{
	say_verdict(request, ok ? MON_YES : MON_NO, text);
}

static void
close_process(struct fake_monitor *m)
{
	if (m->err != m->out)
		mem_closep(&m->err);
	if (m->out != m->in)
		mem_closep(&m->out);
	mem_closep(&m->in);
	m->out = m->err = -1;
}

/* A terminal's master, or the worker's ends of three pipes. */
static size_t
make_process(struct fake_monitor *m, int fds[3])
{
	int in[2], out[2], err[2];

	close_process(m);
	if (m->start.pty) {
		struct termios raw;

		fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(fds[0] >= 0 && grantpt(fds[0]) == 0 && unlockpt(fds[0]) == 0);
		m->in = m->out = m->err = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
		assert_true(m->in >= 0);
		assert_int_equal(tcgetattr(m->in, &raw), 0);
		cfmakeraw(&raw);
		assert_int_equal(tcsetattr(m->in, TCSANOW, &raw), 0);
		return 1;
	}
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
	fds[0] = in[1];
	fds[1] = out[0];
	fds[2] = err[0];
	m->in = in[0];
	m->out = out[1];
	m->err = err[1];
	return 3;
}

static void
start_process(struct fake_monitor *m, uint32_t request)
{
	int fds[3];
	size_t n = make_process(m, fds);
	struct buf b;

	buf_init(&b, 64);
	mon_begin(&b, MON_STARTED, request);
	wire_put_u32(&b, m->start.session);
	say(&b, fds, n);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void
on_start(struct fake_monitor *m, uint32_t request, struct wire *w)
{
	m->starts++;
	assert_int_equal(mon_get_start(&m->start, w), 0);
	str_format(m->command, sizeof(m->command), "%.*s", (int)m->start.command.n,
	    (const char *)m->start.command.p);
	m->env[0] = '\0';
	for (uint32_t i = 0; i < m->start.n_env; i++)
		str_format(m->env + strlen(m->env), sizeof(m->env) - strlen(m->env), "%.*s=%.*s ",
		    (int)m->start.env[i].name.n, (const char *)m->start.env[i].name.p,
		    (int)m->start.env[i].value.n, (const char *)m->start.env[i].value.p);
	if (m->hold_start)
		m->held = request;
	else if (m->deny_start)
		answer(request, false, "no such user");
	else
		start_process(m, request);
}

/* It signs whatever it is asked to: what the real one thinks of that is tested elsewhere. */
static void
on_sign(struct fake_monitor *m, uint32_t request, struct wire *w)
{
	uint8_t hash[KEX_HASH_LEN];
	struct buf b, signature;
	struct mon_sign sign;

	m->exchanges++;
	assert_int_equal(mon_get_sign(&sign, w), 0);
	if (m->deny_sign) {
		answer(request, false, "no exchange of mine");
		return;
	}
	kex_transcript_hash(&sign.transcript, hash);
	buf_init(&signature, 1024);
	assert_int_equal(sshkey_sign(world->host_key, (struct span){ hash, sizeof(hash) },
			     &signature),
	    0);
	buf_init(&b, 2048);
	mon_begin(&b, MON_DATA, request);
	wire_put_string(&b, buf_span(&signature));
	say(&b, NULL, 0);
	buf_done(&signature);
}

static void
on_packet(struct fake_monitor *m, struct span packet)
{
	struct mon_prove prove;
	struct wire w;
	uint8_t type;
	uint32_t request;

	assert_int_equal(mon_open(packet, &type, &request, &w), 0);
	switch (type) {
	case MON_SIGN:
		on_sign(m, request, &w);
		return;
	case MON_PROVE:
		m->proofs++;
		assert_int_equal(mon_get_prove(&prove, &w), 0);
		assert_string_equal(prove.login, "root");
		if (m->hold_proof)
			m->held = request;
		else if (m->cannot_prove)
			say_verdict(request, MON_UNPROVEN, "no news");
		else
			answer(request, !m->deny_proof, m->deny_proof ? "no proof" : "");
		return;
	case MON_START:
		on_start(m, request, &w);
		return;
	case MON_SIGNAL:
		(void)wire_u32(&w);
		assert_true(m->n_signals < 8);
		m->signals[m->n_signals++] = (int)wire_u32(&w);
		break;
	case MON_KILL:
		m->kills++;
		break;
	case MON_FORGET:
		m->forgets++;
		break;
	default:
		fail_msg("a message of type %u", type);
	}
	answer(request, true, "");
}

static void
on_ready(struct watch *w, int ready, void *arg)
{
	static uint8_t packet[MON_MESSAGE_MAX];
	struct fake_monitor *m = arg;
	int fds[MON_FDS_MAX];
	size_t n_fds;
	ssize_t n;

	(void)w, (void)ready;
	while ((n = mon_receive(m->fd, packet, sizeof(packet), fds, &n_fds)) > 0)
		on_packet(m, (struct span){ packet, (size_t)n });
}

void
fake_monitor_answers(bool ok, const char *text)
{
	struct fake_monitor *m = &world->monitor;
	uint32_t request = m->held;

	assert_int_not_equal(request, 0);
	m->held = 0;
	if (ok && m->hold_start && m->starts > 0)
		start_process(m, request);
	else
		answer(request, ok, text);
}

void
fake_monitor_exited(uint32_t code, bool signaled)
{
	const struct mon_exited exited = { .session = world->monitor.start.session,
		.signaled = signaled,
		.code = code };
	struct buf b;

	close_process(&world->monitor);
	buf_init(&b, 64);
	mon_begin(&b, MON_EXITED, 0);
	mon_put_exited(&b, &exited);
	say(&b, NULL, 0);
}

static void
on_exited(const struct mon_exited *exited, void *arg)
{
	session_exited(arg, exited);
}

static void
on_stop(void *arg)
{
	(void)arg;
	fail_msg("stop");
}

static void
on_lost(void *arg)
{
	(void)arg;
	fail_msg("the monitor was given up");
}

static const struct monitor_events monitor_events = { .exited = on_exited,
	.stop = on_stop,
	.lost = on_lost };

void
fake_monitor_new(struct fake_monitor *m, struct loop *loop, struct node *n)
{
	static uint8_t hello[64];
	struct err e = { "" };
	int pair[2], fds[MON_FDS_MAX];
	size_t n_fds;

	m->in = m->out = m->err = -1;
	assert_int_equal(mon_pair(pair), 0);
	m->fd = pair[1];
	answer(1, true, ""); /* the greeting is waited for: its answer is there before */
	if (monitor_client_new(&n->monitor, loop, pair[0], &monitor_events, n, &e))
		fail_msg("%s", e.text);
	assert_true(mon_receive(m->fd, hello, sizeof(hello), fds, &n_fds) > 0);
	assert_int_equal(file_set_nonblock(m->fd), 0);
	assert_int_equal(watch_init(&m->watch, loop, m->fd, on_ready, m), 0);
	watch_set(&m->watch, WATCH_READ);
}

void
fake_monitor_free(struct fake_monitor *m)
{
	close_process(m);
	watch_done(&m->watch);
	close(m->fd);
}
