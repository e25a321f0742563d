/* SPDX-License-Identifier: Apache-2.0 */
#include "ssh_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "ssh/ssh_priv.h"

struct sshkey *pair_host_key, *pair_user_key, *pair_ca_key;
struct buf pair_host_cert, pair_user_cert;

void
pair_certify(struct buf *ret, const struct sshkey *key, uint32_t type, const char *principal)
{
	struct sshcert *cert = calloc(1, sizeof(*cert));
	struct err e;

	assert_int_equal(sshkey_from_blob(&cert->key, sshkey_blob(key)), 0);
	cert->type = type;
	cert->serial = 7;
	cert->key_id = strdup(principal);
	cert->principals = calloc(1, sizeof(char *));
	cert->principals[0] = strdup(principal);
	cert->n_principals = 1;
	cert->valid_before = UINT64_MAX;
	buf_init(&cert->ca_blob, SSHCERT_BLOB_MAX);
	buf_init(&cert->blob, SSHCERT_BLOB_MAX);
	if (sshcert_sign(cert, pair_ca_key, &e) < 0)
		fail_msg("%s", e.text);
	buf_init(ret, SSHCERT_BLOB_MAX);
	buf_put(ret, buf_head(&cert->blob), cert->blob.len);
	sshcert_free(cert);
}

void
pair_keys(void)
{
	if (pair_host_key)
		return;
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(sshkey_generate(&pair_host_key), 0);
	assert_int_equal(sshkey_generate(&pair_user_key), 0);
	assert_int_equal(sshkey_generate(&pair_ca_key), 0);
	pair_certify(&pair_host_cert, pair_host_key, SSHCERT_HOST, "node1");
	pair_certify(&pair_user_cert, pair_user_key, SSHCERT_USER, "root");
}

unsigned
pair_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 8;
}

struct span
pair_span(const char *s)
{
	return span_str(s);
}

/* --- ends ------------------------------------------------------------------- */

void
end_init(struct end *e)
{
	memset(e, 0, sizeof(*e));
	e->take_max = SIZE_MAX;
	e->answer = SSH_OK;
	buf_init(&e->last_payload, 1 << 20);
}

static void
note(struct end *e, char c)
{
	size_t n = strlen(e->order);

	if ((n == 0 || e->order[n - 1] != c) && n + 1 < sizeof(e->order)) {
		e->order[n] = c;
		e->order[n + 1] = 0;
	}
}

static uint64_t
mix(uint64_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 1099511628211ull;
	return sum;
}

void
end_push(struct end *e)
{
	uint8_t block[8192];

	while (e->chan && e->sent < e->to_send) {
		size_t n = e->to_send - e->sent < sizeof(block) ? (size_t)(e->to_send - e->sent)
								: sizeof(block);
		size_t took;

		for (size_t i = 0; i < n; i++)
			block[i] = (uint8_t)((e->sent + i) * 2654435761u >> 13);
		took = ssh_chan_write(e->chan, 0, block, n);
		e->sent_sum = mix(e->sent_sum, block, took);
		e->sent += took;
		if (took < n)
			return;
	}
	if (e->chan && e->eof_after) {
		e->eof_after = false;
		ssh_chan_eof(e->chan);
	}
	if (e->chan && e->close_after) {
		e->close_after = false;
		ssh_chan_close(e->chan);
	}
}

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct end *e = arg;

	(void)chan;
	if (n > e->take_max)
		n = e->take_max;
	if (ext) {
		e->got_err += n;
	} else {
		e->sum = mix(e->sum, p, n);
		e->got += n;
	}
	memset(p, 0xdd, n); /* an owner may scribble on what it took */
	if (n)
		note(e, 'd');
	return n;
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	end_push(arg);
}

static void
on_opened(struct ssh_chan *chan, void *arg)
{
	struct end *e = arg;

	(void)chan;
	e->opened = true;
}

static void
on_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct end *e = arg;

	(void)chan;
	(void)reason;
	(void)text;
	e->refused = true;
	e->chan = NULL;
}

static enum ssh_answer
on_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct end *e = arg;

	e->requests++;
	if (e->leave_at_request)
		ssh_disconnect(chan->ssh, REASON_BY_APPLICATION, "no more");
	snprintf(e->last_request, sizeof(e->last_request), "%.*s", (int)name.n,
	    (const char *)name.p);
	buf_reset(&e->last_payload);
	buf_put(&e->last_payload, payload.p, payload.n);
	note(e, 'r');
	return e->answer;
}

