/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transfer: see transfer.h.
 */
#include "node/transfer.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "node/events.h"
#include "node/session_priv.h"
#include "node/transfer_command.h"
#include "session/scp_observer.h"
#include "session/sftp_observer.h"

enum { RANGES_TEXT = FILE_RANGES_MAX * 42 + 8, ATTRIBUTES_TEXT = 200 };

/* --- reports as events ------------------------------------------------------------------------- */

static const enum event_id ids[FILE_ACTIONS] = {
	[FILE_READ] = EVENT_FILE_READ,
	[FILE_WRITE] = EVENT_FILE_WRITE,
	[FILE_LIST] = EVENT_FILE_LIST,
	[FILE_RENAME] = EVENT_FILE_RENAME,
	[FILE_REMOVE] = EVENT_FILE_REMOVE,
	[FILE_MKDIR] = EVENT_FILE_MKDIR,
	[FILE_RMDIR] = EVENT_FILE_RMDIR,
	[FILE_LINK] = EVENT_FILE_LINK,
	[FILE_SYMLINK] = EVENT_FILE_SYMLINK,
	[FILE_SETSTAT] = EVENT_FILE_SETSTAT,
	[FILE_COPY] = EVENT_FILE_COPY,
	[FILE_OTHER] = EVENT_FILE_REQUEST,
};

static const char *
protocol_of(const struct session *s)
{
	return s->transfer == MON_TRANSFER_SFTP ? "sftp" : "scp";
}

/* The texts of one event, until it is written. */
struct texts {
	char ranges[RANGES_TEXT], attributes[ATTRIBUTES_TEXT], hash[SHA256_HEX_SIZE];
};

/* "0-4095,8192-12287": first and last byte, as HTTP writes them. */
static void
write_ranges(char *dst, size_t size, const struct file_flow_sum *sum)
{
	size_t at = 0;

	dst[0] = '\0';
	for (unsigned i = 0; i < sum->n_ranges; i++)
		at += (size_t)snprintf(dst + at, size - at, "%s%llu-%llu", i ? "," : "",
		    (unsigned long long)sum->ranges[i].from,
		    (unsigned long long)sum->ranges[i].to - 1);
	if (sum->more_ranges)
		(void)snprintf(dst + at, size - at, ",...");
}

static void
put_passed(struct audit_event *ev, struct texts *t, const struct file_flow_sum *sum)
{
	event_put_number(ev, EVENT_KEY_BYTES, (int64_t)sum->bytes);
	event_put_flag(ev, EVENT_KEY_WHOLE, sum->whole);
	if (sum->has_hash) {
		str_hex(t->hash, sum->hash, SHA256_BYTES);
		event_put_text(ev, EVENT_KEY_SHA256, t->hash);
	}
	if (!sum->whole && sum->bytes > 0) {
		write_ranges(t->ranges, sizeof(t->ranges), sum);
		event_put_text(ev, EVENT_KEY_RANGES, t->ranges);
	}
}

static void
put_attributes(struct audit_event *ev, struct texts *t, const struct sftp_attrs *a)
{
	char *at = t->attributes, *end = at + sizeof(t->attributes);

	*at = '\0';
	if (a->has_mode)
		at += snprintf(at, (size_t)(end - at), " mode=%04o", (unsigned)(a->mode & 07777));
	if (a->has_size)
		at += snprintf(at, (size_t)(end - at), " size=%llu", (unsigned long long)a->size);
	if (a->has_ids)
		at += snprintf(at, (size_t)(end - at), " uid=%u gid=%u", a->uid, a->gid);
	if (a->has_times)
		at += snprintf(at, (size_t)(end - at), " atime=%u mtime=%u", a->atime, a->mtime);
	if (at > t->attributes)
		event_put_text(ev, EVENT_KEY_ATTRIBUTES, t->attributes + 1);
}

static int
on_report(const struct file_report *r, void *arg)
{
	struct session *s = arg;
	struct audit_event ev = { .id = ids[r->action], .failed = !r->ok, .message = r->why };
	struct texts t;

	event_put_text(&ev, EVENT_KEY_PROTOCOL, protocol_of(s));
	event_put(&ev, EVENT_KEY_PATH, r->path);
	if (r->name.n)
		event_put(&ev, EVENT_KEY_NAME, r->name);
	if (r->target.n)
		event_put(&ev, EVENT_KEY_TARGET, r->target);
	if (r->has_status && r->status)
		event_put_number(&ev, EVENT_KEY_STATUS, r->status);
	if (r->action == FILE_READ || r->action == FILE_WRITE)
		put_passed(&ev, &t, &r->passed);
	if (r->action == FILE_LIST)
		event_put_number(&ev, EVENT_KEY_ENTRIES, (int64_t)r->entries);
	put_attributes(&ev, &t, &r->attrs);
	return events_of_session(s, &ev);
}

/* --- what is only named ------------------------------------------------------------------------- */

static int
note_path(struct session *s, const char *path, bool sends)
{
	struct audit_event ev = { .id = EVENT_FILE_REQUEST };

	event_put_text(&ev, EVENT_KEY_PROTOCOL, "rsync");
	event_put(&ev, EVENT_KEY_PATH, span_str(path));
	event_put_text(&ev, EVENT_KEY_NAME, sends ? "send" : "receive");
	return events_of_session(s, &ev);
}

/* Its words are the client's and go through a shell: what they name is where to look, and the recording, which has
 * everything that rsync sends and receives, is what counts. */
int
transfer_note(struct session *s)
{
	struct transfer_command c;
	bool sends = false;
	int r;

	if (s->has_pty || s->kind != MON_KIND_EXEC || s->transfer != MON_TRANSFER_NONE)
		return 0;
	r = transfer_command_read_rsync(&c, span_str(s->command), &sends);
	for (size_t i = c.n_options; r == 0 && i < c.n_words; i++)
		r = note_path(s, c.words[i].text, sends);
	transfer_command_done(&c);
	return r < 0 ? -1 : 0;
}

/* --- the observer ------------------------------------------------------------------------------ */

static struct file_observer *
new_scp(struct session *s)
{
	struct scp_observer_word files[TRANSFER_WORDS_MAX];
	struct file_observer *o = NULL;
	struct transfer_command c;
	size_t n = 0;

	if (transfer_command_read(&c, s->base.conn->node->config, s->kind, span_str(s->command)) ==
	    0) {
		for (size_t i = c.n_options; i < c.n_words; i++)
			files[n++] = (struct scp_observer_word){ c.words[i].text,
				c.words[i].pattern };
		o = scp_observer_new(s->transfer == MON_TRANSFER_SCP_TO, files, n, on_report, s);
	}
	transfer_command_done(&c);
	return o;
}

int
transfer_open(struct session *s)
{
	switch (s->transfer) {
	case MON_TRANSFER_NONE:
		return 0;
	case MON_TRANSFER_SFTP:
		s->observer = sftp_observer_new(on_report, s);
		break;
	default:
		s->observer = new_scp(s);
	}
	return s->observer ? 0 : -1;
}

void
transfer_end(struct session *s)
{
	if (s->observer)
		file_observer_end(s->observer, s->end_reason);
}

void
transfer_free(struct session *s)
{
	file_observer_free(s->observer);
	s->observer = NULL;
}
