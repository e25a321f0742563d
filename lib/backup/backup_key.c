/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_key: for whom a backup is, as text, as bytes, and as a file. Called by tctl, authd and its signer; touches the
 * file of a private key.
 */
#include <stdlib.h>
#include <string.h>

#include "backup/backup_priv.h"
#include "base/file.h"
#include "base/str.h"
#include "crypto/b64.h"
#include "crypto/hmac.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"

static const char public_prefix[] = "sallyport-backup-1:",
		  secret_prefix[] = "sallyport-backup-secret-1:";

/* What a passphrase costs whoever guesses: libsodium's "moderate". */
enum { PASSES = 3, MEMORY_KIB = 256 * 1024, CHECK_BYTES = 4, TEXT_MAX = 512 };

void
backup_recipient_put(const struct backup_recipient *r, struct buf *b)
{
	wire_put_u8(b, (uint8_t)r->kind);
	buf_put(b, r->key, sizeof(r->key));
	if (r->kind != BACKUP_FOR_PASSPHRASE)
		return;
	buf_put(b, r->cost.salt, sizeof(r->cost.salt));
	wire_put_u32(b, r->cost.passes);
	wire_put_u32(b, r->cost.memory_kib);
}

static void
get_bytes(struct wire *w, uint8_t *dst, size_t n)
{
	struct span s = wire_bytes(w, n);

	if (s.p)
		memcpy(dst, s.p, n);
}

bool
backup_recipient_get(struct backup_recipient *ret, struct span packed)
{
	struct wire w = wire_from(packed);

	memset(ret, 0, sizeof(*ret));
	ret->kind = (enum backup_kind)wire_u8(&w);
	get_bytes(&w, ret->key, sizeof(ret->key));
	if (ret->kind == BACKUP_FOR_PASSPHRASE) {
		get_bytes(&w, ret->cost.salt, sizeof(ret->cost.salt));
		ret->cost.passes = wire_u32(&w);
		ret->cost.memory_kib = wire_u32(&w);
	} else if (ret->kind != BACKUP_FOR_KEY) {
		return false;
	}
	return wire_end(&w);
}

/* --- text ---------------------------------------------------------------------------------------- */

/* The first bytes of a hash behind it: enough against typing and cutting, and nothing against people. */
static void
put_check(struct buf *b)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(buf_span(b), digest);
	buf_put(b, digest, CHECK_BYTES);
}

static bool
check_is_right(struct span s)
{
	uint8_t digest[SHA256_BYTES];

	if (s.n <= CHECK_BYTES)
		return false;
	sha256_of((struct span){ s.p, s.n - CHECK_BYTES }, digest);
	return memcmp(digest, s.p + s.n - CHECK_BYTES, CHECK_BYTES) == 0;
}

void
backup_recipient_text(const struct backup_recipient *r, char dst[BACKUP_RECIPIENT_SIZE])
{
	char b64[BACKUP_RECIPIENT_SIZE] = "";
	struct buf b;

	buf_init(&b, BACKUP_RECIPIENT_MAX + CHECK_BYTES);
	backup_recipient_put(r, &b);
	put_check(&b);
	(void)b64_encode(b64, sizeof(b64), buf_span(&b), B64_URL);
	(void)str_format(dst, BACKUP_RECIPIENT_SIZE, "%s%s", public_prefix, b64);
	buf_done(&b);
}

/* Behind the prefix, into b, with the check taken off. */
static bool
read_text(const char *text, const char *prefix, struct buf *b)
{
	if (!str_starts(text, prefix) ||
	    !b64_decode(span_str(text + strlen(prefix)), B64_URL, false, b) ||
	    !check_is_right(buf_span(b)))
		return false;
	b->len -= CHECK_BYTES;
	return true;
}

int
backup_recipient_parse(struct backup_recipient *ret, const char *text, struct err *e)
{
	struct buf b;
	bool ok;

	buf_init(&b, TEXT_MAX);
	ok = read_text(text, public_prefix, &b) && backup_recipient_get(ret, buf_span(&b));
	buf_done(&b);
	return ok
	    ? 0
	    : err_set(e,
		  "'%s' is not whom a backup can be for; copy the whole line that tctl backup --make-key "
		  "printed (sallyport-backup-1:...)",
		  text);
}

/* --- passphrases ------------------------------------------------------------------------------------ */

static int
derive(struct secret **ret, const struct password_cost *cost, const char *passphrase, struct err *e)
{
	*ret = secret_new(PASSWORD_KEY_BYTES);
	if (!*ret)
		return err_memory(e);
	if (password_key(passphrase, cost, (*ret)->p) == 0)
		return 0;
	secret_free(*ret);
	*ret = NULL;
	return err_set(e,
	    "a key cannot be made of the passphrase: no memory (%u MiB are needed), or the file asks for what is not allowed",
	    cost->memory_kib / 1024);
}

