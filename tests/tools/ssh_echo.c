/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_echo: the SSH engine over real sockets, for foreign peers and for measuring.
 *
 *	ssh_echo serve DIR              a server on 127.0.0.1; prints its port
 *	ssh_echo node DIR PORT          dials it as the tunnel "node", serves sessions inside
 *	ssh_echo run DIR PORT USER CMD  a client: CMD's output to stdout, stdin to it, exit status
 *	ssh_echo idle DIR PORT COUNT    COUNT idle connections; prints "up" when all are in
 *
 * DIR holds host_key, host_key-cert.pub, user_key, user_key-cert.pub (OpenSSH files). Every proven
 * key logs in, but user "denied". Sessions run exec requests with /bin/sh; "source N" and "sink"
 * are done without a process. direct-tcpip to host "node" goes through the tunnel, any other to a
 * socket. Only for tests: nobody is checked. Environment: ECHO_REKEY bytes, ECHO_CIPHERS,
 * ECHO_WINDOW bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "event/loop.h"
#include "ssh/loop.h"
#include "ssh/session.h"

static struct loop *loop;
static const char *dir;
static struct ssh_link *tunnel;
static struct ssh_identity host_ids[1], user_ids[1];
static uint8_t block[256 * 1024];

static void
die(const char *what)
{
	fprintf(stderr, "ssh_echo: %s\n", what);
	exit(255);
}

static void
load(struct ssh_identity *id, const char *name)
{
	static struct buf certs[4];
	static int n;
	struct buf *cert = &certs[n++];
	struct sshkey *key;
	char path[512], *text;
	size_t len;
	struct err e;

	str_format(path, sizeof(path), "%s/%s", dir, name);
	if (sshkey_load(&key, path, &e) < 0)
		die(e.text);
	id->key = key;
	str_format(path, sizeof(path), "%s/%s-cert.pub", dir, name);
	buf_init(cert, SSHCERT_BLOB_MAX);
	if (file_read(path, 65536, &text, &len, &e) < 0)
		return;
	if (sshkey_line_to_blob(text, cert) < 0)
		die("bad certificate");
	id->cert = buf_span(cert);
	free(text);
}

static uint64_t
env_number(const char *name)
{
	uint64_t v = 0;

	if (getenv(name))
		str_u64(getenv(name), UINT64_MAX, &v);
	return v;
}

#include "ssh_echo_session.h"
#include "crypto/rand.h"

/* --- relays: a channel to another channel ---------------------------------------- */

struct relay {
	struct ssh_chan *a, *b; /* NULL when gone */
};

static struct ssh_chan *
other(struct relay *c, struct ssh_chan *chan)
{
	return chan == c->a ? c->b : c->a;
}

static size_t
relay_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct ssh_chan *to = other(arg, chan);

	return to ? ssh_chan_write(to, ext, p, n) : n;
}

static void
relay_writable(struct ssh_chan *chan, void *arg)
{
	struct ssh_chan *from = other(arg, chan);

	if (from)
		ssh_chan_resume(from);
}

static void
relay_opened(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	extern const struct ssh_chan_events relay_events;
	if (c->a)
		ssh_chan_accept(c->a, &relay_events, c);
}

static void
relay_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct relay *c = arg;

	(void)chan;
	if (c->a)
		ssh_chan_refuse(c->a, reason, text);
	c->a = c->b = NULL;
	free(c);
}

static void
relay_eof(struct ssh_chan *chan, void *arg)
{
	struct ssh_chan *to = other(arg, chan);

	if (to)
		ssh_chan_eof(to);
}

static void
relay_closed(struct ssh_chan *chan, void *arg)
{
	struct relay *c = arg;

	if (chan == c->a)
		c->a = NULL;
	else
		c->b = NULL;
	if (c->a || c->b)
		ssh_chan_close(c->a ? c->a : c->b);
	else
		free(c);
}

extern const struct ssh_chan_events relay_events;
const struct ssh_chan_events relay_events = {
	.data = relay_data,
	.writable = relay_writable,
	.opened = relay_opened,
	.refused = relay_refused,
	.eof = relay_eof,
	.closed = relay_closed,
};

/* --- server ------------------------------------------------------------------------- */

static enum ssh_verdict
on_auth(struct ssh *ssh, const struct ssh_auth *auth, void *arg)
{
	(void)ssh;
	(void)arg;
	return strcmp(auth->user, "denied") == 0 ? SSH_DENY : SSH_ALLOW;
}

static enum ssh_answer
on_global(struct ssh *ssh, struct span name, struct span payload, struct buf *reply, void *arg)
{
	struct ssh_link **link = arg;

	(void)ssh;
	(void)payload;
	(void)reply;
	if (!span_is(name, "tunnel@echo"))
		return SSH_FAIL;
	tunnel = *link;
	return SSH_OK;
}

