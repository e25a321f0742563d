/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl audit count: how many events there are, and when.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "proto/audit.sync.h"
#include "tctl/audit_filter.h"
#include "tctl/tctl.h"

static struct {
	int64_t every_s;
	const char *format;
} opt = { .every_s = 3600, .format = "text" };

const struct cli_option cmd_audit_count_options[] = {
	{ 0, "every", "DURATION", "how long what is counted together is (default 1h)", CLI_DURATION,
	    &opt.every_s },
	AUDIT_FILTERS,
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &opt.format },
	{ 0 },
};

static struct cli_table *
count_table(void)
{
	return cli_table_new("From", "Events", "Failed", NULL);
}

static void
count_row(struct cli_table *t, const void *found, size_t i)
{
	const Audit__EventBucket *b = ((const Audit__EventCounts *)found)->buckets[i];
	char from[40], events[24], failed[24];

	clock_rfc3339(b->from_us / 1000, from, sizeof(from));
	(void)str_format(events, sizeof(events), "%" PRIu64, b->events);
	(void)str_format(failed, sizeof(failed), "%" PRIu64, b->failed);
	cli_table_add(t, from, events, failed, NULL);
}

static json_t *
count_value(const void *found, size_t i)
{
	const Audit__EventBucket *b = ((const Audit__EventCounts *)found)->buckets[i];
	char from[40];

	clock_rfc3339(b->from_us / 1000, from, sizeof(from));
	return json_pack("{s:s, s:I, s:I}", "from", from, "events", (json_int_t)b->events, "failed",
	    (json_int_t)b->failed);
}

static const struct cli_listing counts = { count_table, count_row, count_value, "No events." };

/* Whole hours, or what is counted together, and the last day where nobody says more. */
static int64_t
begin_us(int64_t from_us)
{
	int64_t every_ms = opt.every_s * 1000,
		from_ms = from_us ? from_us / 1000 : clock_wall_ms() - 24 * INT64_C(3600000);

	return (from_ms - from_ms % every_ms) * 1000;
}

static int
count(struct client *c, void *arg, struct err *e)
{
	Audit__SearchRequest filter = AUDIT__SEARCH_REQUEST__INIT;
	Audit__CountRequest q = AUDIT__COUNT_REQUEST__INIT;
	Audit__EventCounts *found = NULL;
	char since[40];

	(void)arg;
	if (opt.every_s <= 0)
		return err_set(e, "--every must be longer than nothing");
	if (audit_filter_take(&filter, e) < 0)
		return -1;
	q.from_us = begin_us(filter.from_us);
	q.to_us = filter.to_us;
	q.types = filter.types;
	q.n_types = filter.n_types;
	q.user = filter.user;
	q.node = filter.node;
	q.session = filter.session;
	q.failed_only = filter.failed_only;
	q.ok_only = filter.ok_only;
	q.bucket_us = opt.every_s * 1000000;
	if (audit_sync_count_events(c, &q, &found, e) < 0)
		return -1;
	cli_print_listing(&counts, found, found->n_buckets, opt.format, stdout);
	if (found->counted_from_us) {
		clock_rfc3339(found->counted_from_us / 1000, since, sizeof(since));
		fprintf(stderr, "What happened before %s is not counted: there is too much.\n",
		    since);
	}
	client_free_reply(found);
	return 0;
}

int
cmd_audit_count(int argc, char **argv)
{
	(void)argc;
	return tctl_run(count, argv);
}
