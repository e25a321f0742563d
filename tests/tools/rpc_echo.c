/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_echo DIR: the Echo service of tests/proto/echo.proto with lib/rpc, for foreign clients (tests/interop). Reads
 * host_ca.pem, user_ca.pem, server.pem and server.key from DIR, listens on a free port of loopback and says which.
 * Ends with a drain at SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "rpc/rpc.h"
#include "rpc/tls.h"
#include "tests/echo.server.h"

struct feed {
	uint64_t left, sent;
};

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
	(void)call, (void)q;
}

static void
more(struct rpc_call *call)
{
	static uint8_t bytes[1024];
	struct feed *f = rpc_data(call);

	while (f->left > 0 && rpc_queued(call) < 16) {
		Echo__Msg m = ECHO__MSG__INIT;

		m.n = f->sent++;
		m.data = (ProtobufCBinaryData){ sizeof bytes, bytes };
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
	more(call);
}

static void
on_upload(struct rpc_call *call, const Echo__Msg *q)
{
	struct feed *f = rpc_data(call);
	Echo__Msg reply = ECHO__MSG__INIT;

	if (!f)
		rpc_set_data(call, f = calloc(1, sizeof *f));
	if (q) {
		f->sent++;
		return;
	}
	reply.n = f->sent;
	echo_upload_reply(call, &reply);
}

static void
free_feed(struct rpc_call *call, const struct rpc_status *status)
{
	(void)status;
	free(rpc_data(call));
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
	Echo__Msg m = ECHO__MSG__INIT;

	(void)q;
	m.text = rpc_peer(call)->name;
	m.n = rpc_peer(call)->who;
	echo_open_reply(call, &m);
}

static const struct rpc_row rows[] = {
	ECHO_METHOD(Unary, RPC_USER | RPC_NODE, on_unary),
	ECHO_METHOD(Fail, RPC_USER, on_fail),
	ECHO_METHOD(Wait, RPC_USER, on_wait),
	ECHO_METHOD(Later, RPC_USER, on_unary),
	ECHO_METHOD(Download, RPC_USER, on_download, .writable = more, .closed = free_feed),
	ECHO_METHOD(Upload, RPC_USER, on_upload, .closed = free_feed),
	ECHO_METHOD(Both, RPC_USER, on_both),
	ECHO_METHOD(OnlyNodes, RPC_NODE, on_who),
	ECHO_METHOD(OnlyUsers, RPC_USER, on_who),
	ECHO_METHOD(OnlyLocal, RPC_LOCAL, on_who),
	ECHO_METHOD(Open, RPC_ANYONE, on_who),
};

static struct loop *loop;
static struct rpc_server *server;

static void
on_stopped(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void
on_signal(int signo, void *arg)
{
	(void)signo, (void)arg;
	rpc_server_stop(server, 3000, on_stopped, NULL);
}

static char *
text_of(const char *dir, const char *name)
{
	struct err e = { "" };
	char path[512], *text = NULL;
	size_t n;

	(void)str_format(path, sizeof path, "%s/%s", dir, name);
	if (file_read(path, 65536, &text, &n, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	return text;
}

static struct rpc_identity *
identity(const char *dir)
{
	char *host = text_of(dir, "host_ca.pem"), *user = text_of(dir, "user_ca.pem");
	char *chain = text_of(dir, "server.pem"), *key = text_of(dir, "server.key");
	struct rpc_identity *id;
	struct err e = { "" };

	if (rpc_identity_new(&id) < 0 || rpc_identity_set(id, host, user, chain, key, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	free(host);
	free(user);
	free(chain);
	free(key);
	return id;
}

int
main(int argc, char **argv)
{
	struct rpc_server_config config = { .cluster = "test" };
	struct rpc_identity *id;
	struct rpc_loop *rl;
	struct err e = { "cannot start" };
	int port;

	if (argc != 2 || crypto_init() < 0)
		return 2;
	id = identity(argv[1]);
	if (loop_new(&loop) < 0 || loop_on_signal(loop, SIGTERM, on_signal, NULL) < 0 ||
	    rpc_loop_new(&rl, loop) < 0 || rpc_server_new(&server, rl, &config) < 0 ||
	    echo_serve_rows(server, rows, sizeof rows / sizeof *rows, NULL) < 0 ||
	    rpc_server_listen(server, "127.0.0.1:0", id, &port, &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	rpc_server_start(server);
	printf("%d\n", port);
	fflush(stdout);
	loop_run(loop);
	rpc_server_free(server);
	rpc_loop_free(rl);
	loop_free(loop);
	rpc_identity_free(id);
	return 0;
}
