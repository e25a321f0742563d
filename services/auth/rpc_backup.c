/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_backup: Backup, a stream of the pieces of a file.
 *
 * Security: the right is create on "backup", which no preset has. What whoever has it gets he cannot read: it is for the
 * recipient of authd.yaml, or for one chosen by whoever can read authd's key file. The event of its beginning is on
 * disk before the first byte goes out, so that who breaks off before the end is known as well.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/backup.h"
#include "auth/conf.h"
#include "auth/rpc_faces.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "rpc/bytes.h"

enum {
	QUEUED_MAX = 2, /* pieces that the transport has not taken */
	STUCK_MS = 60 * 1000,
	TOTAL_MS = 15 * 60 * 1000
};

/* One call; freed when it is closed. */
struct sending {
	struct list link; /* auth.backups */
	struct auth *auth;
	struct rpc_call *call;
	struct backup *backup;
	char recipient[BACKUP_RECIPIENT_SIZE];
	bool ready, begun; /* it can be read; the event of the beginning is written */
	bool done, ended;  /* sent whole; the call is finished, one way or the other */
	int64_t began_ms, moved_ms;
};

static int
note(struct sending *s, enum event_id id, bool failed, const char *message)
{
	struct audit_event ev = { .id = id, .failed = failed, .message = span_str(message) };
	uint8_t digest[SHA256_BYTES];
	char hex[SHA256_HEX_SIZE];

	event_put_text(&ev, EVENT_KEY_RECIPIENT, s->recipient);
	if (id == EVENT_BACKUP_CREATE) {
		backup_digest(s->backup, digest);
		str_hex(hex, digest, sizeof(digest));
		event_put_text(&ev, EVENT_KEY_SHA256, hex);
		event_put_number(&ev, EVENT_KEY_BYTES, (int64_t)backup_size(s->backup));
	}
	return events_write(s->auth, rpc_peer(s->call), &ev);
}

static void
end(struct sending *s, enum rpc_code code, const char *why)
{
	if (s->ended)
		return;
	s->ended = true;
	rpc_finish(s->call, code, "%s", why);
}

static void
send_last(struct sending *s)
{
	Auth__BackupPart m = AUTH__BACKUP_PART__INIT;
	uint8_t digest[SHA256_BYTES];

	/* Whoever has the file has it with an event, or is told that he has none. */
	if (note(s, EVENT_BACKUP_CREATE, false, NULL) < 0) {
		end(s, RPC_RESOURCE_EXHAUSTED,
		    "the backup cannot be written into the audit log of authd");
		return;
	}
	s->done = true;
	backup_note_last(s->auth);
	backup_digest(s->backup, digest);
	m.done = true;
	m.sha256 = bytes_at(digest, sizeof(digest));
	m.size = backup_size(s->backup);
	auth_backup_push(s->call, &m);
	end(s, RPC_OK, "");
}

/* As much as the transport takes. */
static void
feed(struct sending *s)
{
	while (s->ready && !s->ended && rpc_queued(s->call) < QUEUED_MAX) {
		Auth__BackupPart m = AUTH__BACKUP_PART__INIT;
		bool first = backup_size(s->backup) == 0;
		struct span piece;
		struct err e = { "" };

		if (backup_next(s->backup, &piece, &e) < 0) {
			log_error("a backup cannot go on", "cause", e.text, NULL);
			end(s, RPC_INTERNAL,
			    "the store cannot be read; the log of authd has the cause");
		} else if (piece.n == 0) {
			send_last(s);
		} else {
			m.data = bytes_of(piece);
			m.recipient = first ? s->recipient : "";
			auth_backup_push(s->call, &m);
		}
	}
}

static void
on_ready(const char *error, void *arg)
{
	struct sending *s = arg;

	if (error) {
		access_note_refused(s->auth, rpc_peer(s->call), rpc_method_name(s->call), error);
		end(s, RPC_FAILED_PRECONDITION, error);
	} else if (note(s, EVENT_BACKUP_START, false, NULL) < 0) {
		end(s, RPC_RESOURCE_EXHAUSTED,
		    "the backup cannot be written into the audit log of authd");
	} else {
		s->ready = s->begun = true;
		feed(s);
	}
}

/* --- the call ------------------------------------------------------------------------------------------- */

/* NULL: answered. */
static struct sending *
sending_new(struct rpc_call *call)
{
	struct auth *a = rpc_context(call);
	struct sending *s;
	size_t n = 0;

	/* One of a person, so that who does not read his keeps nobody else from one. */
	list_each (struct sending, other, &a->backups, link)
		n += strcmp(rpc_peer(other->call)->name, rpc_peer(call)->name) == 0 ? BACKUPS_MAX
										    : 1;
	s = n < BACKUPS_MAX ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "a backup is being fetched already; try again when it is done");
		return NULL;
	}
	s->auth = a;
	s->call = call;
	s->began_ms = s->moved_ms = clock_mono_ms();
	list_add(&a->backups, &s->link);
	rpc_set_data(call, s);
	return s;
}

static int
choose(const struct auth *a, const Auth__BackupRequest *m, struct backup_recipient *ret,
    struct err *e)
{
	if (m->recipient[0])
		return backup_recipient_parse(ret, m->recipient, e);
	*ret = a->conf->recipient;
	return ret->kind
	    ? 0
	    : err_set(e,
		  "authd.yaml has no backup_recipient: set it (tctl backup --make-key), or, as root on authd's "
		  "host, say --passphrase or --recipient");
}

static void
on_backup(struct rpc_call *call, const Auth__BackupRequest *m)
{
	struct auth *a = rpc_context(call);
	struct backup_recipient recipient;
	struct sending *s;
	struct err e;

	if (!access_may_change(call, "backup", "create"))
		return;
	if (choose(a, m, &recipient, &e) < 0) {
		rpc_finish(call, RPC_FAILED_PRECONDITION, "%s", e.text);
		return;
	}
	s = sending_new(call);
	if (!s)
		return;
	backup_recipient_text(&recipient, s->recipient);
	if (backup_begin(&s->backup, a, &recipient, bytes_span(m->proof), on_ready, s, &e) != 0)
		end(s, RPC_RESOURCE_EXHAUSTED, e.text);
}

static void
on_writable(struct rpc_call *call)
{
	struct sending *s = rpc_data(call);

	if (!s)
		return;
	s->moved_ms = clock_mono_ms();
	feed(s);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct sending *s = rpc_data(call);

	if (!s)
		return;
	/* That the last part was given to the transport does not say that it arrived; the hash in the event does, with
	 * the file. */
	if (s->begun && !s->done)
		(void)note(s, EVENT_BACKUP_CREATE, true, status->message);
	list_del(&s->link);
	backup_free(s->backup);
	free(s);
}

void
backups_sweep(struct auth *a)
{
	int64_t now = clock_mono_ms();

	/* Not finished: what is not read would keep its place. */
	list_each (struct sending, s, &a->backups, link)
		if (now - s->moved_ms > STUCK_MS || now - s->began_ms > TOTAL_MS)
			rpc_cancel(s->call);
}

static const struct rpc_row rows[] = {
	AUTH_METHOD(Backup, WHO_PEOPLE, on_backup, .writable = on_writable, .closed = on_closed),
};
const struct face face_backup = { rows, sizeof(rows) / sizeof(rows[0]) };
