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
#include "node/session_priv.h"

enum { RETRY_MS = 2000 };

struct live {
	struct node *node;
	struct timer retry;
};

static bool
path_of(const struct node *n, const char *uuid, char *dst, size_t size)
{
	return str_format(dst, size, "%s/live/%s", n->folder, uuid);
}

static int
parse(struct live_session *s, struct span text)
{
	struct wire w = wire_from(text);

	wire_text(&w, s->connection, sizeof(s->connection));
	wire_text(&w, s->user, sizeof(s->user));
	wire_text(&w, s->login, sizeof(s->login));
	wire_text(&w, s->address, sizeof(s->address));
	s->kind = wire_u8(&w);
	s->has_pty = wire_bool(&w);
	s->started_us = wire_u64(&w);
	struct span command = wire_string(&w);
	if (!wire_end(&w))
		return -1;
	s->command = command.n ? span_dup(command) : strdup("");
	return s->command ? 0 : -1;
}

/* A torn file still names its session: better an end with little in it than none. */
static void
bury(struct node *n, const char *uuid, const char *why)
{
	struct live_session s = { .started_us = 0, .why = why };
	_cleanup_free_ char *text = NULL;
	char path[NODE_FOLDER_MAX + 64];
	size_t size = 0;

	if (!str_copy(s.uuid, sizeof(s.uuid), uuid) || !path_of(n, uuid, path, sizeof(path)))
		return;
	if (file_read(path, LIVE_FILE_MAX, &text, &size, NULL) ||
	    parse(&s, (struct span){ (const uint8_t *)text, size }))
		s.command = strdup("");
	if (s.command && events_session_died(n, &s) == 0)
		unlink(path);
	free(s.command);
}

static bool
is_running(const struct node *n, const char *uuid)
{
	list_each (struct session, s, &n->sessions, node_link)
		if (s->start_written && strcmp(s->uuid, uuid) == 0)
			return true;
	return false;
}

/* Writes the ends of all sessions that have a file and do not run; returns how many. */
static unsigned
bury_all(struct node *n, const char *why, struct err *e)
{
	char dir[NODE_FOLDER_MAX + 8];
	unsigned count = 0;

	if (!str_format(dir, sizeof(dir), "%s/live", n->folder))
		return 0;
	DIR *d = opendir(dir);
	if (!d) {
		err_errno(e, "cannot open %s", dir);
		return 0;
	}
	for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
		if (strlen(entry->d_name) != MON_UUID_SIZE - 1 || is_running(n, entry->d_name))
			continue;
		bury(n, entry->d_name, why);
		count++;
	}
	closedir(d);
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
		return err_set(e, "out of memory");
	*ret = l;
	l->node = n;
	if (timer_init(&l->retry, n->loop, on_retry, l))
		return err_set(e, "out of memory");
	if (!str_format(dir, sizeof(dir), "%s/live", n->folder))
		return err_set(e, "state: the path is too long");
	if (file_mkdir(dir, 0700, e))
		return -1;
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
live_put(struct node *n, const struct session *s)
{
	const struct conn *c = s->base.conn;
	char path[NODE_FOLDER_MAX + 64];
	struct buf b;
	int r = -1;

	buf_init(&b, LIVE_FILE_MAX);
	wire_put_text(&b, c->uuid);
	wire_put_text(&b, c->access.user);
	wire_put_text(&b, c->login);
	wire_put_text(&b, c->address.client);
	wire_put_u8(&b, s->kind);
	wire_put_bool(&b, s->has_pty);
	wire_put_u64(&b, (uint64_t)s->started_us);
	wire_put_text(&b, s->command);
	if (buf_ok(&b) && path_of(n, s->uuid, path, sizeof(path))) {
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			r = file_write_all(fd, buf_head(&b), b.len);
		mem_closep(&fd);
	}
	buf_done(&b);
	return r;
}

void
live_remove(struct node *n, const struct session *s)
{
	char path[NODE_FOLDER_MAX + 64];

	if (path_of(n, s->uuid, path, sizeof(path)))
		unlink(path);
}
