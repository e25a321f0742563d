/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: see metrics.h. Reads what the parts have counted; changes nothing.
 */
#include "auth/metrics.h"

#include <string.h>

#include "api/audit_metrics.h"
#include "auth/auth.h"
#include "auth/web_session.h"
#include "auth/events.h"
#include "auth/self.h"
#include "net/ceiling.h"
#include "rpc/metrics.h"
#include "rpc/rpc.h"

static void
put_logins(struct metric_out *out, const void *arg)
{
	static const char *const names[LOGIN_OUTCOMES] = { "ok", "wrong", "closed", "denied",
		"busy", "invalid", "failed" };
	const struct auth *a = arg;

	for (int i = 0; i < LOGIN_OUTCOMES; i++)
		metric_put_label(out, "result", names[i], (double)a->counts.logins[i]);
}

static void
put_denials(struct metric_out *out, const void *arg)
{
	static const char *const names[DENIALS] = { "caller", "gone", "lock", "role" };
	const struct auth *a = arg;

	for (int i = 0; i < DENIALS; i++)
		metric_put_label(out, "cause", names[i], (double)a->counts.denials[i]);
}

static void
put_certificates(struct metric_out *out, const void *arg)
{
	const struct auth *a = arg;

	metric_put_label(out, "kind", "user", (double)a->counts.user_certs);
	metric_put_label(out, "kind", "host", (double)a->counts.host_certs);
}

static void
put_join_failures(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct auth *)arg)->counts.join_failures);
}

static void
put_passwords(struct metric_out *out, const void *arg)
{
	metric_put(out, ceiling_count(((const struct auth *)arg)->verifying));
}

static void
put_signatures(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)signer_client_waiting(((const struct auth *)arg)->signer));
}

static void
put_watchers(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct auth *)arg)->watchers.n);
}

static void
put_web_sessions(struct metric_out *out, const void *arg)
{
	/* As host_next. */
	struct auth *a = (struct auth *)(uintptr_t)arg;
	unsigned people = 0, programs = 0;
	size_t pos = 0;
	void *object;

	while (resource_next(a, RESOURCE_WEB_SESSION, &pos, &object)) {
		if (((const struct web_session *)object)->api)
			programs++;
		else
			people++;
	}
	metric_put_label(out, "kind", "person", people);
	metric_put_label(out, "kind", "api", programs);
}

/* The kinds that a token can be for. */
static const char *const kinds[] = { "node", "proxy", "audit" };
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* How many are there, and how many joined and are not. */
static void
put_hosts(struct metric_out *out, const void *arg)
{
	static const char *const labels[] = { "kind", "state" };
	/* host_next walks, and is not const for those who change what they meet. */
	struct auth *a = (struct auth *)(uintptr_t)arg;
	unsigned n[KINDS][2] = { { 0 } };
	struct host *h;
	size_t pos = 0;

	while (host_next(a, &pos, &h))
		for (int i = 0; i < KINDS; i++)
			if (strcmp(h->kind, kinds[i]) == 0)
				n[i][h->online]++;
	for (int i = 0; i < KINDS; i++) {
		metric_put_labels(out, labels, (const char *const[]){ kinds[i], "online" },
		    n[i][1]);
		metric_put_labels(out, labels, (const char *const[]){ kinds[i], "offline" },
		    n[i][0]);
	}
}

static void
put_backup(struct metric_out *out, const void *arg)
{
	metric_put(out, (double)((const struct auth *)arg)->last_backup_ms / 1000);
}

static const struct metric rows[] = {
	{ "sallyport_logins_total", METRIC_COUNTER,
	    "Logins with a password, by result: wrong (name, password or code), closed (too many of them), "
	    "denied (locked, or no rights), busy, invalid, failed (ours).",
	    put_logins },
	{ "sallyport_denials_total", METRIC_COUNTER,
	    "What was refused, by cause: caller (no certificate for it), gone (removed or withdrawn), lock, role.",
	    put_denials },
	{ "sallyport_certificates_issued_total", METRIC_COUNTER,
	    "How often certificates were issued, to users and to hosts (joins and renewals).",
	    put_certificates },
	{ "sallyport_join_failures_total", METRIC_COUNTER,
	    "Joins and renewals of hosts that were refused.", put_join_failures },
	{ "sallyport_hosts", METRIC_GAUGE,
	    "Hosts that joined, by kind; offline: no sign of life for 90 s, or it said that it stops.",
	    put_hosts },
	{ "sallyport_web_sessions", METRIC_GAUGE,
	    "Web sessions that last, of people; and API tokens, which are as such.",
	    put_web_sessions },
	{ "sallyport_watchers", METRIC_GAUGE, "Daemons that are told of every change.",
	    put_watchers },
	{ "sallyport_passwords_waiting", METRIC_GAUGE, "Passwords that wait to be verified.",
	    put_passwords },
	{ "sallyport_signatures_waiting", METRIC_GAUGE, "Signatures that wait for the signer.",
	    put_signatures },
	{ "sallyport_backup_last_timestamp_seconds", METRIC_GAUGE,
	    "When a backup was last fetched whole, seconds since 1970; 0: never.", put_backup },
};

const char *
auth_unready(const struct daemon_run *run)
{
	return events_are_full(run->state) ? "the spool is full, so that no login can be recorded"
					   : NULL;
}

void
auth_metrics(const struct daemon_run *run, struct metric_out *out)
{
	const struct auth *a = run->state;
	struct rpc_ends ends = { 0 };

	/* Its parts are made before it has started, one after the other. */
	if (!a || !run->started)
		return;
	metric_table(out, rows, sizeof(rows) / sizeof(*rows), a);
	rpc_metrics_server(out, a->server);
	rpc_metrics_ends_of(&ends, self_identity(a->self));
	rpc_metrics_ends(out, &ends);
	audit_metrics(out, a->audit, RPC_AUTH);
}
