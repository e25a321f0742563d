/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchers: who wants to hear of changes, and the ring of the latest ones. A change is a kind and a
 * key; what is sent is how things are when it is sent, so a slow watcher costs memory for names
 * only and sees the newest state. Fed by the store's watch, so that no noun has to tell; asked by
 * rpc_watch.c. Touches memory only.
 *
 * The number of a change is its revision on the wire. Numbers begin anew with every start of authd;
 * the epoch, chosen at random then, says which numbers they are.
 */
#ifndef AUTH_WATCHERS_H
#define AUTH_WATCHERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "event/loop.h"
#include "store/store.h"

struct auth;

enum { WATCHERS_RING = 8192, WATCHERS_MAX = 20000, WATCH_EPOCH_SIZE = 33 };

/* A row of the table in rpc_watch_kinds.c. */
enum { WATCH_GONE = 1, WATCH_PREFIXES = 2 };
struct watch_kind {
	const char *name; /* on the wire */
	unsigned who;     /* enum rpc_who: which callers may watch it */
	/* Changes below these are changes of the kind; the keys below the first are all there are. All
	 * NULL: there is one, with the key "". */
	const char *prefix[WATCH_PREFIXES];
	bool own; /* a watcher sees only the one whose key is its own UUID */
	/* Appends the present value: 0, WATCH_GONE, or negative without memory. */
	int (*pack)(struct auth *a, const char *key, struct buf *b);
};
extern const struct watch_kind watch_kinds[]; /* the last has no name */
/* Of a set of kinds. */
static inline uint32_t
watch_kind_bit(const struct watch_kind *kind)
{
	return (uint32_t)1 << (kind - watch_kinds);
}

struct change_ref {
	const struct watch_kind *kind;
	char *key;
};

struct watchers {
	char epoch[WATCH_EPOCH_SIZE];
	struct change_ref ring[WATCHERS_RING];
	uint64_t next;   /* number of the next change; the oldest kept is next - WATCHERS_RING */
	uint64_t woken;  /* changes below were looked at by watchers_wake */
	struct list all; /* struct watcher of rpc_watch.c */
	size_t n;
	struct deferred wake;
	struct store_watch store_watch;
};

int watchers_init(struct auth *a);
void watchers_done(struct auth *a);
/* False when the change is no longer kept. */
bool watchers_get(const struct watchers *w, uint64_t number, const struct change_ref **ret);
/* Whoever knows everything up to `after` can go on from there. */
bool watchers_can_resume(const struct watchers *w, const char *epoch, uint64_t after);
/* In rpc_watch.c: sends to every watcher what it has not seen; ends those that take nothing or
 * whose certificate is over. */
void watchers_wake(struct auth *a);
void watchers_sweep(struct auth *a);

#endif
