/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tunnel: dials proxyd's public port, proves with the tunnel certificate which node this is, and
 * serves the channels that proxyd opens. Called by start.c.
 *
 *	WAITING -> DIALING -> SIGNING_IN -> UP, and from each of them back to WAITING
 *
 * Nodes must be back within 5 s of proxyd's return: the pause grows from 0.2 s to 3 s at most,
 * jittered.
 */
#include "node/tunnel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "net/addr.h"
#include "net/dial.h"
#include "net/listen.h"
#include "ssh/session.h"

enum {
	DIAL_TIMEOUT_MS = 10000,
	PAUSE_MIN_MS = 200,
	PAUSE_MAX_MS = 3000,
	STEADY_MS = 10000, /* a tunnel that was up so long was a good one */
	KEEPALIVE_MS = 15000,
	NODE_PORT = 3022,
	DISCONNECT_BY_APPLICATION = 11, /* RFC 4253 11.1 */
	CLOSE_GRACE_MS = 500,
};

enum tunnel_state { TUNNEL_WAITING, TUNNEL_DIALING, TUNNEL_SIGNING_IN, TUNNEL_UP };

struct tunnel {
	struct node *node;
	enum tunnel_state state;
	struct timer again;
	struct pool *pool; /* for the proxy's name */
	struct dial *dial;
	struct ssh_link *link;
	struct host *host;      /* what the next connection proves */
	struct host *used;      /* what the link in use points into */
	struct buf certificate; /* of the tunnel, same */
	struct ssh_identity identity;
	char uuid[64];
	char proxy[64];          /* UUID of the proxy at the other end */
	int64_t proxy_issued_ms; /* of its host certificate */
	struct addr local;       /* our end of the connection to proxyd */
	int64_t pause_ms;
	int64_t up_ms; /* monotonic; 0: never was */
	bool closing;
	bool complained; /* said once a streak, not every three seconds */
};

static void dial(struct tunnel *t);

static void
set_state(struct tunnel *t, enum tunnel_state state)
{
	static const char *const names[] = { "waiting", "dialing", "signing in", "up" };

	log_debug("tunnel", "from", names[t->state], "to", names[state], NULL);
	t->state = state;
}

static void
wait_and_dial(struct tunnel *t, const char *why)
{
	set_state(t, TUNNEL_WAITING);
	if (t->closing)
		return;
	if (!t->complained)
		log_warn("no tunnel to the proxy, dialling again", "proxy", t->node->config->proxy,
		    "cause", why, NULL);
	t->complained = true;
	/* Only a tunnel that lasted starts the pauses anew: one that is thrown out at once is not dialled at
	 * full speed. */
	if (t->up_ms && clock_mono_ms() - t->up_ms > STEADY_MS)
		t->pause_ms = 0;
	t->up_ms = 0;
	t->pause_ms = t->pause_ms ? t->pause_ms * 2 : PAUSE_MIN_MS;
	if (t->pause_ms > PAUSE_MAX_MS)
		t->pause_ms = PAUSE_MAX_MS;
	/* Half of it by chance: a proxy that comes back is not dialled by all nodes in one
	 * moment. */
	timer_start(&t->again, t->pause_ms / 2 + rand_below((uint32_t)t->pause_ms / 2));
}

/* --- the connection -------------------------------------------------------------------- */

/* A proxy that was removed must not hold our tunnel any more. While the cluster is not known yet it
 * may: it is looked at again. */
static int
check_proxy(const struct tunnel *t, struct err *e)
{
	if (replica_check_host(t->node->replica, t->proxy, NULL, t->proxy_issued_ms, NULL) !=
	    REPLICA_E_CUT)
		return 0;
	return err_set(e, "the proxy was removed from the cluster");
}

/* The proxy: a host certificate of our CA, for the name we dialled or for the cluster as a
 * whole. */
static int
on_verify_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	struct tunnel *t = arg;
	const struct join_identity *self = join_identity(t->node->join);
	const char *names[2] = { conf_proxy_name(t->node->config), self ? self->cluster : "" };

	(void)ssh;
	if (!host->cert || !self)
		return err_set(e, "the proxy shows no host certificate of the cluster");
	for (size_t i = 0; i < 2; i++) {
		const struct sshcert_rules rules = {
			.type = SSHCERT_HOST,
			.ca = self->ca->host_ssh,
			.n_ca = self->ca->n_host_ssh,
			.principal = names[i],
			.now_s = (uint64_t)(clock_wall_ms() / 1000),
		};
		if (sshcert_check(host->cert, &rules, e) != 0)
			continue;
		/* The key id of a host certificate is the host's UUID, by which the cluster says
		 * who was removed. */
		if (!str_copy(t->proxy, sizeof(t->proxy), host->cert->key_id))
			return err_set(e, "the proxy's host certificate names no host");
		t->proxy_issued_ms = replica_issued_ms(host->cert);
		return check_proxy(t, e);
	}
	return err_prefix(e, "the proxy's host certificate");
}

