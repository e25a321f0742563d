/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings: `recordings ls`. Called by tsh and tctl; prints to standard output.
 */
#include "view/recordings.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "proto/audit.sync.h"

struct recordings_query recordings_query = { .limit = 50, .format = "text" };

const struct cli_option recordings_options[] = {
	{ 0, "from-utc", "TIME", "not before: 2026-11-22 or 2026-11-22T10:00:00Z", CLI_STRING,
	    &recordings_query.from },
	{ 0, "to-utc", "TIME", "not after", CLI_STRING, &recordings_query.to },
	{ 0, "last", "DURATION", "only of the last so long: 12h", CLI_DURATION,
	    &recordings_query.last_s },
	{ 0, "by", "USER", "only of this Sallyport user", CLI_STRING, &recordings_query.user },
	{ 0, "node", "NODE", "only on this node (name or UUID)", CLI_STRING,
	    &recordings_query.node },
	{ 0, "limit", "N", "at most so many (default 50)", CLI_INT, &recordings_query.limit },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &recordings_query.format },
	{ 0 },
};

static int
parse_time(const char *text, int64_t *ret_us, struct err *e)
{
	int64_t ms;

	if (clock_parse_time(text, &ms) < 0)
		return err_set(e, "%s is not a time; write 2026-11-22 or 2026-11-22T10:00:00Z",
		    text);
	*ret_us = ms * 1000;
	return 0;
}

int
recordings_bounds(const char *from, const char *to, int64_t last_s, int64_t *ret_from_us,
    int64_t *ret_to_us, struct err *e)
{
	/* 0: no bound. */
	*ret_from_us = *ret_to_us = 0;
	if (from && parse_time(from, ret_from_us, e) < 0)
		return -1;
	if (to && parse_time(to, ret_to_us, e) < 0)
		return -1;
	/* A beginning that was given is more exact than "the last 12 hours". */
	if (last_s > 0 && !from)
		*ret_from_us = (clock_wall_ms() - last_s * 1000) * 1000;
	return 0;
}

static struct cli_table *
recordings_table(void)
{
	return cli_table_new("ID", "Type", "Participants", "Target", "Timestamp", "Duration",
	    "Command", NULL);
}

/* "0.3s", "59.9s", "1m0s", "2h5m0s". */
static void
duration_text(int64_t us, char *dst, size_t size)
{
	int64_t s = us / 1000000;

	if (s < 60)
		(void)str_format(dst, size, "%d.%ds", (int)s, (int)(us / 100000 % 10));
	else if (s < 3600)
		(void)str_format(dst, size, "%dm%ds", (int)(s / 60), (int)(s % 60));
	else
		(void)str_format(dst, size, "%dh%dm%ds", (int)(s / 3600), (int)(s / 60 % 60),
		    (int)(s % 60));
}

static void
recordings_row(struct cli_table *t, const void *found, size_t i)
{
	const Audit__Recording *r = ((const Audit__RecordingList *)found)->recordings[i];
	char when[40], target[600], took[48] = "";

	clock_rfc3339(r->started_us / 1000, when, sizeof when);
	(void)str_format(target, sizeof target, "%s@%s", r->login, r->node_name);
	/* One that has not ended, or whose node was lost, has none. */
	if (r->ended_us >= r->started_us)
		duration_text(r->ended_us - r->started_us, took, sizeof took);
	cli_table_add(t, r->session, r->kind, r->user, target, when, took, r->command, NULL);
}

json_t *
recordings_json(const Audit__Recording *r)
{
	char from[40], to[40] = "", heard[40];

	clock_rfc3339(r->started_us / 1000, from, sizeof from);
	clock_rfc3339(r->heard_us / 1000, heard, sizeof heard);
	if (r->ended_us)
		clock_rfc3339(r->ended_us / 1000, to, sizeof to);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:i, s:b, s:s, s:s, s:s, s:s, s:s, s:b}", "id",
	    r->session, "type", r->kind, "user", r->user, "login", r->login, "node", r->node,
	    "node_name", r->node_name, "started", from, "ended", to, "command", r->command, "bytes",
	    (json_int_t)r->bytes, "exit_status", (int)r->exit_status, "interactive", r->interactive,
	    "backed", r->backed, "producer_kind", r->producer_kind, "producer", r->producer,
	    "remote_addr", r->remote_addr, "heard", heard, "producer_online", r->producer_online);
}

static json_t *
recordings_value(const void *found, size_t i)
{
	return recordings_json(((const Audit__RecordingList *)found)->recordings[i]);
}

static const struct cli_listing recordings = { recordings_table, recordings_row, recordings_value,
	NULL };

int
recordings_show(struct client *c, const struct recordings_query *q, struct err *e)
{
	Audit__ListRecordingsRequest req = AUDIT__LIST_RECORDINGS_REQUEST__INIT;
	Audit__RecordingList *list = NULL;

	if (recordings_bounds(q->from, q->to, q->last_s, &req.from_us, &req.to_us, e) < 0)
		return -1;
	req.user = q->user ? q->user : "";
	req.node = q->node ? q->node : "";
	req.limit = (uint32_t)q->limit;
	if (audit_sync_list_recordings(c, &req, &list, e) < 0)
		return -1;
	cli_print_listing(&recordings, list, list->n_recordings, q->format, stdout);
	/* An answer has a bound in bytes, too; a list that ends there must not look whole. */
	if (*list->next && list->n_recordings < req.limit)
		cli_warn(
		    "only the last %zu are shown, which are as many as fit into one answer; ask for others with --to-utc",
		    list->n_recordings);
	client_free_reply(list);
	return 0;
}
