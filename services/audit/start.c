/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: puts the parts of auditd together, in the order in which they need each other, and takes
 * them apart.
 *
 *	start:   gRPC, own events, store, ingest -> joined (or files) -> the server (audit.c)
 *	stop:    what was taken is committed, own events end, the server drains
 */
#include "audit/start.h"

#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "audit/rpc_ingest.h"
#include "audit/rpc_play.h"
#include "audit/rpc_turns.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/secret.h"
#include "net/ceiling.h"
#include "priv/priv.h"

enum { STATUS_MS = 10000, GRACE_MS = 1000, PASSWORD_MAX = 4096 };

int
audit_confine(struct daemon_run *run, struct err *e)
{
	(void)run;
	return priv_seccomp_lists((const char *const *const[]){ priv_calls_base, priv_calls_server,
				      NULL },
	    e);
}

/* --- start ------------------------------------------------------------------------------ */

static int
open_store(struct audit *a, struct err *e)
{
	static const struct store_events events = { audit_store_ready, audit_store_lost,
		audit_store_broken };
	struct store_config config = {
		.loop = a->run->loop,
		.conninfo = a->conf->database,
		.retention_days = a->conf->retention_days,
		.readers = (int)a->conf->readers,
	};
	char *password = NULL;
	int done;

	if (a->conf->database_password &&
	    file_read_secret(a->conf->database_password, PASSWORD_MAX, &password, e) < 0)
		return -1;
	config.password = password;
	done = store_new(&a->store, &config, &events, a, e);
	if (password)
		secret_zero(password, strlen(password));
	free(password);
	return done;
}

static int
make_replica(struct audit *a)
{
	static const struct replica_events events = { .changed = audit_cluster_changed };
	char path[1100];
	const struct replica_config config = { .loop = a->run->loop,
		.kinds = REPLICA_BASE | REPLICA_BIT(REPLICA_HOST) | REPLICA_BIT(REPLICA_USER) |
		    REPLICA_BIT(REPLICA_WEB_SESSION),
		.path = path };

	review_init(&a->streams, a->run->loop, rpc_ingest_review, a);
	review_init(&a->asks, a->run->loop, audit_review_ask, a);
	review_init(&a->turns, a->run->loop, rpc_turns_review, a);
	if (!str_format(path, sizeof(path), "%s/cluster", conf_state(a->conf)))
		return -1;
	return replica_new(&a->replica, &config, &events, a);
}

int
audit_start(struct daemon_run *run, struct err *e)
{
	static const struct trust_events events = { audit_trusted };
	struct audit *a = calloc(1, sizeof(*a));
	struct ingest_config ingest;

	if (!a)
		return err_memory(e);
	run->state = a;
	a->run = run;
	a->conf = run->conf;
	list_init(&a->counts);
	if (crypto_init() < 0)
		return err_set(e, "no randomness, or a processor that cannot do the cryptography");
	list_init(&a->watches);
	if (rpc_loop_new(&a->rl, run->loop) < 0 || make_replica(a) < 0 ||
	    ceiling_new(&a->watchers, RPC_PLAY_WATCHES, RPC_PLAY_WATCHES_OF_ONE) < 0 ||
	    ceiling_new(&a->plays, RPC_PLAYS, RPC_PLAYS) < 0)
		return err_memory(e);
	/* The second half is more and more for those who play, or watch, none. */
	ceiling_early(a->plays, RPC_PLAYS / 2);
	ceiling_early(a->watchers, RPC_PLAY_WATCHES / 2);
	if (events_new(&a->events, run->loop, a->rl, a->conf, e) < 0 || open_store(a, e) < 0)
		return -1;
	ingest = (struct ingest_config){ run->loop, a->store, a->replica, a };
	/* Before anybody can connect: the server is made when the cluster is known
	 * (audit_trusted). */
	if (ingest_new(&a->ingest, &ingest, &rpc_ingest_callbacks) < 0 ||
	    timer_init(&a->status, run->loop, audit_status, a) < 0)
		return err_memory(e);
	timer_repeat(&a->status, STATUS_MS);
	if (trust_new(&a->trust, run->loop, a->rl, a->conf, a->replica, &events, a, e) < 0)
		return -1;
	return trust_wait(a->trust, &run->stopping, e);
}

/* --- stop ------------------------------------------------------------------------------- */

static void
on_server_stopped(void *arg)
{
	struct audit *a = arg;

	rpc_server_free(a->server);
	a->server = NULL;
	daemon_stopped(a->run);
}

static void
on_drained(void *arg)
{
	struct audit *a = arg;

	/* What is not committed yet waits in its log. */
	events_free(a->events);
	a->events = NULL;
	if (a->started)
		rpc_server_stop(a->server, GRACE_MS, on_server_stopped, a);
	else
		daemon_stopped(a->run);
}

void
audit_stop(struct daemon_run *run)
{
	struct audit *a = run->state;

	/* What was taken is committed first; what comes meanwhile is paused, and stays with its
	 * producer. */
	ingest_drain(a->ingest, on_drained, a);
}

void
audit_done(struct daemon_run *run)
{
	struct audit *a = run->state;

	if (!a)
		return;
	timer_done(&a->status);
	/* A server that could not be drained in time still has calls that point here: the process ends anyway. */
	if (a->server && a->started)
		return;
	events_free(a->events);
	if (a->server)
		rpc_server_free(a->server);
	replica_free(a->replica);
	trust_free(a->trust);
	ingest_free(a->ingest);
	store_free(a->store);
	review_done(&a->streams);
	review_done(&a->asks);
	review_done(&a->turns);
	ceiling_free(a->watchers);
	ceiling_free(a->plays);
	if (a->rl)
		rpc_loop_free(a->rl);
	free(a);
	run->state = NULL;
}