static void
on_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	(void)ssh;
	(void)arg;
	if (span_is(open->type, "session")) {
		struct session *s = calloc(1, sizeof(*s));

		s->chan = chan;
		ssh_chan_accept(chan, &session_events, s);
	} else if (span_is(open->type, "direct-tcpip") && span_is(open->host, "node") && tunnel) {
		struct relay *c = calloc(1, sizeof(*c));

		c->a = chan;
		c->b = ssh_chan_open(ssh_link_ssh(tunnel), "node@echo", span_str(""),
		    &relay_events, c);
		/* to hear of its end before it is accepted */
		ssh_chan_set_events(chan, &relay_events, c);
		if (!c->b) {
			ssh_chan_refuse(chan, SSH_REFUSE_CONNECT_FAILED, "no tunnel");
			free(c);
		}
	} else {
		ssh_chan_refuse(chan, SSH_REFUSE_UNKNOWN_TYPE, "unknown");
	}
}

static const struct ssh_events server_events = {
	.auth = on_auth,
	.channel_open = on_open,
	.global_request = on_global,
};

static void
server_ended(struct ssh_link *link, const char *why, void *arg)
{
	if (getenv("ECHO_VERBOSE"))
		fprintf(stderr, "ended: %s\n", why);
	if (tunnel == link)
		tunnel = NULL;
	free(arg);
}

static struct ssh_config
common_config(enum ssh_role role)
{
	return (struct ssh_config){ .role = role,
		.rekey_bytes = env_number("ECHO_REKEY"),
		.window = (uint32_t)env_number("ECHO_WINDOW"),
		.ciphers = getenv("ECHO_CIPHERS"),
		.keepalive_ms = 30000 };
}

static struct ssh_link *
server_link(void)
{
	struct ssh_config config = common_config(SSH_SERVER);
	struct ssh_link **arg = calloc(1, sizeof(struct ssh_link *));

	config.events = &server_events;
	config.arg = arg;
	config.identities = host_ids;
	config.n_identities = 1;
	if (ssh_link_new(arg, loop, &config, server_ended, arg) < 0)
		die("no link");
	return *arg;
}

static void
on_listener(struct watch *w, int ready, void *arg)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	(void)arg;
	if (fd >= 0 && ssh_link_attach_fd(server_link(), fd) < 0)
		die("out of memory");
}

static void
serve(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	static struct watch w;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1024) < 0)
		die("cannot listen");
	getsockname(fd, (struct sockaddr *)&a, &len);
	watch_init(&w, loop, fd, on_listener, NULL);
	watch_set(&w, WATCH_READ);
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	loop_run(loop);
}

/* --- client --------------------------------------------------------------------------- */

static int
dial(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t n;

	if (!str_u64(port, 65535, &n))
		die("bad port");
	a.sin_port = htons((uint16_t)n);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die("cannot connect");
	file_set_nonblock(fd);
	return fd;
}

static int
on_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	(void)ssh;
	(void)host;
	(void)e;
	(void)arg;
	return 0;
}

static void
client_ended(struct ssh_link *link, const char *why, void *arg)
{
	(void)link;
	(void)arg;
	if (why[0])
		fprintf(stderr, "ssh_echo: %s\n", why);
	loop_stop(loop);
}

static struct ssh_config
client_config(const struct ssh_events *events, const char *user, void *arg)
{
	struct ssh_config config = common_config(SSH_CLIENT);

	config.events = events;
	config.arg = arg;
	config.identities = user_ids;
	config.n_identities = 1;
	config.user = user;
	config.guess_kex = true;
	return config;
}

/* node: the tunnel asks for nothing but channels, each of which carries a connection to our
 * server. */

static void
node_in(struct ssh *ssh, void *arg)
{
	(void)arg;
	ssh_global_request(ssh, "tunnel@echo", span_str(""), NULL, NULL);
	printf("up\n");
	fflush(stdout);
}

static void
node_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct ssh_link *inner;

	(void)ssh;
	(void)arg;
	if (!span_is(open->type, "node@echo")) {
		ssh_chan_refuse(chan, SSH_REFUSE_UNKNOWN_TYPE, "unknown");
		return;
	}
	inner = server_link();
	ssh_chan_accept(chan, &ssh_link_chan_events, inner);
	ssh_link_attach_chan(inner, chan);
}

static const struct ssh_events node_events = {
	.verify_host = on_host,
	.authenticated = node_in,
	.channel_open = node_open,
};

static void
node(const char *port)
{
	struct ssh_config config = client_config(&node_events, "node", NULL);
	struct ssh_link *link;

	if (ssh_link_new(&link, loop, &config, client_ended, NULL) < 0 ||
	    ssh_link_attach_fd(link, dial(port)) < 0)
		die("no link");
	loop_run(loop);
}

