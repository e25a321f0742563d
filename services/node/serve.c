/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve: the SSH server of one connection: signing in (authorize.c, and the monitor's proof),
 * channels (channel.c), deciding again while it lasts, and the end. Called by tunnel.c and node.c with a fresh channel or
 * socket.
 *
 * Security: the first code of ours that a stranger's bytes reach, through lib/ssh.
 */
#include "node/serve.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "node/channel.h"
#include "node/events.h"
#include "ssh/allowance.h"
#include "ssh/session.h"

enum {
	CUT_GRACE_MS = 1000,
	CLIENT_KEEPALIVE_MS = 60000,
	CONN_CHANNELS_MAX = 128,
	/* Of all connections on which nobody signed in yet, those that the proxy relays included:
	 * what strangers can take of the node's memory. From half of it on some are refused by chance. */
	STRANGERS_MAX = 256,
	STRANGERS_OF_ADDRESS = 128, /* a proxy's, where the node listens */
	STRANGERS_OF_USER = 64,     /* of one whom the proxy names: he logged in there */
	/* Signed in; many programs at once on one node, and an eighth of what the monitor remembers. */
	CONNECTIONS_OF_USER = 512,
	CHANNELS_OF_USER = 1024, /* and as many as there are sessions */
	/* Written down a minute. */
	DENIALS_MAX = 1200,
	DENIALS_OF_ONE = 60,
};

/* --- who has not signed in yet ----------------------------------------------------- */

static bool
stranger_take(struct node *n, const struct conn_address *a)
{
	if (!ceiling_take(n->strangers, a->client))
		return false;
	if (!a->user[0] || ceiling_take(n->strangers_by_user, a->user))
		return true;
	ceiling_drop(n->strangers, a->client);
	return false;
}

static void
stranger_give(struct node *n, const struct conn_address *a)
{
	ceiling_drop(n->strangers, a->client);
	if (a->user[0])
		ceiling_drop(n->strangers_by_user, a->user);
}

static void
stranger_drop(struct conn *c)
{
	stranger_give(c->node, &c->address);
}

/* --- the host's key ----------------------------------------------------------------- */

int
host_new(struct host **ret, const struct sshkey *key, struct span cert, struct err *e)
{
	struct host *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, "out of memory");
	h->refs = 1;
	buf_init(&h->cert, SSHCERT_BLOB_MAX);
	if (sshkey_from_blob(&h->key, sshkey_blob(key)) || !buf_put(&h->cert, cert.p, cert.n)) {
		host_unref(h);
		return err_set(e, "out of memory");
	}
	*ret = h;
	return 0;
}

void
host_unref(struct host *h)
{
	if (!h || --h->refs > 0)
		return;
	sshkey_free(h->key);
	buf_done(&h->cert);
	free(h);
}

/* --- the exchange of keys --------------------------------------------------------------- */

/* The key is the monitor's, so the engine waits. The link may be gone by now. */
static void
on_exchange_signed(struct span signature, const char *why, void *arg)
{
	struct conn *c = arg;
	struct ssh *ssh = c->ssh_link ? ssh_link_ssh(c->ssh_link) : NULL;

	if (ssh && signature.n)
		(void)ssh_signed(ssh, signature, loop_now_ms(c->node->loop));
	else if (ssh)
		(void)ssh_sign_failed(ssh, why);
}

static enum ssh_answer
on_sign(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret, void *arg)
{
	struct conn *c = arg;
	const struct mon_sign sign = { c->id, *what->transcript };

	(void)ssh;
	(void)ret;
	/* From here on the monitor has heard of it, and must be told when it ends. */
	c->known = true;
	monitor_sign(c->node->monitor, &sign, on_exchange_signed, c);
	return SSH_LATER;
}

/* --- signing in ---------------------------------------------------------------------- */

static void conn_cut(struct conn *c, const char *why);

/* Once a connection: a client that tries ten keys is one event, not ten. */
static void
deny(struct conn *c, enum node_denial cause, const char *user, const char *login, const char *why)
{
	char more[LOG_LIMIT_TEXT];

	if (c->denial_written)
		return;
	c->denial_written = true;
	c->node->counts.denials[cause]++;
	events_denied(c, user, login, why);
	if (log_limit(c->address.client, more))
		log_info("sign-in denied", "user", user, "login", login, "from", c->address.client,
		    "cause", why, *more ? "left_out" : NULL, more, NULL);
}

