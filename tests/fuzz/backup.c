/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backups as a stranger may make them, which authd --restore reads as root: the first byte chooses whether the rest is a whole
 * file, or the records in a file that opens. A backup that was read to its end is, written again, read to the same end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backup/backup.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 16 * 1024 * 1024 };

static const uint8_t stream_key[SECRET_STREAM_KEY_BYTES] = { 1 },
		     ca_key[BACKUP_CA_KEY_BYTES] = { 2 };
static struct secret *private;
static struct backup_head head = { "tele.example.com", "1", 1, { .kind = BACKUP_FOR_KEY } };

static void
set_up(void)
{
	if (private)
		return;
	if (crypto_init() < 0 || !(private = secret_new(SEALED_BOX_KEY_BYTES)))
		abort();
	private->p[0] = 3;
	if (sealed_box_public(private, head.recipient.key) < 0)
		abort();
}

static struct backup_writer *
begin(struct buf *out)
{
	const struct backup_secrets s = { .stream_key = { stream_key, sizeof(stream_key) },
		.ca_key = { ca_key, sizeof(ca_key) },
		.state = { ca_key, sizeof(ca_key) } };
	struct backup_writer *w;
	struct buf box;
	struct err e;

	buf_init(&box, BACKUP_BOX_MAX + 64);
	buf_init(out, FILE_MAX);
	if (backup_box_make(&head.recipient, &s, &box, &e) < 0 ||
	    backup_writer_new(&w, &head, buf_span(&box), s.stream_key, out) < 0)
		abort();
	buf_done(&box);
	return w;
}

/* The records in chunks of their writer's size. */
static void
wrap(struct span records, struct buf *out)
{
	uint8_t stream_head[SECRET_STREAM_HEAD], digest[SHA256_BYTES];
	struct span bound = { digest, sizeof(digest) };
	struct secret_stream s;
	bool last;

	backup_writer_free(begin(out));
	secret_stream_begin(&s, stream_key, stream_head);
	memcpy(buf_head(out) + out->len - sizeof(stream_head), stream_head, sizeof(stream_head));
	sha256_of(buf_span(out), digest);
	do {
		struct span part = { records.p,
			records.n < BACKUP_CHUNK ? records.n : BACKUP_CHUNK };

		last = part.n == records.n;
		wire_put_u32(out, (uint32_t)(part.n + SECRET_STREAM_MORE));
		if (secret_stream_close(&s, part, bound, last, out) < 0)
			abort();
		bound.n = 0;
		records.p += part.n;
		records.n -= part.n;
	} while (!last);
}

static ssize_t
pull(void *arg, void *p, size_t n)
{
	struct span *s = arg;

	if (n > s->n)
		n = s->n;
	if (n == 0)
		return 0;
	memcpy(p, s->p, n);
	s->p += n;
	s->n -= n;
	return (ssize_t)n;
}

struct again {
	struct backup_writer *writer; /* NULL: only counted */
	struct buf out;
	size_t n;
};

static int
on_item(const struct backup_item *item, void *arg, struct err *e)
{
	struct again *a = arg;

	(void)e;
	if (strlen(item->key) > BACKUP_KEY_MAX || item->value.n > BACKUP_VALUE_MAX ||
	    item->expires_ms < 0)
		abort();
	a->n++;
	if (a->writer && backup_put(a->writer, item, &a->out) < 0)
		abort();
	return 0;
}

static int
read_file(struct span file, struct again *a, uint64_t *revision)
{
	struct backup_reader *r;
	struct err e;
	int rc = backup_reader_new(&r, pull, &file, &e);

	if (rc == 0)
		rc = backup_reader_unlock(r, private, &e);
	if (rc == 0)
		rc = backup_reader_each(r, on_item, a, revision, &e);
	backup_reader_free(r);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct again a = { 0 }, b = { 0 };
	uint64_t revision = 0, same = 0;
	struct buf file;

	set_up();
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		wrap((struct span){ data + 1, size - 1 }, &file);
	} else {
		buf_init(&file, FILE_MAX);
		if (!buf_put(&file, data + 1, size - 1))
			return 0;
	}
	a.writer = begin(&a.out);
	if (read_file(buf_span(&file), &a, &revision) == 0 &&
	    (backup_end(a.writer, revision, &a.out) < 0 ||
		read_file(buf_span(&a.out), &b, &same) < 0 || a.n != b.n || revision != same))
		abort();
	backup_writer_free(a.writer);
	buf_done(&a.out);
	buf_done(&file);
	return 0;
}
