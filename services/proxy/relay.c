/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: see relay.h. Called by ssh_server*.c.
 *
 * No bytes are kept here: what the other side does not take stays in its channel, whose window
 * then closes, so a slow reader at one end stops the writer at the other end and costs no memory
 * in between. The engine tells `eof` and `closed` after the data before them was taken, and sends
 * ours after what was written before, so passing them on is enough to lose nothing.
 */
#include "proxy/relay.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"
#include "crypto/identity.h"
#include "base/wire.h"
#include "net/ceiling.h"
#include "net/dial.h"
#include "net/rate.h"
#include "proxy/relay_priv.h"
#include "ssh/session.h"

enum {
	HOST_SIZE = 300,
	NODE_PORT = 3022,
	OPEN_MAX = 1024 + SSH_FIRST_MAX,
	YOUNG_MS = 25 * 1000,
	YOUNG_TO_LISTENER = 64,
	TARGET_MAX =
	    1024, /* bytes of what was asked for that are written down: no name is as long */
	PAIR_SIZE = 2 * IDENTITY_PART_MAX + 2,
};

/* --- one relay's life ----------------------------------------------------------- */

/* Who pays for a young connection: this person, to this node. */
static const char *
pair_of(const struct relay *c, char dst[PAIR_SIZE])
{
	(void)str_format(dst, PAIR_SIZE, "%s/%s", c->node_uuid, c->user_name);
	return dst;
}

/* How many of this person's connections to this node are young. */
static unsigned
count_young(const struct relay *c)
{
	char pair[PAIR_SIZE];

	return ceiling_held(c->all->to_node, pair_of(c, pair));
}

/* Whoever is still connected has signed in at the node. */
static void
on_grown(void *arg)
{
	struct relay *c = arg;
	char pair[PAIR_SIZE];

	if (c->young)
		ceiling_drop(c->all->to_node, pair_of(c, pair));
	c->young = false;
}

void
relay_free(struct relay *c)
{
	list_del(&c->link);
	c->all->count--;
	timer_done(&c->grown);
	on_grown(c);
	if (c->counted)
		ceiling_drop(c->all->of_user, c->user_name);
	free(c->first);
	free(c->user_name);
	free(c->node_uuid);
	free(c->node_name);
	free(c->peer);
	free(c);
}

/* NULL: no memory. Stands in the owner's list from here on. */
static struct relay *
relay_new(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct replica_host *node)
{
	struct relay *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->all = cs;
	c->user = chan;
	c->fd = -1;
	rand_uuid(c->uuid);
	c->user_name = strdup(owner->who->name);
	c->node_uuid = strdup(node->uuid);
	c->node_name = strdup(node->name);
	c->peer = strdup(owner->peer->ip);
	cs->count++;
	/* Already counted and linked, so that relay_free takes a half made one back in the same way. */
	list_add(&owner->relays, &c->link);
	if (!c->user_name || !c->node_uuid || !c->node_name || !c->peer) {
		relay_free(c);
		return NULL;
	}
	return c;
}

static void
relay_note(const struct relay *c, bool ok, const char *message)
{
	struct audit_event ev = { .id = EVENT_SESSION_CONNECT,
		.failed = !ok,
		.user = span_str(c->user_name),
		.node = span_str(c->node_uuid),
		.node_name = span_str(c->node_name),
		.connection = span_str(c->uuid),
		.remote_addr = span_str(c->peer),
		.message = span_str(message) };

	event_put_text(&ev, EVENT_KEY_REASON, message);
	events_write(c->all->audit, &ev);
}

/* One may try as often as he likes, but not fill the record log with it, which would then be full for what matters. */
static bool
may_tell_failure(const struct relays *cs, const char *user)
{
	return rate_take(cs->failures, user, 1, loop_now_ms(cs->loop));
}

