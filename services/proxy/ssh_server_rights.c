/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server_rights: what somebody may do who is logged in, and the end of it when that changes. Called by the engine, by
 * relays and by proxy.c.
 *
 * Security: a login lets a person open direct-tcpip channels to nodes and a node be the target of channels; nothing else is
 * answered.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/ssh_server_priv.h"

enum { CUT_AFTER_MS = 500, CHANNELS_USER = 1000 };

/* --- what they may do ------------------------------------------------------------ */

/* A browser's certificate ends with its session: whoever has the key of a page that was left gets in nowhere with it. */
int
ssh_server_check_web(const struct conn *g, const char *key, struct err *e)
{
	return key ? replica_check_web(g->ssh_server->config.replica, key, NULL, e) : 0;
}

/* The user, wherever he goes. The connection may still last for what is on its way out. */
static bool
user_is_cut(const struct conn *g, struct err *e)
{
	return replica_check_user(g->ssh_server->config.replica, g->who, NULL, g->issued_ms, e) ==
	    REPLICA_E_CUT ||
	    ssh_server_check_web(g, g->web, e) == REPLICA_E_CUT;
}

/* For relays: at the opening, and once more when a node was waited for. */
bool
ssh_server_may_open(struct ssh_chan *chan, void *arg)
{
	struct conn *g = arg;
	struct err e;

	if (g->ssh_server->draining)
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES,
		    "this proxy is stopping, connect again");
	else if (g->leaving)
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, "this connection is ending");
	else if (clock_wall_ms() >= g->expires_ms)
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED,
		    "your certificate has expired; log in again: tsh login");
	else if (ssh_channel_count(ssh_link_ssh(g->ssh_link)) > CHANNELS_USER)
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES,
		    "too many connections to nodes at once over this one");
	else if (user_is_cut(g, &e))
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, e.text);
	else
		return true;
	return false;
}

void
ssh_server_on_channel_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open,
    void *arg)
{
	struct conn *g = arg;

	(void)ssh;
	/* A node that was taken over must not become a way through the proxy to other nodes. */
	if (g->kind != CONN_USER)
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, "nodes open no channels here");
	else if (!span_is(open->type, "direct-tcpip"))
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED,
		    "this is the proxy: reach nodes through it, with tsh ssh or tsh config");
	else if (ssh_server_may_open(chan, g))
		relay_open(g->ssh_server->config.relays, &g->owner, chan, open);
}

/* Nodes ask for their forward as any client of RFC 4254 7.1 would; the name in it is not
 * believed. */
enum ssh_answer
ssh_server_on_global_request(struct ssh *ssh, struct span name, struct span payload,
    struct buf *reply, void *arg)
{
	struct conn *g = arg;

	(void)ssh, (void)payload, (void)reply;
	if (g->kind == CONN_NODE &&
	    (span_is(name, "tcpip-forward") || span_is(name, "cancel-tcpip-forward")))
		return SSH_OK;
	return SSH_FAIL;
}

/* --- when rights change ------------------------------------------------------------ */

/* In the trail with the person's name, so that "why was I thrown out" has an answer. */
static void
note_cut(const struct conn *g, const char *why)
{
	struct audit_event ev = { .id = EVENT_CLIENT_DISCONNECT,
		.user = span_str(g->who->name),
		.remote_addr = span_str(g->peer.ip),
		.message = span_str(why) };

	event_put_text(&ev, EVENT_KEY_REASON, why);
	events_write(g->ssh_server->config.audit, &ev);
}

/* The person is told by the connection that ends. */
static void
cut_user(struct conn *g, const char *why)
{
	note_cut(g, why);
	log_info("connection cut", "user", g->who->name, "peer", g->peer.ip, "cause", why, NULL);
	g->leaving = true;
	tunnel_hang_up(g->ssh_link, why);
}

/* Something of what it holds is withdrawn: all of it, or one node that it has a connection to. */
static bool
is_denied(const struct conn *g, struct err *e)
{
	const struct ssh_server_config *config = &g->ssh_server->config;

	if (g->kind == CONN_NODE)
		return replica_check_host(config->replica, g->name, NULL, g->issued_ms, e) ==
		    REPLICA_E_CUT;
	return user_is_cut(g, e) || relay_any_denied(config->relays, &g->owner, e);
}

static void
on_cut(void *arg)
{
	struct conn *g = arg;
	struct err e;

	g->cut_waits = false;
	/* Judged again: what was denied half a second ago may have been given back. */
	if (g->leaving || !is_denied(g, &e))
		return;
	if (g->kind == CONN_NODE) {
		g->leaving = true;
		tunnel_hang_up(g->ssh_link, e.text);
		return;
	}
	if (user_is_cut(g, &e)) {
		cut_user(g, e.text);
		return;
	}
	/* Only what he lost. A session on a node that he may still reach goes on. */
	relay_end_denied(g->ssh_server->config.relays, &g->owner);
	if (list_empty(&g->owner.relays)) {
		g->leaving = true;
		tunnel_hang_up(g->ssh_link, e.text);
	}
}

/* The node decides the same at the same time, and tells people inside their sessions why they end:
 * its words go first. */
static void
cut_soon(struct conn *g)
{
	if (g->cut_waits)
		return;
	g->cut_waits = true;
	if (!g->cut.fn && timer_init(&g->cut, g->ssh_server->config.loop, on_cut, g) < 0)
		on_cut(g);
	else
		timer_start(&g->cut, CUT_AFTER_MS);
}

void
ssh_server_on_review(struct review_item *item, void *arg)
{
	struct conn *g = container_of(item, struct conn, review);
	struct err e;

	(void)arg;
	if (g->leaving)
		return;
	if (g->kind == CONN_USER && list_empty(&g->owner.relays) && user_is_cut(g, &e))
		cut_user(g, e.text); /* nobody else has a word for him */
	else if (is_denied(g, &e))
		cut_soon(g);
}

void
ssh_server_review(struct ssh_server *g)
{
	review_again(&g->review);
}

void
ssh_server_review_web(struct ssh_server *g, const char *key)
{
	list_each (struct conn, conn, &g->conns, link)
		if (conn->logged_in && conn->web && (!key || strcmp(conn->web, key) == 0))
			ssh_server_on_review(&conn->review, g);
}
