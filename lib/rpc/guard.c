/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guard: takes the connections of a server, hands them to gRPC, and keeps an eye on those that have not shown who they
 * are. Called by server.c, on the loop's thread.
 *
 * gRPC's own listener takes whoever comes, as many as there are, and its limits (streams, sizes of messages) are the
 * same for all: it cannot know at accept who will show a certificate. So we accept ourselves and keep a second
 * descriptor of each connection until a call on it has come from somebody whom we believe. With that a connection can be
 * counted (in all, and by address), measured (the kernel says how much it has sent) and ended from outside, whatever state
 * TLS and HTTP/2 inside gRPC are in. Afterwards the second descriptor is closed, and the connection costs nothing here.
 *
 * When there are too many, the oldest of the address that has most is ended, and not the new one refused: who comes
 * and says who he is takes a moment, and who only wants to hold a place loses it again.
 *
 * How a connection gets into gRPC: a server that listens on "external:NAME" puts an object into the place that the
 * pointer argument of that name points to, which takes descriptors. It is what libgrpc++ has its external connection
 * acceptors from; for C there is no other way to pass a connection on that is to be one of TLS. The object is of C++: its
 * first word points to its table of virtual functions, two destructors and then Handle (Itanium C++ ABI, 2.5.2).
 *
 * Security: everything here is done to strangers by what they did, and nothing is believed that they said.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/tcp.h>
#include <netinet/in.h>

#include <grpc/support/alloc.h>
#include <grpc/support/string_util.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "net/ceiling.h"
#include "net/listen.h"
#include "rpc/rpc_priv.h"

enum {
	LISTENERS = 4,
	BACKLOG = 1024,
	STRANGERS = 1024, /* connections, of all addresses */
	STRANGERS_OF_ONE = 64,
	STRANGER_MS = 60 * 1000, /* long enough for a login that waits for others */
	STRANGER_BYTES = 256 * 1024,
	STRANGER_REFUSED = 32, /* calls; who is refused that often does not listen */
	CALLS = 256,           /* of strangers, at the same time */
	CALLS_OF_ONE = 32,
	CALLS_OF_PERSON =
	    64, /* who has a certificate: a script that asks for many things at once, and a node's streams */
	REQUEST_MS = 10 * 1000,
	TICK_MS = 250, /* how long something may be over a limit */
	KEY_SIZE = ADDR_TEXT_SIZE + 8,
	SLOT_HANDLE = 2, /* in the table of virtual functions */
};

#define DOOR "external:guard"

/* A connection on which nobody has shown yet who he is. */
struct stranger {
	struct list link;
	int fd;             /* ours; gRPC has another of the same socket */
	char key[KEY_SIZE]; /* "IP:PORT" as the kernel tells */
	char share
	    [KEY_SIZE]; /* the address that pays for it; "": a proxy's, which has not said whose it is */
	int64_t since_ms;
	unsigned refused;
	bool unwanted; /* its place was given to another: ended by the next sweep */
};

struct rpc_guard {
	struct rpc_guard_config config;
	void *door; /* of gRPC; NULL until it listens */
	struct listener *listeners[LISTENERS];
	int fds[LISTENERS]; /* bound, and not yet a listener's; else negative */
	uint16_t ports[LISTENERS];
	size_t n_listeners;
	struct list strangers; /* the oldest first */
	struct map *by_key;
	struct ceiling *shares, *calls, *known_calls;
	struct list waiting; /* calls of strangers, struct rpc_call.stranger */
	struct timer tick;
};

/* --- strangers ------------------------------------------------------------------------ */

/* Nobody is left to look at. */
static void
rest(struct rpc_guard *g)
{
	if (list_empty(&g->strangers) && list_empty(&g->waiting))
		timer_stop(&g->tick);
}

static void
stranger_free(struct rpc_guard *g, struct stranger *s)
{
	list_del(&s->link);
	(void)map_del(g->by_key, s->key);
	if (s->share[0])
		ceiling_drop(g->shares, s->share);
	close(s->fd);
	free(s);
	rest(g);
}

/* gRPC sees its connection end and clears up. */
static void
stranger_end(struct rpc_guard *g, struct stranger *s, const char *why)
{
	log_debug("a connection without a certificate is ended", "peer", s->key, "cause", why,
	    NULL);
	(void)shutdown(s->fd, SHUT_RDWR);
	stranger_free(g, s);
}

