/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server: see ssh_server.h. Called by front.c with accepted connections.
 *
 * Security: this is where strangers become somebody. Only certificates log in: of the user CA
 * with a person's, of the host CA with the tunnel extension a node's; which CA signed decides
 * which of the two is believed. A login lets a person open direct-tcpip channels to nodes and a
 * node be the target of channels; nothing else is answered.
 */
#include "proxy/ssh_server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/bundle.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"
#include "event/review.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "ssh/allowance.h"
#include "ssh/loop.h"

enum { DISCONNECT_BY_APPLICATION = 11, DISCONNECT_NO_MORE_AUTH = 14, END_TURNS = 300 };
enum { CUT_AFTER_MS = 500 };
/*
 * More than twice what the session inside lets its client send (1 MiB, lib/ssh). A client that is two processes joined by
 * pipes (plink over `plink -nc`) writes without looking whether the other one reads: once what comes back has filled the
 * pipe, it hangs unless all that it may still send is taken, without a further word of ours, by this window.
 */
enum { WINDOW_RELAYED = 8 * 1024 * 1024 };
enum { CHANNELS_USER = 1000, CHANNELS_NODE = 4000 };

enum { REFUSALS_OF_ONE = 60, REFUSALS_OF_ALL = 1200 }; /* recorded a minute */

#define EVERYBODY  "everybody" /* as an address */
#define EXT_TUNNEL "tunnel@sallyport"

enum conn_kind { CONN_STRANGER, CONN_USER, CONN_NODE };

/* One connection. */
struct conn {
	struct list link;
	struct ssh_server *ssh_server;
	struct ssh_server_identity *identity; /* that this connection began with */
	struct ssh_link *ssh_link;
	enum conn_kind kind;
	bool logged_in; /* not among the strangers any more */
	bool counted;   /* in config.people */
	bool vouches;   /* for its address */
	bool leaving;
	struct addr peer;
	char *denial;        /* why the last certificate was not believed */
	char *name;          /* of a node: its UUID; of a person: for the record of failures */
	char *web;           /* of a browser: its session, by its key; NULL: none */
	int64_t issued_ms;   /* of the certificate */
	int64_t expires_ms;  /* people: of the certificate; INT64_MAX: never */
	struct subject *who; /* people */
	struct ssh_allowance *allowance;
	struct tunnel *tunnel; /* nodes */
	struct review_item review;
	struct timer cut; /* what is denied ends then */
	bool cut_waits;
	struct relay_owner owner;
};

/* A host key and its certificate, for as long as the server or a connection has it. */
struct ssh_server_identity {
	struct ssh_identity ssh;
	struct sshkey *key;
	struct buf cert;
	unsigned refs;
};

struct ssh_server {
	struct ssh_server_config config;
	struct list conns;
	struct review review;                 /* those that are logged in */
	struct ssh_server_identity *identity; /* the present one */
	const struct bundle *ca;
	size_t users;
	uint64_t denials[SSH_DENIALS];
	struct rate *refusals_of_one, *refusals_of_all; /* that are recorded */
	struct ssh_allowances *allowances;              /* of people */
	bool draining;
	void (*empty)(void *arg);
	void *empty_arg;
};

/* --- denials --------------------------------------------------------------------- */

/* Kept and not written at once: a client offers all the keys of its agent in turn, and only when it
 * leaves without a login is the last refusal the reason. The first name stays. */
static void
conn_deny(struct conn *g, const char *name, const char *why)
{
	char *copy = strdup(why);

	free(g->denial);
	g->denial = copy;
	if (name && !g->name)
		g->name = strdup(name);
}

