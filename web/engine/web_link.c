/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_link: SSH connections of a page, over its WebSocket (a root) or inside a channel of another link. What
 * lib/ssh/loop.c is for sockets; nothing waits here, and nothing is freed inside a callback. Called by engine.mjs.
 *
 * As with tsh the beginning of an inner connection travels with the opening of the channel that carries it, and channels
 * are opened right behind the login: a shell is there two round trips after it was asked for.
 *
 * Security: a host is believed by a certificate of the cluster's authorities for the name that was asked for, and by nothing
 * else; when keys are exchanged anew it is to be the same host. The user's private key is not here.
 */
#include "engine/web_link.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"
#include "crypto/sshcert.h"
#include "ssh/session.h"
#include "ssh/ssh.h"

enum {
	NODE_PORT = 3022,
	CA_MAX = 16,
	CA_BYTES_MAX = 16 * 1024,
	OPEN_MAX = 8192,
	KEEPALIVE_MS =
	    15000, /* of silence: a proxy between may forget a quiet connection after a minute */
	DISCONNECT_BY_APPLICATION = 11,
};

struct web_link {
	struct web_link *next;
	struct ssh *ssh;
	struct ssh_chan *carrier; /* of an inner link, while it is there */
	bool stopped;             /* the carrier's bytes wait: the engine has too much output */
	bool over;
	struct sshcert *user_cert; /* whose key signs, outside */
	struct ssh_identity identity;
	struct buf cas;
	struct span ca[CA_MAX];
	size_t n_ca;
	char user[256], host[256];
	char host_id[64]; /* who it turned out to be */
};

static struct web_link *links; /* the youngest first, so inner ones before those that carry them */
static struct err error;       /* of the last call that failed */

static int64_t
now_ms(void)
{
	return (int64_t)page_now_ms();
}

/* Once. Its channels end with it, which the page knows. */
static void
link_over(struct web_link *link, const char *why)
{
	if (link->over)
		return;
	link->over = true;
	page_over(link, why, strlen(why));
}

/* After a call into the engine that may have ended it. */
static void
check(struct web_link *link)
{
	if (ssh_is_dead(link->ssh))
		link_over(link, ssh_error(link->ssh));
}

/* --- the engine's callbacks ----------------------------------------------------------------------- */

static int
on_verify_host(struct ssh *ssh, const struct ssh_host *shown, struct err *e, void *arg)
{
	struct web_link *link = arg;
	const struct sshcert_rules rules = {
		.type = SSHCERT_HOST,
		.ca = link->ca,
		.n_ca = link->n_ca,
		.principal = link->host,
		.now_s = (uint64_t)page_time_s(),
	};

	(void)ssh;
	if (!shown->cert)
		return err_set(e, "%s shows a host key without a certificate of this cluster",
		    link->host);
	if (sshcert_check(shown->cert, &rules, e) < 0)
		return err_prefix(e, "the host certificate of %s is not good", link->host);
	/* In a later exchange of keys: the same machine, whatever else has that name by now. */
	if (*link->host_id && strcmp(link->host_id, shown->cert->key_id) != 0)
		return err_set(e, "%s is another host than it was", link->host);
	(void)str_copy(link->host_id, sizeof link->host_id, shown->cert->key_id);
	return 0;
}

static enum ssh_answer
on_sign(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret, void *arg)
{
	(void)ssh, (void)ret;
	page_sign(arg, what->data.p, what->data.n);
	return SSH_LATER;
}

static void
on_login_sent(struct ssh *ssh, void *arg)
{
	(void)ssh;
	page_login_sent(arg);
}

static void
on_authenticated(struct ssh *ssh, void *arg)
{
	(void)ssh;
	page_authenticated(arg);
}

static void
on_banner(struct ssh *ssh, const char *text, void *arg)
{
	(void)ssh;
	page_banner(arg, text, strlen(text));
}

static const struct ssh_events events = {
	.sign = on_sign,
	.verify_host = on_verify_host,
	.login_sent = on_login_sent,
	.authenticated = on_authenticated,
	.banner = on_banner,
};

/* --- inside a channel of another link ---------------------------------------------------------------- */

