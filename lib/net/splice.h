/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice: passes bytes between two TCP connections, both ways, unread.
 *
 * An idle pair costs two descriptors and the struct; buffers exist only while one side is slower
 * than the other.
 */
#ifndef NET_SPLICE_H
#define NET_SPLICE_H

#include "base/buf.h"
#include "event/loop.h"

struct splice;

/* Once, from the loop; the splice is gone when it returns. */
typedef void splice_ended_fn(struct splice *s, void *arg);

struct splice_config {
	int64_t idle_ms;      /* ended after so long without a byte either way; 0: never */
	int64_t half_idle_ms; /* the same once one side has finished; 0: as idle_ms */
	splice_ended_fn *ended;
	void *arg;
};

/* Owns both non-blocking sockets from now on; first: bytes that came from a already, copied, at
 * most 64 KiB. Negative: no memory, and the sockets are still the caller's. */
int splice_new(struct splice **ret, struct loop *loop, int a, int b, struct span first,
    const struct splice_config *config);
/* Closes both without calling ended. */
void splice_free(struct splice *s);

#endif