static void
on_proof(enum mon_verdict verdict, const char *text, void *arg)
{
	struct conn *c = arg;
	const bool ok = verdict == MON_YES;

	/* Cut meanwhile: what waits for the proof must not start. */
	c->proof = ok && !c->cut ? PROOF_GOOD : PROOF_REFUSED;
	if (c->cut)
		return;
	if (ok) {
		channel_all_proven(c);
		return;
	}
	deny(c, verdict == MON_NO ? NODE_DENIAL_MONITOR : NODE_DENIAL_UNPROVEN, c->access.user,
	    c->login, text);
	conn_cut(c, text);
}

static void
ask_monitor(struct conn *c, const struct ssh_auth *auth)
{
	const struct mon_prove prove = {
		.connection = c->id,
		.login = c->login,
		.address = c->address.client,
		.signed_data = auth->signed_data,
		.signature = auth->signature,
	};

	c->proof = PROOF_ASKED;
	monitor_prove(c->node->monitor, &prove, on_proof, c);
}

/* Signed in here, whether or not they do anything. */
static size_t
connections_of(const struct node *n, const char *user)
{
	size_t count = 0;

	list_each (struct conn, c, &n->connections, link)
		count += c->signed_in && strcmp(c->access.user, user) == 0;
	return count;
}

/* A certificate of ours is told why it may not come in, once the holder has proven to be its
 * owner. */
static enum ssh_verdict
on_auth(struct ssh *ssh, const struct ssh_auth *auth, void *arg)
{
	struct conn *c = arg;
	struct authorized access;
	struct err e = { "" };

	if (c->signed_in)
		return SSH_DENY;
	int r = AUTHORIZE_E_STRANGER;
	if (auth->cert)
		r = authorize_check(c->node, auth->cert, auth->user, c->address.client, &access,
		    &e);
	else
		err_set(&e, "a key without a certificate of this cluster");
	if (r == AUTHORIZE_E_STRANGER) {
		/* Another key may do better: written down when none did. */
		(void)str_copy(c->login, sizeof(c->login), auth->user);
		str_copy(c->last_denial, sizeof(c->last_denial), e.text);
		return SSH_DENY;
	}
	/* An offer: no reason yet to say anything to somebody who may not have the key. */
	if (!auth->proven)
		return SSH_ALLOW;
	if (r) {
		deny(c, NODE_DENIAL_RIGHTS, access.user, auth->user, e.text);
		/* 14: no more methods would help (RFC 4253 section 11.1). The text is what people
		 * see. */
		ssh_disconnect(ssh, 14, e.text);
		return SSH_DENY;
	}
	if (connections_of(c->node, access.user) >= CONNECTIONS_OF_USER) {
		err_set(&e, "you have too many connections to this node: close some of them");
		deny(c, NODE_DENIAL_MANY, access.user, auth->user, e.text);
		ssh_disconnect(ssh, 12, e.text); /* too many connections (RFC 4253 section 11.1) */
		return SSH_DENY;
	}
	/* Of a sign-in before that failed here. */
	buf_reset(&c->certificate);
	if (!str_copy(c->login, sizeof(c->login), auth->user) ||
	    !buf_put(&c->certificate, auth->blob.p, auth->blob.n))
		return SSH_DENY;
	c->access = access;
	/* Before any event of his. A full log is no hindrance yet: what he then wants to run is refused
	 * (session_start.c). */
	if (events_signed_in(c, auth->signed_data, auth->signature))
		return SSH_DENY;
	c->allowance = ssh_allowances_take(c->node->allowances, access.user);
	if (!c->allowance)
		return SSH_DENY;
	c->signed_in = true;
	ssh_join_allowance(ssh, c->allowance);
	stranger_drop(c);
	/* The client is told that it is in before the monitor has looked; nothing starts until it has
	 * (PROOF_GOOD). */
	ask_monitor(c, auth);
	return SSH_ALLOW;
}