static void
note_denial(const struct conn *g, enum ssh_denial cause, const char *why)
{
	static const char *const kinds[SSH_DENIALS] = { "unknown", "user", "node", "user" };
	struct ssh_server *s = g->ssh_server;
	int64_t now = loop_now_ms(s->config.loop);
	const char *kind = kinds[cause];
	char more[LOG_LIMIT_TEXT];
	struct audit_event ev = { .id = EVENT_AUTH,
		.failed = true,
		.user = span_str(g->name),
		.remote_addr = span_str(g->peer.ip),
		.message = span_str(why) };

	s->denials[cause]++;
	event_put_text(&ev, EVENT_KEY_KIND, kind);
	event_put_text(&ev, EVENT_KEY_METHOD, "certificate");
	event_put_text(&ev, EVENT_KEY_REASON, why);
	event_put_text(&ev, EVENT_KEY_CLIENT, ssh_peer_version(ssh_link_ssh(g->ssh_link)));
	if (log_limit(g->peer.ip, more))
		log_info("login refused", "kind", kind, "name", g->name ? g->name : "", "peer",
		    g->peer.ip, "cause", why, *more ? "left_out" : NULL, more, NULL);
	/* Strangers must not fill the record log, which would then be full for what matters. */
	if (rate_take(s->refusals_of_one, g->peer.ip, 1, now) &&
	    rate_take(s->refusals_of_all, EVERYBODY, 1, now))
		events_write(s->config.audit, &ev);
}

/* A certificate of ours that is worth nothing: say why and hang up, since no other key will do
 * better. */
static enum ssh_verdict
conn_turn_away(struct conn *g, struct ssh *ssh, const struct sshcert *cert, enum ssh_denial cause,
    const char *why)
{
	conn_deny(g, cert->key_id, why);
	note_denial(g, cause, why);
	free(g->denial);
	g->denial = NULL; /* recorded */
	ssh_disconnect(ssh, DISCONNECT_NO_MORE_AUTH, why);
	return SSH_DENY;
}

/* --- who is it ------------------------------------------------------------------- */

/* By the bytes of the CA's key. That the signature is right the parser has checked; here it decides
 * whose rules apply. */
static bool
is_signed_by(const struct sshcert *cert, const struct span *ca, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(buf_span(&cert->ca_blob), ca[i]))
			return true;
	return false;
}

/* 0, or negative with e, which is told to whoever logs in. */
static int
check_node(const struct conn *g, const struct sshcert *cert, struct err *e)
{
	const struct bundle *ca = g->ssh_server->ca;
	struct sshcert_rules rules = { .type = SSHCERT_USER,
		.ca = ca->host_ssh,
		.n_ca = ca->n_host_ssh,
		.principal = cert->key_id,
		.source_address = g->peer.ip,
		.now_s = (uint64_t)(clock_wall_ms() / 1000) };

	if (!sshcert_extension(cert, EXT_TUNNEL))
		return err_set(e,
		    "a certificate of the host CA logs in only as a node's tunnel certificate");
	/* The name is proven by the certificate alone: what a node calls itself in a request is not asked. */
	if (strlen(cert->key_id) != 36 || cert->n_principals != 1)
		return err_set(e, "the tunnel certificate names no node; join the node again");
	if (sshcert_check(cert, &rules, e) < 0)
		return -1;
	/* While the cluster is not known yet nobody can reach the node anyway; it is judged again. */
	if (replica_check_host(g->ssh_server->config.replica, cert->key_id, NULL,
		replica_issued_ms(cert), e) == REPLICA_E_CUT)
		return -1;
	return 0;
}

/* A browser's certificate ends with its session: whoever has the key of a page that was left gets in nowhere with it. */
static int
check_web(const struct conn *g, const char *key, struct err *e)
{
	return key ? replica_check_web(g->ssh_server->config.replica, key, NULL, e) : 0;
}

static int
check_subject(const struct conn *g, const struct sshcert *cert, struct err *e)
{
	struct subject *who;
	int rc;

	if (replica_subject(&who, cert) < 0)
		return err_set(e, "the proxy is out of memory");
	rc = replica_check_user(g->ssh_server->config.replica, who, NULL, replica_issued_ms(cert),
	    e);
	subject_free(who);
	return rc == 0 && check_web(g, replica_web_of(cert), e) == 0 ? 0 : -1;
}

