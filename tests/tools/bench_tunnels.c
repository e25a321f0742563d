/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_tunnels: many nodes in one process, for tests/bench: each joins for real, and then all open their tunnels, as
 * after a restart of the proxy.
 *
 *	bench_tunnels FOLDER AUTHD PROXY TOKEN_FILE CA_PIN COUNT
 *
 * Prints "joined COUNT", waits for a line on stdin, opens COUNT tunnels, prints "up SECONDS" when every one of them is
 * logged in and its tcpip-forward was granted, and holds them until stdin ends. AUTHD and PROXY are ADDRESS:PORT.
 * Nodes that joined before (FOLDER/NUMBER) are used again. Only for measuring.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/host_state.h"
#include "api/join.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"
#include "event/loop.h"
#include "net/dial.h"
#include "rpc/rpc.h"
#include "ssh/loop.h"
#include "ssh/session.h"

enum {
	NODES_MAX = 10000,
	JOINS_AT_ONCE = 8,
	OPENING_AT_ONCE = 32,
	NODE_PORT = 3022,
	DIAL_TIMEOUT_MS = 60000
};

struct node {
	char dir[512], name[64];
	struct join *join;
	bool joined;
	struct host_state *state;
	struct ssh_identity identity;
};

static struct loop *loop;
static const char *folder, *authd, *proxy, *token_file, *pin;
static struct node nodes[NODES_MAX];
static size_t n_nodes, n_up;

static void
die(const char *what)
{
	fprintf(stderr, "bench_tunnels: %s\n", what);
	exit(1);
}

/* --- joining ------------------------------------------------------------------ */

static void
on_ready(const struct join_identity *id, void *arg)
{
	struct node *node = arg;

	(void)id;
	node->joined = true;
}

static void
on_refused(const char *why, void *arg)
{
	(void)arg;
	die(why);
}

static const struct join_events join_events = { .ready = on_ready, .refused = on_refused };

static void
join_start(struct node *node, struct rpc_loop *rl)
{
	const struct join_config config = { .kind = "node",
		.state_dir = node->dir,
		.name = node->name,
		.authd = authd,
		.token_file = token_file,
		.ca_pin = pin };
	struct err e;

	if (join_new(&node->join, loop, rl, &config, &join_events, node, &e) < 0)
		die(e.text);
}

/* Frees those that are done; how many still work. */
static size_t
join_reap(size_t started)
{
	size_t busy = 0;

	for (size_t i = 0; i < started; i++) {
		if (nodes[i].join && nodes[i].joined) {
			join_free(nodes[i].join);
			nodes[i].join = NULL;
		}
		busy += nodes[i].join != NULL;
	}
	return busy;
}

static void
join_all(void)
{
	struct rpc_loop *rl;
	size_t started = 0, busy = 0;

	if (rpc_loop_new(&rl, loop) < 0)
		die("no rpc");
	while (started < n_nodes || busy > 0) {
		while (started < n_nodes && busy < JOINS_AT_ONCE) {
			struct node *node = &nodes[started];

			str_format(node->name, sizeof(node->name), "bench-%zu", started);
			str_format(node->dir, sizeof(node->dir), "%s/%zu", folder, started);
			join_start(node, rl);
			started++;
			busy++;
		}
		loop_turn(loop, 10);
		busy = join_reap(started);
	}
	for (int i = 0; i < 100; i++)
		loop_turn(loop, 1);
	rpc_loop_free(rl);
}

/* What the tunnel proves, from where joining left it. */
static void
load(struct node *node)
{
	struct err e;

	if (host_state_open(&node->state, node->dir, "node", NULL, &e) < 0)
		die(e.text);
	if (!host_state_is_valid(node->state))
		die("a node did not join");
	node->identity.key = node->state->ssh_key;
	node->identity.cert = buf_span(&node->state->tunnel_cert);
}

/* --- tunnels -------------------------------------------------------------------- */

