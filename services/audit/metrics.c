/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: see metrics.h. Reads what the parts have counted; changes nothing.
 */
#include "audit/metrics.h"

#include "api/audit_metrics.h"
#include "audit/audit.h"
#include "rpc/metrics.h"

static const struct audit *
audit_of(const void *arg)
{
	return arg;
}

static void
put_database_up(struct metric_out *out, const void *arg)
{
	metric_put(out, store_is_ready(audit_of(arg)->store));
}

static void
put_records(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).records);
}

static void
put_transactions(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).transactions);
}

static void
put_dead(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).dead);
}

static void
put_queue_records(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).queued);
}

static void
put_queue_bytes(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).queued_bytes);
}

static void
put_queue_age(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).oldest_ms / 1000);
}

static void
put_producers(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)ingest_counters(audit_of(arg)->ingest).streams);
}

static void
put_rows(struct metric_out *out, const void *arg)
{
	static const char *const names[STORE_TABLES] = { "audit_event", "rec_chunk", "audit_proof",
		"audit_dead_letter", "audit_gap" };
	const struct store_stats *s = store_stats(audit_of(arg)->store);

	for (int i = 0; i < STORE_TABLES; i++)
		metric_put_label(out, "table", names[i], (double)s->rows[i]);
}

static void
put_copies(struct metric_out *out, const void *arg)
{
	metric_put_histogram(out, NULL, NULL, &store_stats(audit_of(arg)->store)->copies);
}

static void
put_commits(struct metric_out *out, const void *arg)
{
	metric_put_histogram(out, NULL, NULL, &store_stats(audit_of(arg)->store)->commits);
}

static void
put_last_commit(struct metric_out *out, const void *arg)
{
	int64_t ms = store_stats(audit_of(arg)->store)->last_commit_ms;

	if (ms)
		metric_put(out, (double)ms / 1000);
}

static void
put_queries(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)store_queries(audit_of(arg)->store));
}

static void
put_denials(struct metric_out *out, const void *arg)
{
	metric_put_label(out, "cause", "caller",
	    (double)audit_of(arg)->denials[AUDIT_DENIAL_CALLER]);
	metric_put_label(out, "cause", "role", (double)audit_of(arg)->denials[AUDIT_DENIAL_ROLE]);
}

static void
put_authd_connected(struct metric_out *out, const void *arg)
{
	metric_put(out, replica_is_connected(audit_of(arg)->replica));
}

static const struct metric rows[] = {
	{ "sallyport_database_up", METRIC_GAUGE, "1 while PostgreSQL takes records.",
	    put_database_up },
	{ "sallyport_ingest_records_total", METRIC_COUNTER, "Records that were committed.",
	    put_records },
	{ "sallyport_ingest_transactions_total", METRIC_COUNTER, "Transactions that added them.",
	    put_transactions },
	{ "sallyport_dead_letters_total", METRIC_COUNTER,
	    "Records that were set aside: their producer may not say that, or the database does not take it.",
	    put_dead },
	{ "sallyport_ingest_queue_records", METRIC_GAUGE,
	    "Records that were taken and are not committed yet.", put_queue_records },
	{ "sallyport_ingest_queue_bytes", METRIC_GAUGE, "Their size.", put_queue_bytes },
	{ "sallyport_ingest_queue_oldest_seconds", METRIC_GAUGE,
	    "How long the first of them has waited for a transaction; 0 when none does.",
	    put_queue_age },
	{ "sallyport_producers", METRIC_GAUGE, "Logs of daemons that are known in memory.",
	    put_producers },
	{ "sallyport_copy_rows_total", METRIC_COUNTER, "Rows that were committed, by table.",
	    put_rows },
	{ "sallyport_copy_seconds", METRIC_HISTOGRAM,
	    "How long PostgreSQL took for the rows of one table (COPY).", put_copies },
	{ "sallyport_commit_seconds", METRIC_HISTOGRAM,
	    "How long transactions that add records took, with the wait for other writers.",
	    put_commits },
	{ "sallyport_last_commit_timestamp_seconds", METRIC_GAUGE,
	    "When the last of them was committed, seconds since 1970.", put_last_commit },
	{ "sallyport_queries", METRIC_GAUGE,
	    "Searches and plays of people that wait for PostgreSQL.", put_queries },
	{ "sallyport_denials_total", METRIC_COUNTER,
	    "Calls that were refused, by cause: caller (no certificate for it), role.",
	    put_denials },
	{ "sallyport_authd_connected", METRIC_GAUGE,
	    "1 while authd tells this daemon of changes; otherwise what it said last holds.",
	    put_authd_connected },
};

const char *
audit_unready(const struct daemon_run *run)
{
	const struct audit *a = run->state;

	if (!a->started)
		return "the server does not listen yet";
	return store_is_ready(a->store) ? NULL : "the database is away";
}

void
audit_metrics_put(const struct daemon_run *run, struct metric_out *out)
{
	const struct audit *a = run->state;
	struct rpc_ends ends = { 0 };

	/* Its parts are made before it has started, one after the other. */
	if (!a || !run->started)
		return;
	metric_table(out, rows, sizeof(rows) / sizeof(*rows), a);
	rpc_metrics_server(out, a->server);
	rpc_metrics_asked(out, a->rl);
	rpc_metrics_ends_of(&ends, trust_identity(a->trust));
	rpc_metrics_ends(out, &ends);
	audit_metrics(out, a->events ? events_log(a->events) : NULL, RPC_AUDIT);
}