static int
check_user(const struct conn *g, const struct sshcert *cert, struct err *e)
{
	const struct bundle *ca = g->ssh_server->ca;
	struct sshcert_rules rules = { .type = SSHCERT_USER,
		.ca = ca->user_ssh,
		.n_ca = ca->n_user_ssh,
		.source_address = g->peer.ip,
		.now_s = (uint64_t)(clock_wall_ms() / 1000) };

	if (sshcert_extension(cert, EXT_TUNNEL))
		return err_set(e, "a certificate of the user CA cannot open a tunnel");
	if (cert->key_id[0] == '\0')
		return err_set(e, "the certificate names no user");
	if (sshcert_check(cert, &rules, e) < 0)
		return -1;
	return check_subject(g, cert, e);
}

/* Remembers who it is, once the key is proven. */
static bool
conn_admit(struct conn *g, const struct sshcert *cert, enum conn_kind kind)
{
	const char *key = kind == CONN_USER ? replica_web_of(cert) : NULL;
	char *name = strdup(cert->key_id), *web = key ? strdup(key) : NULL;
	struct subject *who = NULL;

	if (!name || (key && !web) || (kind == CONN_USER && replica_subject(&who, cert) < 0)) {
		free(name);
		free(web);
		return false;
	}
	free(g->name);
	free(g->web);
	g->name = name;
	g->web = web;
	subject_free(g->who);
	g->who = who;
	g->owner.who = who;
	g->kind = kind;
	g->issued_ms = replica_issued_ms(cert);
	g->expires_ms = cert->valid_before > INT64_MAX / 1000 ? INT64_MAX
							      : (int64_t)cert->valid_before * 1000;
	return true;
}

static enum ssh_verdict
on_auth(struct ssh *ssh, const struct ssh_auth *auth, void *arg)
{
	struct conn *g = arg;
	const struct bundle *ca = g->ssh_server->ca;
	struct err e;

	/* The first denial stays: that a plain key came later says less than what was wrong with a
	 * certificate. */
	if (!auth->cert) {
		if (!g->denial)
			conn_deny(g, NULL,
			    "a plain key; only certificates log in here: tsh login makes one");
		return SSH_DENY;
	}
	if (is_signed_by(auth->cert, ca->host_ssh, ca->n_host_ssh)) {
		if (check_node(g, auth->cert, &e) < 0 ||
		    (strcmp(auth->user, auth->cert->key_id) != 0 &&
			err_set(&e, "a node's certificate logs in as that node only") < 0))
			return conn_turn_away(g, ssh, auth->cert, SSH_DENIAL_NODE, e.text);
		/* Asked twice: without a signature (RFC 4252 section 7), when anybody may show the
		 * certificate, and with it. Only then is he somebody. */
		return !auth->proven || conn_admit(g, auth->cert, CONN_NODE) ? SSH_ALLOW : SSH_DENY;
	}
	if (is_signed_by(auth->cert, ca->user_ssh, ca->n_user_ssh)) {
		if (check_user(g, auth->cert, &e) < 0)
			return conn_turn_away(g, ssh, auth->cert, SSH_DENIAL_USER, e.text);
		return !auth->proven || conn_admit(g, auth->cert, CONN_USER) ? SSH_ALLOW : SSH_DENY;
	}
	/* People carry certificates of other clusters in their agents: let them try the next. */
	conn_deny(g, auth->cert->key_id, "the certificate is not signed by a CA of this cluster");
	return SSH_DENY;
}

/* Others at the address want to come in as well. */
static void
conn_vouch(struct conn *g)
{
	ceiling_vouch(g->ssh_server->config.strangers, g->peer.ip);
	ceiling_vouch(g->ssh_server->config.passing, g->peer.ip);
	g->vouches = true;
}