static void
on_login_signed(struct span signature, const char *why, void *arg)
{
	struct tunnel *t = arg;
	struct ssh *ssh = t->link ? ssh_link_ssh(t->link) : NULL;

	if (ssh && signature.n)
		(void)ssh_signed(ssh, signature, loop_now_ms(t->node->loop));
	else if (ssh)
		(void)ssh_sign_failed(ssh, why);
	if (!signature.n)
		log_error("the monitor does not sign the login at the proxy", "cause", why, NULL);
}

/* The tunnel's certificate is for the host key, and that is the monitor's. */
static enum ssh_answer
on_sign(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret, void *arg)
{
	struct tunnel *t = arg;

	(void)ssh;
	(void)ret;
	monitor_sign_tunnel(t->node->monitor, what->data, on_login_signed, t);
	return SSH_LATER;
}

static void
on_authenticated(struct ssh *ssh, void *arg)
{
	struct tunnel *t = arg;
	struct buf b;

	buf_init(&b, 256);
	/* RFC 4254 section 7.1; the address that is asked for is the node's UUID, not one of the
	 * proxy's. */
	ssh_forward_put(&b, t->uuid, NODE_PORT);
	if (buf_ok(&b))
		(void)ssh_global_request(ssh, "tcpip-forward", buf_span(&b), NULL, NULL);
	buf_done(&b);
	set_state(t, TUNNEL_UP);
	t->up_ms = clock_mono_ms();
	t->node->counts.tunnels++;
	t->complained = false;
	log_info("tunnel is up", "proxy", t->node->config->proxy, NULL);
}

/* Behind what RFC 4254 has in it our proxies name the person, and give what his connection begins with. "", and nothing:
 * this one does not. */
static struct span
open_extra(const struct ssh_open *open, char *user, size_t size)
{
	struct wire w = wire_from(open->extra);
	struct span first;

	wire_text(&w, user, size);
	first = wire_string(&w);
	if (wire_end(&w) && first.n <= SSH_FIRST_MAX)
		return first;
	user[0] = '\0';
	return (struct span){ NULL, 0 };
}

static void
on_channel_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct tunnel *t = arg;
	struct conn_address address = { .client_port = open->origin_port,
		.server_port = NODE_PORT };
	struct span first;

	(void)ssh;
	if (!span_is(open->type, "forwarded-tcpip")) {
		ssh_chan_refuse(chan, SSH_REFUSE_UNKNOWN_TYPE,
		    "only forwarded-tcpip is served here");
		return;
	}
	if (t->closing) {
		ssh_chan_refuse(chan, SSH_REFUSE_CONNECT_FAILED, "this node is stopping");
		return;
	}
	/* The client's address is the proxy's word. What is pinned to an address is checked
	 * against it, by the monitor too. */
	str_clean(address.client, sizeof(address.client), (const char *)open->origin_host.p,
	    open->origin_host.n);
	str_copy(address.server, sizeof(address.server), t->local.ip);
	str_clean(address.connection, sizeof(address.connection), (const char *)open->host.p,
	    open->host.n);
	/* It is only a name for events; what is not one of ours is left out of them. */
	if (open->host.n >= sizeof(address.connection) || !str_is_uuid(address.connection))
		address.connection[0] = '\0';
	first = open_extra(open, address.user, sizeof(address.user));
	if (!t->host || serve_chan(t->node, t->host, chan, &address, first))
		ssh_chan_refuse(chan, SSH_REFUSE_RESOURCES,
		    "this node is busy with others that sign in, try again");
}

static const struct ssh_events ssh_events = {
	.sign = on_sign,
	.verify_host = on_verify_host,
	.authenticated = on_authenticated,
	.channel_open = on_channel_open,
};

/* What the last connection used. Only when its engine is gone. */
static void
release(struct tunnel *t)
{
	t->link = NULL;
	host_unref(t->used);
	t->used = NULL;
	buf_done(&t->certificate);
}

static void
on_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct tunnel *t = arg;

	(void)link;
	/* The engine is freed after this returns: what it points into goes with the next turn. */
	t->link = NULL;
	/* A signature that is under way would come back into a link that is gone. */
	monitor_cancel(t->node->monitor, t);
	wait_and_dial(t, why[0] ? why : "the proxy closed the connection");
}