static void
on_channel_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	const struct conn *c = arg;

	(void)ssh;
	if (c->no_more_sessions && span_is(open->type, "session"))
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED,
		    "the client said that it would open no more sessions");
	else
		channel_open(arg, chan, open);
}

/* OpenSSH PROTOCOL 2.2: a client that has its one session gives up the right to more, so that who takes it over later,
 * through a program on the other side of a forwarding for example, gets none. */
static enum ssh_answer
on_global_request(struct ssh *ssh, struct span name, struct span payload, struct buf *reply,
    void *arg)
{
	struct conn *c = arg;

	(void)ssh, (void)payload, (void)reply;
	if (!span_is(name, "no-more-sessions@openssh.com"))
		return SSH_FAIL;
	c->no_more_sessions = true;
	return SSH_OK;
}

static void
on_disconnected(struct ssh *ssh, uint32_t reason, const char *text, void *arg)
{
	(void)ssh;
	(void)arg;
	log_debug("client disconnected", "text", text, NULL);
	(void)reason;
}

static const struct ssh_events ssh_events = {
	.sign = on_sign,
	.auth = on_auth,
	.channel_open = on_channel_open,
	.global_request = on_global_request,
	.disconnected = on_disconnected,
};

/* --- life ------------------------------------------------------------------------------ */

void
conn_unref(struct conn *c)
{
	if (--c->refs > 0)
		return;
	host_unref(c->host);
	buf_done(&c->certificate);
	buf_done(&c->signed_data);
	buf_done(&c->signature);
	free(c);
}

static void
on_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct conn *c = arg;

	(void)link;
	if (c->signed_in)
		events_disconnected(c, why);
	else if (c->last_denial[0])
		deny(c, NODE_DENIAL_STRANGER, "", c->login, c->last_denial);
	if (!c->signed_in)
		stranger_drop(c);
	ssh_allowances_give(c->node->allowances, c->allowance);
	c->allowance = NULL;
	c->ssh_link = NULL;
	list_del(&c->link);
	review_remove(&c->review);
	/* Answers that are still to come would come to a connection that is freed. */
	monitor_cancel(c->node->monitor, c);
	if (c->known)
		monitor_forget(c->node->monitor, c->id);
	/* Sessions that run are asked to end, and hold c until they have. */
	channel_all_lost(c);
	conn_unref(c);
}

/* NULL: no memory, or too many strangers; the caller keeps its channel or socket. */
static struct conn *
conn_new(struct node *n, struct host *host, const struct conn_address *address)
{
	struct conn *c;

	if (!stranger_take(n, address))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		stranger_give(n, address);
		return NULL;
	}
	*c = (struct conn){ .node = n,
		.refs = 1,
		.id = node_next_id(n),
		.host = host,
		.address = *address };
	/* The engine points into the host's key and certificate, which may be replaced while it
	 * runs. */
	host->refs++;
	if (!str_copy(c->uuid, sizeof(c->uuid), address->connection) || !c->uuid[0])
		rand_uuid(c->uuid);
	list_init(&c->channels);
	buf_init(&c->certificate, SSHCERT_BLOB_MAX);
	buf_init(&c->signed_data, 2 * SSHCERT_BLOB_MAX);
	buf_init(&c->signature, SSHCERT_BLOB_MAX);
	c->identity = (struct ssh_identity){ host->key, buf_span(&host->cert) };
	const struct ssh_config config = {
		.role = SSH_SERVER,
		.events = &ssh_events,
		.arg = c,
		.identities = &c->identity,
		.n_identities = 1,
		.max_channels = CONN_CHANNELS_MAX,
		.keepalive_ms = CLIENT_KEEPALIVE_MS,
	};
	if (ssh_link_new(&c->ssh_link, n->loop, &config, on_ended, c)) {
		list_init(&c->link);
		stranger_give(n, address);
		conn_unref(c);
		return NULL;
	}
	list_add(&n->connections, &c->link);
	review_add(&n->review, &c->review);
	return c;
}

