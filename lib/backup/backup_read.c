/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_read: a backup from bytes, which may come from anybody. Called by authd --restore, as root; touches what its source
 * touches.
 *
 * Security: nothing is kept that is larger than its limit; records are looked at only after their chunk was shown to be
 * its maker's; the end must be there, with the number of what was before, and nothing behind it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backup/backup_priv.h"
#include "base/str.h"
#include "crypto/sha256.h"

enum { PLAIN_MAX = BACKUP_RECORD_MAX + 2 * BACKUP_CHUNK };

struct backup_reader {
	backup_source_fn *source;
	void *arg;
	struct backup_head head;
	struct buf before; /* all that stands in front of the chunks */
	struct span box;   /* in it */
	struct backup_secrets secrets;
	struct secret_stream stream;
	bool unlocked;
	/* of backup_reader_each */
	struct buf sealed, plain;
	bool begun, last; /* chunks */
	bool ended;       /* the last record was there */
	uint64_t n_items, revision;
	char key[BACKUP_KEY_MAX + 1]; /* of the item that is told */
};

static int
torn(struct err *e)
{
	return err_set(e,
	    "the backup ends too early: it was cut off; get it anew, or take an older one");
}

static int
changed(struct err *e)
{
	return err_set(e,
	    "the backup is damaged or was changed; get it anew, or take an older one");
}

/* n bytes into b. 1: the end is here already, before the first of them. */
static int
pull(struct backup_reader *r, size_t n, struct buf *b, struct err *e)
{
	uint8_t *p = buf_reserve(b, n ? n : 1);
	size_t got = 0;

	if (!p)
		return err_memory(e);
	while (got < n) {
		ssize_t rc = r->source(r->arg, p + got, n - got);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc < 0)
			return err_errno(e, "the backup cannot be read");
		if (rc == 0)
			return got == 0 ? 1 : torn(e);
		got += (size_t)rc;
	}
	buf_commit(b, n);
	return 0;
}

static int
pull_all(struct backup_reader *r, size_t n, struct buf *b, struct err *e)
{
	int rc = pull(r, n, b, e);

	return rc == 1 ? torn(e) : rc;
}

/* --- the front --------------------------------------------------------------------------------------- */

/* u32 length and that many bytes, appended to `before`; where they are, as an offset. */
static int
pull_string(struct backup_reader *r, size_t max, size_t *ret_off, size_t *ret_n, struct err *e)
{
	struct wire w;

	if (pull_all(r, 4, &r->before, e) < 0)
		return -1;
	w = wire_from((struct span){ buf_head(&r->before) + r->before.len - 4, 4 });
	*ret_n = wire_u32(&w);
	*ret_off = r->before.len;
	if (*ret_n > max)
		return changed(e);
	return pull_all(r, *ret_n, &r->before, e);
}

static int
read_head(struct backup_head *head, struct span s, struct err *e)
{
	struct wire w = wire_from(s);
	struct span recipient;

	wire_text(&w, head->cluster, sizeof(head->cluster));
	wire_text(&w, head->version, sizeof(head->version));
	head->made_ms = (int64_t)wire_u64(&w);
	recipient = wire_string(&w);
	/* Texts are shown before anybody vouches for them. */
	if (!wire_end(&w) || head->made_ms < 0 || head->made_ms > BACKUP_TIME_MAX_MS ||
	    !backup_recipient_get(&head->recipient, recipient) ||
	    !str_is_printable(head->cluster, strlen(head->cluster)) ||
	    !str_is_printable(head->version, strlen(head->version)))
		return changed(e);
	return 0;
}

static int
read_front(struct backup_reader *r, struct err *e)
{
	size_t head = 0, head_n = 0, box = 0, box_n = 0;
	struct wire w;
	uint32_t version;

	if (pull_all(r, BACKUP_MAGIC_BYTES + 4, &r->before, e) < 0)
		return -1;
	if (memcmp(buf_head(&r->before), BACKUP_MAGIC, BACKUP_MAGIC_BYTES) != 0)
		return err_set(e, "this is no backup of Sallyport");
	w = wire_from((struct span){ buf_head(&r->before) + BACKUP_MAGIC_BYTES, 4 });
	version = wire_u32(&w);
	if (version != BACKUP_VERSION)
		return err_set(e,
		    "the backup has version %u of the format and this program knows %d; install the version that made it",
		    version, BACKUP_VERSION);
	if (pull_string(r, BACKUP_HEAD_MAX, &head, &head_n, e) < 0 ||
	    pull_string(r, BACKUP_BOX_MAX + 64, &box, &box_n, e) < 0 ||
	    pull_all(r, SECRET_STREAM_HEAD, &r->before, e) < 0)
		return -1;
	r->box = (struct span){ buf_head(&r->before) + box, box_n };
	return read_head(&r->head, (struct span){ buf_head(&r->before) + head, head_n }, e);
}

