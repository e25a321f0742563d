/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front: see front.h. Called by start.c.
 *
 * Security: everything here comes from strangers. Nothing waits in accept; each state has a
 * deadline; connections are counted in total and, until they have shown who they are, per
 * address.
 */
#include "proxy/front.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/ceiling.h"
#include "net/dial.h"
#include "net/rate.h"
#include "net/sniff.h"
#include "net/splice.h"
#include "proxy/rpc_origin.h"

enum {
	/* Some SSH clients say nothing until they have seen the server's line; every one of them
	 * waits as long as this. */
	SILENCE_MS = 300,
	LIMIT_MS = 10 * 1000,
	DIAL_MS = 5 * 1000,
	/* authd and auditd end who has shown no certificate after a minute (lib/rpc/guard.c): whoever is older has one. */
	PASS_STRANGER_MS = 65 * 1000,
	/* One side has finished and the other says nothing for so long: it is gone. */
	PASS_HALF_IDLE_MS = 5 * 60 * 1000,
	COMPLAIN_MS = 60 * 1000,
	/* Of one address: a handshake of ours costs as much as a thousand packets, and is due before anybody has said
	 * what he wants. */
	HANDSHAKES_PER_MIN = 600,
	HANDSHAKES_BURST = 200,
};

/* A connection that nobody serves yet. */
struct arrival {
	struct list link;
	struct front *front;
	struct sniff *sniff;
	struct addr counted; /* the address under which it is in the ceilings */
	bool is_balanced;    /* known only after its PROXY header: not among the strangers yet */
};

/* A connection that is passed on to authd or auditd. */
struct pass {
	struct list link;
	struct front *front;
	struct addr peer;
	struct dial *dial;
	struct origin_call *telling; /* authd hears whose it is, before the first byte */
	struct splice *splice;
	struct buf first;
	const char *to;
	struct timer grown; /* it is in `passing` until then */
	bool young;
	int fd;    /* until it is spliced */
	int to_fd; /* the connection to authd or auditd, until then */
};

struct front {
	struct front_config config;
	struct listener *public, *ssh;
	struct list arrivals, passes;
	struct rate *handshakes; /* of the web server */
	char authd_name[300], auditd_name[300];
	int64_t authd_said_ms, auditd_said_ms; /* when it was last said that it is away */
};

/* In both counts. */
static void
stranger_hang_up(struct front *f, int fd, const struct addr *peer)
{
	ceiling_drop(f->config.strangers, peer->ip);
	ceiling_drop(f->config.all, peer->ip);
	close(fd);
}

/* --- passing through ------------------------------------------------------------- */

static void
pass_is_known(void *arg)
{
	struct pass *p = arg;

	if (p->young)
		ceiling_drop(p->front->config.passing, p->peer.ip);
	p->young = false;
}

static void
pass_free(struct pass *p)
{
	/* Whatever step it is in: what was not begun is NULL or negative. The dial and the splice
	 * are not ended here: whoever calls has seen them end, or ended them. */
	list_del(&p->link);
	timer_done(&p->grown);
	pass_is_known(p);
	ceiling_drop(p->front->config.all, p->peer.ip);
	origin_forget(p->telling);
	mem_closep(&p->fd);
	mem_closep(&p->to_fd);
	buf_done(&p->first);
	free(p);
}

static void
on_splice_ended(struct splice *s, void *arg)
{
	struct pass *p = arg;

	(void)s;
	p->splice = NULL;
	pass_free(p);
}

/* All nodes try again and again: one line a minute is enough. */
static void
pass_complain(const struct pass *p, const char *why)
{
	struct front *f = p->front;
	int64_t *last_ms = p->to == f->config.authd_addr ? &f->authd_said_ms : &f->auditd_said_ms;
	int64_t now_ms = loop_now_ms(f->config.loop);

	if (*last_ms && now_ms - *last_ms < COMPLAIN_MS)
		return;
	*last_ms = now_ms;
	log_warn("cannot pass connections on", "to", p->to, "cause", why, NULL);
}

/* Also when authd could not be told: then it counts the person under the proxy's address, which is
 * better than no access at all. */
static void
pass_on(void *arg)
{
	struct pass *p = arg;
	struct splice_config config = { .half_idle_ms = PASS_HALF_IDLE_MS,
		.ended = on_splice_ended,
		.arg = p };

	p->telling = NULL;
	if (splice_new(&p->splice, p->front->config.loop, p->fd, p->to_fd, buf_span(&p->first),
		&config) < 0) {
		pass_free(p);
		return;
	}
	/* The splice owns both now. */
	p->fd = p->to_fd = -1;
	buf_done(&p->first);
}