int
serve_chan(struct node *n, struct host *host, struct ssh_chan *outer,
    const struct conn_address *address, struct span first)
{
	uint8_t bytes[SSH_FIRST_MAX]; /* the engine scribbles on what it is given */
	struct conn *c = first.n <= sizeof(bytes) ? conn_new(n, host, address) : NULL;

	if (!c)
		return -1;
	/* Accepted first: from here on the caller must not refuse it, so lack of memory ends it
	 * instead. */
	ssh_chan_accept(outer, &ssh_link_chan_events, c->ssh_link);
	if (ssh_link_attach_chan(c->ssh_link, outer))
		ssh_link_close(c->ssh_link, "out of memory", 0);
	if (first.n)
		memcpy(bytes, first.p, first.n);
	ssh_link_feed(c->ssh_link, bytes, first.n);
	return 0;
}

int
serve_fd(struct node *n, struct host *host, int fd, const struct conn_address *address)
{
	struct conn *c = conn_new(n, host, address);

	if (!c)
		return -1;
	(void)ssh_link_attach_fd(c->ssh_link, fd); /* else it ends by itself */
	return 0;
}

/* For something new on an old connection, so all of it is asked: dates and signature too. */
int
conn_may(const struct conn *c, struct err *e)
{
	struct sshcert *cert = NULL;
	struct authorized access;

	if (c->cut)
		return err_set(e, "the connection is being closed");
	if (sshcert_parse(&cert, buf_span(&c->certificate), e))
		return -1;
	int r = authorize_check(c->node, cert, c->login, c->address.client, &access, e);
	sshcert_free(cert);
	return r ? -1 : 0;
}

/* Ends it: sessions are killed, the client is told why. */
static void
conn_cut(struct conn *c, const char *why)
{
	/* First, so that the sessions' own farewells are left out: the DISCONNECT says why. */
	c->cut = true;
	channel_all_kill(c, why);
	if (!c->ssh_link)
		return;
	/* 11: by application (RFC 4253 section 11.1). */
	ssh_disconnect(ssh_link_ssh(c->ssh_link), 11, why);
	ssh_link_close(c->ssh_link, why, CUT_GRACE_MS);
}

/* What was allowed at sign-in is asked again of what counts now; the channels then by what their
 * connection may. */
static void
redecide(struct conn *c)
{
	struct sshcert *cert = NULL;
	struct authorized access;
	struct err e = { "" };

	if (!c->signed_in || c->cut)
		return;
	int r = sshcert_parse(&cert, buf_span(&c->certificate), &e);
	if (r == 0)
		r = authorize_still(c->node, cert, c->login, &access, &e);
	sshcert_free(cert);
	if (r) {
		log_info("connection is no longer allowed", "user", c->access.user, "login",
		    c->login, "cause", e.text, NULL);
		conn_cut(c, e.text);
		return;
	}
	/* Rights that the roles no longer give, a terminal for example, are gone from here on. */
	c->access = access;
	channel_all_redecide(c);
}

static void
on_review(struct review_item *item, void *arg)
{
	(void)arg;
	redecide(container_of(item, struct conn, review));
}

int
serve_init(struct node *n)
{
	list_init(&n->connections);
	list_init(&n->shares);
	review_init(&n->review, n->loop, on_review, n);
	if (ceiling_new(&n->strangers, STRANGERS_MAX, STRANGERS_OF_ADDRESS) < 0 ||
	    ceiling_new(&n->strangers_by_user, STRANGERS_MAX, STRANGERS_OF_USER) < 0 ||
	    rate_new(&n->denials, DENIALS_MAX, DENIALS_MAX) < 0 ||
	    rate_new(&n->denials_of_one, DENIALS_OF_ONE, DENIALS_OF_ONE) < 0 ||
	    ssh_allowances_new(&n->allowances, CHANNELS_OF_USER + (size_t)n->config->max_sessions) <
		0)
		return -1;
	ceiling_early(n->strangers, STRANGERS_MAX / 2);
	return 0;
}

void
serve_done(struct node *n)
{
	review_done(&n->review);
	ceiling_free(n->strangers);
	ceiling_free(n->strangers_by_user);
	rate_free(n->denials);
	rate_free(n->denials_of_one);
	ssh_allowances_free(n->allowances);
}

void
serve_cut_all(struct node *n, const char *why)
{
	list_each (struct conn, c, &n->connections, link)
		conn_cut(c, why);
}
