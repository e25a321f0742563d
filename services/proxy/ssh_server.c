/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server: see ssh_server.h. Called by front.c with accepted connections. ssh_server_login.c says who somebody is, and
 * ssh_server_rights.c what he may do.
 */
#include "proxy/ssh_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "proxy/ssh_server_priv.h"
#include "ssh/allowance.h"

enum { END_TURNS = 300, CHANNELS_NODE = 4000 };

/*
 * More than twice what the session inside lets its client send (1 MiB, lib/ssh). A client that is two processes joined by
 * pipes (plink over `plink -nc`) writes without looking whether the other one reads: once what comes back has filled the
 * pipe, it hangs unless all that it may still send is taken, without a further word of ours, by this window.
 */
enum { WINDOW_RELAYED = 8 * 1024 * 1024 };

enum { REFUSALS_OF_ONE = 60, REFUSALS_OF_ALL = 1200 }; /* recorded a minute */

/* A host key and its certificate, for as long as the server or a connection has it. */
struct ssh_server_identity {
	struct ssh_identity ssh;
	struct sshkey *key;
	struct buf cert;
	unsigned refs;
};

/* --- connections ----------------------------------------------------------------- */

static const struct ssh_events ssh_server_events = {
	.auth = ssh_server_on_auth,
	.authenticated = ssh_server_on_authenticated,
	.channel_open = ssh_server_on_channel_open,
	.global_request = ssh_server_on_global_request,
};
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
			ssh_server_note_denial(g, SSH_DENIAL_STRANGER, g->denial);
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
	g->owner.may_open = ssh_server_may_open;
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

/* --- the server -------------------------------------------------------------------- */

int
ssh_server_new(struct ssh_server **ret, const struct ssh_server_config *config)
{
	struct ssh_server *g = calloc(1, sizeof(*g));

	if (!g)
		return -1;
	g->config = *config;
	list_init(&g->conns);
	review_init(&g->review, config->loop, ssh_server_on_review, g);
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