static int
on_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	const struct node *node = arg;
	const struct bundle *ca = node->state->bundle;
	const struct sshcert_rules rules = { .type = SSHCERT_HOST,
		.ca = ca->host_ssh,
		.n_ca = ca->n_host_ssh,
		.principal = ca->cluster,
		.now_s = (uint64_t)(clock_wall_ms() / 1000) };

	(void)ssh;
	return host->cert ? sshcert_check(host->cert, &rules, e)
			  : err_set(e, "no host certificate");
}

static void
on_granted(struct ssh *ssh, bool ok, struct span payload, void *arg)
{
	(void)ssh;
	(void)payload;
	(void)arg;
	if (!ok)
		die("a tunnel was refused");
	n_up++;
}

static void
on_authenticated(struct ssh *ssh, void *arg)
{
	const struct node *node = arg;
	struct buf b;

	buf_init(&b, 256);
	ssh_forward_put(&b, node->state->uuid, NODE_PORT);
	ssh_global_request(ssh, "tcpip-forward", buf_span(&b), on_granted, arg);
	buf_done(&b);
}

static const struct ssh_events tunnel_events = { .verify_host = on_host,
	.authenticated = on_authenticated };

static void
on_ended(struct ssh_link *link, const char *why, void *arg)
{
	(void)link;
	(void)arg;
	die(why[0] ? why : "a tunnel was closed");
}

static void
on_dialled(int fd, const char *why, void *arg)
{
	struct node *node = arg;
	const struct ssh_config config = { .role = SSH_CLIENT,
		.events = &tunnel_events,
		.arg = node,
		.identities = &node->identity,
		.n_identities = 1,
		.user = node->state->uuid };
	struct ssh_link *link;

	if (fd < 0)
		die(why);
	if (ssh_link_new(&link, loop, &config, on_ended, node) < 0 ||
	    ssh_link_attach_fd(link, fd) < 0)
		die("out of memory");
}

/* As many are under way as one address may have; nodes with addresses of their own would be all at once. */
static double
open_all(void)
{
	const struct dial_config config = { .loop = loop,
		.timeout_ms = DIAL_TIMEOUT_MS,
		.done = on_dialled };
	int64_t start_us = clock_mono_us();
	struct err e;

	for (size_t started = 0; n_up < n_nodes; loop_turn(loop, 100)) {
		for (; started < n_nodes && started - n_up < OPENING_AT_ONCE; started++) {
			struct dial_config own = config;
			struct dial *dial;

			own.arg = &nodes[started];
			if (dial_new(&dial, &own, proxy, &e) < 0)
				die(e.text);
		}
	}
	return (double)(clock_mono_us() - start_us) / 1e6;
}

/* --- */

static void
on_stdin(struct watch *w, int ready, void *arg)
{
	char c;

	(void)w;
	(void)ready;
	(void)arg;
	if (read(0, &c, 1) == 0)
		exit(0);
}

static void
wait_for_line(void)
{
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
}

int
main(int argc, char **argv)
{
	struct watch in;
	uint64_t count;

	if (argc != 7 || !str_u64(argv[6], NODES_MAX, &count))
		die("usage: bench_tunnels FOLDER AUTHD PROXY TOKEN_FILE CA_PIN COUNT");
	folder = argv[1], authd = argv[2], proxy = argv[3], token_file = argv[4], pin = argv[5];
	n_nodes = (size_t)count;
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0);
	if (crypto_init() < 0 || loop_new(&loop) < 0)
		die("cannot start");
	join_all();
	for (size_t i = 0; i < n_nodes; i++)
		load(&nodes[i]);
	printf("joined %zu\n", n_nodes);
	fflush(stdout);
	wait_for_line();
	printf("up %.4f\n", open_all());
	fflush(stdout);
	file_set_nonblock(0);
	if (watch_init(&in, loop, 0, on_stdin, NULL) < 0)
		die("cannot watch stdin");
	watch_set(&in, WATCH_READ);
	return loop_run(loop) < 0;
}
