/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diag: see diag.h.
 */
#include "daemon/diag.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/version.h"
#include "daemon/process.h"
#include "http/server.h"
#include "net/listen.h"

enum {
	CONNECTIONS = 32,
	REQUEST_MS = 5000,
	IDLE_MS = 60 * 1000, /* Prometheus asks again on the same connection */
	ANSWER_MS = 10 * 1000,
	FRESH_MS = 500,
	AGAIN_MS = 10 * 1000,
	TEXT_MAX = 512 * 1024,
	HOST_MAX = 300,
};

struct diag {
	const struct daemon_run *run;
	const char *address;
	struct listener *listener; /* NULL: the port is not ours yet */
	struct http_server *http;
	struct timer again;
	struct buf text; /* the last one made */
	int64_t text_ms; /* when */
	bool loopback;
	bool complained;
};

/* --- the tables that all daemons have -------------------------------------------- */

static const char *
unready(const struct daemon_run *run)
{
	if (run->stopping)
		return "stopping";
	if (!run->started)
		return "starting";
	return run->daemon->unready ? run->daemon->unready(run) : NULL;
}

static void
put_build_info(struct metric_out *out, const void *arg)
{
	static const char *const labels[] = { "daemon", "version" };
	const struct daemon_run *run = arg;
	const char *const texts[] = { run->daemon->name, SALLYPORT_VERSION };

	metric_put_labels(out, labels, texts, 1);
}

static void
put_ready(struct metric_out *out, const void *arg)
{
	metric_put(out, unready(arg) ? 0 : 1);
}

static void
put_loop_lag(struct metric_out *out, const void *arg)
{
	const struct daemon_run *run = arg;

	metric_put_histogram(out, NULL, NULL, loop_turns(run->loop));
}

static const struct metric daemon_metrics[] = {
	{ "sallyport_build_info", METRIC_GAUGE, "Which daemon this is, and its version; always 1.",
	    put_build_info },
	{ "sallyport_ready", METRIC_GAUGE, "1 while work is taken (/readyz says why not).",
	    put_ready },
	{ "sallyport_loop_lag_seconds", METRIC_HISTOGRAM,
	    "How long one turn of the event loop took: whatever else was ready waited for so long.",
	    put_loop_lag },
};

/* --- requests ---------------------------------------------------------------------- */

/* A page of somebody's site can have its own name point here, and be this address' own origin for the browser. It
 * cannot have the browser say another name than that. */
static bool
is_meant(const struct diag *d, const struct http_request *r)
{
	char host[HOST_MAX], *end;
	struct span s = http_header(r, "host");

	if (!d->loopback || s.n == 0)
		return true;
	if (s.n >= sizeof(host))
		return false;
	(void)str_format(host, sizeof(host), "%.*s", (int)s.n, (const char *)s.p);
	if (host[0] == '[') {
		end = strchr(host, ']');
		if (!end)
			return false;
		*end = '\0';
		return addr_is_ip(host + 1);
	}
	end = strchr(host, ':');
	if (end)
		*end = '\0';
	return addr_is_ip(host) || strcasecmp(host, "localhost") == 0;
}

static bool
refuse_stranger(const struct diag *d, struct http_request *r)
{
	if (is_meant(d, r))
		return false;
	http_reply_text(r, 403, "ask by address, or as localhost\n");
	return true;
}

static void
on_healthz(struct http_request *r, void *arg)
{
	if (!refuse_stranger(arg, r))
		http_reply_text(r, 200, "ok\n");
}

static void
on_readyz(struct http_request *r, void *arg)
{
	const struct diag *d = arg;
	const char *why = unready(d->run);
	char text[256];

	if (refuse_stranger(d, r))
		return;
	(void)str_format(text, sizeof(text), "%s\n", why ? why : "ready");
	http_reply_text(r, why ? 503 : 200, text);
}

