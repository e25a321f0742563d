/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote: see remote.h. Nothing is waited for that need not be: what the host's connection begins with goes out with the
 * opening of the way to it, and the session, with all that it is asked for, right behind the login. So a session is there
 * two round trips after it was asked for: one in which the host shows who it is, one in which it grants all the rest.
 *
 * Security: nothing but the beginning of a key exchange leaves before the host is believed.
 */
#include "session/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"

enum {
	NODE_PORT = 3022,
	START_TIMEOUT_MS = 30000,
	OPEN_MAX = 8192,
	ENV_MAX = 8192,
	REQUESTS_MAX = 192 * 1024, /* a command of 128 KiB among them */
};

enum state { SIGNING_IN, STARTING, RUNNING, ENDED };

struct remote {
	const struct remote_way *way;
	struct remote_config config;
	char *host, *login, *command, *subsystem;
	struct ssh_pty pty;
	struct buf env;
	enum state state;
	struct ssh_link *link;
	struct ssh_chan *session;
	struct timer timeout;
	struct deferred finish;
	struct deferred release;
	struct remote_result result;
	bool have_status;
	char host_id[64];
	char goodbye[256]; /* what the host said when it ended the connection */
	bool finished;
	bool freeing;
};

/* --- the end ------------------------------------------------------------------------------ */

static void
on_release(void *arg)
{
	struct remote *r = arg;

	timer_done(&r->timeout);
	deferred_cancel(&r->finish);
	buf_done(&r->env);
	free(r->host);
	free(r->login);
	free(r->command);
	free(r->subsystem);
	free(r);
}

/* Frees r at the end of the turn, once its owner let go of it and no engine object knows it. */
static void
release(struct remote *r)
{
	if (r->freeing && !r->link)
		loop_defer(r->way->loop, &r->release);
}

static void
on_finish(void *arg)
{
	struct remote *r = arg;

	if (r->finished || r->freeing)
		return;
	r->finished = true;
	r->state = ENDED;
	timer_stop(&r->timeout);
	r->config.events->ended(r, &r->result, r->config.arg);
}

/* The first reason counts; the owner hears of it at the end of the turn, never from inside an engine callback. */
static void
finish(struct remote *r, enum remote_end end, const char *text)
{
	if (r->state == ENDED || r->freeing)
		return;
	/* An exit status that has come is the result, whatever becomes of the connection
	 * afterwards. */
	if (!r->have_status) {
		r->result.end = end;
		str_clean(r->result.text, sizeof r->result.text, text, strlen(text));
	}
	r->state = ENDED;
	loop_defer(r->way->loop, &r->finish);
}

/* As finish, with the end that fits: a session that has begun is lost, one that has not has
 * failed. */
static void
fail(struct remote *r, const char *text)
{
	finish(r, r->state == RUNNING ? REMOTE_LOST : REMOTE_FAILED, text);
}

static void
on_timeout(void *arg)
{
	fail(arg, "timed out");
}

/* --- the session ---------------------------------------------------------------------------- */

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct remote *r = arg;

	(void)chan;
	if (r->freeing)
		return n;
	return r->config.events->output(r, ext, p, n, r->config.arg);
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	struct remote *r = arg;

	(void)chan;
	if (r->state == RUNNING && r->config.events->writable)
		r->config.events->writable(r, r->config.arg);
}

/* SSH_FAIL for all but the two that a client may be sent (RFC 4254 section 6.10): requests of a
 * node ask for nothing here. */
static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct remote *r = arg;
	struct span signal, text;
	bool core;

	(void)chan;
	if (span_is(name, "exit-status") &&
	    ssh_exit_status_parse(payload, &r->result.status) == 0) {
		r->result.end = REMOTE_EXITED;
		r->have_status = true;
		return SSH_OK;
	}
	if (span_is(name, "exit-signal") &&
	    ssh_exit_signal_parse(payload, &signal, &core, &text) == 0) {
		r->result.end = REMOTE_SIGNALED;
		str_clean(r->result.signal, sizeof r->result.signal, (const char *)signal.p,
		    signal.n);
		r->have_status = true;
		return SSH_OK;
	}
	return SSH_FAIL;
}

