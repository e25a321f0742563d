/* SPDX-License-Identifier: Apache-2.0 */
/* proxy_world: see proxy_world.h. */
#include "net/ceiling.h"
#include "net/rate.h"
#include "proxy_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/wire.h"
#include "cluster.h"
#include "crypto/rand.h"
#include "ssh/session.h"

enum { LIMIT_MS = 30 * 1000 };

/* --- the world ------------------------------------------------------------------- */

static void
on_changed(enum replica_kind kind, const char *key, void *arg)
{
	struct world *w = arg;

	if (w->ssh_server && kind == REPLICA_WEB_SESSION)
		ssh_server_review_web(w->ssh_server, key);
	else if (w->ssh_server)
		ssh_server_review(w->ssh_server);
}

static void
put_role(struct world *w)
{
	static const char *const any[] = { "*" }, *const logins[] = { "root" };
	static const struct policy_label_rule labels = { "*", { any, 1 } };
	struct policy_role role = { .name = "access",
		.allow = { .logins = { logins, 1 }, .node_labels = &labels, .n_node_labels = 1 } };

	cluster_role(w->replica, &role);
}

void
world_up(struct world *w)
{
	memset(w, 0, sizeof(*w));
	assert_int_equal(crypto_init(), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(sshkey_generate(&w->host_ca) | sshkey_generate(&w->user_ca) |
		sshkey_generate(&w->other_ca) | sshkey_generate(&w->host_key),
	    0);
	w->ca.host_ssh[0] = sshkey_blob(w->host_ca);
	w->ca.user_ssh[0] = sshkey_blob(w->user_ca);
	w->ca.n_host_ssh = w->ca.n_user_ssh = 1;
	assert_int_equal(ceiling_new(&w->all, 100, 100) | ceiling_new(&w->strangers, 100, 100) |
		ceiling_new(&w->passing, 100, 100),
	    0);
	assert_int_equal(ceiling_new(&w->of_user, 2000, 1500) |
		ceiling_new(&w->to_node, 2000, 1500) | ceiling_new(&w->people, 100, 50),
	    0);
	assert_int_equal(rate_new(&w->failures, 60, 1000), 0);
	w->replica = cluster_new(w->loop, on_changed, w);
	assert_int_equal(tunnels_new(&w->tunnels, w->replica, NULL), 0);
	w->relays = (struct relays){ .loop = w->loop,
		.replica = w->replica,
		.tunnels = w->tunnels,
		.cluster = "tele.test",
		.of_user = w->of_user,
		.to_node = w->to_node,
		.failures = w->failures,
		.dial_timeout_ms = 1000 };
	struct ssh_server_config config = { .loop = w->loop,
		.replica = w->replica,
		.tunnels = w->tunnels,
		.relays = &w->relays,
		.strangers = w->strangers,
		.passing = w->passing,
		.all = w->all,
		.people = w->people,
		.cluster = "tele.test" };
	assert_int_equal(ssh_server_new(&w->ssh_server, &config), 0);
	assert_int_equal(ssh_server_set_identity(w->ssh_server, w->host_key,
			     (struct span){ NULL, 0 }),
	    0);
	ssh_server_set_authorities(w->ssh_server, &w->ca);
	put_role(w);
}

void
world_down(struct world *w)
{
	ssh_server_free(w->ssh_server);
	assert_int_equal(ceiling_count(w->all), 0);
	assert_int_equal(ceiling_count(w->strangers), 0);
	assert_int_equal(w->relays.count, 0);
	tunnels_free(w->tunnels);
	replica_free(w->replica);
	assert_int_equal(ceiling_count(w->people), 0);
	assert_int_equal(ceiling_count(w->of_user), 0);
	assert_int_equal(ceiling_count(w->to_node), 0);
	ceiling_free(w->all);
	ceiling_free(w->people);
	ceiling_free(w->of_user);
	ceiling_free(w->to_node);
	rate_free(w->failures);
	ceiling_free(w->strangers);
	ceiling_free(w->passing);
	sshkey_free(w->host_ca);
	sshkey_free(w->user_ca);
	sshkey_free(w->other_ca);
	sshkey_free(w->host_key);
	loop_free(w->loop);
}

void
world_until(struct world *w, const bool *done)
{
	int64_t end_ms = clock_mono_ms() + LIMIT_MS;

	while (!*done && clock_mono_ms() < end_ms)
		(void)loop_turn(w->loop, 100);
	assert_true(*done);
}

void
world_turns(struct world *w, int n)
{
	for (int i = 0; i < n; i++)
		(void)loop_turn(w->loop, 1);
}

/* --- certificates ---------------------------------------------------------------- */

static void
make_cert(const struct world *w, struct conn_end *g, const struct paper *paper)
{
	char *principal = (char *)(uintptr_t)(paper->principal ? paper->principal : "root");
	const char *more = paper->web ? "web-session@sallyport" : paper->extension;
	struct sshcert_option ext[2] = { { (char *)(uintptr_t) "roles@sallyport",
					     (char *)(uintptr_t) "access" },
		{ (char *)(uintptr_t)more, (char *)(uintptr_t)(paper->web ? paper->web : "") } };
	uint64_t now_s = (uint64_t)(clock_wall_ms() / 1000);
	struct sshcert cert = { .key = g->key,
		.type = paper->type ? paper->type : SSHCERT_USER,
		.key_id = (char *)(uintptr_t)(paper->key_id ? paper->key_id : "alice"),
		.principals = &principal,
		.n_principals = 1,
		.valid_after = now_s - 3600,
		.valid_before = paper->expired ? now_s - 60 : now_s + 600,
		.extensions = ext,
		.n_extensions = more ? 2 : 1 };
	struct err e;

	buf_init(&cert.blob, SSHCERT_BLOB_MAX);
	buf_init(&cert.ca_blob, SSHCERT_BLOB_MAX);
	assert_int_equal(sshcert_sign(&cert, paper->ca ? paper->ca : w->user_ca, &e), 0);
	buf_init(&g->cert, SSHCERT_BLOB_MAX);
	assert_true(buf_put(&g->cert, buf_head(&cert.blob), cert.blob.len));
	buf_done(&cert.blob);
	buf_done(&cert.ca_blob);
}

/* --- sides ----------------------------------------------------------------------- */

uint8_t
side_byte(uint64_t at)
{
	if (at < 4)
		return (uint8_t) "SSH-"[at]; /* what comes from a node's socket must begin so */
	return (uint8_t)(at * 2654435761u >> 13);
}

void
side_push(struct side *s)
{
	static uint8_t chunk[16384];

	while (s->chan && s->sent < s->to_send) {
		size_t n = s->to_send - s->sent < sizeof(chunk) ? (size_t)(s->to_send - s->sent)
								: sizeof(chunk),
		       took;

		for (size_t i = 0; i < n; i++)
			chunk[i] = side_byte(s->sent + i);
		took = ssh_chan_write(s->chan, 0, chunk, n);
		s->sent += took;
		if (took < n)
			return;
	}
	if (s->chan && s->close_after)
		ssh_chan_close(s->chan);
}

static size_t
on_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct side *s = arg;

	(void)chan;
	if (s->paused)
		return 0;
	for (size_t i = 0; i < n; i++)
		s->corrupt |= p[i] != side_byte(s->got + i);
	s->corrupt |= ext != 0;
	s->got += n;
	return n;
}