/* gRPC shuts a socket down before it closes it, and the kernel when the other side has gone. */
static bool
is_gone(const struct stranger *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL | POLLRDHUP));
}

static void
drop_gone(struct rpc_guard *g)
{
	list_each (struct stranger, s, &g->strangers, link)
		if (is_gone(s))
			stranger_free(g, s);
}

static uint64_t
bytes_from(const struct stranger *s)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	if (getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
	    n < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(info.tcpi_bytes_received))
		return 0;
	return info.tcpi_bytes_received;
}

/* Whose place is given to another of the same address: one that is gone, else the oldest. */
static struct stranger *
spare_of(struct rpc_guard *g, const char *share)
{
	struct stranger *oldest = NULL;

	list_each (struct stranger, s, &g->strangers, link) {
		if (strcmp(s->share, share) != 0)
			continue;
		if (is_gone(s))
			return s;
		if (!oldest)
			oldest = s;
	}
	return oldest;
}

/* The oldest of whoever has most. */
static struct stranger *
least_wanted(struct rpc_guard *g)
{
	struct stranger *worst = NULL;
	unsigned most = 0;

	list_each (struct stranger, s, &g->strangers, link) {
		unsigned n = s->share[0] ? ceiling_held(g->shares, s->share) : 1;

		if (n > most) {
			worst = s;
			most = n;
		}
	}
	return worst;
}

/* Puts it on somebody's account. Frees nothing, so that lists may be walked meanwhile. */
static void
charge(struct rpc_guard *g, struct stranger *s, const char *share)
{
	struct stranger *spare;

	if (!ceiling_take(g->shares, share)) {
		spare = spare_of(g, share);
		if (!spare)
			return; /* no memory: it is counted in all, at least */
		/* The count goes over from one to the other. */
		spare->unwanted = true;
		spare->share[0] = '\0';
	}
	(void)str_copy(s->share, sizeof(s->share), share);
}

static void
drop_unwanted(struct rpc_guard *g)
{
	list_each (struct stranger, s, &g->strangers, link)
		if (s->unwanted)
			stranger_end(g, s, "too many from one address");
}

/* Of a connection that a proxy passes on it is known a moment later whose it is; until then there may be an older word
 * about another connection from that port. True when that is new. */
static bool
find_share(struct rpc_guard *g, struct stranger *s)
{
	char peer[KEY_SIZE + 8], share[ADDR_TEXT_SIZE];
	struct addr at;

	if (s->unwanted || !g->config.origin)
		return false;
	(void)str_format(peer, sizeof(peer), "%s:%s", s->key[0] == '[' ? "ipv6" : "ipv4", s->key);
	if (!g->config.origin(peer, &at, g->config.arg))
		return false;
	addr_prefix(share, at.ip, 32, 64);
	if (strcmp(share, s->share) == 0)
		return false;
	if (s->share[0])
		ceiling_drop(g->shares, s->share);
	s->share[0] = '\0';
	charge(g, s, share);
	return true;
}

/* --- what is over a limit ----------------------------------------------------------------- */

static void
look_at(struct rpc_guard *g, struct stranger *s, int64_t now_ms)
{
	if (is_gone(s))
		stranger_free(g, s);
	else if (now_ms - s->since_ms > STRANGER_MS)
		stranger_end(g, s, "it has not shown a certificate");
	else if (bytes_from(s) > STRANGER_BYTES)
		stranger_end(g, s, "it has sent more than a login or a join takes");
	else
		(void)find_share(g, s);
}

static void
on_tick(void *arg)
{
	struct rpc_guard *g = arg;
	int64_t now_ms = clock_mono_ms();

	list_each (struct stranger, s, &g->strangers, link)
		look_at(g, s, now_ms);
	drop_unwanted(g);
	list_each (struct rpc_call, call, &g->waiting, stranger.link)
		if (now_ms - call->stranger.since_ms > REQUEST_MS && call->receive.pending)
			rpc_finish(call, RPC_DEADLINE_EXCEEDED,
			    "the request has not arrived within %d seconds", REQUEST_MS / 1000);
}

/* --- connections -------------------------------------------------------------------------- */