static void
on_reply(struct ssh_chan *chan, bool ok, void *arg)
{
	struct remote *r = arg;

	(void)chan;
	/* It has ended meanwhile: a time-out, or the owner let go. */
	if (r->state != STARTING)
		return;
	/* Only what starts it is asked for with an answer. */
	if (!ok) {
		fail(r,
		    r->subsystem ? "the node refused the subsystem"
				 : "the node refused to start the session");
		return;
	}
	r->state = RUNNING;
	timer_stop(&r->timeout);
	if (r->config.events->started)
		r->config.events->started(r, r->config.arg);
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	struct remote *r = arg;

	(void)chan;
	r->session = NULL;
	/* When its connection is what ended, on_link_ended knows why. */
	if (!ssh_is_dead(ssh_link_ssh(r->link)))
		fail(r, "the session ended without an exit status");
}

/* All that the session is asked for. Neither the terminal nor a variable has an answer: a node may refuse either, and the
 * session is worth having without. */
static void
put_requests(const struct remote *r, struct buf *b)
{
	const char *what = r->subsystem ? r->subsystem : r->command;
	struct wire env = wire_from(buf_span(&r->env));
	struct buf one;

	buf_init(&one, REQUESTS_MAX);
	if (r->config.pty) {
		ssh_pty_put(&one, &r->pty);
		ssh_request_put(b, "pty-req", false, buf_span(&one));
		buf_reset(&one);
	}
	/* Each string is the payload of one request, as copy_environment has packed it. */
	while (!wire_end(&env) && !env.bad)
		ssh_request_put(b, "env", false, wire_string(&env));
	if (what)
		ssh_text_put(&one, what);
	ssh_request_put(b,
	    r->subsystem ? "subsystem"
		: what   ? "exec"
			 : "shell",
	    true, buf_span(&one));
	if (!buf_ok(&one))
		b->failed = true;
	buf_done(&one);
}

static void
on_session_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct remote *r = arg;

	(void)chan;
	(void)reason;
	r->session = NULL;
	fail(r, text);
}

/* --- the host's connection ------------------------------------------------------------------- */

static int
on_verify_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	struct remote *r = arg;
	/* When keys are exchanged anew it is to be that host, whatever its name means by now. */
	const char *who = str_is_uuid(r->host_id) ? r->host_id : r->host;

	(void)ssh;
	if (r->way->verify(host, who, e, r->way->arg) < 0)
		return -1;
	if (host->cert)
		(void)str_copy(r->host_id, sizeof r->host_id, host->cert->key_id);
	return 0;
}

/* The host is the one that was asked for, and was given a login that it will grant or not: the session goes along. */
static void
on_login_sent(struct ssh *ssh, void *arg)
{
	static const struct ssh_chan_events events = {
		.data = on_data,
		.writable = on_writable,
		.refused = on_session_refused,
		.request = on_request,
		.reply = on_reply,
		.closed = on_closed,
	};
	struct remote *r = arg;
	struct buf b;

	if (r->state != SIGNING_IN)
		return;
	r->state = STARTING;
	buf_init(&b, REQUESTS_MAX);
	put_requests(r, &b);
	if (buf_ok(&b))
		r->session = ssh_chan_open(ssh, "session", buf_span(&b), &events, r);
	if (!r->session)
		fail(r, buf_ok(&b) ? "cannot open a session" : "the command is too long");
	buf_done(&b);
}

static void
on_disconnected(struct ssh *ssh, uint32_t reason, const char *text, void *arg)
{
	struct remote *r = arg;

	(void)ssh;
	(void)reason;
	/* Kept for on_link_ended: that a connection ended is less than why. */
	str_copy(r->goodbye, sizeof r->goodbye, text);
}

static void
on_link_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct remote *r = arg;

	(void)link;
	r->link = NULL;
	r->session = NULL;
	if (*r->goodbye)
		why = r->goodbye;
	fail(r, *why ? why : "the node closed the connection");
	release(r);
}

/* The engine's output waits in the link until its transport is there. */
static int
open_link(struct remote *r)
{
	static const struct ssh_events events = {
		.verify_host = on_verify_host,
		.login_sent = on_login_sent,
		/* Where another key than the last one was taken. */
		.authenticated = on_login_sent,
		.disconnected = on_disconnected,
	};
	const struct ssh_config config = {
		.role = SSH_CLIENT,
		.guess_kex = true,
		.events = &events,
		.arg = r,
		.identities = r->way->identities,
		.n_identities = r->way->n_identities,
		.user = r->login,
	};
	struct err e = { "" };

	if (ssh_link_new(&r->link, r->way->loop, &config, on_link_ended, r) < 0)
		return -1;
	/* Not an error of this function: the owner hears of it like of any other end, from the
	 * loop. */
	if (r->way->connect(r->link, r->host, &e, r->way->arg) < 0) {
		fail(r, e.text);
		ssh_link_close(r->link, "", 0);
	}
	return 0;
}

