/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl sessions: those that run: which there are, and ending one. Ending is a lock of that session (lib/policy/lock.h), which its
 * node hears of within a second.
 */
#include <poll.h>
#include <string.h>

#include "cli/out.h"
#include "proto/audit.sync.h"
#include "tctl/tctl.h"
#include "view/sessions.h"

enum { PREFIX_MIN = 8, ASK_MS = 200, ASKED_MAX = 25 };

static struct {
	const char *reason;
} opt = { .reason = "" };

static const struct cli_option end_options[] = {
	{ 0, "reason", "TEXT", "why, for whoever is in it, and for the audit trail", CLI_STRING,
	    &opt.reason },
	{ 0 },
};

static int
list_sessions(struct client *c, void *arg, struct err *e)
{
	(void)arg;
	return sessions_show(c, &sessions_query, e);
}

static int
sessions_ls(int argc, char **argv)
{
	(void)argc;
	return tctl_run(list_sessions, argv);
}

/* The one that runs and begins like that, in a list with nothing else. NULL: there is none, or e says what is wrong. */
static Audit__RecordingList *
find(struct client *c, const char *id, struct err *e)
{
	Audit__ListRecordingsRequest q = AUDIT__LIST_RECORDINGS_REQUEST__INIT;
	Audit__RecordingList *list = NULL;

	if (strlen(id) < PREFIX_MIN) {
		err_set(e, "give at least %d digits of the session's id", PREFIX_MIN);
		return NULL;
	}
	q.session = id;
	q.running = true;
	q.limit = 2;
	if (audit_sync_list_recordings(c, &q, &list, e) < 0)
		return NULL;
	if (list->n_recordings == 1)
		return list;
	err_set(e, list->n_recordings == 0
		? "no session that runs has this id; `tctl sessions ls` shows them"
		: "several sessions begin like this: give more of the id");
	client_free_reply(list);
	return NULL;
}

static int
lock_it(struct client *c, const Audit__Recording *r, struct err *e)
{
	Auth__PutResourceRequest q = AUTH__PUT_RESOURCE_REQUEST__INIT;
	Auth__Resource resource = AUTH__RESOURCE__INIT;
	Auth__Lock lock = AUTH__LOCK__INIT;

	lock.session = r->session;
	lock.session_user = r->user;
	lock.message = opt.reason;
	resource.kind = "lock";
	q.resource = &resource;
	return tctl_put(c, &q, &lock.base, NULL, e);
}

/* Whether the audit trail has its end; waits for that, a few seconds. */
static bool
has_ended(struct client *c, const char *session)
{
	Audit__ListRecordingsRequest q = AUDIT__LIST_RECORDINGS_REQUEST__INIT;
	bool ended = false;

	q.session = session;
	q.limit = 1;
	for (int i = 0; i < ASKED_MAX && !ended; i++) {
		Audit__RecordingList *list = NULL;
		struct err ignored;

		if (i)
			(void)poll(NULL, 0, ASK_MS);
		if (audit_sync_list_recordings(c, &q, &list, &ignored) < 0)
			return false;
		ended = list->n_recordings && list->recordings[0]->ended_us;
		client_free_reply(list);
	}
	return ended;
}

/* The lock is made; what came of it. */
static void
tell(struct client *c, const Audit__Recording *r)
{
	if (!r->producer_online)
		cli_warn("%s is away: session %s of %s ends when it is back, if that is within a day",
		    r->node_name, r->session, r->user);
	else if (has_ended(c, r->session))
		printf("Session %s of %s on %s is ended.\n", r->session, r->user, r->node_name);
	else
		cli_warn("session %s of %s has not ended yet: %s was told to end it; see `tctl sessions ls`",
		    r->session, r->user, r->node_name);
}

static int
end_session(struct client *c, void *arg, struct err *e)
{
	char **words = arg;
	Audit__RecordingList *list = find(c, words[0], e);
	const Audit__Recording *r = list ? list->recordings[0] : NULL;
	int rc = r ? lock_it(c, r, e) : -1;

	if (rc == 0)
		tell(c, r);
	client_free_reply(list);
	return rc;
}

static int
sessions_end(int argc, char **argv)
{
	(void)argc;
	return tctl_run(end_session, argv);
}

const struct cli_command cmd_sessions_sub[] = {
	{ .name = "ls",
	    .summary = "list the sessions that run now",
	    .options = sessions_options,
	    .run = sessions_ls },
	{ .name = "end",
	    .args = "ID",
	    .summary = "end one, whose user reads why",
	    .options = end_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = sessions_end },
	{ 0 },
};
