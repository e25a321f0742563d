/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_metrics: how authd and the proxies do, for people elsewhere (tctl top). authd's own numbers are made when they are asked
 * for. Proxies, which nobody can call, keep a stream here: whenever somebody asks they are told so, and send theirs, which
 * the next question brings. While nobody asks nothing passes.
 *
 * Security: of one proxy one text is kept, of at most METRICS_PROXIES; it is shown to whoever may read "cluster", as the
 * proxy wrote it: the client believes no byte of it.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/rpc_faces.h"
#include "base/str.h"
#include "daemon/diag.h"

enum { METRICS_PROXIES = 64, METRICS_TEXT_MAX = 256 * 1024, METRICS_ALL_MAX = 700 * 1024 };

/* The stream of a proxy, and what it sent last. Freed when it is closed. */
struct shown {
	struct list link; /* auth.shown */
	struct rpc_call *call;
	char uuid[37];
	char *text; /* NULL: nothing yet */
	int64_t at_ms;
	bool asked; /* and not answered yet */
};

/* --- proxies ------------------------------------------------------------------------------- */

static void
ask(struct shown *s)
{
	Auth__Empty wanted = AUTH__EMPTY__INIT;

	if (!s->asked)
		auth_show_metrics_push(s->call, &wanted);
	s->asked = true;
}

/* NULL: the call was answered. */
static struct shown *
begin(struct rpc_call *call)
{
	struct auth *a = rpc_context(call);
	const struct host *n = access_daemon(call);
	struct shown *s;
	size_t count = 0;

	if (!n)
		return NULL;
	list_each (struct shown, other, &a->shown, link) {
		/* A proxy that came back before its old stream was known to be lost. */
		if (strcmp(other->uuid, n->uuid) == 0)
			rpc_cancel(other->call);
		count++;
	}
	s = count < METRICS_PROXIES ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "too many proxies show their metrics");
		return NULL;
	}
	s->call = call;
	(void)str_copy(s->uuid, sizeof(s->uuid), n->uuid);
	list_add(&a->shown, &s->link);
	rpc_set_data(call, s);
	return s;
}

/* The first message says only that the proxy is there. */
static void
on_show(struct rpc_call *call, const Auth__MetricsText *m)
{
	struct auth *a = rpc_context(call);
	struct shown *s = rpc_data(call);

	if (!m) {
		rpc_finish(call, RPC_OK, "%s", "");
		return;
	}
	if (!s) {
		(void)begin(call);
		return;
	}
	/* Nobody asked: a proxy that sends without end would be work without end. */
	if (!s->asked || strlen(m->text) > METRICS_TEXT_MAX) {
		rpc_finish(call, RPC_INVALID_ARGUMENT,
		    "metrics that were not asked for, or of more than %d bytes", METRICS_TEXT_MAX);
		return;
	}
	s->asked = false;
	free(s->text);
	s->text = strdup(m->text);
	s->at_ms = loop_now_ms(a->loop);
}

static void
on_show_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct shown *s = rpc_data(call);

	(void)status;
	if (!s)
		return;
	list_del(&s->link);
	free(s->text);
	free(s);
}

/* --- people --------------------------------------------------------------------------------- */

struct answer {
	Auth__MetricsText all[1 + METRICS_PROXIES], *list[1 + METRICS_PROXIES];
	Auth__MetricsList reply;
	size_t bytes;
};

static void
put(struct answer *r, const char *daemon, const char *host, const char *text)
{
	size_t i = r->reply.n_daemons;

	/* Below what the other side takes in one message; the rest is not shown. */
	if (i == sizeof(r->all) / sizeof(*r->all) || r->bytes + strlen(text) > METRICS_ALL_MAX)
		return;
	r->bytes += strlen(text);
	r->all[i] = (Auth__MetricsText)AUTH__METRICS_TEXT__INIT;
	r->all[i].daemon = daemon;
	r->all[i].host = host;
	r->all[i].text = text;
	r->list[i] = &r->all[i];
	r->reply.n_daemons++;
}

static void
on_get(struct rpc_call *call, const Auth__Empty *request)
{
	struct auth *a = rpc_context(call);
	struct answer r = { .reply = AUTH__METRICS_LIST__INIT };
	struct buf own;

	(void)request;
	if (!access_allows(call, "cluster", "read"))
		return;
	buf_init(&own, METRICS_TEXT_MAX);
	if (diag_text(a->run, &own) < 0 || !buf_put(&own, "", 1)) {
		buf_done(&own);
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	r.reply.daemons = r.list;
	put(&r, "authd", "", (const char *)buf_head(&own));
	list_each (struct shown, s, &a->shown, link) {
		const struct host *n = host_find(a, s->uuid);

		/* Removed meanwhile. */
		if (!n) {
			rpc_cancel(s->call);
			continue;
		}
		if (s->text)
			put(&r, "proxyd", n->name, s->text);
		/* Newer ones for the next question. */
		ask(s);
	}
	auth_get_metrics_reply(call, &r.reply);
	buf_done(&own);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(GetMetrics, WHO_PEOPLE, on_get),
	AUTH_METHOD(ShowMetrics, RPC_PROXY, on_show, .closed = on_show_closed),
};
const struct face face_metrics = { rows, sizeof(rows) / sizeof(rows[0]) };