/* Both sides stand: the person's channel is answered. Once for each relay. */
void
relay_accept(struct relay *c, const struct ssh_chan_events *events)
{
	c->accepted = true;
	c->all->outcomes[RELAY_OK]++;
	/* Written before the first byte passes (but for what came with the opening, behind which nobody has signed in),
	 * so that there is no session without its line in the trail. */
	relay_note(c, true, NULL);
	log_debug("relayed", "user", c->user_name, "node", c->node_name, NULL);
	ssh_chan_accept(c->user, events, c);
}

/* Before relay_accept only. Frees the relay. */
void
relay_fail(struct relay *c, enum relay_outcome outcome, const char *why)
{
	c->all->outcomes[outcome]++;
	if (may_tell_failure(c->all, c->user_name))
		relay_note(c, false, why);
	if (c->user)
		ssh_chan_refuse(c->user, SSH_REFUSE_CONNECT_FAILED, why);
	relay_free(c);
}

/* Both channels are gone. */
static void
relay_over(struct relay *c)
{
	/* While cutting, relay_cut holds the relay and frees it itself. */
	if (!c->cutting)
		relay_free(c);
}

/* --- channel to channel ---------------------------------------------------------- */

static size_t
on_user_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	/* Extended data has no place in a tunnel; what comes for a side that is gone is taken and dropped: left
	 * in the channel, it would hold up that channel's own end. */
	if (ext != 0 || !c->node)
		return n;
	return ssh_chan_write(c->node, 0, p, n);
}

static void
on_user_writable(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (c->node)
		ssh_chan_resume(c->node);
}

/* One direction only: "ssh node cat < file" still has its answer to come. */
static void
on_user_eof(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (c->node)
		ssh_chan_eof(c->node);
}

static void
on_user_closed(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	c->user = NULL;
	if (c->node)
		ssh_chan_close(c->node);
	else
		relay_over(c);
}

static const struct ssh_chan_events user_events = {
	.data = on_user_data,
	.writable = on_user_writable,
	.eof = on_user_eof,
	.closed = on_user_closed,
};

static size_t
on_node_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (ext != 0 || !c->user)
		return n;
	return ssh_chan_write(c->user, 0, p, n);
}

static void
on_node_writable(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (c->user)
		ssh_chan_resume(c->user);
}

static void
on_node_opened(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	if (c->user)
		relay_accept(c, &user_events);
	else
		ssh_chan_close(chan); /* the person has left meanwhile */
}

static void
on_node_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct relay *c = arg;
	char why[256];

	(void)chan, (void)reason;
	c->node = NULL;
	/* The text is the node's own; the engine has cleaned it. */
	(void)str_format(why, sizeof(why), "node %s refused: %s", c->node_name, text);
	relay_fail(c, RELAY_UNREACHABLE, why);
}

static void
on_node_eof(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (c->user)
		ssh_chan_eof(c->user);
}

static void
on_node_closed(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	c->node = NULL;
	if (c->user && !c->accepted)
		relay_fail(c, RELAY_UNREACHABLE, "the node's tunnel was lost");
	else if (c->user)
		ssh_chan_close(c->user);
	else
		relay_over(c);
}

static const struct ssh_chan_events node_events = {
	.data = on_node_data,
	.writable = on_node_writable,
	.opened = on_node_opened,
	.refused = on_node_refused,
	.eof = on_node_eof,
	.closed = on_node_closed,
};

/* One person's silence is not to keep others out, here or at the node. What was counted relay_free gives back. NULL, or why
 * not. */
static const char *
relay_count(struct relay *c)
{
	char pair[PAIR_SIZE];

	c->counted = ceiling_take(c->all->of_user, c->user_name);
	if (!c->counted)
		return "you have too many connections to nodes: close some of them";
	if (timer_init(&c->grown, c->all->loop, on_grown, c) < 0)
		return "the proxy is out of memory, try again later";
	c->young = ceiling_take(c->all->to_node, pair_of(c, pair));
	if (!c->young)
		return "you have too many new connections to this node: try again in a moment";
	timer_start(&c->grown, YOUNG_MS);
	return NULL;
}

