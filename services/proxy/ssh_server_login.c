/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server_login: who somebody is, by his certificate, and what is written down of those who are nobody. Called by the engine.
 *
 * Security: this is where strangers become somebody. Only certificates log in: of the user CA
 * with a person's, of the host CA with the tunnel extension a node's; which CA signed decides
 * which of the two is believed.
 */
#include <stdlib.h>
#include <string.h>

#include "api/bundle.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/str.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "proxy/ssh_server_priv.h"
#include "ssh/allowance.h"

enum { DISCONNECT_BY_APPLICATION = 11, DISCONNECT_NO_MORE_AUTH = 14 };

#define EVERYBODY  "everybody" /* as an address */
#define EXT_TUNNEL "tunnel@sallyport"

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

void
ssh_server_note_denial(const struct conn *g, enum ssh_denial cause, const char *why)
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
	ssh_server_note_denial(g, cause, why);
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
	return rc == 0 && ssh_server_check_web(g, replica_web_of(cert), e) == 0 ? 0 : -1;
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

enum ssh_verdict
ssh_server_on_auth(struct ssh *ssh, const struct ssh_auth *auth, void *arg)
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

void
ssh_server_on_authenticated(struct ssh *ssh, void *arg)
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