int
backup_recipient_of_passphrase(struct backup_recipient *ret, const char *passphrase, struct err *e)
{
	struct secret *key;
	size_t n = strlen(passphrase);
	int rc;

	if (n < BACKUP_PASSPHRASE_MIN || n > BACKUP_PASSPHRASE_MAX)
		return err_set(e,
		    "choose a passphrase of %d to %d bytes: whoever has the file can try as many as he likes",
		    BACKUP_PASSPHRASE_MIN, BACKUP_PASSPHRASE_MAX);
	*ret = (struct backup_recipient){ .kind = BACKUP_FOR_PASSPHRASE,
		.cost = { .passes = PASSES, .memory_kib = MEMORY_KIB } };
	rand_bytes(ret->cost.salt, sizeof(ret->cost.salt));
	if (derive(&key, &ret->cost, passphrase, e) < 0)
		return -1;
	rc = sealed_box_public(key, ret->key);
	secret_free(key);
	return rc == 0 ? 0 : err_set(e, "no key can be made of this passphrase");
}

int
backup_secret_of_passphrase(struct secret **ret, const struct backup_recipient *r,
    const char *passphrase, struct err *e)
{
	uint8_t public[SEALED_BOX_KEY_BYTES];

	if (derive(ret, &r->cost, passphrase, e) < 0)
		return -1;
	if (sealed_box_public(*ret, public) == 0 && memcmp(public, r->key, sizeof(public)) == 0)
		return 0;
	secret_free(*ret);
	*ret = NULL;
	return err_set(e, "the passphrase is wrong");
}

/* --- files of private keys ---------------------------------------------------------------------------- */

static int
write_key(const char *path, const struct secret *key, struct err *e)
{
	char b64[128] = "";
	struct buf b, text;
	int rc;

	buf_init(&b, SEALED_BOX_KEY_BYTES + CHECK_BYTES);
	buf_init(&text, TEXT_MAX);
	buf_put(&b, key->p, key->n);
	put_check(&b);
	(void)b64_encode(b64, sizeof(b64), buf_span(&b), B64_URL);
	buf_printf(&text, "%s%s\n", secret_prefix, b64);
	rc = file_write_new(path, 0600, buf_head(&text), text.len, e);
	secret_zero(b64, sizeof(b64));
	buf_wipe(&b);
	buf_wipe(&text);
	return rc;
}

int
backup_key_make(const char *path, struct backup_recipient *ret, struct err *e)
{
	struct secret *key = secret_new(SEALED_BOX_KEY_BYTES);
	int rc;

	if (!key)
		return err_memory(e);
	rand_bytes(key->p, key->n);
	*ret = (struct backup_recipient){ .kind = BACKUP_FOR_KEY };
	rc = sealed_box_public(key, ret->key) < 0 ? err_set(e, "no key could be made")
						  : write_key(path, key, e);
	secret_free(key);
	return rc;
}

int
backup_key_read(struct secret **ret, const char *path, struct err *e)
{
	struct buf b;
	char *text;
	bool ok;

	*ret = NULL;
	if (file_read_secret(path, TEXT_MAX, &text, e) < 0)
		return -1;
	buf_init(&b, TEXT_MAX);
	ok = read_text(text, secret_prefix, &b) && b.len == SEALED_BOX_KEY_BYTES;
	secret_zero(text, strlen(text));
	free(text);
	if (ok && (*ret = secret_new(SEALED_BOX_KEY_BYTES)))
		memcpy((*ret)->p, buf_head(&b), SEALED_BOX_KEY_BYTES);
	buf_wipe(&b);
	if (!ok)
		return err_set(e,
		    "%s does not hold the private key of backups (tctl backup --make-key makes one)",
		    path);
	return *ret ? 0 : err_memory(e);
}

/* --- who may choose -------------------------------------------------------------------------------------- */

void
backup_proof(const struct secret *ca_key, const struct backup_recipient *r,
    uint8_t ret[BACKUP_PROOF_BYTES])
{
	const struct span use = span_str("sallyport backup recipient 1");
	uint8_t key[BACKUP_PROOF_BYTES];
	struct hmac h;
	struct buf b;
	struct span s;

	/* One key for one use. */
	hmac_init(&h, HMAC_SHA256, secret_span(ca_key));
	hmac_tag(&h, &use, 1, key);
	buf_init(&b, BACKUP_RECIPIENT_MAX);
	backup_recipient_put(r, &b);
	s = buf_span(&b);
	hmac_init(&h, HMAC_SHA256, (struct span){ key, BACKUP_PROOF_BYTES });
	hmac_tag(&h, &s, 1, ret);
	buf_done(&b);
	secret_zero(key, sizeof(key));
	secret_zero(&h, sizeof(h));
}