/* The payload tells noded whose connection it is, and by which name events know it, and behind what RFC 4254 has in it
 * the user, whose share of those who have not signed in it is, and what the person sends first; it is no proof, and noded
 * believes only the session inside. */
static void
relay_tunnel_open(struct relay *c, struct ssh *tunnel, const struct addr *peer, struct span first)
{
	struct buf payload;

	buf_init(&payload, OPEN_MAX);
	ssh_tcpip_put(&payload, c->uuid, NODE_PORT, peer->ip, peer->port);
	wire_put_text(&payload, c->user_name);
	wire_put_string(&payload, first);
	c->node = buf_ok(&payload)
	    ? ssh_chan_open(tunnel, "forwarded-tcpip", buf_span(&payload), &node_events, c)
	    : NULL;
	buf_done(&payload);
	if (!c->node)
		relay_fail(c, RELAY_UNREACHABLE,
		    "the node's tunnel takes no more sessions, try again later");
}

/* --- opening --------------------------------------------------------------------- */

static void
refuse_target(struct relays *cs, const struct relay_owner *owner, struct ssh_chan *chan,
    struct span host, const struct err *e)
{
	struct audit_event ev = { .id = EVENT_SESSION_CONNECT,
		.failed = true,
		.user = span_str(owner->who->name),
		.remote_addr = span_str(owner->peer->ip),
		.message = span_str(e->text) };

	char clean[HOST_SIZE], more[LOG_LIMIT_TEXT];

	cs->outcomes[RELAY_REFUSED]++;
	/* As it was sent, also when it is no name: somebody who probes is seen by what he asked
	 * for. */
	if (host.n > TARGET_MAX)
		host.n = TARGET_MAX;
	event_put(&ev, EVENT_KEY_TARGET, host);
	event_put_text(&ev, EVENT_KEY_REASON, e->text);
	if (may_tell_failure(cs, owner->who->name))
		events_write(cs->audit, &ev);
	str_clean(clean, sizeof(clean), (const char *)host.p, host.n);
	if (log_limit(owner->who->name, more))
		log_info("connection to a node refused", "user", owner->who->name, "target", clean,
		    "cause", e->text, *more ? "left_out" : NULL, more, NULL);
	ssh_chan_refuse(chan, SSH_REFUSE_CONNECT_FAILED, e->text);
}

/* What the person's stream begins with, behind RFC 4254's fields: ours spare a round trip by it, others send nothing.
 * False: something else stands there, or too much. */
static bool
open_first(const struct ssh_open *open, struct span *ret)
{
	struct wire w = wire_from(open->extra);

	*ret = (struct span){ NULL, 0 };
	if (open->extra.n == 0)
		return true;
	*ret = wire_string(&w);
	return wire_end(&w) && ret->n <= SSH_FIRST_MAX;
}

struct resolve_query
relay_query(struct relays *cs, const struct relay_owner *owner)
{
	return (struct resolve_query){ .replica = cs->replica,
		.who = owner->who,
		.cluster = cs->cluster,
		.has_tunnel = tunnels_has,
		.arg = cs->tunnels };
}

void
relay_open(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open)
{
	if (!relay_waits(cs, owner, chan, open))
		relay_now(cs, owner, chan, open);
}

