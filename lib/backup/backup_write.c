/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_write: a backup as bytes, piece by piece. Called by authd. Pure but for the random head of the stream.
 */
#include <stdlib.h>
#include <string.h>

#include "backup/backup_priv.h"
#include "crypto/sha256.h"

struct backup_writer {
	struct secret_stream stream;
	uint8_t bound[SHA256_BYTES]; /* to the first chunk */
	bool begun;                  /* the first chunk is out */
	struct buf plain;            /* records that are no whole chunk yet */
	uint64_t n_items;
};

static void
put_head(const struct backup_head *head, struct buf *b)
{
	size_t mark = wire_put_open(b), recipient;

	wire_put_text(b, head->cluster);
	wire_put_text(b, head->version);
	wire_put_u64(b, (uint64_t)head->made_ms);
	recipient = wire_put_open(b);
	backup_recipient_put(&head->recipient, b);
	wire_put_close(b, recipient);
	wire_put_close(b, mark);
}

static int
open_stream(struct backup_writer *w, const struct backup_head *head, struct span box,
    struct span stream_key, struct buf *out)
{
	uint8_t stream_head[SECRET_STREAM_HEAD];
	size_t before = out->len;

	buf_put(out, BACKUP_MAGIC, BACKUP_MAGIC_BYTES);
	wire_put_u32(out, BACKUP_VERSION);
	put_head(head, out);
	wire_put_string(out, box);
	secret_stream_begin(&w->stream, stream_key.p, stream_head);
	buf_put(out, stream_head, sizeof(stream_head));
	if (!buf_ok(out))
		return -1;
	/* What stands in the clear cannot be exchanged: the stream would not open. */
	sha256_of((struct span){ buf_head(out) + before, out->len - before }, w->bound);
	return 0;
}

int
backup_writer_new(struct backup_writer **ret, const struct backup_head *head, struct span box,
    struct span stream_key, struct buf *out)
{
	struct backup_writer *w = calloc(1, sizeof(*w));

	*ret = NULL;
	if (!w)
		return -1;
	buf_init(&w->plain, BACKUP_RECORD_MAX + BACKUP_CHUNK);
	if (stream_key.n != SECRET_STREAM_KEY_BYTES ||
	    open_stream(w, head, box, stream_key, out) < 0) {
		backup_writer_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void
backup_writer_free(struct backup_writer *w)
{
	if (!w)
		return;
	secret_stream_done(&w->stream);
	buf_wipe(&w->plain);
	free(w);
}

static int
put_chunk(struct backup_writer *w, size_t n, bool last, struct buf *out)
{
	struct span bound = { w->bound, w->begun ? 0 : sizeof(w->bound) };
	struct span plain = { buf_span(&w->plain).p, n };

	wire_put_u32(out, (uint32_t)(n + SECRET_STREAM_MORE));
	if (!buf_ok(out) || secret_stream_close(&w->stream, plain, bound, last, out) < 0)
		return -1;
	w->begun = true;
	buf_drain(&w->plain, n);
	return 0;
}

static int
put_chunks(struct backup_writer *w, bool last, struct buf *out)
{
	if (!buf_ok(&w->plain))
		return -1;
	while (w->plain.len >= BACKUP_CHUNK)
		if (put_chunk(w, BACKUP_CHUNK, false, out) < 0)
			return -1;
	return last ? put_chunk(w, w->plain.len, true, out) : 0;
}

int
backup_put(struct backup_writer *w, const struct backup_item *item, struct buf *out)
{
	size_t mark;

	if (item->value.n > BACKUP_VALUE_MAX || strlen(item->key) > BACKUP_KEY_MAX)
		return -1;
	mark = wire_put_open(&w->plain);
	wire_put_u8(&w->plain, BACKUP_ITEM);
	wire_put_text(&w->plain, item->key);
	wire_put_string(&w->plain, item->value);
	wire_put_u64(&w->plain, item->revision);
	wire_put_u64(&w->plain, (uint64_t)item->expires_ms);
	wire_put_close(&w->plain, mark);
	w->n_items++;
	return put_chunks(w, false, out);
}

int
backup_end(struct backup_writer *w, uint64_t revision, struct buf *out)
{
	size_t mark = wire_put_open(&w->plain);

	wire_put_u8(&w->plain, BACKUP_END);
	wire_put_u64(&w->plain, w->n_items);
	wire_put_u64(&w->plain, revision);
	wire_put_close(&w->plain, mark);
	return put_chunks(w, true, out);
}