static void
on_reply(struct ssh_chan *chan, bool ok, void *arg)
{
	struct end *e = arg;

	(void)chan;
	if (ok)
		e->replies_ok++;
	else
		e->replies_failed++;
}

static void
on_eof(struct ssh_chan *chan, void *arg)
{
	struct end *e = arg;

	(void)chan;
	e->eof = true;
	note(e, 'e');
}

static void
on_unread(struct ssh_chan *chan, void *arg)
{
	struct end *e = arg;

	(void)chan;
	e->unread = true;
	note(e, 'u');
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	struct end *e = arg;

	note(e, 'c');
	if (e->chan != chan) /* an end that several channels share */
		return;
	assert_false(e->closed);
	e->closed = true;
	e->chan = NULL;
}

const struct ssh_chan_events pair_chan_events = {
	.data = on_data,
	.writable = on_writable,
	.opened = on_opened,
	.refused = on_refused,
	.request = on_request,
	.reply = on_reply,
	.eof = on_eof,
	.unread = on_unread,
	.closed = on_closed,
};

/* --- connection events -------------------------------------------------------- */

static enum ssh_verdict
on_auth(struct ssh *ssh, const struct ssh_auth *a, void *arg)
{
	struct pair *p = arg;

	(void)ssh;
	if (strcmp(a->user, PAIR_NOBODY) == 0)
		return SSH_DENY;
	if (a->proven)
		p->proofs++;
	else
		p->offers++;
	snprintf(p->auth_user, sizeof(p->auth_user), "%s", a->user);
	snprintf(p->auth_alg, sizeof(p->auth_alg), "%.*s", (int)a->alg.n, (const char *)a->alg.p);
	p->auth_cert = a->cert != NULL;
	return p->verdict;
}

static int
on_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	struct pair *p = arg;

	(void)ssh;
	p->host_was_cert = host->cert != NULL;
	if (!p->host_believed)
		return err_set(e, "unknown host");
	return 0;
}

static void
on_login_sent(struct ssh *ssh, void *arg)
{
	struct pair *p = arg;

	p->logins_sent++;
	if (p->opens_ahead)
		p->out.chan = ssh_chan_open(ssh, "session", p->ahead, &pair_chan_events, &p->out);
}

static void
on_server_in(struct ssh *ssh, void *arg)
{
	(void)ssh;
	((struct pair *)arg)->authenticated_server = true;
}

static void
on_client_in(struct ssh *ssh, void *arg)
{
	(void)ssh;
	((struct pair *)arg)->authenticated_client = true;
}

static void
on_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct pair *p = arg;

	(void)ssh;
	snprintf(p->open_type, sizeof(p->open_type), "%.*s", (int)open->type.n,
	    (const char *)open->type.p);
	snprintf(p->open_host, sizeof(p->open_host), "%.*s", (int)open->host.n,
	    (const char *)open->host.p);
	p->open_port = open->port;
	if (p->refuse_channels) {
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, "not today");
		return;
	}
	if (p->accept_later) {
		p->undecided = chan;
		return;
	}
	p->in.chan = chan;
	ssh_chan_accept(chan, &pair_chan_events, &p->in);
	if (span_is(open->type, "session"))
		ssh_chan_requests(chan, open->payload);
}

static enum ssh_answer
on_global(struct ssh *ssh, struct span name, struct span payload, struct buf *reply, void *arg)
{
	struct pair *p = arg;

	p->globals++;
	if (p->leave_at_request)
		ssh_disconnect(ssh, REASON_BY_APPLICATION, "no more");
	snprintf(p->last_global, sizeof(p->last_global), "%.*s", (int)name.n, (const char *)name.p);
	if (p->global_answer == SSH_OK)
		buf_put(reply, payload.p, payload.n);
	return p->global_answer;
}

static void
on_server_gone(struct ssh *ssh, uint32_t reason, const char *text, void *arg)
{
	struct pair *p = arg;

	(void)ssh;
	(void)reason;
	assert_int_equal(p->gone_server[0], 0);
	snprintf(p->gone_server, sizeof(p->gone_server), "%s", text);
}

static void
on_client_gone(struct ssh *ssh, uint32_t reason, const char *text, void *arg)
{
	struct pair *p = arg;

	(void)ssh;
	(void)reason;
	assert_int_equal(p->gone_client[0], 0);
	snprintf(p->gone_client, sizeof(p->gone_client), "%s", text);
}

