/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust: the certificate authorities the monitor believes, in a file that only it may write.
 *
 * The first bundle must carry the configured CA pin; every later one must be signed by a host CA of
 * the one before, and not be older.
 */
#ifndef NODE_MONITOR_TRUST_H
#define NODE_MONITOR_TRUST_H

#include "api/bundle.h"

struct trust {
	char *path;
	char *pin;             /* configured; NULL: none */
	struct bundle *bundle; /* NULL: none yet */
};

/* Loads what the file holds; a missing file is fine. trust_done also after a failure. */
int trust_open(struct trust *t, const char *path, const char *pin, struct err *e);
void trust_done(struct trust *t);
/* A bundle (packed CaBundle). 0: believed and kept; negative: why not; the old one stays. */
int trust_take(struct trust *t, struct span packed, struct err *e);

#endif
