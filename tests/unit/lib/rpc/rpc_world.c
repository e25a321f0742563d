/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_world: see rpc_world.h.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "rpc_world.h"

struct world_server {
	struct world *w;
	pthread_t thread;
	struct loop *loop;
	struct rpc_loop *rl;
	struct rpc_server *server;
	struct watch commands;
	int pipe[2];
	pthread_mutex_t lock;
	int refusals, closed;
	enum rpc_code last_closed;
	enum rpc_who refused_who;
	char refused_method[64];
	atomic_int waiting;
	atomic_bool stopped;
};

static struct world_server *
server_of(struct rpc_call *call)
{
	return rpc_context(call);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct world_server *s = server_of(call);

	pthread_mutex_lock(&s->lock);
	s->closed++;
	s->last_closed = status->code;
	pthread_mutex_unlock(&s->lock);
}

static void
on_unary(struct rpc_call *call, const Echo__Msg *q)
{
	echo_unary_reply(call, q);
}

static void
on_fail(struct rpc_call *call, const Echo__Msg *q)
{
	rpc_finish(call, (enum rpc_code)q->n, "%s", q->text);
}

static void
on_wait(struct rpc_call *call, const Echo__Msg *q)
{
	(void)q;
	atomic_fetch_add(&server_of(call)->waiting, 1);
}

static void
on_wait_closed(struct rpc_call *call, const struct rpc_status *status)
{
	atomic_fetch_sub(&server_of(call)->waiting, 1);
	on_closed(call, status);
}

struct later {
	struct timer timer;
	struct rpc_call *call;
};

static void
on_later_due(void *arg)
{
	struct later *l = arg;
	Echo__Msg m = ECHO__MSG__INIT;

	m.text = "later";
	echo_later_reply(l->call, &m);
}

static void
on_later(struct rpc_call *call, const Echo__Msg *q)
{
	struct later *l = calloc(1, sizeof *l);

	l->call = call;
	timer_init(&l->timer, server_of(call)->loop, on_later_due, l);
	timer_start(&l->timer, (int64_t)q->n);
	rpc_set_data(call, l);
	atomic_fetch_add(&server_of(call)->waiting, 1);
}

static void
on_later_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct later *l = rpc_data(call);

	if (l)
		timer_done(&l->timer);
	free(l);
	atomic_fetch_sub(&server_of(call)->waiting, 1);
	on_closed(call, status);
}

/* --- streams ------------------------------------------------------------------------ */

struct feed {
	uint64_t left, sent;
};

static void
on_download_writable(struct rpc_call *call)
{
	static uint8_t bytes[1024];
	struct feed *f = rpc_data(call);

	while (f->left > 0 && rpc_queued(call) < 16) {
		Echo__Msg m = ECHO__MSG__INIT;

		m.n = f->sent++;
		m.data.data = bytes;
		m.data.len = sizeof bytes;
		f->left--;
		echo_download_push(call, &m);
	}
	if (f->left == 0)
		rpc_finish(call, RPC_OK, "%s", "");
}

static void
on_download(struct rpc_call *call, const Echo__Msg *q)
{
	struct feed *f = calloc(1, sizeof *f);

	f->left = q->n;
	rpc_set_data(call, f);
	on_download_writable(call);
}

static void
on_download_closed(struct rpc_call *call, const struct rpc_status *status)
{
	free(rpc_data(call));
	on_closed(call, status);
}

static void
on_upload(struct rpc_call *call, const Echo__Msg *q)
{
	uintptr_t n = (uintptr_t)rpc_data(call);
	Echo__Msg reply = ECHO__MSG__INIT;

	if (q) {
		rpc_set_data(call, (void *)(n + 1)); /* NOLINT: a counter */
		return;
	}
	reply.n = n;
	echo_upload_reply(call, &reply);
}

static void
on_both(struct rpc_call *call, const Echo__Msg *q)
{
	if (q)
		echo_both_push(call, q);
	else
		rpc_finish(call, RPC_OK, "%s", "");
}

static void
on_who(struct rpc_call *call, const Echo__Msg *q)
{
	const struct rpc_peer *peer = rpc_peer(call);
	const char *more[] = { peer->address, peer->web };
	Echo__Msg m = ECHO__MSG__INIT;

	(void)q;
	m.names = more;
	m.n_names = 2;
	m.text = peer->name;
	m.n = peer->who;
	echo_open_reply(call, &m);
}

