/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_metrics: see rpc_metrics.h.
 */
#include "proxy/rpc_metrics.h"

#include "daemon/diag.h"
#include "proto/auth.async.h"

enum { AGAIN_MS = 5000, TEXT_MAX = 256 * 1024 };

static void
on_wanted(struct rpc_call *call, const Auth__Empty *wanted)
{
	const struct metrics_show *m = rpc_data(call);
	Auth__MetricsText q = AUTH__METRICS_TEXT__INIT;
	struct buf text;

	if (!m || !wanted)
		return;
	buf_init(&text, TEXT_MAX);
	if (diag_text(m->run, &text) == 0 && buf_put(&text, "", 1))
		q.text = (const char *)buf_head(&text);
	/* Also without: authd waits for an answer before it asks again. */
	auth_show_metrics_send(call, &q);
	buf_done(&text);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct metrics_show *m = rpc_data(call);

	(void)status;
	if (!m)
		return;
	m->call = NULL;
	timer_start(&m->again, AGAIN_MS);
}

static void
open_stream(void *arg)
{
	static const struct auth_show_metrics_on on = { .message = on_wanted, .closed = on_closed };
	struct metrics_show *m = arg;
	Auth__MetricsText here = AUTH__METRICS_TEXT__INIT;

	m->call = auth_show_metrics_open(m->auth, &on, m);
	auth_show_metrics_send(m->call, &here);
}

int
metrics_show_init(struct metrics_show *m, const struct daemon_run *run, struct rpc_client *auth)
{
	*m = (struct metrics_show){ .run = run, .auth = auth };
	if (timer_init(&m->again, run->loop, open_stream, m) < 0)
		return -1;
	open_stream(m);
	return 0;
}

void
metrics_show_done(struct metrics_show *m)
{
	timer_done(&m->again);
	if (!m->call)
		return;
	rpc_set_data(m->call, NULL);
	rpc_cancel(m->call);
	m->call = NULL;
}