/* gRPC owns fd from here on. */
static void
hand_over(struct rpc_guard *g, int fd)
{
	typedef void handle_fn(void *self, int listener_fd, int fd, grpc_byte_buffer *pending);
	union {
		void *entry;
		handle_fn *handle;
	} slot;
	void **table;

	memcpy(&table, g->door, sizeof(table));
	slot.entry = table[SLOT_HANDLE];
	slot.handle(g->door, -1, fd, NULL);
}

static struct stranger *
stranger_new(struct rpc_guard *g, int fd, const struct addr *peer)
{
	struct stranger *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	addr_text(peer, s->key, sizeof(s->key));
	s->since_ms = clock_mono_ms();
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (s->fd < 0 || !map_put(g->by_key, s->key, s, NULL)) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return NULL;
	}
	return s;
}

static void
on_connection(int fd, const struct addr *peer, void *arg)
{
	struct rpc_guard *g = arg;
	struct stranger *s, *old;
	char key[KEY_SIZE];

	/* The port was used before, and what is left of that connection is only our descriptor. */
	addr_text(peer, key, sizeof(key));
	old = map_get(g->by_key, key);
	if (old)
		stranger_free(g, old);
	if (map_count(g->by_key) >= STRANGERS)
		drop_gone(g);
	while (map_count(g->by_key) >= STRANGERS && (old = least_wanted(g)) != NULL)
		stranger_end(g, old, "too many connections");
	s = stranger_new(g, fd, peer);
	if (!s) {
		close(fd);
		return;
	}
	if (g->config.origin) {
		(void)find_share(g, s);
	} else {
		addr_prefix(key, peer->ip, 32, 64);
		charge(g, s, key);
	}
	list_add(&g->strangers, &s->link);
	if (list_first(struct stranger, &g->strangers, link) == s)
		timer_repeat(&g->tick, TICK_MS);
	hand_over(g, fd);
	drop_unwanted(g);
}

static struct stranger *
stranger_of(struct rpc_guard *g, const char *peer)
{
	char key[KEY_SIZE];
	struct addr at;

	if (!rpc_peer_addr(peer, &at))
		return NULL;
	addr_text(&at, key, sizeof(key));
	return map_get(g->by_key, key);
}

void
rpc_guard_known(struct rpc_guard *g, const char *peer)
{
	struct stranger *s = map_count(g->by_key) > 0 ? stranger_of(g, peer) : NULL;

	if (s)
		stranger_free(g, s);
}

/* --- calls -------------------------------------------------------------------------------- */

void
rpc_guard_refused(struct rpc_guard *g, const char *peer)
{
	struct stranger *s = stranger_of(g, peer);

	if (s && ++s->refused > STRANGER_REFUSED)
		stranger_end(g, s, "it was refused too often");
}

bool
rpc_guard_admit(struct rpc_guard *g, struct rpc_call *call)
{
	struct stranger *s = stranger_of(g, call->peer.address);
	const char *share;

	/* Not there: it was ended a moment ago. */
	if (!s || s->unwanted)
		return false;
	if (find_share(g, s))
		drop_unwanted(g); /* s is not: it was just given a place */
	/* A proxy that hides its people is no address: its connections count by themselves. */
	share = s->share[0] ? s->share : s->key;
	if (!ceiling_take(g->calls, share))
		return false;
	call->stranger.share = gpr_strdup(share);
	call->stranger.since_ms = clock_mono_ms();
	list_add(&g->waiting, &call->stranger.link);
	return true;
}

/* Whoever asks for much, as often as he likes, and reads nothing of it, has it all in our memory. */
bool
rpc_guard_admit_known(struct rpc_guard *g, struct rpc_call *call)
{
	char payer[sizeof(call->peer.name) + 8];

	if (call->peer.who != RPC_USER && call->peer.who != RPC_NODE)
		return true;
	(void)str_format(payer, sizeof(payer), "%s/%s", rpc_who_name(call->peer.who),
	    call->peer.name);
	if (!ceiling_take(g->known_calls, payer))
		return false;
	call->payer = gpr_strdup(payer);
	return true;
}

