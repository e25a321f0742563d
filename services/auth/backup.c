/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: see backup.h.
 */
#include "auth/backup.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/values.h"
#include "base/log.h"
#include "base/str.h"
#include "base/version.h"
#include "base/wire.h"

/* One item of the store: u64 ms. A restored store has it as well, rightly: it is of the backup before. */
static const char last_key[] = "backup/last";

struct backup {
	struct auth *auth;
	struct backup_recipient recipient;
	void (*ready)(const char *error, void *arg);
	void *arg;
	struct backup_writer *writer; /* NULL: the signer has not answered */
	struct store_snapshot *snapshot;
	struct buf out;
	size_t taken; /* of out, by the last backup_next */
	bool ended;   /* everything is in out, or was */
	uint64_t size;
	struct sha256 hash;
};

/* --- the beginning --------------------------------------------------------------------------------- */

static int
begin_file(struct backup *b, struct span stream_key, struct span box, struct err *e)
{
	struct auth *a = b->auth;
	struct backup_head head = { .recipient = b->recipient, .made_ms = a->now_ms() };

	str_copy(head.cluster, sizeof(head.cluster), a->cluster);
	str_copy(head.version, sizeof(head.version), SALLYPORT_VERSION);
	if (store_snapshot_open(a->store, &b->snapshot, e) < 0)
		return -1;
	return backup_writer_new(&b->writer, &head, box, stream_key, &b->out) < 0 ? err_memory(e)
										  : 0;
}

static void
on_made(void *arg, struct span result, const char *error)
{
	struct wire w = wire_from(result);
	struct span stream_key = wire_string(&w), box = wire_string(&w);
	struct backup *b = arg;
	struct err e = { "" };

	if (!error && !wire_end(&w))
		error = "the signer's answer is malformed";
	if (!error && begin_file(b, stream_key, box, &e) < 0)
		error = e.text;
	b->ready(error, b->arg);
}

int
backup_begin(struct backup **ret, struct auth *a, const struct backup_recipient *recipient,
    struct span proof, void (*ready)(const char *error, void *arg), void *arg, struct err *e)
{
	const struct signer_backup q = { .recipient = recipient, .proof = proof };
	struct backup *b = calloc(1, sizeof(*b));

	*ret = NULL;
	if (!b)
		return err_memory(e);
	b->auth = a;
	b->recipient = *recipient;
	b->ready = ready;
	b->arg = arg;
	buf_init(&b->out, BACKUP_OUT_MAX);
	sha256_init(&b->hash);
	if (signer_make_backup(a->signer, &q, on_made, b, e) < 0) {
		backup_free(b);
		return AUTH_E_BUSY;
	}
	*ret = b;
	return 0;
}

void
backup_free(struct backup *b)
{
	if (!b)
		return;
	signer_forget(b->auth->signer, b);
	store_snapshot_close(b->snapshot);
	backup_writer_free(b->writer);
	buf_done(&b->out);
	free(b);
}

/* --- what comes out ------------------------------------------------------------------------------------ */

static int
add_item(struct backup *b, struct err *e)
{
	struct store_item item;
	struct backup_item out;
	int rc = store_snapshot_next(b->snapshot, &item, e);

	if (rc < 0)
		return -1;
	if (rc == STORE_E_NOT_FOUND) {
		b->ended = true;
		return backup_end(b->writer, store_snapshot_revision(b->snapshot), &b->out) < 0
		    ? err_memory(e)
		    : 0;
	}
	out = (struct backup_item){ item.key, item.value, item.revision, item.expires_ms };
	return backup_put(b->writer, &out, &b->out) < 0 ? err_memory(e) : 0;
}

int
backup_next(struct backup *b, struct span *ret, struct err *e)
{
	buf_drain(&b->out, b->taken);
	b->taken = 0;
	while (!b->ended && b->out.len < BACKUP_PIECE)
		if (add_item(b, e) < 0)
			return -1;
	b->taken = b->out.len < BACKUP_PIECE ? b->out.len : BACKUP_PIECE;
	*ret = (struct span){ buf_span(&b->out).p, b->taken };
	sha256_add(&b->hash, ret->p, ret->n);
	b->size += ret->n;
	return 0;
}

uint64_t
backup_size(const struct backup *b)
{
	return b->size;
}

void
backup_digest(const struct backup *b, uint8_t ret[SHA256_BYTES])
{
	struct sha256 h = b->hash; /* what comes afterwards is still to be counted */

	sha256_end(&h, ret);
}

/* --- the last one ----------------------------------------------------------------------------------------- */

void
backup_load_last(struct auth *a)
{
	struct buf b;

	buf_init(&b, 64);
	if (store_get(a->store, last_key, &b, NULL, NULL) == 0) {
		struct wire w = wire_from(buf_span(&b));
		uint64_t ms = wire_u64(&w);

		a->last_backup_ms = w.bad || ms > INT64_MAX ? 0 : (int64_t)ms;
	}
	buf_done(&b);
}

void
backup_note_last(struct auth *a)
{
	struct buf b;

	a->last_backup_ms = a->now_ms();
	buf_init(&b, 64);
	wire_put_u64(&b, (uint64_t)a->last_backup_ms);
	if (!buf_ok(&b) || store_put(a->store, last_key, buf_span(&b), 0, STORE_ANY, NULL) < 0)
		log_error("when the last backup was fetched cannot be noted", "cause",
		    store_error(a->store), NULL);
	buf_done(&b);
}
