/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_file: the replica on disk, for programs that begin while authd is away. Called by
 * replica.c; touches one file, in a folder that only the daemon can write to.
 *
 *	"SPREPLC1" | u32 CRC-32C of the rest | string kinds, by commas | string epoch | u64 revision |
 *	u32 number of entries | entries
 *	entry: string kind | string key | u8 1: there is a value, 0: lost | string value
 *
 * Types as in RFC 4251 section 5. Read as a whole or not at all: half a replica might lack the role
 * that denies. What was lost is written down as lost, for the same reason.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/wire.h"
#include "rec/crc32c.h"
#include "replica/replica_priv.h"

enum {
	/* One file for many changes: a snapshot changes everything. */
	SAVE_AFTER_MS = 1000,
	HEAD_SIZE = 12,
	KINDS_SIZE = 256,
	/* Values, and what stands around them. */
	FILE_MAX = REPLICA_BYTES_MAX + REPLICA_BYTES_MAX / 4
};

static const uint8_t magic[8] = { 'S', 'P', 'R', 'E', 'P', 'L', 'C', '1' };

static void
put_kinds(const struct replica *r, struct buf *b)
{
	size_t mark = wire_put_open(b);

	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		if (replica_wants(r, (enum replica_kind)kind))
			buf_printf(b, "%s,", replica_kinds[kind].name);
	wire_put_close(b, mark);
}

/* --- writing ------------------------------------------------------------------------------ */

static void
put_entries(const struct replica *r, struct buf *b)
{
	uint32_t n = 0;

	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		n += (uint32_t)map_count(r->entries[kind]);
	wire_put_u32(b, n);
	for (int kind = 0; kind < REPLICA_KINDS; kind++) {
		const char *key;
		void *value;

		for (size_t pos = 0; map_next(r->entries[kind], &pos, &key, &value);) {
			const struct entry *e = value;

			wire_put_text(b, replica_kinds[kind].name);
			wire_put_text(b, key);
			wire_put_bool(b, e->value != NULL);
			wire_put_string(b, (struct span){ e->packed, e->n });
		}
	}
}

/* Everything behind the head. */
static void
put_body(const struct replica *r, struct buf *b)
{
	put_kinds(r, b);
	/* In the middle of a snapshot, or when something is lost, nothing can be gone on from. */
	wire_put_text(b, r->deficient ? "" : r->epoch);
	wire_put_u64(b, r->revision);
	put_entries(r, b);
}

/* A kind that is lost as a whole is not in the entries: without a file the next run knows that it
 * knows nothing. */
static bool
is_whole(const struct replica *r)
{
	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		if (r->blind[kind])
			return false;
	return true;
}

static int
write_file(const struct replica *r, struct err *e)
{
	struct buf body, all;
	int rc = -1;

	if (!is_whole(r)) {
		if (unlink(r->path) < 0)
			return err_errno(e, "cannot remove %s", r->path);
		return 0;
	}
	buf_init(&body, FILE_MAX);
	buf_init(&all, FILE_MAX + HEAD_SIZE);
	put_body(r, &body);
	if (buf_ok(&body)) {
		buf_put(&all, magic, sizeof(magic));
		wire_put_u32(&all, crc32c(0, buf_head(&body), body.len));
		buf_put(&all, buf_head(&body), body.len);
	}
	if (!buf_ok(&body) || !buf_ok(&all))
		err_set(e, "out of memory, or the cluster is too big for the file");
	else
		rc = file_write(r->path, 0600, buf_head(&all), all.len, e);
	buf_done(&body);
	buf_done(&all);
	return rc;
}

void
replica_file_save(struct replica *r)
{
	struct err e = { "" };

	r->unsaved = false;
	if (write_file(r, &e) < 0)
		log_error("cannot keep a copy of what authd said", "cause", e.text, NULL);
}

static void
on_save(void *arg)
{
	replica_file_save(arg);
}

void
replica_file_soon(struct replica *r)
{
	if (!r->path || r->unsaved || !r->known)
		return;
	r->unsaved = true;
	timer_start(&r->save, SAVE_AFTER_MS);
}

/* --- reading ------------------------------------------------------------------------------ */

/* False: the file is to be thrown away. */
static bool
read_entry(struct replica *r, struct wire *w)
{
	char kind_name[KINDS_SIZE], key[REPLICA_KEY_SIZE];
	enum replica_kind kind;
	struct span value;
	bool there;

	wire_text(w, kind_name, sizeof(kind_name));
	wire_text(w, key, sizeof(key));
	there = wire_bool(w);
	value = wire_string(w);
	kind = w->bad ? REPLICA_KINDS : replica_kind_of(r, kind_name);
	if (kind == REPLICA_KINDS)
		return false;
	replica_put(r, kind, key, there ? value : (struct span){ NULL, 0 });
	/* An entry that could not be kept makes the file worthless as a whole: see above. */
	return is_whole(r);
}

/* The file's kinds are exactly those that are wanted: a kind that is new, or was not wanted then, is
 * not known. */
static bool
has_kinds(const struct replica *r, struct span kinds)
{
	struct buf wanted;
	bool same;

	buf_init(&wanted, KINDS_SIZE * REPLICA_KINDS);
	put_kinds(r, &wanted);
	same = buf_ok(&wanted) && wanted.len == kinds.n + 4 &&
	    memcmp(buf_head(&wanted) + 4, kinds.p, kinds.n) == 0;
	buf_done(&wanted);
	return same;
}

static bool
read_body(struct replica *r, struct span body)
{
	struct wire w = wire_from(body);
	struct span kinds = wire_string(&w);
	uint32_t n;

	if (w.bad || !has_kinds(r, kinds))
		return false;
	wire_text(&w, r->epoch, sizeof(r->epoch));
	r->revision = wire_u64(&w);
	n = wire_u32(&w);
	for (uint32_t i = 0; i < n; i++)
		if (!read_entry(r, &w))
			return false;
	return wire_end(&w);
}

static bool
read_file(struct replica *r, struct span file)
{
	struct wire w = wire_from(file);
	struct span head = wire_bytes(&w, sizeof(magic));
	uint32_t crc = wire_u32(&w);
	struct span body = wire_rest(&w);

	if (w.bad || memcmp(head.p, magic, sizeof(magic)) != 0 || crc != crc32c(0, body.p, body.n))
		return false;
	return read_body(r, body);
}

/* No file is no error: the first start, or one that was removed because something was lost. */
static void
load(struct replica *r)
{
	_cleanup_free_ char *data = NULL;
	struct err e = { "" };
	size_t n = 0;

	if (access(r->path, F_OK) != 0)
		return;
	if (file_read(r->path, FILE_MAX + HEAD_SIZE, &data, &n, &e) == 0 &&
	    read_file(r, (struct span){ (const uint8_t *)data, n })) {
		r->known = true;
		log_info("the cluster as it was known before was read from disk", NULL);
		return;
	}
	log_warn("the file of the cluster is damaged or of another version, and is not used",
	    "file", r->path, "cause", e.text, NULL);
	/* Also what the file has brought before the fault was met. */
	replica_clear(r);
	r->epoch[0] = '\0';
	r->revision = 0;
	r->deficient = false;
	memset(r->blind, 0, sizeof(r->blind));
}

int
replica_file_init(struct replica *r)
{
	if (!r->path)
		return 0;
	if (timer_init(&r->save, r->loop, on_save, r) < 0)
		return -1;
	load(r);
	return 0;
}
