/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: the file that a cluster can be made of again, written by authd and read by authd --restore; and for whom it is.
 * docs/BACKUP.md has the format, and why it is safe to keep.
 *
 *	file     "SPBACKUP" | u32 version 1 | string head | string box | 24 bytes of stream head | chunks
 *	head     text cluster | text version of authd | u64 made, ms since 1970 | string recipient
 *	box      sealed for the recipient: text "sallyport backup 1" | string stream key | string key of the key file |
 *		 string sealed CA keys, as in ca.sealed
 *	chunk    u32 length | that many bytes, by the stream key (crypto/secret_stream.h); bound to the first: SHA-256 of
 *		 everything before the chunks
 *	inside   records: u32 length | u8 type | fields. 1: text key, string value, u64 revision, u64 expires_ms.
 *		 2, the last: u64 how many of the others, u64 the store's revision
 *	recipient  u8 kind | 32 bytes public key | kind 2: 16 bytes salt, u32 passes, u32 KiB (Argon2id)
 *
 * Types as in RFC 4251 section 5. A passphrase is a way to make a key pair, so that who writes a backup never has what
 * opens it.
 */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include <sys/types.h>

#include "base/err.h"
#include "crypto/password.h"
#include "crypto/sealed_box.h"
#include "crypto/secret_stream.h"

/* --- for whom (backup_key.c) ------------------------------------------------------------------- */

enum backup_kind { BACKUP_FOR_KEY = 1, BACKUP_FOR_PASSPHRASE = 2 };

enum {
	BACKUP_RECIPIENT_MAX = 64,   /* bytes, packed */
	BACKUP_RECIPIENT_SIZE = 160, /* of its text */
	BACKUP_PROOF_BYTES = 32,
	BACKUP_PASSPHRASE_MIN = 12,
	BACKUP_PASSPHRASE_MAX = 1024,
};

struct backup_recipient {
	enum backup_kind kind;
	uint8_t key[SEALED_BOX_KEY_BYTES];
	struct password_cost cost; /* BACKUP_FOR_PASSPHRASE */
};

/* "sallyport-backup-1:..." with a checksum: a backup for a mistyped key could be opened by nobody. */
int backup_recipient_parse(struct backup_recipient *ret, const char *text, struct err *e);
void backup_recipient_text(const struct backup_recipient *r, char dst[BACKUP_RECIPIENT_SIZE]);
/* With a new salt. Takes a second and 256 MiB. */
int
backup_recipient_of_passphrase(struct backup_recipient *ret, const char *passphrase, struct err *e);
/* The private half; negative when the passphrase is another one. */
int backup_secret_of_passphrase(struct secret **ret, const struct backup_recipient *r,
    const char *passphrase, struct err *e);
/* A new key pair: the private half into a new file of its owner's alone. */
int backup_key_make(const char *path, struct backup_recipient *ret, struct err *e);
int backup_key_read(struct secret **ret, const char *path, struct err *e);
/* Shows the signer that who chose the recipient can read the key file: what authd alone could not. */
void backup_proof(const struct secret *ca_key, const struct backup_recipient *r,
    uint8_t ret[BACKUP_PROOF_BYTES]);

/* --- what opens it all (backup_box.c) ------------------------------------------------------------ */

enum {
	BACKUP_CA_KEY_BYTES = 32,
	BACKUP_STATE_MAX = 32 * 1024,
	BACKUP_BOX_MAX = BACKUP_STATE_MAX + 1024
};

/* Views; backup_box_open's point into its guarded copy. */
struct backup_secrets {
	struct span stream_key, ca_key, state;
	struct secret *copy;
};
/* Appends the box. */
int backup_box_make(const struct backup_recipient *r, const struct backup_secrets *s,
    struct buf *ret, struct err *e);
int backup_box_open(struct backup_secrets *ret, const struct secret *key, struct span box,
    struct err *e);
void backup_secrets_done(struct backup_secrets *s);

/* --- writing (backup_write.c) ---------------------------------------------------------------------- */

struct backup_head {
	char cluster[256], version[64];
	int64_t made_ms;
	struct backup_recipient recipient;
};

struct backup_item {
	const char *key;
	struct span value;
	uint64_t revision;
	int64_t expires_ms;
};

enum {
	BACKUP_CHUNK = 64 * 1024, /* plain bytes of one */
	BACKUP_KEY_MAX = 400,
	BACKUP_VALUE_MAX = 1024 * 1024,
	/* What one call of a writer adds to out at most. */
	BACKUP_OUT_MAX = 2 * (BACKUP_VALUE_MAX + BACKUP_CHUNK),
};

struct backup_writer;

/* Each adds to out what the file has next; negative without memory, and the backup is to be given up. */
int backup_writer_new(struct backup_writer **ret, const struct backup_head *head, struct span box,
    struct span stream_key, struct buf *out);
int backup_put(struct backup_writer *w, const struct backup_item *item, struct buf *out);
/* Nothing may follow. revision: of the store. */
int backup_end(struct backup_writer *w, uint64_t revision, struct buf *out);
void backup_writer_free(struct backup_writer *w); /* NULL is fine */

/* --- reading (backup_read.c) -------------------------------------------------------------------------
 * In this order. Whatever is not exactly a whole backup ends with a negative answer that says what is wrong. */

struct backup_reader;
/* As read(2). */
typedef ssize_t backup_source_fn(void *arg, void *p, size_t n);

int
backup_reader_new(struct backup_reader **ret, backup_source_fn *source, void *arg, struct err *e);
void backup_reader_free(struct backup_reader *r); /* NULL is fine */
/* Nobody vouches for it before backup_reader_each has returned 0. */
const struct backup_head *backup_reader_head(const struct backup_reader *r);
/* key: of the recipient in the head. */
int backup_reader_unlock(struct backup_reader *r, const struct secret *key, struct err *e);
const struct backup_secrets *backup_reader_secrets(const struct backup_reader *r);
/* Every item, in their order, and then whether that was all. fn's answer other than 0 ends it. */
int backup_reader_each(struct backup_reader *r,
    int (*fn)(const struct backup_item *item, void *arg, struct err *e), void *arg,
    uint64_t *ret_revision, struct err *e);
/* Once more, from a source that stands behind the front, that many bytes from the beginning: head and secrets stay what
 * they are, so that chunks of another backup are refused whoever made it. */
size_t backup_reader_front(const struct backup_reader *r);
int backup_reader_again(struct backup_reader *r, struct err *e);

#endif