void
rpc_guard_release(struct rpc_guard *g, struct rpc_call *call)
{
	if (call->payer)
		ceiling_drop(g->known_calls, call->payer);
	gpr_free(call->payer);
	call->payer = NULL;
	if (!call->stranger.share)
		return;
	list_del(&call->stranger.link);
	rest(g);
	ceiling_drop(g->calls, call->stranger.share);
	gpr_free(call->stranger.share);
	call->stranger.share = NULL;
}

/* --- life --------------------------------------------------------------------------------- */

static void *
same_pointer(void *p)
{
	return p;
}

static void
no_destroy(void *p)
{
	(void)p;
}

static int
compare_pointers(void *a, void *b)
{
	return a < b ? -1 : a > b;
}

grpc_arg
rpc_guard_arg(struct rpc_guard *g)
{
	static const grpc_arg_pointer_vtable vtable = { same_pointer, no_destroy,
		compare_pointers };

	return (grpc_arg){ .type = GRPC_ARG_POINTER,
		.key = (char *)(uintptr_t)DOOR,
		.value.pointer = { &g->door, &vtable } };
}

struct rpc_guard *
rpc_guard_new(const struct rpc_guard_config *config)
{
	struct rpc_guard *g = gpr_zalloc(sizeof *g);

	g->config = *config;
	list_init(&g->strangers);
	list_init(&g->waiting);
	g->by_key = map_new();
	if (g->by_key &&
	    ceiling_new(&g->shares, STRANGERS,
		config->per_address ? config->per_address : STRANGERS_OF_ONE) == 0 &&
	    ceiling_new(&g->calls, CALLS, CALLS_OF_ONE) == 0 &&
	    ceiling_new(&g->known_calls, UINT_MAX,
		config->per_person ? config->per_person : CALLS_OF_PERSON) == 0 &&
	    timer_init(&g->tick, config->loop, on_tick, g) == 0)
		return g;
	rpc_guard_free(g);
	return NULL;
}

int
rpc_guard_listen(struct rpc_guard *g, grpc_server *core, const char *address,
    grpc_server_credentials *creds, int *ret_port, struct err *e)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct addr at;
	int fd;

	if (g->n_listeners == LISTENERS)
		return err_set(e, "too many addresses to listen on");
	fd = listen_bind(address, e);
	if (fd < 0)
		return -1;
	/* At once, so that a second daemon is told now; accepted is when the server has started. */
	if (listen(fd, BACKLOG) < 0 || getsockname(fd, (struct sockaddr *)&ss, &n) < 0) {
		err_errno(e, "cannot listen on %s", address);
		close(fd);
		return -1;
	}
	addr_from_sockaddr(&at, (struct sockaddr *)&ss);
	/* One door is enough for all addresses. gRPC tells no port of it. */
	if (!g->door)
		(void)grpc_server_add_http2_port(core, DOOR, creds);
	if (!g->door) {
		close(fd);
		return err_set(e, "this gRPC (%s) takes no connections from us",
		    grpc_version_string());
	}
	g->fds[g->n_listeners++] = fd;
	if (ret_port)
		*ret_port = at.port;
	return 0;
}

void
rpc_guard_start(struct rpc_guard *g)
{
	struct err e;

	for (size_t i = 0; i < g->n_listeners; i++) {
		if (listen_new(&g->listeners[i], g->config.loop, g->fds[i], on_connection, g, &e) <
		    0) {
			log_error("cannot take connections", "cause", e.text, NULL);
			close(g->fds[i]);
		}
		g->fds[i] = -1;
	}
}

unsigned
rpc_guard_strangers(const struct rpc_guard *g)
{
	return ceiling_count(g->shares);
}

void
rpc_guard_stop(struct rpc_guard *g)
{
	for (size_t i = 0; i < g->n_listeners; i++) {
		listen_free(g->listeners[i]);
		if (g->fds[i] >= 0 && !g->listeners[i])
			close(g->fds[i]);
		g->listeners[i] = NULL;
		g->fds[i] = -1;
	}
	g->n_listeners = 0;
}

void
rpc_guard_free(struct rpc_guard *g)
{
	if (!g)
		return;
	rpc_guard_stop(g);
	list_each (struct stranger, s, &g->strangers, link)
		stranger_free(g, s);
	timer_done(&g->tick);
	map_free(g->by_key);
	ceiling_free(g->shares);
	ceiling_free(g->calls);
	ceiling_free(g->known_calls);
	gpr_free(g);
}
