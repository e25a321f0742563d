/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: see trust.h.
 *
 * Security: the private key is made by lib/api/join.h and stays in the state folder, or comes from a file that only
 * this user can read.
 */
#include "audit/trust.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/join.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/x509.h"

enum { PEM_MAX = 256 * 1024 };

struct trust {
	struct loop *loop;
	struct rpc_loop *rl;
	const struct conf *conf;
	struct replica *replica;
	struct trust_events events;
	void *arg;
	struct join *join;          /* NULL: files */
	struct rpc_identity *files; /* NULL: joined */
	char cluster[256];
	char auth_server[300];
	struct rpc_client *auth;
};

/* --- hearing from authd ---------------------------------------------------------------------- */

static void
start_watch(struct trust *t, struct rpc_identity *identity)
{
	struct rpc_channel_config config = {
		.target = t->conf->authd_addr,
		.server_name = t->auth_server,
		.identity = identity,
		.keepalive = true,
	};
	struct err e = { "" };

	if (rpc_client_new(&t->auth, t->rl, &config, &e) < 0 ||
	    replica_start(t->replica, t->auth, t->join, &e) < 0)
		/* Taking records goes on: what producers write must not wait for it. */
		log_error("users and roles cannot be watched; only root on this host can search",
		    "cause", e.text, NULL);
}

/* --- joining ---------------------------------------------------------------------- */

static void
on_join_ready(const struct join_identity *id, void *arg)
{
	struct trust *t = arg;

	(void)str_copy(t->cluster, sizeof(t->cluster), id->cluster);
	(void)str_copy(t->auth_server, sizeof(t->auth_server), id->auth_server);
	log_info("joined", "cluster", id->cluster, "uuid", id->uuid, NULL);
	start_watch(t, join_rpc_identity(t->join));
	t->events.ready(t->cluster, join_rpc_identity(t->join), t->arg);
}

static void
on_join_refused(const char *why, void *arg)
{
	(void)arg;
	log_error("this auditd is not part of the cluster", "cause", why, NULL);
}

static int
join_cluster(struct trust *t, struct err *e)
{
	static const struct join_events events = { .ready = on_join_ready,
		.refused = on_join_refused };
	const struct conf *c = t->conf;
	char host[256] = "auditd";
	struct join_config config = {
		.kind = "audit",
		.state_dir = conf_state(c),
		.authd = c->authd_addr,
		.token_file = c->token,
		.ca_pin = c->ca_pin,
	};

	(void)gethostname(host, sizeof(host) - 1);
	config.name = conf_text(c->name, host);
	return join_new(&t->join, t->loop, t->rl, &config, &events, t, e);
}

/* --- files ---------------------------------------------------------------------- */

/* The cluster is the one that the certificate was made for. */
static int
read_cluster(struct trust *t, const char *pem, struct err *e)
{
	struct x509_cert *cert;
	struct identity id;

	if (x509_cert_from_pem(&cert, pem, e) < 0)
		return -1;
	if (x509_cert_identity(cert, &id) < 0) {
		x509_cert_free(cert);
		return err_set(e, "the certificate names no daemon of a cluster");
	}
	x509_cert_free(cert);
	(void)str_copy(t->cluster, sizeof(t->cluster), id.cluster);
	(void)str_format(t->auth_server, sizeof(t->auth_server), "authd.%s", id.cluster);
	return 0;
}

static int
use_files(struct trust *t, struct err *e)
{
	const struct conf_tls *c = &t->conf->tls;
	_cleanup_free_ char *chain = NULL, *host_ca = NULL, *user_ca = NULL;
	char *key = NULL;
	int done;

	if (file_read(c->certificate, PEM_MAX, &chain, NULL, e) < 0 ||
	    file_read(c->host_ca, PEM_MAX, &host_ca, NULL, e) < 0 ||
	    file_read(c->user_ca, PEM_MAX, &user_ca, NULL, e) < 0 ||
	    file_read_secret(c->key, PEM_MAX, &key, e) < 0)
		return -1;
	if (rpc_identity_new(&t->files) < 0)
		done = err_memory(e);
	else
		done = rpc_identity_set(t->files, host_ca, user_ca, chain, key, e);
	explicit_bzero(key, strlen(key));
	free(key);
	if (done < 0 || read_cluster(t, chain, e) < 0)
		return err_prefix(e, "%s", c->certificate);
	return 0;
}

/* --- life ---------------------------------------------------------------------- */

int
trust_new(struct trust **ret, struct loop *loop, struct rpc_loop *rl, const struct conf *conf,
    struct replica *replica, const struct trust_events *events, void *arg, struct err *e)
{
	struct trust *t = calloc(1, sizeof(*t));

	*ret = NULL;
	if (!t)
		return err_memory(e);
	t->loop = loop;
	t->rl = rl;
	t->conf = conf;
	t->replica = replica;
	t->events = *events;
	t->arg = arg;
	if ((conf_has_tls(conf) ? use_files(t, e) : join_cluster(t, e)) < 0) {
		trust_free(t);
		return -1;
	}
	*ret = t;
	return 0;
}

/* With files there is nothing to wait for. Joining waits for authd, before the loop of the daemon
 * runs. */
int
trust_wait(struct trust *t, const bool *give_up, struct err *e)
{
	if (t->join)
		return join_wait(t->join, give_up, e);
	start_watch(t, t->files);
	t->events.ready(t->cluster, t->files, t->arg);
	return 0;
}

struct rpc_identity *
trust_identity(const struct trust *t)
{
	return t->join ? join_rpc_identity(t->join) : t->files;
}

void
trust_free(struct trust *t)
{
	if (!t)
		return;
	if (t->auth)
		rpc_client_free(t->auth);
	join_free(t->join);
	if (t->files)
		rpc_identity_free(t->files);
	free(t);
}
