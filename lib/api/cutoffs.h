/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutoffs: the list of users whose certificates count no more, signed by the cluster, for those who
 * believe no messenger: noded's monitor, to whom its worker brings it. Made by authd's signer.
 * Pure.
 *
 *	string "cutoffs@sallyport" | string cluster | u64 issued_ms | u64 everybody_ms | u32 n |
 *	n times: string user, u64 before_ms | string signature
 *
 * in the types of base/wire.h. The signature (an SSH signature blob) is by the SSH host CA over
 * everything before it. The other things that CA signs, certificates, begin with another name.
 */
#ifndef API_CUTOFFS_H
#define API_CUTOFFS_H

#include <stdint.h>

#include "api/bundle.h"
#include "crypto/sshkey.h"

enum { CUTOFFS_ENTRIES_MAX = 48 * 1024, CUTOFFS_MAX = CUTOFFS_ENTRIES_MAX + 1024 };

/* Views into the bytes that were read. */
/* The name of a cut-off of all users, in authd's store and in the watch; no user's, which have no such character. In the
 * signed list it is everybody_ms. */
#define CUTOFF_EVERYBODY "*"

struct cutoffs {
	struct span cluster;
	int64_t issued_ms;    /* when it was signed */
	int64_t everybody_ms; /* for users who are not in it; 0: nothing */
	uint32_t n;
	struct span entries;
	struct span signed_part, signature;
};

/* One entry more. */
void cutoffs_put(struct buf *entries, const char *user, int64_t before_ms);
/* The whole list with its signature; c: cluster, times, n, entries. Negative: no memory, or the
 * entries are none. */
int cutoffs_sign(const struct cutoffs *c, const struct sshkey *ca, struct buf *ret);
/* Negative: malformed. Says nothing about whose it is. */
int cutoffs_read(struct cutoffs *ret, struct span packed);
/* 0 when a host CA of the bundle signed it, for the same cluster. */
int cutoffs_verify(const struct cutoffs *c, const struct bundle *ca, struct err *e);
/* Certificates of the user whose valid_after, in milliseconds, is below are worth nothing. 0: all
 * count. */
int64_t cutoffs_of(const struct cutoffs *c, const char *user);

#endif