static int
sign_in(struct tunnel *t, int fd)
{
	const struct join_identity *self = join_identity(t->node->join);

	release(t);
	t->proxy[0] = '\0';
	if (!self || !t->host)
		return -1;
	t->used = t->host;
	t->used->refs++;
	buf_init(&t->certificate, SSHCERT_BLOB_MAX);
	if (!buf_put(&t->certificate, self->tunnel_cert.p, self->tunnel_cert.n) ||
	    !str_copy(t->uuid, sizeof(t->uuid), self->uuid))
		return -1;
	t->identity = (struct ssh_identity){ t->used->key, buf_span(&t->certificate) };
	const struct ssh_config config = {
		.role = SSH_CLIENT,
		.guess_kex = true,
		.events = &ssh_events,
		.arg = t,
		.identities = &t->identity,
		.n_identities = 1,
		.user = t->uuid,
		.keepalive_ms = KEEPALIVE_MS,
		.max_channels = 10000,
	};
	if (ssh_link_new(&t->link, t->node->loop, &config, on_ended, t))
		return -1;
	set_state(t, TUNNEL_SIGNING_IN);
	(void)ssh_link_attach_fd(t->link,
	    fd); /* else it ends by itself, and the node dials again */
	return 0;
}

static void
on_dialled(int fd, const char *why, void *arg)
{
	struct tunnel *t = arg;
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);

	t->dial = NULL;
	if (fd < 0) {
		wait_and_dial(t, why);
		return;
	}
	listen_tune(fd);
	str_copy(t->local.ip, sizeof(t->local.ip), "127.0.0.1");
	if (getsockname(fd, (struct sockaddr *)&sa, &n) == 0)
		addr_from_sockaddr(&t->local, (struct sockaddr *)&sa);
	if (sign_in(t, fd)) {
		close(fd);
		wait_and_dial(t, "the node has no certificates yet");
	}
}

static void
dial(struct tunnel *t)
{
	const struct dial_config config = {
		.loop = t->node->loop,
		.pool = t->pool,
		.timeout_ms = DIAL_TIMEOUT_MS,
		.done = on_dialled,
		.arg = t,
	};
	struct err e = { "" };

	set_state(t, TUNNEL_DIALING);
	if (dial_new(&t->dial, &config, t->node->config->proxy, &e)) {
		t->dial = NULL;
		wait_and_dial(t, e.text);
	}
}

static void
on_again(void *arg)
{
	dial(arg);
}

/* --- life ------------------------------------------------------------------------------------ */

int
tunnel_new(struct tunnel **ret, struct node *n, struct err *e)
{
	struct tunnel *t = calloc(1, sizeof(*t));

	if (!t)
		return err_memory(e);
	t->node = n;
	buf_init(&t->certificate, SSHCERT_BLOB_MAX);
	/* Set before what can fail: the caller frees it in any case. */
	*ret = t;
	if (timer_init(&t->again, n->loop, on_again, t) || pool_new(&t->pool, n->loop, 1, 4))
		return err_memory(e);
	timer_start(&t->again, 0);
	return 0;
}

/* For the next connection, and for the clients that come through this one. */
void
tunnel_set_identity(struct tunnel *t, struct host *host)
{
	host->refs++;
	host_unref(t->host);
	t->host = host;
}

void
tunnel_review(struct tunnel *t)
{
	struct err e;

	if (!t->link || !t->proxy[0] || check_proxy(t, &e) == 0)
		return;
	ssh_disconnect(ssh_link_ssh(t->link), DISCONNECT_BY_APPLICATION, e.text);
	ssh_link_close(t->link, e.text, CLOSE_GRACE_MS);
}

void
tunnel_close(struct tunnel *t)
{
	t->closing = true;
	timer_stop(&t->again);
	if (t->dial)
		dial_cancel(t->dial);
	t->dial = NULL;
	if (t->link) {
		ssh_disconnect(ssh_link_ssh(t->link), DISCONNECT_BY_APPLICATION,
		    "the node is stopping");
		ssh_link_close(t->link, "", CLOSE_GRACE_MS);
	}
}

bool
tunnel_is_up(const struct tunnel *t)
{
	return t && t->state == TUNNEL_UP;
}

bool
tunnel_is_closed(const struct tunnel *t)
{
	return !t->link;
}

void
tunnel_free(struct tunnel *t)
{
	if (!t)
		return;
	tunnel_close(t);
	timer_done(&t->again);
	pool_free(t->pool);
	release(t);
	host_unref(t->host);
	free(t);
}
