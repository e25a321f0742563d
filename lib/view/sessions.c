/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sessions: see sessions.h. Prints to standard output.
 */
#include "view/sessions.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "proto/audit.sync.h"
#include "view/recordings.h"

enum { LIMIT = 10000 };

struct sessions_query sessions_query = { .format = "text" };

const struct cli_option sessions_options[] = {
	{ 0, "by", "USER", "only of this Sallyport user", CLI_STRING, &sessions_query.user },
	{ 0, "node", "NODE", "only on this node (name or UUID)", CLI_STRING, &sessions_query.node },
	{ 'f', "format", CLI_FORMATS, "output format", CLI_CHOICE, &sessions_query.format },
	{ 0 },
};

static struct cli_table *
sessions_table(void)
{
	return cli_table_new("ID", "User", "Target", "From", "Since", "Bytes", "State", "Command",
	    NULL);
}

/* Of a node that is away nobody knows whether the session goes on: what was last heard is all there is. */
static void
state_text(const Audit__Recording *r, char *dst, size_t size)
{
	char when[40];

	if (r->producer_online) {
		(void)str_copy(dst, size, "runs");
		return;
	}
	clock_rfc3339(r->heard_us / 1000, when, sizeof(when));
	(void)str_format(dst, size, "node away, heard %s", when);
}

static void
sessions_row(struct cli_table *t, const void *found, size_t i)
{
	const Audit__Recording *r = ((const Audit__RecordingList *)found)->recordings[i];
	char since[40], target[600], bytes[24], state[80];

	clock_rfc3339(r->started_us / 1000, since, sizeof(since));
	(void)str_format(target, sizeof(target), "%s@%s", r->login, r->node_name);
	(void)str_format(bytes, sizeof(bytes), "%" PRId64, r->bytes);
	state_text(r, state, sizeof(state));
	cli_table_add(t, r->session, r->user, target, r->remote_addr, since, bytes, state,
	    *r->command ? r->command : r->kind, NULL);
}

static json_t *
sessions_value(const void *found, size_t i)
{
	return recordings_json(((const Audit__RecordingList *)found)->recordings[i]);
}

static const struct cli_listing sessions = { sessions_table, sessions_row, sessions_value, NULL };

int
sessions_show(struct client *c, const struct sessions_query *q, struct err *e)
{
	Audit__ListRecordingsRequest req = AUDIT__LIST_RECORDINGS_REQUEST__INIT;
	Audit__RecordingList *list = NULL;

	req.running = true;
	req.user = q->user ? q->user : "";
	req.node = q->node ? q->node : "";
	req.limit = LIMIT;
	if (audit_sync_list_recordings(c, &req, &list, e) < 0)
		return -1;
	cli_print_listing(&sessions, list, list->n_recordings, q->format, stdout);
	/* A list that ends early must not look whole. */
	if (*list->next)
		cli_warn(
		    "only the newest %zu are shown, which are as many as fit into one answer; ask for some with --by or --node",
		    list->n_recordings);
	client_free_reply(list);
	return 0;
}