static void
on_dialled(int fd, const char *why, void *arg)
{
	struct pass *p = arg;
	struct front *f = p->front;

	p->dial = NULL;
	p->to_fd = fd;
	if (fd < 0) {
		pass_complain(p, why);
		pass_free(p);
		return;
	}
	/* Limits and pinned addresses are authd's; auditd takes identities from certificates alone. */
	if (p->to == f->config.authd_addr)
		p->telling = origin_tell(f->config.origins, fd, &p->peer, pass_on, p);
	if (!p->telling)
		pass_on(p);
}

/* From the strangers into a count of their own: after a restart every node has two of these at once, and nobody sees
 * inside that they are nodes'. That must not keep out people who come to log in. */
static bool
pass_count(struct front *f, const struct addr *peer)
{
	if (!ceiling_take(f->config.passing, peer->ip))
		return false;
	ceiling_drop(f->config.strangers, peer->ip);
	return true;
}

/* Owns fd. */
static void
pass_new(struct front *f, const struct sniff_result *result, const char *to)
{
	struct dial_config config = { .loop = f->config.loop,
		.pool = f->config.pool,
		.timeout_ms = DIAL_MS,
		.done = on_dialled };
	struct pass *p = calloc(1, sizeof(*p));
	struct err e;

	if (!p || !pass_count(f, &result->peer)) {
		free(p);
		stranger_hang_up(f, result->fd, &result->peer);
		return;
	}
	p->young = true;
	p->front = f;
	p->peer = result->peer;
	p->to = to;
	p->fd = result->fd;
	p->to_fd = -1;
	buf_init(&p->first, 64 * 1024);
	list_add(&f->passes, &p->link);
	config.arg = p;
	if (!buf_put(&p->first, result->first.p, result->first.n) ||
	    timer_init(&p->grown, f->config.loop, pass_is_known, p) < 0 ||
	    dial_new(&p->dial, &config, to, &e) < 0)
		pass_free(p);
	else
		timer_start(&p->grown, PASS_STRANGER_MS);
}

/* --- handing out ----------------------------------------------------------------- */

/* A ClientHello is not yet somebody we know, and whoever replays one can have as many as he likes: the connection stays
 * among the strangers until a request has come (web), or among those that are passed on until a certificate must have
 * (authd, auditd). */
static void
serve_tls(struct front *f, const struct sniff_result *r)
{
	/* The name only says where the bytes go; who may speak there is decided by the TLS inside,
	 * of which we have no key. */
	if (strcmp(r->hello.server_name, f->authd_name) == 0) {
		pass_new(f, r, f->config.authd_addr);
	} else if (strcmp(r->hello.server_name, f->auditd_name) == 0) {
		if (f->config.auditd_addr)
			pass_new(f, r, f->config.auditd_addr);
		else
			stranger_hang_up(f, r->fd, &r->peer);
	} else if (!rate_take(f->handshakes, r->peer.ip, 1, loop_now_ms(f->config.loop)) ||
	    http_server_take(f->config.web, r->fd, &r->peer, r->first) < 0) {
		stranger_hang_up(f, r->fd, &r->peer);
	}
}

