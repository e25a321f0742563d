/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh: the face of the engine; see ssh.h. Makes, feeds, drains and ends connections; everything
 * between the bytes and the callbacks is in the files that ssh_priv.h lists.
 */
#include "ssh/ssh.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ssh/ssh_priv.h"

static void
config_defaults(struct ssh_config *c)
{
	if (!c->login_grace_ms)
		c->login_grace_ms = 20000;
	if (!c->max_auth_tries)
		c->max_auth_tries = 10;
	if (!c->max_channels)
		c->max_channels = 1000;
	if (!c->rekey_bytes)
		/* After each gigabyte or hour, whichever comes first (RFC 4253 section 9). */
		c->rekey_bytes = 1024ull * 1024 * 1024;
	if (!c->rekey_ms)
		c->rekey_ms = 3600 * 1000;
	if (!c->keepalive_tries)
		c->keepalive_tries = 3;
	if (!c->window)
		c->window = 1024 * 1024;
	if (!c->window_in)
		c->window_in = c->window;
	if (!c->window_max)
		c->window_max = 16 * 1024 * 1024;
	if (c->window_in > c->window_max)
		c->window_max = c->window_in;
	if (c->window_max < c->window)
		c->window_max = c->window;
	if (!c->output_max)
		c->output_max = 512 * 1024;
	if (c->output_max > OUTPUT_HARD / 2)
		c->output_max = OUTPUT_HARD / 2;
	if (c->output_max < CHAN_WRITE_MAX)
		c->output_max = CHAN_WRITE_MAX;
}

int
ssh_new(struct ssh **ret, const struct ssh_config *config, int64_t now_ms)
{
	struct ssh *ssh = calloc(1, sizeof(*ssh));

	*ret = NULL;
	if (!ssh)
		return -1;
	ssh->config = *config;
	config_defaults(&ssh->config);
	ssh->state = STATE_VERSION;
	ssh->now_ms = ssh->born_ms = ssh->last_in_ms = ssh->keyed_ms = now_ms;
	buf_init(&ssh->pending, PENDING_MAX);
	buf_init(&ssh->host_key, SSHCERT_BLOB_MAX);
	buf_init(&ssh->farewell, FAREWELL_MAX);
	list_init(&ssh->blocked);
	list_init(&ssh->closing);
	list_init(&ssh->due);
	late_init(&ssh->late);
	if (version_send(ssh) < 0 || kex_start(ssh) < 0) {
		ssh_free(ssh);
		return -1;
	}
	*ret = ssh;
	return 0;
}

void
ssh_end_channels(struct ssh *ssh)
{
	ssh->ending = true;
	/* First of all, so that no callback below can open, write or answer anything on the way out. */
	ssh->state = STATE_DEAD;
	for (size_t i = 0; i < ssh->chans_cap; i++) {
		struct ssh_chan *chan = ssh->chans[i];

		if (!chan)
			continue;
		chan->state = CHAN_OVER;
		if (chan->events && chan->events->closed)
			chan->events->closed(chan, chan->arg);
		chan_free(chan);
	}
	global_done(ssh);
}

void
ssh_free(struct ssh *ssh)
{
	if (!ssh)
		return;
	ssh_end_channels(ssh);
	kex_free(ssh->kex);
	cipher_free(ssh->in.cipher);
	cipher_free(ssh->out.cipher);
	packet_part_done(ssh);
	outbuf_done(&ssh->outbuf);
	buf_wipe(&ssh->pending);
	buf_done(&ssh->host_key);
	buf_done(&ssh->farewell);
	free(ssh->my_version);
	free(ssh->peer_version);
	free(ssh->auth);
	free(ssh->chans);
	free(ssh->error);
	free(ssh);
}

void
ssh_wake(struct ssh *ssh)
{
	/* Once until the output is looked at again: each packet of a burst asks for it. */
	if (ssh->woken || ssh->ending || !ssh->config.wake)
		return;
	ssh->woken = true;
	ssh->config.wake(ssh->config.wake_arg);
}

void
ssh_set_wake(struct ssh *ssh, void (*wake)(void *arg), void *arg)
{
	ssh->config.wake = wake;
	ssh->config.wake_arg = arg;
}

