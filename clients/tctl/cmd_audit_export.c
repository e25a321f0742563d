/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl audit export: every event that fits, page by page, for other programs. Nothing is kept but the page at hand.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/json.h"
#include "proto/audit.sync.h"
#include "tctl/audit_filter.h"
#include "tctl/tctl.h"
#include "view/event_csv.h"

enum { PAGE = 1000, PAGE_BYTES = 64 * 1024 * 1024 };

static const char *format = "jsonl";

const struct cli_option cmd_audit_export_options[] = {
	AUDIT_FILTERS,
	{ 'f', "format", "jsonl|csv", "JSON lines, or CSV for spreadsheets", CLI_CHOICE, &format },
	{ 0 },
};

static bool
put_event(struct buf *b, const Audit__FoundEvent *hit)
{
	if (strcmp(format, "csv") == 0)
		return event_csv_row(b, hit);
	return api_json_put(b, &hit->base) && buf_put(b, "\n", 1);
}

/* What is in the buffer goes out. */
static int
flush(struct buf *b, struct err *e)
{
	struct span text = buf_span(b);

	if (text.n && (fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout) != 0))
		return err_set(e, "the events cannot be written: %s", strerror(errno));
	buf_reset(b);
	return 0;
}

static int
write_page(struct buf *b, const Audit__EventList *page, struct err *e)
{
	for (size_t i = 0; i < page->n_events; i++)
		if (!put_event(b, page->events[i]))
			return err_memory(e);
	return flush(b, e);
}

static int
export_all(struct client *c, struct buf *b, Audit__SearchRequest *q, struct err *e)
{
	Audit__EventList *page = NULL, *before = NULL;
	int rc;

	do {
		rc = audit_sync_search_events(c, q, &page, e);
		/* The question pointed into it. */
		client_free_reply(before);
		before = rc < 0 ? NULL : page;
		if (rc == 0)
			rc = write_page(b, page, e);
		if (rc == 0)
			q->after = page->next;
	} while (rc == 0 && *q->after);
	client_free_reply(before);
	return rc;
}

static int export(struct client *c, void *arg, struct err *e)
{
	Audit__SearchRequest q = AUDIT__SEARCH_REQUEST__INIT;
	struct buf b;
	int rc;

	(void)arg;
	if (audit_filter_take(&q, e) < 0)
		return -1;
	q.limit = PAGE;
	buf_init(&b, PAGE_BYTES);
	rc = strcmp(format, "csv") != 0 || event_csv_head(&b) ? 0 : err_memory(e);
	if (rc == 0)
		rc = export_all(c, &b, &q, e);
	buf_done(&b);
	return rc;
}

int
cmd_audit_export(int argc, char **argv)
{
	(void)argc;
	return tctl_run(export, argv);
}