static const struct rpc_row rows[] = {
	ECHO_METHOD(Unary, RPC_USER | RPC_NODE | RPC_LOCAL, on_unary, .closed = on_closed),
	ECHO_METHOD(Fail, RPC_USER | RPC_PROXY, on_fail, .closed = on_closed),
	ECHO_METHOD(Wait, RPC_USER, on_wait, .closed = on_wait_closed),
	ECHO_METHOD(Later, RPC_USER, on_later, .closed = on_later_closed),
	ECHO_METHOD(Download, RPC_USER, on_download, .writable = on_download_writable,
	    .closed = on_download_closed),
	ECHO_METHOD(Upload, RPC_USER, on_upload, .closed = on_closed),
	ECHO_METHOD(Both, RPC_USER, on_both, .closed = on_closed),
	ECHO_METHOD(OnlyNodes, RPC_NODE, on_who, .closed = on_closed),
	ECHO_METHOD(OnlyUsers, RPC_USER, on_who, .closed = on_closed),
	ECHO_METHOD(OnlyLocal, RPC_LOCAL, on_who, .closed = on_closed),
	ECHO_METHOD(Open, RPC_ANYONE | RPC_BROWSER, on_who, .closed = on_closed),
};

/* --- the thread ---------------------------------------------------------------------------- */

static void
on_stopped(void *arg)
{
	struct world_server *s = arg;

	atomic_store(&s->stopped, true);
	loop_stop(s->loop);
}

static void
on_command(struct watch *watch, int ready, void *arg)
{
	struct world_server *s = arg;
	int grace_ms;

	(void)ready;
	if (read(watch->fd, &grace_ms, sizeof grace_ms) == sizeof grace_ms)
		rpc_server_stop(s->server, grace_ms, on_stopped, s);
}

static void
on_refused(const struct rpc_peer *peer, const char *method, void *arg)
{
	struct world_server *s = arg;

	pthread_mutex_lock(&s->lock);
	s->refusals++;
	s->refused_who = peer->who;
	(void)str_copy(s->refused_method, sizeof s->refused_method, method);
	pthread_mutex_unlock(&s->lock);
}

/* The one session that there is. */
static enum rpc_code
on_session(const char *key, struct rpc_peer *peer, void *arg, struct err *e)
{
	char right[RPC_SESSION_KEY_SIZE];

	(void)arg;
	assert(peer->who == RPC_PROXY && rpc_session_key(WORLD_TOKEN, right));
	if (strcmp(key, right) != 0) {
		err_set(e, "no such session");
		return RPC_UNAUTHENTICATED;
	}
	peer->who = RPC_USER;
	(void)str_copy(peer->name, sizeof peer->name, "anna");
	return RPC_OK;
}

static void *
serve(void *arg)
{
	struct world_server *s = arg;

	rpc_server_start(s->server);
	loop_run(s->loop);
	rpc_server_free(s->server);
	rpc_loop_free(s->rl);
	watch_done(&s->commands);
	loop_free(s->loop);
	return NULL;
}

static void
start_server(struct world *w, struct world_server *s)
{
	struct rpc_server_config config = { .cluster = "test",
		.refused = on_refused,
		.session = on_session,
		.calls_of_one = WORLD_CALLS_OF_ONE,
		.arg = s };
	struct err e = { "" };
	int port = 0;

	s->w = w;
	pthread_mutex_init(&s->lock, NULL);
	assert(loop_new(&s->loop) == 0 && rpc_loop_new(&s->rl, s->loop) == 0);
	assert(rpc_server_new(&s->server, s->rl, &config) == 0);
	assert(echo_serve_rows(s->server, rows, sizeof rows / sizeof *rows, s) == 0);
	assert(rpc_server_listen(s->server, "127.0.0.1:0", w->server_id, &port, &e) == 0);
	assert(rpc_server_listen_local(s->server, w->socket, &e) == 0);
	(void)str_format(w->target, sizeof w->target, "127.0.0.1:%d", port);
	assert(pipe(s->pipe) == 0 && file_set_nonblock(s->pipe[0]) == 0);
	watch_init(&s->commands, s->loop, s->pipe[0], on_command, s);
	watch_set(&s->commands, WATCH_READ);
	assert(pthread_create(&s->thread, NULL, serve, s) == 0);
}

