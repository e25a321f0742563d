/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: the SSH side of proxyd. Who may come in: people with a user certificate, nodes with a
 * tunnel certificate.
 */
#ifndef PROXY_GATE_H
#define PROXY_GATE_H

#include "net/addr.h"
#include "net/listen.h"
#include "proxy/couple.h"
#include "proxy/tunnel.h"

struct gate;
struct bundle;

struct gate_config {
	struct loop *loop;
	const struct roster *roster;
	struct tunnels *tunnels;
	struct couples *couples;
	struct audit_log *audit;
	struct ceiling *strangers; /* connections that have not logged in */
	struct ceiling *all;
	const char *cluster;
	uint32_t login_grace_ms, keepalive_ms;
};

int gate_new(struct gate **ret, const struct gate_config *config);
/* Ends every connection at once, turning the loop for it. */
void gate_free(struct gate *g);

/* The host key with its certificate, from now on; copied. What was there before stays for
 * connections that use it. */
int gate_set_identity(struct gate *g, const struct sshkey *key, struct span cert);
/* The authorities to believe; valid until the next call. */
void gate_set_authorities(struct gate *g, const struct bundle *ca);

/* Takes over a connection that is counted in both ceilings already; first: bytes already read.
 * Owns the fd in any case, and gives the counts back. */
void gate_take(struct gate *g, int fd, const struct addr *peer, struct span first);

/* Ends the connections of the user whose certificates are from before the moment. */
void gate_cut_user(struct gate *g, const char *user, int64_t issued_before_ms);
/* Stopping: nodes are told to go elsewhere at once, people when their last channel is closed. */
void gate_drain(struct gate *g, void (*empty)(void *arg), void *arg);
size_t gate_count_users(const struct gate *g);

#endif
