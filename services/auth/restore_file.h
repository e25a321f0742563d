/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore_file: the backup that authd --restore was given, checked as a whole before anything is done with it. Called by
 * restore.c; touches the file, the terminal when it asks for a passphrase, and nothing else.
 */
#ifndef AUTH_RESTORE_FILE_H
#define AUTH_RESTORE_FILE_H

#include "backup/backup.h"
#include "crypto/capin.h"

/* What the command line said. */
struct restore_options_set {
	const char *file, *key_file, *passphrase_file;
	bool replace, dry_run;
};

/* Certificates that may be out live no longer than that (policy.h). */
#define RESTORE_CUTOFF_MS INT64_C(31 * 3600 * 1000)

struct restore_file {
	const char *path;
	int fd;
	struct secret *key; /* opens it */
	struct backup_reader *reader;
	int64_t made_ms;
	char version[64], cluster[256], pin[CAPIN_SIZE];
	size_t users, roles, hosts, left_out, others;
};

/* Reads all of it. Negative: it cannot be opened, is not whole, or not of this cluster. Always with restore_file_done. */
int restore_file_open(struct restore_file *f, const struct restore_options_set *o,
    const char *cluster, struct err *e);
void restore_file_done(struct restore_file *f);
/* What is in it, to standard output. */
void restore_file_show(const struct restore_file *f);
struct span restore_file_state(const struct restore_file *f);
struct span restore_file_ca_key(const struct restore_file *f);
/* Every item, from the file as it is now: negative also when it has changed since it was opened, or is another one. */
int restore_file_each(struct restore_file *f,
    int (*fn)(const struct backup_item *item, void *arg, struct err *e), void *arg,
    uint64_t *ret_revision, struct err *e);
/* Items that must not come back: what they allow once may have been used. */
bool restore_leaves_out(const char *key);
/* Until when it stands in the store, ms. Hosts renew their certificates without the backup hearing of it: a host of which
 * there was one when the backup was made may have one until HOST_TTL_S from now, and is known, or cut off, as long. */
int64_t
restore_expiry(const struct restore_file *f, const struct backup_item *item, int64_t now_ms);

#endif
