/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl audit ls and tctl recordings: the audit trail, without SQL.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"
#include "proto/audit.sync.h"
#include "tctl/audit_filter.h"
#include "tctl/tctl.h"
#include "view/event.h"
#include "view/recordings.h"

static int64_t limit = 50;
static const char *format = "text";

static const struct cli_option ls_options[] = {
	AUDIT_FILTERS,
	{ 0, "limit", "N", "at most so many, newest first (default 50)", CLI_INT, &limit },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &format },
	{ 0 },
};

/* Marked, so that nobody takes a name for who it was. */
static void
user_text(const Audit__FoundEvent *hit, char *dst, size_t size)
{
	bool claimed = strcmp(hit->backed, "claimed") == 0 && *hit->event->user;

	(void)str_format(dst, size, "%s%s", hit->event->user, claimed ? " (claimed)" : "");
}

/* The answers of auditd, one behind the other. */
enum { PAGE = 5000 };

struct pages {
	Audit__EventList **list;
	size_t n, events;
};

static const Audit__FoundEvent *
event_at(const void *found, size_t i)
{
	const struct pages *p = found;
	size_t k = 0;

	while (i >= p->list[k]->n_events)
		i -= p->list[k++]->n_events;
	return p->list[k]->events[i];
}

static struct cli_table *
events_table(void)
{
	return cli_table_new("Time", "Type", "Result", "User", "Login", "Node", "Detail", NULL);
}

static void
events_row(struct cli_table *t, const void *found, size_t i)
{
	const Audit__FoundEvent *hit = event_at(found, i);
	const Audit__Event *ev = hit->event;
	char when[40], mark[48], user[300], detail[2048];

	clock_rfc3339(ev->time_us / 1000, when, sizeof when);
	/* auditd saw that the producer's time cannot be right. */
	(void)str_format(mark, sizeof mark, "%s%s", when, hit->time_doubtful ? " (doubtful)" : "");
	user_text(hit, user, sizeof user);
	event_detail(ev, detail, sizeof detail);
	cli_table_add(t, mark, ev->type, ev->ok ? "ok" : "failed", user, ev->login,
	    *ev->node_name ? ev->node_name : ev->node, detail, NULL);
}

/* The exact bytes, in hexadecimal, of what cannot be shown as it came. */
static json_t *
raw_of(const Audit__Event *ev)
{
	json_t *raw = json_object();

	for (size_t i = 0; i < ev->n_raw; i++) {
		const ProtobufCBinaryData *value = &ev->raw[i]->value;
		_cleanup_free_ char *hex = malloc(2 * value->len + 1);

		if (!hex)
			continue;
		str_hex(hex, value->data, value->len);
		json_object_set_new(raw, ev->raw[i]->key, json_string(hex));
	}
	return raw;
}

static json_t *
events_value(const void *found, size_t i)
{
	const Audit__FoundEvent *hit = event_at(found, i);
	const Audit__Event *ev = hit->event;
	json_t *fields = json_object();
	char when[40], received[40];

	for (size_t k = 0; k < ev->n_fields; k++)
		json_object_set_new(fields, ev->fields[k]->key, json_string(ev->fields[k]->value));
	clock_rfc3339(ev->time_us / 1000, when, sizeof when);
	clock_rfc3339(hit->received_us / 1000, received, sizeof received);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}",
	    "uid", ev->id, "event", ev->type, "code", ev->code, "time", when, "received", received,
	    "time_doubtful", hit->time_doubtful, "success", ev->ok, "user", ev->user, "backed",
	    hit->backed, "login", ev->login, "server_id", ev->node, "server_hostname",
	    ev->node_name, "sid", ev->session, "connection", ev->connection, "addr.remote",
	    ev->remote_addr, "message", ev->message, "producer_kind", hit->producer_kind,
	    "producer", hit->producer, "fields", fields, "raw", raw_of(ev));
}

static const struct cli_listing events = { events_table, events_row, events_value, NULL };

static void
pages_done(struct pages *p)
{
	for (size_t i = 0; i < p->n; i++)
		client_free_reply(p->list[i]);
	free(p->list);
}

/* *more: there is another page, of which q asks next. */
static int
fetch_page(struct client *c, Audit__SearchRequest *q, struct pages *p, bool *more, struct err *e)
{
	Audit__EventList **grown = realloc(p->list, (p->n + 1) * sizeof(*grown));
	size_t left = (size_t)limit - p->events;
	Audit__EventList *page = NULL;

	if (!grown)
		return err_memory(e);
	p->list = grown;
	/* 0 is auditd's own limit, and one page. */
	q->limit = left < PAGE ? (uint32_t)left : PAGE;
	if (audit_sync_search_events(c, q, &page, e) < 0)
		return -1;
	p->list[p->n++] = page;
	p->events += page->n_events;
	q->after = page->next;
	*more = *page->next && (int64_t)p->events < limit;
	return 0;
}

static int
list_events(struct client *c, void *arg, struct err *e)
{
	Audit__SearchRequest q = AUDIT__SEARCH_REQUEST__INIT;
	struct pages pages = { 0 };
	bool more = true;
	int rc = 0;

	(void)arg;
	if (audit_filter_take(&q, e) < 0)
		return -1;
	while (rc == 0 && more)
		rc = fetch_page(c, &q, &pages, &more, e);
	if (rc == 0)
		cli_print_listing(&events, &pages, pages.events, format, stdout);
	pages_done(&pages);
	return rc;
}

static int
ls(int argc, char **argv)
{
	(void)argc;
	return tctl_run(list_events, argv);
}

/* The same as tsh recordings ls, over the administrator's way to auditd. */
static int
list_recordings(struct client *c, void *arg, struct err *e)
{
	(void)arg;
	return recordings_show(c, &recordings_query, e);
}

static int
recordings_ls(int argc, char **argv)
{
	(void)argc;
	return tctl_run(list_recordings, argv);
}

const struct cli_command cmd_audit_sub[] = {
	{ .name = "ls", .summary = "list events, newest first", .options = ls_options, .run = ls },
	{ .name = "count",
	    .summary = "how many events there are, hour by hour",
	    .options = cmd_audit_count_options,
	    .run = cmd_audit_count },
	{ .name = "export",
	    .summary = "every event, for other programs",
	    .more =
		"Newest first, to standard output: JSON lines as the web API has events, or CSV for\n"
		"spreadsheets, in which no cell is a formula.",
	    .options = cmd_audit_export_options,
	    .run = cmd_audit_export },
	{ 0 },
};
const struct cli_command cmd_recordings_sub[] = {
	{ .name = "ls",
	    .summary = "list recorded sessions",
	    .options = recordings_options,
	    .run = recordings_ls },
	{ 0 },
};