/* run */

struct run {
	struct ssh_link *link;
	struct watch in;
	const char *cmd;
	int status;
};

static void
on_stdin(struct watch *w, int ready, void *arg)
{
	struct ssh_chan *chan = arg;
	size_t room = ssh_chan_room(chan);
	ssize_t n;

	(void)ready;
	if (room == 0) {
		watch_set(w, 0);
		ssh_chan_write(chan, 0, block, 1);
		return;
	}
	n = read(0, block, room < sizeof(block) ? room : sizeof(block));
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		watch_done(w);
		ssh_chan_eof(chan);
		return;
	}
	ssh_chan_write(chan, 0, block, (size_t)n);
}

static void
run_opened(struct ssh_chan *chan, void *arg)
{
	struct run *r = arg;
	struct buf b;

	buf_init(&b, 65536);
	ssh_text_put(&b, r->cmd);
	ssh_chan_request(chan, "exec", true, buf_span(&b));
	buf_done(&b);
	file_set_nonblock(0);
	if (watch_init(&r->in, loop, 0, on_stdin, chan) == 0)
		watch_set(&r->in, WATCH_READ);
}

static void
run_writable(struct ssh_chan *chan, void *arg)
{
	struct run *r = arg;

	(void)chan;
	if (r->in.ev)
		watch_set(&r->in, WATCH_READ);
}

static size_t
run_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	(void)chan;
	(void)arg;
	if (file_write_all(ext ? 2 : 1, p, n) < 0)
		die("cannot write");
	return n;
}

static enum ssh_answer
run_request(struct ssh_chan *chan, struct span name, struct span payload, void *arg)
{
	struct run *r = arg;
	uint32_t status;

	(void)chan;
	if (span_is(name, "exit-status") && ssh_exit_status_parse(payload, &status) == 0)
		r->status = (int)status;
	return SSH_OK;
}

static void
run_closed(struct ssh_chan *chan, void *arg)
{
	struct run *r = arg;

	(void)chan;
	watch_done(&r->in);
	r->in = (struct watch){ 0 };
	ssh_disconnect(ssh_link_ssh(r->link), 11, "bye");
	ssh_link_close(r->link, "", 1000);
}

static const struct ssh_chan_events run_events = {
	.opened = run_opened,
	.data = run_data,
	.writable = run_writable,
	.request = run_request,
	.closed = run_closed,
};

static void
run_in(struct ssh *ssh, void *arg)
{
	ssh_chan_open(ssh, "session", span_str(""), &run_events, arg);
}

static const struct ssh_events run_client_events = { .verify_host = on_host,
	.authenticated = run_in };

static int
run(const char *port, const char *user, const char *cmd)
{
	struct run r = { .cmd = cmd, .status = 255 };
	struct ssh_config config = client_config(&run_client_events, user, &r);

	if (ssh_link_new(&r.link, loop, &config, client_ended, &r) < 0 ||
	    ssh_link_attach_fd(r.link, dial(port)) < 0)
		die("no link");
	loop_run(loop);
	return r.status;
}

/* idle */

static uint64_t idle_left;

static void
idle_in(struct ssh *ssh, void *arg)
{
	(void)ssh;
	(void)arg;
	if (--idle_left == 0) {
		printf("up\n");
		fflush(stdout);
	}
}

static const struct ssh_events idle_events = { .verify_host = on_host, .authenticated = idle_in };

static void
idle(const char *port, const char *count)
{
	struct ssh_config config = client_config(&idle_events, "idle", NULL);

	if (!str_u64(count, 100000, &idle_left))
		die("bad count");
	for (uint64_t i = idle_left; i > 0; i--) {
		struct ssh_link *link;

		if (ssh_link_new(&link, loop, &config, client_ended, NULL) < 0 ||
		    ssh_link_attach_fd(link, dial(port)) < 0)
			die("no link");
		loop_turn(loop, 0);
	}
	loop_run(loop);
}

int
main(int argc, char **argv)
{
	int status = 0;

	if (argc < 3)
		die("usage: see the top of its source");
	dir = argv[2];
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)(i * 131 >> 3);
	if (crypto_init() < 0 || loop_new(&loop) < 0)
		die("cannot start");
	load(&host_ids[0], "host_key");
	load(&user_ids[0], "user_key");
	if (strcmp(argv[1], "serve") == 0)
		serve();
	else if (strcmp(argv[1], "node") == 0 && argc == 4)
		node(argv[3]);
	else if (strcmp(argv[1], "run") == 0 && argc == 6)
		status = run(argv[3], argv[4], argv[5]);
	else if (strcmp(argv[1], "idle") == 0 && argc == 5)
		idle(argv[3], argv[4]);
	else
		die("usage: see the top of its source");
	return status;
}
