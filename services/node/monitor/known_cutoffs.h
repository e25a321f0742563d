/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_cutoffs: which certificates count no more, as the cluster has signed it; in a file that only
 * the monitor may write. Called by monitor.c, asked by auth.c.
 *
 * Security: the worker brings the lists. It cannot make one, nor bring back an older one, and it
 * cannot keep them away for longer than max_age_s: then nobody signs in any more.
 */
#ifndef NODE_MONITOR_KNOWN_CUTOFFS_H
#define NODE_MONITOR_KNOWN_CUTOFFS_H

#include "api/cutoffs.h"

struct known_cutoffs {
	char *path;
	int64_t max_age_s; /* 0: a list never gets too old */
	struct buf packed; /* what `list` points into; empty: none is known yet */
	struct cutoffs list;
};

/* Loads what the file holds; a missing file is fine. known_cutoffs_done also after a failure. */
int known_cutoffs_open(struct known_cutoffs *k, const char *path, int64_t max_age_s, struct err *e);
void known_cutoffs_done(struct known_cutoffs *k);
/* 0: believed and kept; negative: why not; the old one stays. ca may be NULL. */
int known_cutoffs_take(struct known_cutoffs *k, struct span packed, const struct bundle *ca,
    struct err *e);
/* 0 when a certificate of the user that began then counts now. */
int known_cutoffs_check(const struct known_cutoffs *k, const char *user, int64_t issued_ms,
    int64_t now_ms, struct err *e);

#endif