static void
on_writable(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	side_push(arg);
}

static void
on_opened(struct ssh_chan *chan, void *arg)
{
	struct side *s = arg;

	(void)chan;
	s->opened = true;
	side_push(s);
}

static void
on_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct side *s = arg;

	(void)chan, (void)reason;
	s->chan = NULL;
	s->refused = true;
	(void)str_copy(s->why, sizeof(s->why), text);
}

static void
on_eof(struct ssh_chan *chan, void *arg)
{
	struct side *s = arg;

	(void)chan;
	s->eof = true;
}

static void
on_closed(struct ssh_chan *chan, void *arg)
{
	struct side *s = arg;

	(void)chan;
	s->chan = NULL;
	s->closed = true;
}

static const struct ssh_chan_events side_events = { .data = on_data,
	.writable = on_writable,
	.opened = on_opened,
	.refused = on_refused,
	.eof = on_eof,
	.closed = on_closed };

void
side_open(struct conn_end *user, struct side *s, const char *host)
{
	side_open_with(user, s, host, (struct span){ NULL, 0 });
}

void
side_open_with(struct conn_end *user, struct side *s, const char *host, struct span extra)
{
	struct buf b;

	buf_init(&b, 8192);
	ssh_tcpip_put(&b, host, 3022, "127.0.0.1", 1);
	buf_put(&b, extra.p, extra.n);
	s->chan = ssh_chan_open(ssh_link_ssh(user->link), "direct-tcpip", buf_span(&b),
	    &side_events, s);
	assert_non_null(s->chan);
	buf_done(&b);
}