static size_t
carrier_data(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg)
{
	struct web_link *link = arg;

	(void)chan;
	if (ext != 0 || link->over)
		return n;
	/* What is not taken stays within the carrier's window. */
	if (!ssh_wants_input(link->ssh)) {
		link->stopped = true;
		return 0;
	}
	if (ssh_input(link->ssh, p, n, now_ms()) < 0)
		check(link);
	return n;
}

static void
carrier_refused(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg)
{
	struct web_link *link = arg;

	(void)chan, (void)reason;
	link->carrier = NULL;
	link_over(link, *text ? text : "the proxy refused the connection");
}

static void
carrier_closed(struct ssh_chan *chan, void *arg)
{
	struct web_link *link = arg;

	(void)chan;
	link->carrier = NULL;
	link_over(link, "");
}

/* An SSH connection has no half that could go on. */
static void
carrier_eof(struct ssh_chan *chan, void *arg)
{
	(void)chan;
	link_over(arg, "");
}

static const struct ssh_chan_events carrier_events = {
	.data = carrier_data,
	.refused = carrier_refused,
	.eof = carrier_eof,
	.closed = carrier_closed,
};
/* For a channel that nobody listens to any more. */
static const struct ssh_chan_events nobody = { 0 };

/* Our side of the key exchange need not wait until the way is there (docs/PROTOCOL.md). */
static int
dial(struct web_link *link, struct web_link *outer, const char *node)
{
	struct span first = ssh_output(link->ssh);
	struct buf b;

	buf_init(&b, OPEN_MAX);
	/* Where we come from the proxy sees for itself. */
	ssh_tcpip_put(&b, node, NODE_PORT, "127.0.0.1", 0);
	if (first.n <= SSH_FIRST_MAX) {
		wire_put_string(&b, first);
		ssh_output_drain(link->ssh, first.n);
	}
	if (buf_ok(&b))
		link->carrier = ssh_chan_open(outer->ssh, "direct-tcpip", buf_span(&b),
		    &carrier_events, link);
	buf_done(&b);
	return link->carrier ? 0 : err_set(&error, "too many connections at once");
}

/* What inner links have to send goes into the channels that carry them; the page does the rest with root links. Called
 * at the end of every turn. */
EXPORT("web_link_flush") void web_link_flush(void)
{
	for (struct web_link *l = links; l; l = l->next) {
		struct span out;

		if (!l->carrier)
			continue;
		out = ssh_output(l->ssh);
		if (out.n > 0)
			ssh_output_drain(l->ssh, ssh_chan_write(l->carrier, 0, out.p, out.n));
		if (l->stopped && ssh_wants_input(l->ssh)) {
			l->stopped = false;
			ssh_chan_resume(l->carrier);
		}
	}
}

/* --- from the page: beginning and end ------------------------------------------------------------------- */

EXPORT("web_alloc") void *web_alloc(size_t n)
{
	return malloc(n);
}

EXPORT("web_free") void web_free(void *p)
{
	free(p);
}

/* Why the last web_link_new, or what else says so, failed; with a NUL. */
EXPORT("web_error") const char *web_error(void)
{
	return error.text;
}

/* cas: the authorities' keys, each as an SSH string. */
static int
take_cas(struct web_link *link, const uint8_t *cas, size_t n)
{
	struct wire w;

	buf_init(&link->cas, CA_BYTES_MAX);
	if (!buf_put(&link->cas, cas, n))
		return err_set(&error, "the list of authorities is too long");
	w = wire_from(buf_span(&link->cas));
	while (!wire_end(&w) && !w.bad && link->n_ca < CA_MAX)
		link->ca[link->n_ca++] = wire_string(&w);
	return wire_end(&w) && link->n_ca > 0
	    ? 0
	    : err_set(&error, "the list of authorities is malformed");
}

static int
take_names(struct web_link *link, const char *user, const char *host)
{
	if (str_copy(link->user, sizeof link->user, user) &&
	    str_copy(link->host, sizeof link->host, host) && *host)
		return 0;
	return err_set(&error, "a name is empty or too long");
}

/* Takes no input any more; whoever is at the other end is told. */
EXPORT("web_link_disconnect") void web_link_disconnect(struct web_link *link)
{
	ssh_disconnect(link->ssh, DISCONNECT_BY_APPLICATION, "closed by the user");
	check(link);
}