void
world_start(struct world *w)
{
	struct err e = { "" };

	memset(w, 0, sizeof *w);
	w->host_ca = pki_ca_new("host");
	w->user_ca = pki_ca_new("user");
	w->other_ca = pki_ca_new("other");
	pki_issue(w->host_ca, "sallyport://test/auth/a1", "authd.test", -3600, 3600,
	    &w->server_cert);
	assert(rpc_identity_new(&w->server_id) == 0);
	assert(rpc_identity_set(w->server_id, pki_ca_pem(w->host_ca), pki_ca_pem(w->user_ca),
		   w->server_cert.pem, w->server_cert.key, &e) == 0);
	(void)str_format(w->socket, sizeof w->socket, "/tmp/rpc-test-%d.sock", (int)getpid());
	w->server = calloc(1, sizeof *w->server);
	start_server(w, w->server);
	assert(rpc_loop_new(&w->rl, NULL) == 0);
}

void
world_stop(struct world *w, int grace_ms)
{
	assert(write(w->server->pipe[1], &grace_ms, sizeof grace_ms) == sizeof grace_ms);
}

bool
world_stopped(struct world *w)
{
	return atomic_load(&w->server->stopped);
}

void
world_end(struct world *w)
{
	struct world_server *s = w->server;

	world_stop(w, 0);
	pthread_join(s->thread, NULL);
	close(s->pipe[0]);
	close(s->pipe[1]);
	pthread_mutex_destroy(&s->lock);
	free(s);
	rpc_loop_free(w->rl);
	rpc_identity_free(w->server_id);
	pki_ca_free(w->host_ca);
	pki_ca_free(w->user_ca);
	pki_ca_free(w->other_ca);
}

int
world_refusals(struct world *w, char *last_method, size_t size, enum rpc_who *ret_who)
{
	int n;

	pthread_mutex_lock(&w->server->lock);
	n = w->server->refusals;
	(void)str_copy(last_method, size, w->server->refused_method);
	*ret_who = w->server->refused_who;
	pthread_mutex_unlock(&w->server->lock);
	return n;
}

int
world_closed(struct world *w, enum rpc_code *ret_last)
{
	int n;

	pthread_mutex_lock(&w->server->lock);
	n = w->server->closed;
	*ret_last = w->server->last_closed;
	pthread_mutex_unlock(&w->server->lock);
	return n;
}

int
world_waiting(struct world *w)
{
	return atomic_load(&w->server->waiting);
}

struct rpc_identity *
world_identity(struct world *w, struct pki_ca *ca, const char *uri, int64_t from_s, int64_t to_s)
{
	struct rpc_identity *id;
	struct pki_cert cert;
	struct err e = { "" };

	assert(rpc_identity_new(&id) == 0);
	if (uri)
		pki_issue(ca, uri, NULL, from_s, to_s, &cert);
	if (rpc_identity_set(id, pki_ca_pem(w->host_ca), NULL, uri ? cert.pem : NULL,
		uri ? cert.key : NULL, &e) < 0) {
		fprintf(stderr, "identity: %s\n", e.text);
		abort();
	}
	return id;
}

struct rpc_channel *
world_channel(struct world *w, struct rpc_identity *id)
{
	struct rpc_channel_config config = { .target = w->target,
		.server_name = "authd.test",
		.identity = id };
	struct rpc_channel *ch;
	struct err e = { "" };

	if (rpc_channel_new(&ch, &config, &e) < 0) {
		fprintf(stderr, "channel: %s\n", e.text);
		abort();
	}
	return ch;
}

enum rpc_code
world_call(struct world *w, struct rpc_channel *ch, const char *method, const Echo__Msg *request,
    Echo__Msg **reply, struct err *e)
{
	Echo__Msg empty = ECHO__MSG__INIT, *answer = NULL;
	const struct rpc_method m = { &echo__echo__descriptor, method, RPC_UNARY };
	enum rpc_code code = RPC_UNKNOWN;

	if (rpc_call_sync(w->rl, ch, &m, request ? request : &empty, WORLD_TIMEOUT_MS, &answer,
		&code, e) == 0 &&
	    !reply)
		protobuf_c_message_free_unpacked(&answer->base, NULL);
	else if (reply)
		*reply = answer;
	return code;
}
