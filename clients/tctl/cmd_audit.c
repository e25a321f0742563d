/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl audit and tctl recordings: the audit trail, without SQL.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "proto/audit.sync.h"
#include "tctl/tctl.h"
#include "view/recordings.h"

static struct {
	const char *from, *to, *user, *node, *session, *format;
	int64_t last_s, limit;
	struct cli_list types;
	bool failed;
} opt = { .limit = 50, .format = "text" };

static const struct cli_option ls_options[] = {
	{ 0, "from-utc", "TIME", "not before: 2026-11-22 or 2026-11-22T10:00:00Z", CLI_STRING,
	    &opt.from },
	{ 0, "to-utc", "TIME", "not after", CLI_STRING, &opt.to },
	{ 0, "last", "DURATION", "only of the last so long: 12h", CLI_DURATION, &opt.last_s },
	{ 0, "type", "TYPE", "only events of this type; * is a wildcard; may be given often",
	    CLI_LIST, &opt.types },
	{ 0, "by", "USER", "only of this Sallyport user", CLI_STRING, &opt.user },
	{ 0, "node", "NODE", "only on this node (name or UUID)", CLI_STRING, &opt.node },
	{ 0, "session", "ID", "only of this session", CLI_STRING, &opt.session },
	{ 0, "failed", NULL, "only what failed or was refused", CLI_FLAG, &opt.failed },
	{ 0, "limit", "N", "at most so many, newest first (default 50)", CLI_INT, &opt.limit },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};

/* Marked, so that nobody takes a name for who it was. */
static void
user_text(const Audit__FoundEvent *found, char *dst, size_t size)
{
	bool claimed = strcmp(found->backed, "claimed") == 0 && *found->event->user;

	(void)str_format(dst, size, "%s%s", found->event->user, claimed ? " (claimed)" : "");
}

static void
print_text(const Audit__EventList *list)
{
	struct cli_table *t = cli_table_new("Time", "Type", "Result", "User", "Login", "Node",
	    "Message", NULL);

	for (size_t i = 0; i < list->n_events; i++) {
		const Audit__FoundEvent *found = list->events[i];
		const Audit__Event *ev = found->event;
		char when[40], mark[48], user[300];

		clock_rfc3339(ev->time_us / 1000, when, sizeof when);
		(void)str_format(mark, sizeof mark, "%s%s", when,
		    found->time_doubtful ? " (doubtful)" : "");
		user_text(found, user, sizeof user);
		cli_table_add(t, mark, ev->type, ev->ok ? "ok" : "failed", user, ev->login,
		    *ev->node_name ? ev->node_name : ev->node, ev->message, NULL);
	}
	cli_table_print(t, stdout);
	cli_table_free(t);
}

static json_t *
value(const Audit__FoundEvent *found)
{
	const Audit__Event *ev = found->event;
	json_t *fields = json_object();
	char when[40], received[40];

	for (size_t i = 0; i < ev->n_fields; i++)
		json_object_set_new(fields, ev->fields[i]->key, json_string(ev->fields[i]->value));
	clock_rfc3339(ev->time_us / 1000, when, sizeof when);
	clock_rfc3339(found->received_us / 1000, received, sizeof received);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}",
	    "uid", ev->id, "event", ev->type, "code", ev->code, "time", when, "received", received,
	    "time_doubtful", found->time_doubtful, "success", ev->ok, "user", ev->user, "backed",
	    found->backed, "login", ev->login, "server_id", ev->node, "server_hostname",
	    ev->node_name, "sid", ev->session, "connection", ev->connection, "addr.remote",
	    ev->remote_addr, "message", ev->message, "producer_kind", found->producer_kind,
	    "producer", found->producer, "fields", fields);
}

static int
show(struct client *c, struct err *e)
{
	Audit__SearchRequest q = AUDIT__SEARCH_REQUEST__INIT;
	Audit__EventList *list = NULL;
	json_t *all;

	if (recordings_bounds(opt.from, opt.to, opt.last_s, &q.from_us, &q.to_us, e) < 0)
		return -1;
	q.user = opt.user ? opt.user : "";
	q.node = opt.node ? opt.node : "";
	q.session = opt.session ? opt.session : "";
	q.types = (const char **)opt.types.item;
	q.n_types = opt.types.n;
	q.failed_only = opt.failed;
	q.limit = (uint32_t)opt.limit;
	if (audit_sync_search_events(c, &q, &list, e) < 0)
		return -1;
	if (strcmp(opt.format, "text") == 0) {
		print_text(list);
	} else {
		all = json_array();
		for (size_t i = 0; i < list->n_events; i++)
			json_array_append_new(all, value(list->events[i]));
		tctl_print(all, opt.format);
	}
	client_free_reply(list);
	return 0;
}

static int
ls(int argc, char **argv)
{
	struct client *c = tctl_client();
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (!c)
		return 1;
	rc = show(c, &e) < 0 ? cli_fail_err(&e) : 0;
	client_free(c);
	return rc;
}

static int
recordings_ls(int argc, char **argv)
{
	struct client *c = tctl_client();
	struct err e;
	int rc;

	(void)argc;
	(void)argv;
	if (!c)
		return 1;
	rc = recordings_show(c, &recordings_query, &e) < 0 ? cli_fail_err(&e) : 0;
	client_free(c);
	return rc;
}

const struct cli_command cmd_audit_sub[] = {
	{ .name = "ls", .summary = "list events, newest first", .options = ls_options, .run = ls },
	{ 0 },
};
const struct cli_command cmd_recordings_sub[] = {
	{ .name = "ls",
	    .summary = "list recorded sessions",
	    .options = recordings_options,
	    .run = recordings_ls },
	{ 0 },
};