static void
on_authenticated(struct ssh *ssh, void *arg)
{
	struct conn *g = arg;

	g->logged_in = true;
	review_add(&g->ssh_server->review, &g->review);
	/* Off the count of strangers: a whole office behind one address may be logged in at once. */
	ceiling_drop(g->ssh_server->config.strangers, g->peer.ip);
	if (g->kind == CONN_USER) {
		g->ssh_server->users++;
		g->counted = ceiling_take(g->ssh_server->config.people, g->who->name);
		g->allowance = ssh_allowances_take(g->ssh_server->allowances, g->who->name);
		ssh_join_allowance(ssh, g->allowance);
		/* Once a person, or one with a thousand connections would have all the places of strangers. */
		if (ceiling_held(g->ssh_server->config.people, g->who->name) == 1)
			conn_vouch(g);
		if (!g->allowance)
			ssh_disconnect(ssh, DISCONNECT_BY_APPLICATION,
			    "the proxy is out of memory");
		else if (!g->counted) {
			g->ssh_server->denials[SSH_DENIAL_MANY]++;
			ssh_disconnect(ssh, DISCONNECT_BY_APPLICATION,
			    "you have too many connections to this proxy: close some of them");
		}
		log_info("user connected", "user", g->who->name, "peer", g->peer.ip, "client",
		    ssh_peer_version(ssh), NULL);
		return;
	}
	conn_vouch(g);
	g->tunnel = tunnel_new(g->ssh_server->config.tunnels, g->name, g->ssh_link, g->peer.ip);
	if (!g->tunnel)
		ssh_disconnect(ssh, DISCONNECT_BY_APPLICATION, "the proxy is out of memory");
}

/* --- what they may do ------------------------------------------------------------ */

/* The user, wherever he goes. The connection may still last for what is on its way out. */
static bool
user_is_cut(const struct conn *g, struct err *e)
{
	return replica_check_user(g->ssh_server->config.replica, g->who, NULL, g->issued_ms, e) ==
	    REPLICA_E_CUT ||
	    check_web(g, g->web, e) == REPLICA_E_CUT;
}

/* For relays: at the opening, and once more when a node was waited for. */
static bool
may_open(struct ssh_chan *chan, void *arg)
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

static void
on_channel_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct conn *g = arg;

	(void)ssh;
	/* A node that was taken over must not become a way through the proxy to other nodes. */
	if (g->kind != CONN_USER)
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, "nodes open no channels here");
	else if (!span_is(open->type, "direct-tcpip"))
		ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED,
		    "this is the proxy: reach nodes through it, with tsh ssh or tsh config");
	else if (may_open(chan, g))
		relay_open(g->ssh_server->config.relays, &g->owner, chan, open);
}

/* Nodes ask for their forward as any client of RFC 4254 7.1 would; the name in it is not
 * believed. */
static enum ssh_answer
on_global_request(struct ssh *ssh, struct span name, struct span payload, struct buf *reply,
    void *arg)
{
	struct conn *g = arg;

	(void)ssh, (void)payload, (void)reply;
	if (g->kind == CONN_NODE &&
	    (span_is(name, "tcpip-forward") || span_is(name, "cancel-tcpip-forward")))
		return SSH_OK;
	return SSH_FAIL;
}

static const struct ssh_events ssh_server_events = {
	.auth = on_auth,
	.authenticated = on_authenticated,
	.channel_open = on_channel_open,
	.global_request = on_global_request,
};

/* --- connections ----------------------------------------------------------------- */

static void
identity_unref(struct ssh_server_identity *id)
{
	if (!id || --id->refs > 0)
		return;
	sshkey_free(id->key);
	buf_done(&id->cert);
	free(id);
}

static void
conn_free(struct conn *g)
{
	identity_unref(g->identity);
	list_del(&g->link);
	review_remove(&g->review);
	timer_done(&g->cut);
	/* Taken by front.c when it accepted the connection, handed over with it. */
	ceiling_drop(g->ssh_server->config.all, g->peer.ip);
	subject_free(g->who);
	free(g->denial);
	free(g->name);
	free(g->web);
	free(g);
}

static void
ssh_server_check_empty(struct ssh_server *ssh_server)
{
	void (*empty)(void *arg) = ssh_server->empty;

	if (!ssh_server->draining || !empty || !list_empty(&ssh_server->conns))
		return;
	ssh_server->empty = NULL;
	empty(ssh_server->empty_arg);
}

