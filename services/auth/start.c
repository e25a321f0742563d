/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: puts the parts of authd together, in the order in which they need each other, and takes
 * them apart.
 *
 *	prepare (old rights): folders, then the signer is forked
 *	start:   store -> roles, nodes -> signer client -> gRPC -> own certificate -> audit log -> server
 *	stop:    drain the server, then what is left of the audit log
 */
#include "auth/start.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/access.h"
#include "auth/auth.h"
#include "auth/backup.h"
#include "auth/conf.h"
#include "auth/cutoff_list.h"
#include "auth/events.h"
#include "auth/hashing.h"
#include "auth/rpc_faces.h"
#include "auth/rpc_tokens.h"
#include "auth/join.h"
#include "auth/signin.h"
#include "auth/restore.h"
#include "auth/self.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "net/ceiling.h"
#include "net/rate.h"
#include "priv/priv.h"
#include "rpc/rpc.h"
#include "rpc/tls.h"

enum {
	JANITOR_MS = 5000,
	HASH_THREADS = 2,
	HASH_QUEUE = SIGNIN_VERIFYING + 32, /* and new passwords */
	GRACE_MS = 3000,
	REFUSALS_PER_MIN = 20,
	REFUSALS_BURST = 40,
	MEMORY_MAX = 1536 << 20,   /* below the unit's MemoryMax */
	STREAM_WINDOW = 16 * 1024, /* strangers may call: logins and joins are smaller */
};

/* --- prepare -------------------------------------------------------------------------------- */

int
start_make_folder(const char *path, mode_t mode, const char *user, struct err *e)
{
	struct priv_user u;
	struct stat st;
	mode_t mask;
	int rc;

	if (stat(path, &st) == 0)
		return 0; /* systemd or an administrator made it */
	/* Folders on the way are other daemons' too, whatever the umask of who started this. */
	mask = umask(022);
	rc = file_mkdir(path, mode, e);
	(void)umask(mask);
	if (rc < 0)
		return -1;
	if (geteuid() != 0 || !user[0])
		return 0;
	if (priv_user_find(user, &u, e) < 0)
		return -1;
	return chown(path, u.uid, u.gid) < 0 ? err_errno(e, "cannot give %s to %s", path, user) : 0;
}

static int
make_folders(const struct conf *conf, struct err *e)
{
	char socket_dir[4096];
	char *slash;

	str_copy(socket_dir, sizeof(socket_dir), conf->socket);
	slash = strrchr(socket_dir, '/');
	if (slash && slash != socket_dir)
		*slash = '\0';
	if (start_make_folder(conf->state, 0700, conf_user(conf), e) < 0)
		return -1;
	return start_make_folder(socket_dir, 0755, conf_user(conf), e);
}

int
auth_prepare(struct daemon_run *run, struct err *e)
{
	const struct conf *conf = run->conf;
	char state_path[4096];
	struct signer_options options = { .cluster = conf->cluster,
		.state_path = state_path,
		.key_path = conf->ca_key_path,
		.user = conf_user(conf),
		.backup_recipient = conf->recipient.kind ? &conf->recipient : NULL };
	struct auth *a = calloc(1, sizeof(*a));

	if (!a)
		return err_memory(e);
	run->state = a;
	list_init(&a->shown);
	a->run = run;
	a->conf = conf;
	a->now_ms = clock_wall_ms;
	list_init(&a->backups);
	tickets_init(&a->tickets);
	approvals_init(&a->approvals);
	str_copy(a->cluster, sizeof(a->cluster), conf->cluster);
	if (!str_format(state_path, sizeof(state_path), "%s/ca.sealed", conf->state))
		return err_set(e, "state: the path is too long");
	if (crypto_init() < 0)
		return err_set(e, "no source of randomness");
	if (make_folders(conf, e) < 0 || restore_refuse_half(conf, e) < 0)
		return -1;
	if (signer_spawn(&options, &a->child, e) < 0)
		return -1;
	a->seed_key = a->child.seed_key;
	a->child.seed_key = NULL;
	return 0;
}

int
auth_confine(struct daemon_run *run, struct err *e)
{
	(void)run;
	return priv_seccomp_lists((const char *const *const[]){ priv_calls_base, priv_calls_server,
				      NULL },
	    e);
}

/* --- start ------------------------------------------------------------------------------------ */

static int
open_state(struct auth *a, struct err *e)
{
	char path[4096];

	if (!str_format(path, sizeof(path), "%s/authd.sqlite", a->conf->state))
		return err_set(e, "state: the path is too long");
	if (store_open_sqlite(&a->store, path, a->loop, e) < 0)
		return -1;
	return resources_load(a, e) < 0 || roles_make_presets(a, e) < 0 || watchers_init(a) < 0 ||
		hashing_load(a, e) < 0
	    ? -1
	    : 0;
}

