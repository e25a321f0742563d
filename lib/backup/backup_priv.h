/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_priv: what writer and reader of the file share.
 */
#ifndef BACKUP_BACKUP_PRIV_H
#define BACKUP_BACKUP_PRIV_H

#include "backup/backup.h"
#include "base/wire.h"

#define BACKUP_MAGIC "SPBACKUP"
enum {
	BACKUP_MAGIC_BYTES = 8,
	BACKUP_VERSION = 1,
	BACKUP_HEAD_MAX = 1024,
	BACKUP_RECORD_MAX = BACKUP_VALUE_MAX + BACKUP_KEY_MAX + 64,
};
/* The end of the year 9999: what is later cannot be shown. */
#define BACKUP_TIME_MAX_MS INT64_C(253402300799999)
enum backup_record { BACKUP_ITEM = 1, BACKUP_END = 2 };

void backup_recipient_put(const struct backup_recipient *r, struct buf *b);
/* False: none that this version knows. */
bool backup_recipient_get(struct backup_recipient *ret, struct span packed);

#endif