static void
on_link_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct conn *g = arg;
	struct ssh_server *ssh_server = g->ssh_server;

	(void)link;
	if (g->vouches) {
		ceiling_unvouch(ssh_server->config.strangers, g->peer.ip);
		ceiling_unvouch(ssh_server->config.passing, g->peer.ip);
	}
	if (g->counted)
		ceiling_drop(ssh_server->config.people, g->who->name);
	ssh_allowances_give(ssh_server->allowances, g->allowance);
	if (!g->logged_in) {
		ceiling_drop(ssh_server->config.strangers, g->peer.ip);
		if (g->denial)
			note_denial(g, SSH_DENIAL_STRANGER, g->denial);
		else
			log_debug("left without login", "peer", g->peer.ip, "cause", why, NULL);
	} else if (g->tunnel) {
		tunnel_end(g->tunnel, why);
	} else if (g->kind == CONN_USER) {
		ssh_server->users--;
		log_info("user disconnected", "user", g->who->name, "peer", g->peer.ip, "cause",
		    why, NULL);
	}
	/* Before conn_free: relays under way stand in the owner's list and look at its address. */
	relay_owner_gone(&g->owner);
	conn_free(g);
	ssh_server_check_empty(ssh_server);
}

static int
conn_start(struct conn *g)
{
	const struct ssh_server *ssh_server = g->ssh_server;
	struct ssh_config config = { .role = SSH_SERVER,
		.events = &ssh_server_events,
		.arg = g,
		.identities = &g->identity->ssh,
		.n_identities = 1,
		.login_grace_ms = ssh_server->config.login_grace_ms,
		.keepalive_ms = ssh_server->config.keepalive_ms,
		.window_in = WINDOW_RELAYED,
		.max_channels = CHANNELS_NODE };

	return ssh_link_new(&g->ssh_link, ssh_server->config.loop, &config, on_link_ended, g);
}

/* Counted in both ceilings. NULL: not now, or no memory, and the counts were given back. */
static struct conn *
conn_new(struct ssh_server *ssh_server, const struct addr *peer)
{
	struct conn *g = calloc(1, sizeof(*g));

	if (!g || !ssh_server->identity || !ssh_server->ca || ssh_server->draining) {
		ceiling_drop(ssh_server->config.strangers, peer->ip);
		ceiling_drop(ssh_server->config.all, peer->ip);
		free(g);
		return NULL;
	}
	g->ssh_server = ssh_server;
	g->identity = ssh_server->identity;
	/* A renewal may replace the server's certificate while this connection still exchanges keys with it. */
	g->identity->refs++;
	g->peer = *peer;
	g->owner.peer = &g->peer;
	list_init(&g->owner.relays);
	list_init(&g->owner.waits);
	g->owner.may_open = may_open;
	g->owner.arg = g;
	list_add(&ssh_server->conns, &g->link);
	if (conn_start(g) < 0) {
		ceiling_drop(ssh_server->config.strangers, peer->ip);
		conn_free(g);
		return NULL;
	}
	return g;
}

void
ssh_server_take(struct ssh_server *ssh_server, int fd, const struct addr *peer, struct span first)
{
	struct conn *g = conn_new(ssh_server, peer);

	/* The descriptor and both counts are ours with the call, whatever becomes of it. */
	if (!g) {
		close(fd);
		return;
	}
	(void)ssh_link_attach_fd(g->ssh_link,
	    fd); /* else it ends by itself, through on_link_ended */
	if (first.n > 0)
		ssh_link_feed(g->ssh_link, (uint8_t *)(uintptr_t)first.p, first.n);
}

struct ssh_link *
ssh_server_take_pipe(struct ssh_server *ssh_server, const struct ssh_link_pipe *pipe, void *arg,
    const struct addr *peer)
{
	struct conn *g = conn_new(ssh_server, peer);

	if (!g)
		return NULL;
	ssh_link_attach_pipe(g->ssh_link, pipe, arg);
	return g->ssh_link;
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

static void
on_review(struct review_item *item, void *arg)
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
			on_review(&conn->review, g);
}

/* --- the server -------------------------------------------------------------------- */