/* Once, and never from inside a handler: see ssh_stage. */
static void
tell_disconnect(struct ssh *ssh)
{
	if (!ssh->must_tell_disconnect || ssh->told_disconnect)
		return;
	ssh->told_disconnect = true;
	if (ssh->config.events && ssh->config.events->disconnected)
		ssh->config.events->disconnected(ssh, ssh->end_reason, ssh_error(ssh),
		    ssh->config.arg);
}

void
ssh_stage(struct ssh *ssh)
{
	struct ssh_chan *chan;

	if (ssh->busy > 0 || ssh->in_stage)
		return;
	/* Owners are told of an end here and not where it was found: deep inside a packet's handler a callback
	 * that frees its channel would pull it from under the handler. */
	ssh->in_stage = true;
	while ((chan = list_first(struct ssh_chan, &ssh->closing, closing)) != NULL) {
		list_del(&chan->closing);
		if (chan->events && chan->events->closed)
			chan->events->closed(chan, chan->arg);
		chan_free(chan);
	}
	tell_disconnect(ssh);
	ssh->in_stage = false;
}

/* A peer that is not logged in gets only so much of our time. */
static int
check_preauth(struct ssh *ssh)
{
	if (ssh->state == STATE_OPEN)
		return 0;
	if (ssh->bytes_in > PREAUTH_BYTES_MAX || ssh->packets_in > PREAUTH_PACKETS_MAX)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "too much data before the login");
	return 0;
}

int
ssh_input(struct ssh *ssh, uint8_t *p, size_t n, int64_t now_ms)
{
	int r = ssh->state == STATE_DEAD ? -1 : 0;

	ssh->now_ms = ssh->last_in_ms = now_ms;
	/* Any byte is a sign of life; a peer in the middle of a long transfer need not answer keepalives in
	 * time. */
	ssh->pings = 0;
	ssh->busy++;
	while (n > 0 && r == 0) {
		size_t before = n;

		r = ssh->state == STATE_VERSION ? version_input(ssh, &p, &n)
						: packet_input(ssh, &p, &n);
		ssh->bytes_in += before - n;
		if (r == 0 && ssh->state == STATE_DEAD)
			r = -1;
		if (r == 0)
			r = check_preauth(ssh);
	}
	if (r == 0 && packet_wants_rekey(ssh))
		r = kex_start(ssh);
	ssh->busy--;
	ssh_stage(ssh);
	return r < 0 || ssh->state == STATE_DEAD ? -1 : 0;
}

bool
ssh_wants_input(const struct ssh *ssh)
{
	/* Channel data alone never reaches this: writers stop at output_max. Only answers to a peer
	 * that asks and does not listen do, so two peers that are both full of data never wait for
	 * each other. */
	return ssh->outbuf.len < ssh->config.output_max + OUTPUT_SLACK;
}

struct span
ssh_output(struct ssh *ssh)
{
	struct span out;

	ssh_stage(ssh);
	if (packet_wants_rekey(ssh))
		kex_start(ssh);
	ssh->woken = false;
	out.p = ssh->outbuf.p ? ssh->outbuf.p + ssh->outbuf.off : NULL;
	out.n = ssh->outbuf.len;
	return out;
}

void
ssh_output_drain(struct ssh *ssh, size_t n)
{
	outbuf_drain(&ssh->outbuf, n);
	ssh->busy++;
	chan_tell_writable(ssh);
	ssh->busy--;
	if (!list_empty(&ssh->closing) || ssh->must_tell_disconnect)
		ssh_wake(ssh);
}

static int
tick_keepalive(struct ssh *ssh)
{
	int64_t every = ssh->config.keepalive_ms;

	if (!every || ssh->now_ms - ssh->last_in_ms < every ||
	    ssh->now_ms - ssh->last_ping_ms < every)
		return 0;
	if (ssh->pings >= ssh->config.keepalive_tries)
		return ssh_fatal(ssh, REASON_CONNECTION_LOST,
		    "the other side does not answer any more");
	ssh->pings++;
	ssh->last_ping_ms = ssh->now_ms;
	return global_keepalive(ssh);
}

