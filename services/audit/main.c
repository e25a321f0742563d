/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auditd: takes events and recordings from authd, proxyd and noded into PostgreSQL, and finds them again.
 *
 * Security: runs as `sallyport`; touches its state folder, its sockets and the database. It trusts a producer to speak
 * about itself only (record.c), and shows a person what the person's roles allow (access.c).
 */
#include <stdlib.h>
#include <string.h>

#include "audit/auditd.h"
#include "audit/rpc_ingest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/sshkey.h"
#include "priv/priv.h"

enum { MESSAGE_MAX = 4 * 1024 * 1024, STATUS_MS = 10000, GRACE_MS = 1000, PASSWORD_MAX = 4096 };

/* --- what the parts tell each other ---------------------------------------------------------- */

static void
on_store_ready(void *arg)
{
	struct auditd *d = arg;

	ingest_store_ready(d->ingest);
}

static void
on_store_lost(void *arg)
{
	struct auditd *d = arg;

	ingest_store_lost(d->ingest);
}

static void
on_store_broken(const char *why, void *arg)
{
	struct auditd *d = arg;

	log_error(why, NULL);
	daemon_fail(d->run);
}

static void
on_refused_call(const struct rpc_peer *peer, const char *method, void *arg)
{
	struct auditd *d = arg;

	if (d->note)
		note_refused(d->note, peer, method, "not a call for this kind of caller");
}

static void
on_trusted(const char *cluster, struct rpc_identity *identity, void *arg)
{
	struct auditd *d = arg;
	const char *listen = conf_listen(d->conf);
	struct rpc_server_config config = { .max_message = MESSAGE_MAX,
		.cluster = cluster,
		.refused = on_refused_call,
		.arg = d };
	const char *socket = conf_text(d->conf->socket, "/run/sallyport/auditd/auditd.sock");
	struct err e = { "" };

	if (rpc_server_new(&d->server, d->rl, &config) < 0 || auditd_serve(d, d->server) < 0)
		err_set(&e, "the server cannot be made");
	else if (rpc_server_listen(d->server, listen, identity, NULL, &e) == 0 &&
	    rpc_server_listen_local(d->server, socket, &e) == 0) {
		rpc_server_start(d->server);
		d->started = true;
		log_info("serving", "cluster", cluster, "listen", listen, "socket", socket, NULL);
		if (note_connect(d->note, cluster, identity, &e) == 0)
			return;
	}
	log_error(e.text, NULL);
	daemon_fail(d->run);
}

static void
on_status(void *arg)
{
	struct auditd *d = arg;
	struct ingest_counters c = ingest_counters(d->ingest);

	daemon_status("%s, %llu records since start, %llu waiting, %llu producers",
	    store_is_ready(d->store) ? "database up" : "DATABASE DOWN",
	    (unsigned long long)c.records, (unsigned long long)c.queued,
	    (unsigned long long)c.streams);
}

/* --- the hooks ---------------------------------------------------------------------- */

static int
confine(struct daemon_run *run, struct err *e)
{
	(void)run;
	return priv_seccomp_lists((const char *const *const[]){ priv_calls_base, priv_calls_server,
				      NULL },
	    e);
}

static int
open_store(struct auditd *d, struct err *e)
{
	static const struct store_events events = { on_store_ready, on_store_lost,
		on_store_broken };
	struct store_config config = {
		.loop = d->run->loop,
		.conninfo = d->conf->database,
		.retention_days = d->conf->retention_days,
		.readers = (int)d->conf->readers,
	};
	char *password = NULL;
	int done;

	if (d->conf->database_password &&
	    file_read_secret(d->conf->database_password, PASSWORD_MAX, &password, e) < 0)
		return -1;
	config.password = password;
	done = store_new(&d->store, &config, &events, d, e);
	if (password)
		secret_zero(password, strlen(password));
	free(password);
	return done;
}

static int
start(struct daemon_run *run, struct err *e)
{
	static const struct trust_events events = { on_trusted };
	struct auditd *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(e, "out of memory");
	run->state = d;
	d->run = run;
	d->conf = run->conf;
	if (crypto_init() < 0)
		return err_set(e, "no randomness, or a processor that cannot do the cryptography");
	if (rpc_loop_new(&d->rl, run->loop) < 0 || access_new(&d->access) < 0)
		return err_set(e, "out of memory");
	if (note_new(&d->note, run->loop, d->rl, d->conf, e) < 0 || open_store(d, e) < 0)
		return -1;
	if (ingest_new(&d->ingest, run->loop, d->store, &rpc_ingest_callbacks) < 0 ||
	    timer_init(&d->status, run->loop, on_status, d) < 0)
		return err_set(e, "out of memory");
	timer_repeat(&d->status, STATUS_MS);
	if (trust_new(&d->trust, run->loop, d->rl, d->conf, d->access, &events, d, e) < 0)
		return -1;
	return trust_wait(d->trust, &run->stopping, e);
}

static void
on_server_stopped(void *arg)
{
	struct auditd *d = arg;

	rpc_server_free(d->server);
	d->server = NULL;
	daemon_stopped(d->run);
}

static void
on_drained(void *arg)
{
	struct auditd *d = arg;

	/* What is not committed yet waits in its log. */
	note_free(d->note);
	d->note = NULL;
	if (d->started)
		rpc_server_stop(d->server, GRACE_MS, on_server_stopped, d);
	else
		daemon_stopped(d->run);
}

static void
stop(struct daemon_run *run)
{
	struct auditd *d = run->state;

	ingest_drain(d->ingest, on_drained, d);
}

static void
done(struct daemon_run *run)
{
	struct auditd *d = run->state;

	if (!d)
		return;
	timer_done(&d->status);
	/* A server that could not be drained in time still has calls that point here: the process ends anyway. */
	if (d->server && d->started)
		return;
	note_free(d->note);
	if (d->server)
		rpc_server_free(d->server);
	trust_free(d->trust);
	ingest_free(d->ingest);
	store_free(d->store);
	access_free(d->access);
	if (d->rl)
		rpc_loop_free(d->rl);
	free(d);
	run->state = NULL;
}

static const struct daemon auditd = {
	.name = "auditd",
	.summary = "audit events and recordings into PostgreSQL",
	.conf_schema = &conf_schema,
	.conf_path = "/etc/sallyport/auditd.yaml",
	.check = conf_check,
	.user = conf_user,
	.flags = DAEMON_SECRETS,
	.drain_s = 20,
	.confine = confine,
	.start = start,
	.stop = stop,
	.done = done,
};

int
main(int argc, char **argv)
{
	return daemon_main(&auditd, argc, argv);
}