int
remote_connect_via(struct ssh *proxy, struct ssh_link *link, const char *host, struct err *e)
{
	struct span first = ssh_output(ssh_link_ssh(link));
	struct ssh_chan *chan = NULL;
	struct buf b;

	buf_init(&b, OPEN_MAX);
	/* Where we come from the proxy sees for itself; what stands here is not believed by
	 * anybody. */
	ssh_tcpip_put(&b, host, NODE_PORT, "127.0.0.1", 0);
	/* Our side of the key exchange, which need not wait until the way is there. */
	if (first.n <= SSH_FIRST_MAX) {
		wire_put_string(&b, first);
		ssh_output_drain(ssh_link_ssh(link), first.n);
	}
	if (buf_ok(&b))
		chan = ssh_chan_open(proxy, "direct-tcpip", buf_span(&b), &ssh_link_chan_events,
		    link);
	buf_done(&b);
	if (!chan)
		return err_set(e, "too many connections at once");
	return ssh_link_attach_chan(link, chan);
}

/* --- from outside --------------------------------------------------------------------------- */

/* The payloads of the env requests, one string each. */
static void
copy_environment(struct remote *r, const char *const *env)
{
	buf_init(&r->env, ENV_MAX);
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		char name[128];
		size_t mark;

		if (!eq || !str_format(name, sizeof name, "%.*s", (int)(eq - *env), *env))
			continue;
		mark = wire_put_open(&r->env);
		ssh_env_put(&r->env, name, eq + 1);
		wire_put_close(&r->env, mark);
	}
}

/* Nothing of the caller's is kept but the events. */
static int
copy_config(struct remote *r, const struct remote_config *config)
{
	r->config = *config;
	r->config.env = NULL;
	copy_environment(r, config->env);
	r->host = strdup(config->host);
	r->login = strdup(config->login);
	r->command = config->command ? strdup(config->command) : NULL;
	r->subsystem = config->subsystem ? strdup(config->subsystem) : NULL;
	if (config->pty)
		r->pty = *config->pty;
	return r->host && r->login && !r->command == !config->command &&
		!r->subsystem == !config->subsystem
	    ? 0
	    : -1;
}

int
remote_new(struct remote **ret, const struct remote_way *way, const struct remote_config *config)
{
	struct remote *r = calloc(1, sizeof *r);

	if (!r)
		return -1;
	r->way = way;
	deferred_init(&r->finish, on_finish, r);
	deferred_init(&r->release, on_release, r);
	if (copy_config(r, config) < 0 || timer_init(&r->timeout, way->loop, on_timeout, r) < 0 ||
	    open_link(r) < 0) {
		on_release(r);
		return -1;
	}
	timer_start(&r->timeout, config->timeout_ms ? config->timeout_ms : START_TIMEOUT_MS);
	*ret = r;
	return 0;
}

/* Engine objects may call back until they are gone: they are told to end, and the last one takes r with it. */
void
remote_free(struct remote *r)
{
	if (!r || r->freeing)
		return;
	r->freeing = true;
	timer_stop(&r->timeout);
	if (r->link)
		/* Time for a CLOSE and a DISCONNECT to leave. */
		ssh_link_close(r->link, "", 200);
	release(r);
}

const char *
remote_host_id(const struct remote *r)
{
	return r->host_id;
}

size_t
remote_write(struct remote *r, const void *p, size_t n)
{
	return r->session && r->state == RUNNING ? ssh_chan_write(r->session, 0, p, n) : 0;
}

void
remote_eof(struct remote *r)
{
	if (r->session && r->state == RUNNING)
		ssh_chan_eof(r->session);
}

void
remote_eow(struct remote *r)
{
	if (r->session)
		ssh_chan_request(r->session, "eow@openssh.com", false, (struct span){ NULL, 0 });
}

void
remote_resume(struct remote *r)
{
	if (r->session)
		ssh_chan_resume(r->session);
}

void
remote_resize(struct remote *r, const struct ssh_window *w)
{
	struct buf b;

	if (!r->session || r->state != RUNNING)
		return;
	buf_init(&b, 64);
	ssh_window_put(&b, w);
	ssh_chan_request(r->session, "window-change", false, buf_span(&b));
	buf_done(&b);
}

void
remote_signal(struct remote *r, const char *name)
{
	struct buf b;

	if (!r->session || r->state != RUNNING)
		return;
	buf_init(&b, 64);
	ssh_text_put(&b, name);
	ssh_chan_request(r->session, "signal", false, buf_span(&b));
	buf_done(&b);
}