/* 0, or -1 after ssh_fatal. Once a second or so; what it measures are seconds. */
static int
tick_alive(struct ssh *ssh)
{
	if (ssh->state != STATE_OPEN && ssh->now_ms - ssh->born_ms >= ssh->config.login_grace_ms)
		return ssh_fatal(ssh, REASON_BY_APPLICATION, "the login took too long");
	/* Only a peer that does talk is ended for this: one that is silent (a laptop asleep) is the keepalives'
	 * business. */
	if (ssh->kex && ssh->now_ms - ssh->kex->since_ms >= REKEY_TIMEOUT_MS &&
	    ssh->now_ms - ssh->last_in_ms < REKEY_SILENCE_MS)
		return ssh_fatal(ssh, REASON_KEX_FAILED,
		    "the other side does not finish the key exchange");
	if (ssh->state != STATE_OPEN)
		return 0;
	if (!ssh->kex && ssh->now_ms - ssh->keyed_ms >= ssh->config.rekey_ms && kex_start(ssh) < 0)
		return -1;
	return tick_keepalive(ssh);
}

int
ssh_tick(struct ssh *ssh, int64_t now_ms)
{
	int r = -1;

	ssh->now_ms = now_ms;
	ssh->busy++;
	if (ssh->state != STATE_DEAD)
		r = tick_alive(ssh);
	ssh->busy--;
	ssh_stage(ssh);
	return r;
}

const char *
ssh_error(const struct ssh *ssh)
{
	return ssh->error ? ssh->error : ssh->state == STATE_DEAD ? "the connection ended" : "";
}

/* Best effort: when there is no room for it the connection ends without a word. */
static void
send_disconnect(struct ssh *ssh, uint32_t reason, const char *text)
{
	struct buf b;

	/* Before the identification lines a packet would be read as text (RFC 4253 section 4.2). */
	if (ssh->state == STATE_VERSION)
		return;
	packet_begin(&b, MSG_DISCONNECT);
	wire_put_u32(&b, reason);
	wire_put_text(&b, text);
	wire_put_text(&b, "");
	packet_send_buf(ssh, &b);
}

/* The end, once: text says why. */
static void
finish(struct ssh *ssh, uint32_t reason, char *text)
{
	free(ssh->error);
	/* Ours from here on. NULL, for lack of memory, is fine: ssh_error has a text for it. */
	ssh->error = text;
	ssh->end_reason = reason;
	ssh->state = STATE_DEAD;
	ssh->must_tell_disconnect = true;
	ssh_wake(ssh);
}

int
ssh_fatal(struct ssh *ssh, uint32_t reason, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	if (ssh->state == STATE_DEAD)
		return -1;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		text = NULL;
	send_disconnect(ssh, reason, text ? text : "");
	if (ssh->state == STATE_DEAD) { /* even that failed */
		free(text);
		return -1;
	}
	finish(ssh, reason, text);
	return -1;
}

void
ssh_disconnect(struct ssh *ssh, uint32_t reason, const char *text)
{
	char clean[512];

	/* It may quote what the peer sent; others will show it. */
	str_clean(clean, sizeof(clean), text, strlen(text));
	ssh_fatal(ssh, reason, "%s", clean);
}

int
ssh_peer_left(struct ssh *ssh, uint32_t reason, struct span text)
{
	char clean[256], *copy = NULL;

	if (ssh->state == STATE_DEAD)
		return -1;
	/* A peer's words are shown on terminals and in logs: nothing in them may move a cursor. */
	str_clean(clean, sizeof(clean), (const char *)text.p, text.n);
	if (asprintf(&copy, "%s", clean) < 0)
		copy = NULL;
	ssh->peer_left = true;
	if (text.n > 0)
		(void)buf_put(&ssh->farewell, text.p,
		    text.n < FAREWELL_MAX ? text.n : FAREWELL_MAX);
	finish(ssh, reason, copy);
	return -1;
}

struct span
ssh_peer_farewell(const struct ssh *ssh)
{
	return buf_span(&ssh->farewell);
}

bool
ssh_is_dead(const struct ssh *ssh)
{
	return ssh->state == STATE_DEAD;
}

struct span
ssh_session_id(const struct ssh *ssh)
{
	if (!ssh->have_session_id)
		return (struct span){ NULL, 0 };
	return (struct span){ ssh->session_id, sizeof(ssh->session_id) };
}

const char *
ssh_peer_version(const struct ssh *ssh)
{
	return ssh->peer_version ? ssh->peer_version : "";
}

size_t
ssh_channel_count(const struct ssh *ssh)
{
	return ssh->n_chans;
}