int
ssh_server_new(struct ssh_server **ret, const struct ssh_server_config *config)
{
	struct ssh_server *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	g->config = *config;
	list_init(&g->conns);
	review_init(&g->review, config->loop, on_review, g);
	if (rate_new(&g->refusals_of_one, REFUSALS_OF_ONE, REFUSALS_OF_ONE) < 0 ||
	    rate_new(&g->refusals_of_all, REFUSALS_OF_ALL, REFUSALS_OF_ALL) < 0 ||
	    ssh_allowances_new(&g->allowances, 0) < 0) {
		ssh_server_free(g);
		return -1;
	}
	*ret = g;
	return 0;
}

void
ssh_server_free(struct ssh_server *g)
{
	if (!g)
		return;
	g->draining = true;
	g->empty = NULL;
	list_each (struct conn, conn, &g->conns, link)
		/* Links end at the end of a turn and free their conn then, so the list is not
		 * emptied here but by the turns below. */
		ssh_link_close(conn->ssh_link, "this proxy is stopping, connect again", 0);
	for (int i = 0; i < END_TURNS && !list_empty(&g->conns); i++)
		(void)loop_turn(g->config.loop, 10);
	review_done(&g->review);
	identity_unref(g->identity);
	rate_free(g->refusals_of_one);
	rate_free(g->refusals_of_all);
	ssh_allowances_free(g->allowances);
	free(g);
}

/* By way of its file's text, in which all of a private key is. NULL: out of memory. */
static struct sshkey *
key_copy(const struct sshkey *key)
{
	struct sshkey *copy = NULL;
	struct buf text;

	buf_init(&text, 16384);
	if (sshkey_to_file_text(key, "", &text) == 0 && buf_put(&text, "", 1))
		(void)sshkey_from_file_text(&copy, (const char *)buf_head(&text), NULL);
	buf_wipe(&text);
	return copy;
}

int
ssh_server_set_identity(struct ssh_server *g, const struct sshkey *key, struct span cert)
{
	struct ssh_server_identity *id;

	/* Authorities and certificate are renewed together; most calls change only the one. */
	if (g->identity && sshkey_equal(g->identity->key, key) &&
	    span_eq(buf_span(&g->identity->cert), cert))
		return 0;
	id = calloc(1, sizeof(*id));
	if (!id)
		return -1;
	id->refs = 1;
	buf_init(&id->cert, SSHCERT_BLOB_MAX);
	id->key = key_copy(key);
	if (!id->key || !buf_put(&id->cert, cert.p, cert.n)) {
		identity_unref(id);
		return -1;
	}
	id->ssh = (struct ssh_identity){ .key = id->key, .cert = buf_span(&id->cert) };
	identity_unref(g->identity);
	g->identity = id;
	return 0;
}

void
ssh_server_set_authorities(struct ssh_server *g, const struct bundle *ca)
{
	g->ca = ca;
}

/* --- stopping ------------------------------------------------------------------------ */

/* Nodes are never idle while they are logged in: a session may come over any of their tunnels until
 * the last person has left. */
static bool
conn_is_idle(const struct conn *g)
{
	return !(g->logged_in && g->kind == CONN_NODE) &&
	    ssh_channel_count(ssh_link_ssh(g->ssh_link)) == 0;
}

/* Called again by start.c, twice a second, while stopping. */
void
ssh_server_drain(struct ssh_server *g, void (*empty)(void *arg), void *arg)
{
	bool users = false;

	g->draining = true;
	g->empty = empty;
	g->empty_arg = arg;
	list_each (struct conn, conn, &g->conns, link) {
		if (conn_is_idle(conn) && !conn->leaving) {
			conn->leaving = true;
			tunnel_hang_up(conn->ssh_link, "this proxy is stopping, connect again");
		}
		users |= conn->kind == CONN_USER && !conn->leaving;
	}
	/* Sessions run over the tunnels: they close last. */
	list_each (struct conn, node, &g->conns, link) {
		if (users || node->leaving)
			continue;
		node->leaving = true;
		tunnel_hang_up(node->ssh_link, "this proxy is stopping, connect again");
	}
	ssh_server_check_empty(g);
}

uint64_t
ssh_server_denials(const struct ssh_server *g, enum ssh_denial cause)
{
	return g->denials[cause];
}

size_t
ssh_server_count_users(const struct ssh_server *g)
{
	return g->users;
}
