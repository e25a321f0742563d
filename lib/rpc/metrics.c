/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: see metrics.h. Names of methods are those of the .proto files, codes those of gRPC: nothing that a caller sends
 * becomes a label.
 */
#include "rpc/metrics.h"

#include "rpc/rpc_priv.h"

/* By their numbers, as gRPC's documents write them. */
static const char *const codes[RPC_CODES] = { "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
	"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED" };

/* Methods that nobody called are left out: a histogram is seventeen lines. */
static void
put_times(struct metric_out *out, const struct rpc_times *times, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (times[i].method)
			metric_put_histogram(out, "method", times[i].method, &times[i].took);
}

static void
put_codes(struct metric_out *out, const uint64_t *failed)
{
	for (int i = RPC_OK + 1; i < RPC_CODES; i++)
		metric_put_label(out, "code", codes[i], (double)failed[i]);
}

/* --- calls that are served --------------------------------------------------------------- */

static void
put_served(struct metric_out *out, const void *arg)
{
	const struct rpc_server *server = arg;

	for (const struct rpc_service *s = server->services; s; s = s->next)
		put_times(out, s->times, s->type->n_methods);
}

static void
put_refused(struct metric_out *out, const void *arg)
{
	put_codes(out, ((const struct rpc_server *)arg)->failed);
}

static void
put_open(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct rpc_server *)arg)->active);
}

static void
put_strangers(struct metric_out *out, const void *arg)
{
	metric_put(out, rpc_guard_strangers(((const struct rpc_server *)arg)->guard));
}

static const struct metric server_rows[] = {
	{ "sallyport_rpc_seconds", METRIC_HISTOGRAM,
	    "From a whole request to its answer, by method; streams are not counted.", put_served },
	{ "sallyport_rpc_failed_total", METRIC_COUNTER,
	    "Calls that were answered with an error, by gRPC's code.", put_refused },
	{ "sallyport_rpc_open", METRIC_GAUGE, "Calls under way, streams among them.", put_open },
	{ "sallyport_rpc_strangers", METRIC_GAUGE,
	    "Connections that have not shown a certificate yet.", put_strangers },
};

void
rpc_metrics_server(struct metric_out *out, const struct rpc_server *server)
{
	if (server)
		metric_table(out, server_rows, sizeof(server_rows) / sizeof(*server_rows), server);
}

/* --- calls that are made ------------------------------------------------------------------ */

static void
put_asked(struct metric_out *out, const void *arg)
{
	put_times(out, ((const struct rpc_loop *)arg)->asked, RPC_ASKED_METHODS);
}

static void
put_asked_failed(struct metric_out *out, const void *arg)
{
	put_codes(out, ((const struct rpc_loop *)arg)->asked_failed);
}

static const struct metric asked_rows[] = {
	{ "sallyport_rpc_asked_seconds", METRIC_HISTOGRAM,
	    "How long other daemons took to answer, by method.", put_asked },
	{ "sallyport_rpc_asked_failed_total", METRIC_COUNTER,
	    "Calls to other daemons that failed, by gRPC's code.", put_asked_failed },
};

void
rpc_metrics_asked(struct metric_out *out, const struct rpc_loop *rl)
{
	if (rl)
		metric_table(out, asked_rows, sizeof(asked_rows) / sizeof(*asked_rows), rl);
}

/* --- certificates ------------------------------------------------------------------------ */

static void
put_end(struct metric_out *out, const char *label, const char *what, int64_t end_s)
{
	if (end_s)
		metric_put_label(out, label, what, (double)end_s);
}

static void
put_certificates(struct metric_out *out, const void *arg)
{
	const struct rpc_ends *ends = arg;

	put_end(out, "certificate", "tls", ends->tls_s);
	put_end(out, "certificate", "ssh", ends->ssh_s);
	put_end(out, "certificate", "web", ends->web_s);
}

static void
put_authorities(struct metric_out *out, const void *arg)
{
	const struct rpc_ends *ends = arg;

	put_end(out, "ca", "host", ends->host_ca_s);
	put_end(out, "ca", "user", ends->user_ca_s);
}

static const struct metric end_rows[] = {
	{ "sallyport_certificate_expiry_timestamp_seconds", METRIC_GAUGE,
	    "When a certificate of this daemon ends, seconds since 1970: tls among daemons, ssh as a host, web of proxyd.yaml.",
	    put_certificates },
	{ "sallyport_ca_expiry_timestamp_seconds", METRIC_GAUGE,
	    "When the authority that signs now ends, seconds since 1970, as this daemon knows it.",
	    put_authorities },
};

void
rpc_metrics_ends_of(struct rpc_ends *ret, struct rpc_identity *id)
{
	if (id)
		rpc_identity_ends(id, &ret->tls_s, &ret->host_ca_s, &ret->user_ca_s);
}

void
rpc_metrics_ends(struct metric_out *out, const struct rpc_ends *ends)
{
	metric_table(out, end_rows, sizeof(end_rows) / sizeof(*end_rows), ends);
}
