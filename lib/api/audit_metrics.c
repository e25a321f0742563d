/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_metrics: see audit_metrics.h.
 */
#include "api/audit_metrics.h"

#include "api/audit_log_priv.h"
#include "base/clock.h"

struct shown {
	const struct audit_log *log;
	unsigned writer;
};

static const struct audit_log *
log_of(const void *arg)
{
	return ((const struct shown *)arg)->log;
}

static void
put_bytes(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)rec_log_bytes(log_of(arg)->rec));
}

static void
put_limit(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)rec_log_quota(log_of(arg)->rec));
}

static void
put_records(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)audit_log_pending(log_of(arg)));
}

static void
put_age(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)audit_age_ms(&log_of(arg)->age, clock_wall_ms()) / 1000);
}

static void
put_full(struct metric_out *out, const void *arg)
{
	metric_put(out, audit_log_is_full(log_of(arg)));
}

static void
put_failing(struct metric_out *out, const void *arg)
{
	metric_put(out, log_of(arg)->up.failures > 0);
}

static void
put_events(struct metric_out *out, const void *arg)
{
	static const char *const labels[] = { "type", "outcome" };
	const struct shown *s = arg;

	for (int id = 0; id < EVENT_N; id++) {
		const struct event_type *type = event_type((enum event_id)id);
		const char *const good[] = { type->name, "success" },
				  *const bad[] = { type->name, "failure" };

		if (!(type->writers & s->writer))
			continue;
		if (type->ok.code)
			metric_put_labels(out, labels, good, (double)s->log->events[id][0]);
		if (type->bad.code)
			metric_put_labels(out, labels, bad, (double)s->log->events[id][1]);
	}
}

static void
put_unwritten(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)log_of(arg)->unwritten);
}

static const struct metric rows[] = {
	{ "sallyport_spool_bytes", METRIC_GAUGE,
	    "Disk space of the log in which records wait for auditd.", put_bytes },
	{ "sallyport_spool_limit_bytes", METRIC_GAUGE, "What it may take.", put_limit },
	{ "sallyport_spool_full", METRIC_GAUGE,
	    "1 when it is nearly full, or its disk is: what must be recorded is refused.",
	    put_full },
	{ "sallyport_spool_records", METRIC_GAUGE, "Records that auditd has not committed yet.",
	    put_records },
	{ "sallyport_spool_oldest_seconds", METRIC_GAUGE,
	    "How long the oldest of them has waited; 0 when none does.", put_age },
	{ "sallyport_spool_upload_failing", METRIC_GAUGE,
	    "1 while there is something to send and auditd cannot be reached.", put_failing },
	{ "sallyport_events_total", METRIC_COUNTER,
	    "Audit events written, by type (docs/EVENTS.md) and outcome.", put_events },
	{ "sallyport_events_unwritten_total", METRIC_COUNTER,
	    "Audit events that could not be written: disk or quota full.", put_unwritten },
};

void
audit_metrics(struct metric_out *out, const struct audit_log *log, unsigned writer)
{
	const struct shown s = { log, writer };

	if (log)
		metric_table(out, rows, sizeof(rows) / sizeof(*rows), &s);
}
