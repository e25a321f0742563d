/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_box: the secrets of a backup, sealed for its recipient. Made by authd's signer, opened by authd --restore. Pure
 * but for the randomness of the seal.
 *
 * Security: the keys of the cluster and the key of the stream are in one box: whoever has a backup and not its
 * key cannot put these authorities into another one of his making, with users of his choice.
 */
#include <string.h>

#include "backup/backup_priv.h"

static const char format[] = "sallyport backup 1";

int
backup_box_make(const struct backup_recipient *r, const struct backup_secrets *s, struct buf *ret,
    struct err *e)
{
	struct buf plain;
	int rc = 0;

	if (s->state.n > BACKUP_STATE_MAX)
		return err_set(e, "the sealed authorities are too large for a backup");
	buf_init(&plain, BACKUP_BOX_MAX);
	wire_put_text(&plain, format);
	wire_put_string(&plain, s->stream_key);
	wire_put_string(&plain, s->ca_key);
	wire_put_string(&plain, s->state);
	if (!buf_ok(&plain))
		rc = err_memory(e);
	else if (sealed_box_close(r->key, buf_span(&plain), ret) < 0)
		rc = err_set(e, "nothing can be sealed for this recipient");
	buf_wipe(&plain);
	return rc;
}

int
backup_box_open(struct backup_secrets *ret, const struct secret *key, struct span box,
    struct err *e)
{
	struct wire w;
	struct span name;

	*ret = (struct backup_secrets){ 0 };
	if (sealed_box_open(key, box, &ret->copy) < 0)
		return err_set(e,
		    "this key does not open the backup: it was made for another one, or it is damaged");
	w = wire_from(secret_span(ret->copy));
	name = wire_string(&w);
	ret->stream_key = wire_string(&w);
	ret->ca_key = wire_string(&w);
	ret->state = wire_string(&w);
	if (wire_end(&w) && span_is(name, format) && ret->stream_key.n == SECRET_STREAM_KEY_BYTES &&
	    ret->ca_key.n == BACKUP_CA_KEY_BYTES && ret->state.n > 0 &&
	    ret->state.n <= BACKUP_STATE_MAX)
		return 0;
	backup_secrets_done(ret);
	return err_set(e, "the backup is of another version, or damaged");
}

void
backup_secrets_done(struct backup_secrets *s)
{
	secret_free(s->copy);
	*s = (struct backup_secrets){ 0 };
}