static int
open_helpers(struct auth *a, struct err *e)
{
	if (!origins_init(&a->origins) || rate_new(&a->logins, SIGNIN_PER_MIN, SIGNIN_BURST) < 0 ||
	    rate_new(&a->joins, JOIN_PER_MIN, JOIN_BURST) < 0 ||
	    rate_new(&a->refusals, REFUSALS_PER_MIN, REFUSALS_BURST) < 0 ||
	    ceiling_new(&a->verifying, SIGNIN_VERIFYING, SIGNIN_VERIFYING_ONE) < 0 ||
	    pool_new(&a->pool, a->loop, HASH_THREADS, HASH_QUEUE) < 0 ||
	    timer_init(&a->janitor, a->loop, auth_janitor, a) < 0)
		return err_memory(e);
	/* Passwords are anybody's to send; who is logged in does not wait for them. */
	pool_give_way(a->pool);
	if (signer_client_new(&a->signer, a->loop, &a->child, auth_signer_died, a) < 0)
		return err_set(e, "cannot speak to the signer");
	if (cutoff_list_new(&a->cutoff_list, a, e) < 0)
		return -1;
	if (rpc_loop_new(&a->rpc, a->loop) < 0)
		return err_set(e, "cannot start gRPC");
	return 0;
}

static int
serve(struct auth *a, struct err *e)
{
	struct rpc_server_config config = { .cluster = a->cluster,
		.refused = auth_refused_call,
		.origin = origin_known,
		.session = access_session,
		.stream_window = STREAM_WINDOW,
		.memory_max = MEMORY_MAX,
		.arg = a };

	if (rpc_server_new(&a->server, a->rpc, &config) < 0)
		return err_set(e, "cannot make the gRPC server");
	if (faces_serve(a, e) < 0 ||
	    rpc_server_listen(a->server, a->conf->listen, self_identity(a->self), NULL, e) < 0 ||
	    rpc_server_listen_local(a->server, a->conf->socket, e) < 0)
		return -1;
	rpc_server_start(a->server);
	timer_repeat(&a->janitor, JANITOR_MS);
	return 0;
}

static void
note_start(struct auth *a)
{
	struct audit_event ev = { .id = EVENT_AUTH_START };

	event_put_text(&ev, EVENT_KEY_LISTEN, a->conf->listen);
	(void)events_write(a, NULL, &ev);
}

int
auth_start(struct daemon_run *run, struct err *e)
{
	struct auth *a = run->state;

	a->loop = run->loop;
	if (open_state(a, e) < 0 || open_helpers(a, e) < 0 || self_new(a, e) < 0 ||
	    events_open(a, e) < 0 || events_connect(a, e) < 0 || serve(a, e) < 0)
		return -1;
	backup_load_last(a);
	note_start(a);
	restore_note(a);
	/* Before anybody is answered: the store may be an older one, or was changed by an authd that knew no such rule. */
	rpc_tokens_end_orphans(a, NULL);
	log_info("serving", "cluster", a->cluster, "listen", a->conf->listen, "socket",
	    a->conf->socket, NULL);
	return 0;
}

/* --- stop ----------------------------------------------------------------------------------------- */

static void
on_flushed(void *arg)
{
	struct auth *a = arg;

	daemon_stopped(a->run);
}

static void
on_drained(void *arg)
{
	struct auth *a = arg;

	events_flush(a, on_flushed, a);
}

void
auth_stop(struct daemon_run *run)
{
	struct auth *a = run->state;

	timer_stop(&a->janitor);
	rpc_server_stop(a->server, GRACE_MS, on_drained, a);
}

void
auth_done(struct daemon_run *run)
{
	struct auth *a = run->state;

	if (!a)
		return;
	rpc_server_free(a->server);
	events_close(a);
	pool_free(a->pool);
	self_free(a);
	cutoff_list_free(a->cutoff_list);
	signer_client_free(a->signer);
	rpc_loop_free(a->rpc);
	timer_done(&a->janitor);
	watchers_done(a);
	resources_done(a);
	store_close(a->store);
	rate_free(a->logins);
	rate_free(a->joins);
	rate_free(a->refusals);
	ceiling_free(a->verifying);
	origins_done(&a->origins);
	tickets_done(&a->tickets);
	approvals_done(&a->approvals);
	signer_child_done(&a->child);
	secret_free(a->seed_key);
	free(a);
	run->state = NULL;
}
