/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup: a backup that is being made: the secrets from the signer, then everything in the store as it was when it began.
 * Called by rpc_backup.c, which sends what comes out; touches the signer and a snapshot of the store.
 *
 * Security: authd encrypts for a key that it does not have; that and the recipient's choice are the signer's business
 * (signer_client.h), so that whoever takes authd over learns no CA key by asking for a backup.
 */
#ifndef AUTH_BACKUP_H
#define AUTH_BACKUP_H

#include "backup/backup.h"
#include "base/list.h"
#include "crypto/sha256.h"

struct auth;
struct backup;
struct rpc_call;

enum {
	BACKUPS_MAX = 2, /* at a time: each holds the store's log from being cut */
	BACKUP_PIECE = 64 * 1024
};

/* ready(NULL, arg): it can be read; else why not. Never from inside; not after backup_free. Negative: AUTH_E_BUSY, or no memory. */
int backup_begin(struct backup **ret, struct auth *a, const struct backup_recipient *recipient,
    struct span proof, void (*ready)(const char *error, void *arg), void *arg, struct err *e);
void backup_free(struct backup *b); /* NULL is fine */
/* What comes next, at most BACKUP_PIECE, valid until the next call. Empty: that was all. Negative: it cannot go on. */
int backup_next(struct backup *b, struct span *ret, struct err *e);
/* Of what came so far. */
uint64_t backup_size(const struct backup *b);
void backup_digest(const struct backup *b, uint8_t ret[SHA256_BYTES]);

/* When one was last fetched whole, kept over restarts: read at the start, noted afterwards. */
void backup_load_last(struct auth *a);
void backup_note_last(struct auth *a);

/* In rpc_backup.c: ends those that take too long. */
void backups_sweep(struct auth *a);

#endif
