/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: see audit.h. What one part learns and another must act on passes through here.
 */
#include "audit/audit.h"

#include "audit/rpc_play.h"
#include "audit/rpc_turns.h"
#include "base/log.h"

/* Well above what a producer may send in one batch, 1 MiB before it is compressed. */
enum {
	MESSAGE_MAX = 4 * 1024 * 1024,
	STRANGERS_OF_ONE = 512,
	MEMORY_MAX = 1536 << 20, /* below the unit's MemoryMax */
	CALLS_OF_ONE = 8,
};

void
audit_store_ready(void *arg)
{
	struct audit *a = arg;

	ingest_store_ready(a->ingest);
}

void
audit_store_lost(void *arg)
{
	struct audit *a = arg;

	ingest_store_lost(a->ingest);
}

/* For ever (a database of a newer auditd): trying again would not help, so the process ends and
 * says why. */
void
audit_store_broken(const char *why, void *arg)
{
	struct audit *a = arg;

	log_error(why, NULL);
	daemon_fail(a->run);
}

/* A call that its row does not let in. */
static void
audit_refused_call(const struct rpc_peer *peer, const char *method, void *arg)
{
	struct audit *a = arg;

	a->denials[AUDIT_DENIAL_CALLER]++;
	if (a->events)
		events_refused(a->events, peer, method, "not a call for this kind of caller");
}

static enum rpc_code
web_session(const char *key, struct rpc_peer *peer, void *arg, struct err *e)
{
	const struct audit *a = arg;

	return replica_web_peer(a->replica, key, peer, e);
}

void
audit_trusted(const char *cluster, struct rpc_identity *identity, void *arg)
{
	struct audit *a = arg;
	const char *listen = conf_listen(a->conf);
	struct rpc_server_config config = { .max_message = MESSAGE_MAX,
		.cluster = cluster,
		.refused = audit_refused_call,
		.session = web_session,
		/* Nodes come through a proxy, from its address. */
		.strangers_of_one = STRANGERS_OF_ONE,
		.memory_max = MEMORY_MAX,
		/* Whose answers are up to SEARCH_BYTES_MAX. */
		.calls_of_one = CALLS_OF_ONE,
		.arg = a };
	const char *socket = conf_text(a->conf->socket, "/run/sallyport/auditd/auditd.sock");
	struct err e = { "" };

	if (rpc_server_new(&a->server, a->rl, &config) < 0 || audit_serve(a, a->server) < 0)
		err_set(&e, "the server cannot be made");
	else if (rpc_server_listen(a->server, listen, identity, NULL, &e) == 0 &&
	    rpc_server_listen_local(a->server, socket, &e) == 0) {
		rpc_server_start(a->server);
		a->started = true;
		log_info("serving", "cluster", cluster, "listen", listen, "socket", socket, NULL);
		/* Own events go the way of everybody's, through the port: so only when it is
		 * there. */
		if (events_connect(a->events, cluster, identity, &e) == 0)
			return;
	}
	log_error(e.text, NULL);
	daemon_fail(a->run);
}

void
audit_cluster_changed(enum replica_kind kind, const char *key, void *arg)
{
	struct audit *a = arg;

	(void)key;
	/* New authorities take nothing away from what is open. */
	if (kind == REPLICA_CA)
		return;
	if (kind != REPLICA_WEB_SESSION) {
		review_again(&a->streams);
		review_again(&a->turns);
	}
	review_again(&a->asks);
}

void
audit_recorded(const struct batch_news *news, void *arg)
{
	rpc_play_recorded(news->session, arg);
	if (news->turned)
		rpc_turns_tell(arg, news->user);
}

void
audit_status(void *arg)
{
	struct audit *a = arg;
	struct ingest_counters c = ingest_counters(a->ingest);

	daemon_status("%s, %llu records since start, %llu waiting, %llu producers",
	    store_is_ready(a->store) ? "database up" : "DATABASE DOWN",
	    (unsigned long long)c.records, (unsigned long long)c.queued,
	    (unsigned long long)c.streams);
}