int
diag_text(const struct daemon_run *run, struct buf *text)
{
	struct metric_out out;

	metric_begin(&out, text);
	metric_table(&out, daemon_metrics, sizeof(daemon_metrics) / sizeof(*daemon_metrics), run);
	process_metrics(&out);
	if (run->daemon->metrics)
		run->daemon->metrics(run, &out);
	return buf_ok(text) ? 0 : -1;
}

static bool
make_text(struct diag *d)
{
	buf_reset(&d->text);
	d->text_ms = clock_mono_ms();
	return diag_text(d->run, &d->text) == 0;
}

static void
on_metrics(struct http_request *r, void *arg)
{
	struct diag *d = arg;
	bool fresh = d->text.len > 0 && clock_mono_ms() - d->text_ms < FRESH_MS;

	if (refuse_stranger(d, r))
		return;
	/* Whoever asks without a pause has the work of an answer done, and not that of looking everywhere. */
	if (fresh || make_text(d)) {
		http_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&d->text));
		return;
	}
	buf_done(&d->text);
	http_reply_text(r, 500, "out of memory\n");
}

static void
on_refused(struct http_request *r, int status, void *arg)
{
	char text[64];

	(void)arg;
	(void)str_format(text, sizeof(text), "%s\n", http_status_text(status));
	http_reply_text(r, status, text);
}

static const struct http_route routes[] = {
	{ "GET", "/healthz", on_healthz, 0 },
	{ "GET", "/readyz", on_readyz, 0 },
	{ "GET", "/metrics", on_metrics, 0 },
};

/* --- the port ---------------------------------------------------------------------- */

static void
on_accepted(int fd, const struct addr *peer, void *arg)
{
	struct diag *d = arg;

	if (http_server_take(d->http, fd, peer, (struct span){ NULL, 0 }) < 0)
		close(fd);
}

static void
try_listening(void *arg)
{
	struct diag *d = arg;
	struct err e = { "" };
	int fd = listen_bind(d->address, &e);

	if (fd >= 0 && listen_new(&d->listener, d->run->loop, fd, on_accepted, d, &e) < 0)
		close(fd);
	if (d->listener) {
		timer_stop(&d->again);
		log_info("metrics are served", "diag_addr", d->address, NULL);
		return;
	}
	if (!d->complained)
		log_warn("no metrics: diag_addr cannot be listened on; it is tried again",
		    "diag_addr", d->address, "cause", e.text, NULL);
	d->complained = true;
	timer_start(&d->again, AGAIN_MS);
}

static bool
is_loopback(const char *address)
{
	return str_starts(address, "127.") || str_starts(address, "[::1]:") ||
	    str_starts(address, "localhost:");
}

int
diag_new(struct diag **ret, const struct daemon_run *run, const char *address, struct err *e)
{
	struct diag *d = calloc(1, sizeof(*d));
	const struct http_config config = { .routes = routes,
		.n_routes = sizeof(routes) / sizeof(*routes),
		.arg = d,
		.max_connections = CONNECTIONS,
		.per_address = CONNECTIONS,
		.newest_first = true,
		.request_ms = REQUEST_MS,
		.idle_ms = IDLE_MS,
		.answer_ms = ANSWER_MS,
		.refused = on_refused };

	if (!d)
		return err_memory(e);
	d->run = run;
	d->address = address;
	d->loopback = is_loopback(address);
	buf_init(&d->text, TEXT_MAX);
	if (timer_init(&d->again, run->loop, try_listening, d) < 0 ||
	    http_server_new(&d->http, run->loop, &config) < 0) {
		diag_free(d);
		return err_memory(e);
	}
	if (!d->loopback)
		log_info("metrics are open to whoever reaches diag_addr", "diag_addr", address,
		    NULL);
	try_listening(d);
	*ret = d;
	return 0;
}

void
diag_free(struct diag *d)
{
	if (!d)
		return;
	listen_free(d->listener);
	http_server_free(d->http);
	timer_done(&d->again);
	buf_done(&d->text);
	free(d);
}