static void
serve_plain_http(struct front *f, const struct sniff_result *r)
{
	static const char answer[] =
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: 46\r\nConnection: close\r\n\r\n"
	    "This port speaks HTTPS: use https:// instead.\n";

	/* What a fresh socket does not take at once is not worth a state of its own. */
	(void)send(r->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	stranger_hang_up(f, r->fd, &r->peer);
}

/* Behind a balancer the address has changed. False: there are too many from there. */
static bool
recount(struct arrival *a, const struct addr *peer)
{
	struct front *f = a->front;

	if (!a->is_balanced)
		return true;
	ceiling_drop(f->config.all, a->counted.ip);
	/* From here on under the address in the header: the balancer's own was only its stand-in while the
	 * header was awaited. */
	if (!ceiling_take(f->config.all, peer->ip))
		return false;
	if (ceiling_take(f->config.strangers, peer->ip))
		return true;
	ceiling_drop(f->config.all, peer->ip);
	return false;
}

static void
on_sniffed(const struct sniff_result *r, void *arg)
{
	struct arrival *a = arg;
	struct front *f = a->front;
	/* The descriptor and the counts are ours from here and pass on to whoever serves the
	 * connection; the arrival was only for the waiting. */
	bool counted = recount(a, &r->peer);

	list_del(&a->link);
	free(a);
	if (!counted) {
		log_debug("too many connections", "peer", r->peer.ip, NULL);
		close(r->fd);
		return;
	}
	switch (r->kind) {
	case SNIFF_SSH:
		ssh_server_take(f->config.ssh_server, r->fd, &r->peer, r->first);
		break;
	case SNIFF_TLS:
		serve_tls(f, r);
		break;
	case SNIFF_HTTP:
		serve_plain_http(f, r);
		break;
	default:
		log_debug("connection dropped", "peer", r->peer.ip, "cause", r->why, NULL);
		stranger_hang_up(f, r->fd, &r->peer);
	}
}

/* --- arriving -------------------------------------------------------------------- */

/* A balancer's own address is never counted among the strangers: everybody behind it would share
 * one ceiling. */
static bool
count_in(struct front *f, const struct addr *peer, bool is_balanced)
{
	if (!ceiling_take(f->config.all, peer->ip))
		return false;
	if (is_balanced || ceiling_take(f->config.strangers, peer->ip))
		return true;
	ceiling_drop(f->config.all, peer->ip);
	return false;
}

static void
count_out(struct front *f, const struct addr *peer, bool is_balanced)
{
	if (!is_balanced)
		ceiling_drop(f->config.strangers, peer->ip);
	ceiling_drop(f->config.all, peer->ip);
}

static void
arrive(struct front *f, int fd, const struct addr *peer, bool only_ssh)
{
	bool is_balanced = addr_in_nets(peer, f->config.balancers, f->config.n_balancers);
	struct sniff_config config = { .proxy_header = is_balanced,
		.only_ssh = only_ssh,
		.silence_ms = SILENCE_MS,
		.limit_ms = LIMIT_MS };
	struct arrival *a;

	if (!count_in(f, peer, is_balanced)) {
		log_debug("too many connections", "peer", peer->ip, NULL);
		close(fd);
		return;
	}
	/* Nothing to wait for: whoever comes to this port speaks SSH, and some clients are silent until the
	 * server has spoken. */
	if (only_ssh && !is_balanced) {
		ssh_server_take(f->config.ssh_server, fd, peer, (struct span){ NULL, 0 });
		return;
	}
	a = calloc(1, sizeof(*a));
	if (!a || sniff_new(&a->sniff, f->config.loop, fd, peer, &config) < 0) {
		count_out(f, peer, is_balanced);
		free(a);
		close(fd);
		return;
	}
	a->front = f;
	a->counted = *peer;
	a->is_balanced = is_balanced;
	list_add(&f->arrivals, &a->link);
	sniff_start(a->sniff, on_sniffed, a);
}

static void
on_public_accept(int fd, const struct addr *peer, void *arg)
{
	arrive(arg, fd, peer, false);
}

static void
on_ssh_accept(int fd, const struct addr *peer, void *arg)
{
	arrive(arg, fd, peer, true);
}

/* --- life ------------------------------------------------------------------------ */

/* SNI comes in lower case from the sniffer; the cluster's name may be written otherwise. */
static void
lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s + ('a' - 'A'));
}

static int
front_listen(struct front *f, struct err *e)
{
	if (listen_new(&f->public, f->config.loop, f->config.public_fd, on_public_accept, f, e) < 0)
		return -1;
	/* The listener closes it from here on. */
	f->config.public_fd = -1;
	if (f->config.ssh_fd < 0)
		return 0;
	if (listen_new(&f->ssh, f->config.loop, f->config.ssh_fd, on_ssh_accept, f, e) < 0)
		return -1;
	f->config.ssh_fd = -1;
	return 0;
}

int
front_new(struct front **ret, const struct front_config *config, struct err *e)
{
	struct front *f = calloc(1, sizeof(*f));

	if (!f)
		return err_memory(e);
	f->config = *config;
	list_init(&f->arrivals);
	list_init(&f->passes);
	(void)str_format(f->authd_name, sizeof(f->authd_name), "authd.%s", config->cluster);
	(void)str_format(f->auditd_name, sizeof(f->auditd_name), "auditd.%s", config->cluster);
	lower(f->authd_name);
	lower(f->auditd_name);
	if (rate_new(&f->handshakes, HANDSHAKES_PER_MIN, HANDSHAKES_BURST) < 0) {
		front_free(f);
		return err_memory(e);
	}
	if (front_listen(f, e) < 0) {
		front_free(f);
		return -1;
	}
	*ret = f;
	return 0;
}

void
front_close(struct front *f)
{
	listen_free(f->public);
	listen_free(f->ssh);
	f->public = f->ssh = NULL;
	mem_closep(&f->config.public_fd);
	mem_closep(&f->config.ssh_fd);
	f->config.public_fd = f->config.ssh_fd = -1;
	list_each (struct arrival, a, &f->arrivals, link) {
		sniff_free(a->sniff);
		count_out(f, &a->counted, a->is_balanced);
		list_del(&a->link);
		free(a);
	}
}

void
front_free(struct front *f)
{
	if (!f)
		return;
	front_close(f);
	list_each (struct pass, p, &f->passes, link) {
		dial_cancel(p->dial);
		splice_free(p->splice);
		pass_free(p);
	}
	rate_free(f->handshakes);
	free(f);
}