/* --- conns ---------------------------------------------------------------------- */

static int
on_verify(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	(void)ssh, (void)host, (void)e, (void)arg;
	return 0;
}

static void
on_in(struct ssh *ssh, void *arg)
{
	struct conn_end *g = arg;

	(void)ssh;
	g->in = true;
}

static void
on_channel(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct conn_end *g = arg;
	struct side *s = g->next;
	struct wire extra = wire_from(open->extra);
	char user[64];

	(void)ssh;
	wire_text(&extra, user, sizeof(user));
	wire_text(&extra, g->first, sizeof(g->first));
	assert_true(wire_end(&extra));
	if (!s || !span_is(open->type, "forwarded-tcpip")) {
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, "not now");
		return;
	}
	g->next = NULL;
	s->chan = chan;
	s->opened = true;
	ssh_chan_accept(chan, &side_events, s);
	side_push(s);
}

static const struct ssh_events conn_events = { .verify_host = on_verify,
	.authenticated = on_in,
	.channel_open = on_channel };

static void
on_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct conn_end *g = arg;

	(void)link;
	g->ended = true;
	g->link = NULL;
	(void)str_copy(g->why, sizeof(g->why), why);
}

void
conn_connect(struct world *w, struct conn_end *g, const struct paper *paper)
{
	struct addr peer = { .ip = "192.0.2.9", .port = 4711 };
	struct ssh_config config = { .role = SSH_CLIENT,
		.events = &conn_events,
		.arg = g,
		.user = paper->key_id ? paper->key_id : "anybody",
		.identities = &g->id,
		.n_identities = 1 };
	int pair[2];

	memset(g, 0, sizeof(*g));
	assert_int_equal(sshkey_generate(&g->key), 0);
	buf_init(&g->cert, SSHCERT_BLOB_MAX);
	if (!paper->plain)
		make_cert(w, g, paper);
	g->id = (struct ssh_identity){ .key = g->key, .cert = buf_span(&g->cert) };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	assert_true(ceiling_take(w->all, peer.ip) && ceiling_take(w->strangers, peer.ip));
	ssh_server_take(w->ssh_server, pair[0], &peer, (struct span){ NULL, 0 });
	assert_int_equal(ssh_link_new(&g->link, w->loop, &config, on_ended, g), 0);
	assert_int_equal(ssh_link_attach_fd(g->link, pair[1]), 0);
}

void
conn_done(struct conn_end *g)
{
	buf_done(&g->cert);
	sshkey_free(g->key);
}

void
node_connect(struct world *w, struct conn_end *g)
{
	struct paper paper = { .ca = w->host_ca,
		.key_id = WORLD_NODE,
		.principal = WORLD_NODE,
		.extension = "tunnel@sallyport" };
	const struct replica_host node = { .uuid = WORLD_NODE,
		.kind = "node",
		.name = "node-1",
		.address = "",
		.online = true };

	cluster_host(w->replica, &node);
	conn_connect(w, g, &paper);
	world_until(w, &g->in);
	world_turns(w, 5);
	assert_non_null(tunnels_find(w->tunnels, WORLD_NODE));
}
