/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auditd: takes events and recordings from authd, proxyd and noded into PostgreSQL, and finds them
 * again.
 *
 * What it is made of: conf.c (auditd.yaml); start.c (the order of things) and audit.c (what the parts
 * tell each other); trust.c (its identity), lib/replica (the cluster as authd says it), sight.c (who may see what);
 * ingest.c and source.c with the wire face rpc_ingest.c (records come in), record.c (what a producer
 * may say), batch.c, words.c and json.c (rows); search.c and recording.c with rpc_search.c (people look);
 * store*.c (all SQL); events.c (its own events); schema_verb.c (`auditd schema`).
 *
 * Security: runs as a user of its own (sallyport-auditd); touches its state folder, its sockets and the database. It trusts a
 * producer to speak about itself only (record.c), and shows a person what the person's roles allow
 * (sight.c).
 */
#include "audit/conf.h"
#include "audit/metrics.h"
#include "audit/schema_verb.h"
#include "audit/start.h"

static const struct cli_command commands[] = {
	{ .name = "schema",
	    .summary = "print the schema of the database, for psql",
	    .options = schema_verb_options,
	    .more =
		"auditd makes its tables by itself where it may. Where its role shall own nothing, an administrator of the\n"
		"database makes them with this script, at first and after an upgrade. What is younger than the retention\n"
		"can then be dropped by nobody who connects as auditd:\n\n"
		"  auditd schema | runuser -u postgres -- psql -X -d sallyport\n",
	    .run = schema_verb_run },
	{ 0 },
};

static const struct daemon auditd = {
	.name = "auditd",
	.summary = "audit events and recordings into PostgreSQL",
	.conf_schema = &conf_schema,
	.conf_path = AUDIT_CONF_PATH,
	.commands = commands,
	.check = conf_check,
	.user = conf_user,
	.flags = DAEMON_SECRETS,
	.drain_s = 20,
	.confine = audit_confine,
	.start = audit_start,
	.stop = audit_stop,
	.diag_addr = conf_diag,
	.unready = audit_unready,
	.metrics = audit_metrics_put,
	.done = audit_done,
};

int
main(int argc, char **argv)
{
	return daemon_main(&auditd, argc, argv);
}
