/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server: the SSH side of proxyd. Who may come in: people with a user certificate, nodes with a
 * tunnel certificate.
 */
#ifndef PROXY_SSH_SERVER_H
#define PROXY_SSH_SERVER_H

#include "net/addr.h"
#include "net/listen.h"
#include "proxy/relay.h"
#include "proxy/tunnel.h"

struct ssh_server;

/* Connections that were not let in, for those who watch (metrics.c). */
enum ssh_denial {
	SSH_DENIAL_STRANGER, /* no certificate of ours */
	SSH_DENIAL_USER, /* a person whose certificate is not valid, was withdrawn, or is locked out */
	SSH_DENIAL_NODE, /* the same of a node */
	SSH_DENIAL_MANY, /* too many connections of one person */
	SSH_DENIALS
};
struct bundle;

struct ssh_server_config {
	struct loop *loop;
	struct replica *replica;
	struct tunnels *tunnels;
	struct relays *relays;
	struct audit_log *audit;
	struct ceiling *strangers; /* connections that have not logged in */
	struct ceiling
	    *passing; /* where whoever logs in makes room for others at his address, too */
	struct ceiling *all;
	struct ceiling *people; /* connections of one user */
	const char *cluster;
	uint32_t login_grace_ms, keepalive_ms;
};

int ssh_server_new(struct ssh_server **ret, const struct ssh_server_config *config);
/* Ends every connection at once, turning the loop for it. */
void ssh_server_free(struct ssh_server *g);

/* The host key with its certificate, from now on; copied. What was there before stays for
 * connections that use it. */
int ssh_server_set_identity(struct ssh_server *g, const struct sshkey *key, struct span cert);
/* The authorities to believe; valid until the next call. */
void ssh_server_set_authorities(struct ssh_server *g, const struct bundle *ca);

/* Takes over a connection that is counted in both ceilings already; first: bytes already read.
 * Owns the fd in any case, and gives the counts back. */
void ssh_server_take(struct ssh_server *g, int fd, const struct addr *peer, struct span first);

/* The same for a connection over a transport of the caller's (ssh/loop.h). NULL: it was not taken, no memory or not now, and the
 * counts were given back. */
struct ssh_link_pipe;
struct ssh_link *ssh_server_take_pipe(struct ssh_server *g, const struct ssh_link_pipe *pipe,
    void *arg, const struct addr *peer);

/* Roles, labels, hosts or cut-offs have changed: everybody who is logged in is judged again. Who is
 * cut off is told so and his connection ended; a relay to a node that he may not see any more ends,
 * and the connection with it when it was the only one. */
void ssh_server_review(struct ssh_server *g);
/* The same of those whose certificate ends with this web session; key NULL: with any. */
void ssh_server_review_web(struct ssh_server *g, const char *key);
/* Stopping; called again until it is over. People without an open channel are told to go elsewhere at
 * once, others when their last channel is closed, nodes when no person is left: sessions run over
 * their tunnels. Then empty(arg), which may come from inside. */
void ssh_server_drain(struct ssh_server *g, void (*empty)(void *arg), void *arg);
size_t ssh_server_count_users(const struct ssh_server *g);
uint64_t ssh_server_denials(const struct ssh_server *g, enum ssh_denial cause);

#endif