void
relay_now(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open)
{
	struct resolve_query q = relay_query(cs, owner);
	const struct replica_host *node;
	struct ssh *tunnel;
	struct relay *c;
	const char *why;
	char host[HOST_SIZE];
	struct span first;
	struct err e;

	if (!open_first(open, &first)) {
		err_set(&e, "malformed request for a connection");
		refuse_target(cs, owner, chan, open->host, &e);
		return;
	}
	/* A NUL would end the name early for us, and not in the trail. */
	if (open->host.n >= sizeof(host) ||
	    memchr(open->host.p ? open->host.p : (const void *)"", 0, open->host.n)) {
		err_set(&e, "not a node's name");
		refuse_target(cs, owner, chan, open->host, &e);
		return;
	}
	if (open->host.n > 0)
		memcpy(host, open->host.p, open->host.n);
	host[open->host.n] = '\0';
	if (resolve(&node, &q, host, open->port, &e) != 0) {
		refuse_target(cs, owner, chan, open->host, &e);
		return;
	}
	c = relay_new(cs, owner, chan, node);
	if (!c) {
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES,
		    "the proxy is out of memory, try again later");
		return;
	}
	why = relay_count(c);
	if (why) {
		relay_fail(c, RELAY_MANY, why);
		return;
	}
	/* A tunnel first, also for a node that listens: it was dialled by the node itself, an address is what
	 * the node says. */
	tunnel = tunnels_find(cs->tunnels, node->uuid);
	if (tunnel)
		relay_tunnel_open(c, tunnel, owner->peer, first);
	/* A node that listens is not told whose it is, and sees one address, ours. */
	else if (count_young(c) > YOUNG_TO_LISTENER)
		relay_fail(c, RELAY_MANY,
		    "you have too many new connections to this node: try again in a moment");
	else
		relay_tcp_open(c, node->address, first);
}

/* Nobody waits for it any more: with a tunnel, its channel ends the relay when it is opened or
 * refused. */
static void
relay_abandon(struct relay *c)
{
	list_del(&c->link);
	c->user = NULL;
	if (c->node)
		return;
	dial_cancel(c->dial);
	relay_free(c);
}

void
relay_owner_gone(struct relay_owner *owner)
{
	relay_waits_end(owner);
	list_each (struct relay, c, &owner->relays, link) {
		/* The end of an accepted channel is told to it. */
		if (c->accepted)
			list_del(&c->link);
		else
			relay_abandon(c);
	}
}

/* --- when rights change ------------------------------------------------------------ */

static bool
relay_is_denied(const struct relays *cs, const struct relay_owner *owner, const struct relay *c,
    struct err *e)
{
	return resolve_may_see(cs->replica, owner->who, replica_host(cs->replica, c->node_uuid),
		   e) < 0;
}

bool
relay_any_denied(const struct relays *cs, const struct relay_owner *owner, struct err *e)
{
	list_each (struct relay, c, &owner->relays, link)
		if (relay_is_denied(cs, owner, c, e))
			return true;
	return false;
}

static void
note_cut(const struct relay *c, const char *why)
{
	struct audit_event ev = { .id = EVENT_CLIENT_DISCONNECT,
		.user = span_str(c->user_name),
		.node = span_str(c->node_uuid),
		.node_name = span_str(c->node_name),
		.connection = span_str(c->uuid),
		.remote_addr = span_str(c->peer),
		.message = span_str(why) };

	event_put_text(&ev, EVENT_KEY_REASON, why);
	events_write(c->all->audit, &ev);
	log_info("connection to a node cut", "user", c->user_name, "node", c->node_name, "cause",
	    why, NULL);
}

static void
relay_cut(struct relay *c, const char *why)
{
	note_cut(c, why);
	list_del(&c->link);
	if (!c->accepted) {
		ssh_chan_refuse(c->user, SSH_REFUSE_PROHIBITED, why);
		relay_abandon(c);
	} else if (c->node) {
		/* Both ends: neither is asked to agree. Each may be gone at once, and the relay with the
		 * second. */
		c->cutting = true;
		ssh_chan_close(c->node);
		if (c->user)
			ssh_chan_close(c->user);
		c->cutting = false;
		if (!c->node && !c->user)
			relay_free(c);
	} else {
		relay_tcp_cut(c);
	}
}

void
relay_end_denied(struct relays *cs, struct relay_owner *owner)
{
	struct err e;

	list_each (struct relay, c, &owner->relays, link)
		if (relay_is_denied(cs, owner, c, &e))
			relay_cut(c, e.text);
}