static const struct ssh_events server_events = {
	.auth = on_auth,
	.authenticated = on_server_in,
	.channel_open = on_open,
	.global_request = on_global,
	.disconnected = on_server_gone,
};

static const struct ssh_events client_events = {
	.verify_host = on_host,
	.login_sent = on_login_sent,
	.authenticated = on_client_in,
	.channel_open = on_open,
	.global_request = on_global,
	.disconnected = on_client_gone,
};

/* --- the pair --------------------------------------------------------------------- */

void
pair_init(struct pair *p)
{
	pair_keys();
	memset(p, 0, sizeof(*p));
	p->now_ms = 1000;
	p->seed = 1;
	p->verdict = SSH_ALLOW;
	p->host_believed = true;
	p->global_answer = SSH_OK;
	p->host_ids[0] = (struct ssh_identity){ pair_host_key, buf_span(&pair_host_cert) };
	p->user_ids[0] = (struct ssh_identity){ pair_user_key, buf_span(&pair_user_cert) };
	p->server_config = (struct ssh_config){ .role = SSH_SERVER,
		.events = &server_events,
		.arg = p,
		.identities = p->host_ids,
		.n_identities = 1 };
	p->client_config = (struct ssh_config){ .role = SSH_CLIENT,
		.events = &client_events,
		.arg = p,
		.identities = p->user_ids,
		.n_identities = 1,
		.user = "root" };
	end_init(&p->in);
	end_init(&p->out);
}

void
pair_start(struct pair *p)
{
	assert_int_equal(ssh_new(&p->server, &p->server_config, p->now_ms), 0);
	assert_int_equal(ssh_new(&p->client, &p->client_config, p->now_ms), 0);
}

void
pair_done(struct pair *p)
{
	ssh_free(p->client);
	ssh_free(p->server);
	buf_done(&p->in.last_payload);
	buf_done(&p->out.last_payload);
}

/* Some of what a has to send goes to b, in a block of its own so that over-reads are seen. */
static bool
carry(struct pair *p, struct ssh *a, struct ssh *b, bool *b_dead)
{
	struct span out = ssh_output(a);
	size_t n = out.n;
	uint8_t *copy;

	if (n == 0 || (!*b_dead && !ssh_wants_input(b)))
		return false;
	if (p->cut && n > p->cut)
		n = 1 + pair_random(&p->seed) % p->cut;
	copy = malloc(n);
	memcpy(copy, out.p, n);
	ssh_output_drain(a, n);
	if (!*b_dead && ssh_input(b, copy, n, p->now_ms) < 0)
		*b_dead = true;
	free(copy);
	return true;
}

bool
pair_step(struct pair *p)
{
	bool moved = carry(p, p->client, p->server, &p->dead_server);

	return carry(p, p->server, p->client, &p->dead_client) || moved;
}

void
pair_run(struct pair *p)
{
	while (pair_step(p))
		;
}

void
pair_login(struct pair *p)
{
	pair_start(p);
	pair_run(p);
	if (!p->authenticated_client || !p->authenticated_server)
		fail_msg("no login: server '%s', client '%s'", ssh_error(p->server),
		    ssh_error(p->client));
}

void
pair_open(struct pair *p)
{
	p->out.chan = ssh_chan_open(p->client, "session", pair_span(""), &pair_chan_events,
	    &p->out);
	assert_non_null(p->out.chan);
	pair_run(p);
	assert_true(p->out.opened);
	assert_non_null(p->in.chan);
}

void
pair_forge(struct ssh *from, const void *payload, size_t n)
{
	uint8_t *p = packet_reserve(from, n);

	assert_non_null(p);
	memcpy(p, payload, n);
	packet_send_reserved(from, n);
}

void
pair_say(struct ssh *from, struct buf *b)
{
	assert_true(buf_ok(b));
	pair_forge(from, buf_head(b), b->len);
	buf_done(b);
}

void
pair_say_type(struct ssh *from, uint8_t type)
{
	pair_forge(from, &type, 1);
}

void
pair_expect_dead_server(struct pair *p, const char *why)
{
	pair_run(p);
	assert_true(p->dead_server);
	if (!strstr(ssh_error(p->server), why))
		fail_msg("ended with '%s' instead of '%s'", ssh_error(p->server), why);
}
