/* SPDX-License-Identifier: Apache-2.0 */
/*
 * live: files <state>/worker/live/<uuid>. Called by start.c at start and by session.c. A file is
 * there from before session.start until after session.end.
 */
#include "node/live.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "node/events.h"
#include "node/recording.h"
#include "node/serve.h"
#include "node/session.h"

enum { RETRY_MS = 2000 };

struct live {
	struct node *node;
	struct timer retry;
};

/* uuid was made here or looked at (str_is_uuid): it becomes part of a path. */
static bool
path_of(const struct node *n, const char *uuid, char *dst, size_t size)
{
	return str_format(dst, size, "%s/live/%s", n->folder, uuid);
}

/* What a file says. */
struct tombstone {
	char connection[MON_UUID_SIZE], address[MON_ADDRESS_MAX];
	char user[AUTHORIZE_NAME_MAX], login[AUTHORIZE_NAME_MAX];
	char *command;
};

/* info points into t. Negative: the file is torn. */
static int
parse(struct tombstone *t, struct session_info *info, struct span text)
{
	struct wire w = wire_from(text);

	wire_text(&w, t->connection, sizeof(t->connection));
	wire_text(&w, t->user, sizeof(t->user));
	wire_text(&w, t->login, sizeof(t->login));
	wire_text(&w, t->address, sizeof(t->address));
	info->kind = (enum session_kind)wire_u8(&w);
	info->interactive = wire_bool(&w);
	info->started_us = (int64_t)wire_u64(&w);
	t->command = span_dup(wire_string(&w));
	info->command = t->command;
	return wire_end(&w) ? 0 : -1;
}

/* A torn file still names its session: better an end with little in it than none. Negative: not
 * written, and the file stays. */
static int
bury(struct node *n, const char *uuid, const char *why)
{
	struct tombstone t = { .command = NULL };
	/* Points into t: what is parsed is read from here when the event is made. */
	struct session_info info = { .uuid = uuid,
		.connection = t.connection,
		.user = t.user,
		.login = t.login,
		.remote_addr = t.address };
	const struct session_outcome outcome = { .status = 255, .why = why, .unseen = true };
	_cleanup_free_ char *text = NULL;
	char path[NODE_FOLDER_MAX + 64];
	size_t size = 0;
	int rc;

	if (!path_of(n, uuid, path, sizeof(path)))
		return -1;
	if (file_read(path, LIVE_FILE_MAX, &text, &size, NULL) ||
	    parse(&t, &info, (struct span){ (const uint8_t *)text, size }))
		log_warn("the file of a session is torn", "session", uuid, NULL);
	rc = recording_recover(n, uuid);
	if (rc == 0)
		rc = events_session_end(n, NULL, &info, &outcome);
	/* The event first, then the file: the worst is an end that is told twice, which auditd
	 * sets aside. */
	if (rc == 0)
		unlink(path);
	free(t.command);
	return rc;
}

static void
settle_all(const struct node *n)
{
	char dir[NODE_FOLDER_MAX + 8];
	DIR *d = str_format(dir, sizeof(dir), "%s/live", n->folder) ? opendir(dir) : NULL;

	for (const struct dirent *entry; d && (entry = readdir(d)) != NULL;)
		if (str_is_uuid(entry->d_name))
			recording_settle(n, entry->d_name);
	if (d)
		closedir(d);
}

/* Writes the ends of all sessions that have a file and do not run; returns how many. What cannot be
 * written now is tried again. */
static unsigned
bury_all(struct node *n, const char *why, struct err *e)
{
	char dir[NODE_FOLDER_MAX + 8];
	unsigned count = 0;
	bool failed = false;

	if (!str_format(dir, sizeof(dir), "%s/live", n->folder))
		return 0;
	DIR *d = opendir(dir);
	if (!d) {
		err_errno(e, "cannot open %s", dir);
		return 0;
	}
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
		/* A session that runs has its file too: this also runs later, from the timer. */
		if (!str_is_uuid(entry->d_name) || session_is_running(n, entry->d_name))
			continue;
		if (bury(n, entry->d_name, why) == 0)
			count++;
		else
			failed = true;
	}
	closedir(d);
	if (failed)
		live_defer(n);
	return count;
}

static void
on_retry(void *arg)
{
	struct live *l = arg;

	if (audit_log_is_full(l->node->audit)) {
		timer_start(&l->retry, RETRY_MS);
		return;
	}
	(void)bury_all(l->node, "the spool of the node was full when the session ended", NULL);
}

int
live_open(struct live **ret, struct node *n, struct err *e)
{
	char dir[NODE_FOLDER_MAX + 8];
	struct live *l = calloc(1, sizeof(*l));

	if (!l)
		return err_memory(e);
	/* Set before what can fail: the caller frees it in any case. */
	*ret = l;
	l->node = n;
	if (timer_init(&l->retry, n->loop, on_retry, l))
		return err_memory(e);
	if (!str_format(dir, sizeof(dir), "%s/live", n->folder))
		return err_set(e, "state: the path is too long");
	if (file_mkdir(dir, 0700, e))
		return -1;
	settle_all(n);
	if (bury_all(n, "noded's worker ended during the session", e) > 0)
		log_warn("the ends of sessions that died with the worker before were written down",
		    NULL);
	return 0;
}

void
live_close(struct live *l)
{
	if (!l)
		return;
	timer_done(&l->retry);
	free(l);
}

void
live_defer(struct node *n)
{
	timer_start(&n->live->retry, RETRY_MS);
}

int
live_put(struct node *n, const struct session_info *s)
{
	char path[NODE_FOLDER_MAX + 64];
	struct buf b;
	int r = -1;

	buf_init(&b, LIVE_FILE_MAX);
	wire_put_text(&b, s->connection);
	wire_put_text(&b, s->user);
	wire_put_text(&b, s->login);
	wire_put_text(&b, s->remote_addr);
	wire_put_u8(&b, (uint8_t)s->kind);
	wire_put_bool(&b, s->interactive);
	wire_put_u64(&b, (uint64_t)s->started_us);
	wire_put_text(&b, s->command);
	if (buf_ok(&b) && path_of(n, s->uuid, path, sizeof(path))) {
		/* Not synced: this is for a worker that dies. What a machine that dies leaves of
		 * it is read as torn. */
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			r = file_write_all(fd, buf_head(&b), b.len);
		mem_closep(&fd);
	}
	buf_done(&b);
	return r;
}

void
live_remove(struct node *n, const char *uuid)
{
	char path[NODE_FOLDER_MAX + 64];

	recording_remove(n, uuid);
	if (path_of(n, uuid, path, sizeof(path)))
		unlink(path);
}