/* Its channels go too, each with page_closed; a link inside one of them is over. */
EXPORT("web_link_free") void web_link_free(struct web_link *link)
{
	for (struct web_link **l = &links; *l; l = &(*l)->next)
		if (*l == link) {
			*l = link->next;
			break;
		}
	if (link->carrier) {
		struct span out = ssh_output(link->ssh); /* a DISCONNECT, as a rule */

		if (out.n > 0)
			(void)ssh_chan_write(link->carrier, 0, out.p, out.n);
		ssh_chan_set_events(link->carrier, &nobody, NULL);
		ssh_chan_resume(
		    link->carrier); /* what waited there is dropped, so that it can close */
		ssh_chan_close(link->carrier);
	}
	ssh_free(link->ssh);
	sshcert_free(link->user_cert);
	buf_done(&link->cas);
	free(link);
}

/* Options: where bytes are counted, and for tests. 0 is the engine's own choice. */
static int
start(struct web_link *link, uint32_t window, uint32_t window_max, double rekey_bytes)
{
	const struct ssh_config config = {
		.role = SSH_CLIENT,
		.events = &events,
		.arg = link,
		.guess_kex = true,
		.identities = &link->identity,
		.n_identities = 1,
		.user = link->user,
		.window = window,
		.window_max = window_max,
		.rekey_bytes = (uint64_t)rekey_bytes,
		.keepalive_ms = KEEPALIVE_MS,
	};

	link->identity = (struct ssh_identity){ link->user_cert->key,
		buf_span(&link->user_cert->blob) };
	return ssh_new(&link->ssh, &config, now_ms()) < 0 ? err_memory(&error) : 0;
}

/* user: who logs in; host: the principal that its certificate must have, and of an inner link (outer not NULL) the node to
 * reach. Texts end with a NUL; nothing is kept of what is passed. NULL: web_error says why. */
EXPORT("web_link_new")
struct web_link *
web_link_new(const char *user, const char *host, const uint8_t *cert, size_t n_cert,
    const uint8_t *cas, size_t n_cas, struct web_link *outer, uint32_t window, uint32_t window_max,
    double rekey_bytes)
{
	struct web_link *link = calloc(1, sizeof *link);

	if (!link) {
		err_memory(&error);
		return NULL;
	}
	if (take_names(link, user, host) < 0 || take_cas(link, cas, n_cas) < 0 ||
	    sshcert_parse(&link->user_cert, (struct span){ cert, n_cert }, &error) < 0 ||
	    start(link, window, window_max, rekey_bytes) < 0 ||
	    (outer && dial(link, outer, host) < 0)) {
		web_link_free(link);
		return NULL;
	}
	link->next = links;
	links = link;
	return link;
}

/* --- from the page: bytes and time ------------------------------------------------------------------------- */

/* p is scribbled on. */
EXPORT("web_link_input") void web_link_input(struct web_link *link, uint8_t *p, size_t n)
{
	if (link->over)
		return;
	if (ssh_input(link->ssh, p, n, now_ms()) < 0)
		check(link);
}

static struct span output;

/* How much a root link has to send; where it lies says web_link_output_at. */
EXPORT("web_link_output") size_t web_link_output(struct web_link *link)
{
	output = ssh_output(link->ssh);
	return output.n;
}

EXPORT("web_link_output_at") const uint8_t *web_link_output_at(void)
{
	return output.p;
}

EXPORT("web_link_drain") void web_link_drain(struct web_link *link, size_t n)
{
	ssh_output_drain(link->ssh, n);
}

EXPORT("web_link_tick") void web_link_tick(void)
{
	for (struct web_link *l = links; l; l = l->next)
		if (!l->over && ssh_tick(l->ssh, now_ms()) < 0)
			check(l);
}

/* The signature blob that page_sign asked for; n 0: it cannot be made. */
EXPORT("web_link_signed") void web_link_signed(struct web_link *link, const uint8_t *p, size_t n)
{
	if (link->over)
		return;
	if (n > 0)
		(void)ssh_signed(link->ssh, (struct span){ p, n }, now_ms());
	else
		(void)ssh_sign_failed(link->ssh, "the browser did not sign");
	check(link);
}

struct ssh *
web_link_ssh(const struct web_link *link)
{
	return link->ssh;
}