int
backup_reader_new(struct backup_reader **ret, backup_source_fn *source, void *arg, struct err *e)
{
	struct backup_reader *r = calloc(1, sizeof(*r));

	*ret = NULL;
	if (!r)
		return err_memory(e);
	r->source = source;
	r->arg = arg;
	buf_init(&r->before, BACKUP_HEAD_MAX + BACKUP_BOX_MAX + 1024);
	buf_init(&r->sealed, BACKUP_CHUNK + SECRET_STREAM_MORE);
	buf_init(&r->plain, PLAIN_MAX);
	if (read_front(r, e) < 0) {
		backup_reader_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void
backup_reader_free(struct backup_reader *r)
{
	if (!r)
		return;
	secret_stream_done(&r->stream);
	backup_secrets_done(&r->secrets);
	buf_done(&r->before);
	buf_done(&r->sealed);
	buf_wipe(&r->plain);
	free(r);
}

const struct backup_head *
backup_reader_head(const struct backup_reader *r)
{
	return &r->head;
}

static int
begin_stream(struct backup_reader *r, struct err *e)
{
	const uint8_t *head = buf_head(&r->before) + r->before.len - SECRET_STREAM_HEAD;

	return secret_stream_from(&r->stream, r->secrets.stream_key.p, head) < 0 ? changed(e) : 0;
}

int
backup_reader_unlock(struct backup_reader *r, const struct secret *key, struct err *e)
{
	if (backup_box_open(&r->secrets, key, r->box, e) < 0 || begin_stream(r, e) < 0)
		return -1;
	r->unlocked = true;
	return 0;
}

size_t
backup_reader_front(const struct backup_reader *r)
{
	return r->before.len;
}

int
backup_reader_again(struct backup_reader *r, struct err *e)
{
	if (!r->unlocked)
		return err_set(e, "the backup is not open");
	secret_stream_done(&r->stream);
	buf_reset(&r->sealed);
	buf_wipe(&r->plain);
	buf_init(&r->plain, PLAIN_MAX);
	r->begun = r->last = r->ended = false;
	r->n_items = 0;
	return begin_stream(r, e);
}

const struct backup_secrets *
backup_reader_secrets(const struct backup_reader *r)
{
	return &r->secrets;
}

/* --- records --------------------------------------------------------------------------------------------- */

static int
read_item(struct backup_reader *r, struct wire *w, struct backup_item *item, struct err *e)
{
	uint64_t expires;

	wire_text(w, r->key, sizeof(r->key));
	*item = (struct backup_item){ .key = r->key };
	item->value = wire_string(w);
	item->revision = wire_u64(w);
	expires = wire_u64(w);
	if (!wire_end(w) || expires > INT64_MAX || item->revision > INT64_MAX ||
	    item->value.n > BACKUP_VALUE_MAX || !*r->key)
		return changed(e);
	item->expires_ms = (int64_t)expires;
	r->n_items++;
	return 0;
}

static int
read_end(struct backup_reader *r, struct wire *w, struct err *e)
{
	uint64_t n = wire_u64(w);

	r->revision = wire_u64(w);
	r->ended = true;
	return wire_end(w) && n == r->n_items && r->revision <= INT64_MAX ? 0 : changed(e);
}

/* One whole record of `plain`, which is there. */
static int
take_record(struct backup_reader *r, struct span s,
    int (*fn)(const struct backup_item *item, void *arg, struct err *e), void *arg, struct err *e)
{
	struct wire w = wire_from(s);
	struct backup_item item;

	if (r->ended)
		return changed(e);
	switch (wire_u8(&w)) {
	case BACKUP_ITEM:
		return read_item(r, &w, &item, e) < 0 ? -1 : fn(&item, arg, e);
	case BACKUP_END:
		return read_end(r, &w, e);
	default:
		return changed(e);
	}
}

static int
take_records(struct backup_reader *r,
    int (*fn)(const struct backup_item *item, void *arg, struct err *e), void *arg, struct err *e)
{
	while (r->plain.len >= 4) {
		struct wire w = wire_from(buf_span(&r->plain));
		uint32_t n = wire_u32(&w);
		int rc;

		if (n > BACKUP_RECORD_MAX)
			return changed(e);
		if (w.left < n)
			break;
		rc = take_record(r, (struct span){ w.p, n }, fn, arg, e);
		if (rc != 0)
			return rc;
		buf_drain(&r->plain, 4 + (size_t)n);
	}
	return 0;
}

static int
open_chunk(struct backup_reader *r, struct err *e)
{
	uint8_t digest[SHA256_BYTES];
	struct span bound = { digest, 0 };

	if (!r->begun) {
		sha256_of(buf_span(&r->before), digest);
		bound.n = sizeof(digest);
	}
	r->begun = true;
	if (secret_stream_open(&r->stream, buf_span(&r->sealed), bound, &r->plain, &r->last) < 0)
		return changed(e);
	return 0;
}

static int
next_chunk(struct backup_reader *r, struct err *e)
{
	struct wire w;
	uint32_t n;

	buf_reset(&r->sealed);
	if (pull_all(r, 4, &r->sealed, e) < 0)
		return -1;
	w = wire_from(buf_span(&r->sealed));
	n = wire_u32(&w);
	if (n < SECRET_STREAM_MORE || n > BACKUP_CHUNK + SECRET_STREAM_MORE)
		return changed(e);
	buf_reset(&r->sealed);
	return pull_all(r, n, &r->sealed, e) < 0 ? -1 : open_chunk(r, e);
}

int
backup_reader_each(struct backup_reader *r,
    int (*fn)(const struct backup_item *item, void *arg, struct err *e), void *arg,
    uint64_t *ret_revision, struct err *e)
{
	int rc;

	if (!r->unlocked)
		return err_set(e, "the backup is not open");
	while (!r->last) {
		if (next_chunk(r, e) < 0)
			return -1;
		rc = take_records(r, fn, arg, e);
		if (rc != 0)
			return rc;
	}
	buf_reset(&r->sealed);
	if (!r->ended || r->plain.len > 0 || pull(r, 1, &r->sealed, e) != 1)
		return changed(e);
	*ret_revision = r->revision;
	return 0;
}
