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

#include "auth/resource.h"
#include "base/buf.h"
#include "base/list.h"
#include "event/loop.h"
#include "store/store.h"

struct auth;

enum { WATCHERS_RING = 8192, WATCHERS_MAX = 20000, WATCH_EPOCH_SIZE = 33 };

/* What can be watched has a number: below RESOURCE_KINDS the kinds of resource.def (whose row says
 * by whom), then a few more. NULL after the last. In rpc_watch_kinds.c. */
const struct resource *watch_kind(unsigned number);
/* A watcher sees only the one whose key is its own UUID. */
bool watch_kind_is_own(unsigned number);
/* Appends the present value: 0, WATCH_GONE, or negative without memory. */
int watch_pack(struct auth *a, unsigned number, const char *key, struct buf *b);

struct change_ref {
	unsigned kind;
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
/* The kind of which there is one, with the key "", and which is not in the store, has changed. */
void watchers_note(struct auth *a, const char *kind);
/* False when the change is no longer kept. */
bool watchers_get(const struct watchers *w, uint64_t number, const struct change_ref **ret);
/* Whoever knows everything up to `after` can go on from there. */
bool watchers_can_resume(const struct watchers *w, const char *epoch, uint64_t after);
/* In rpc_watch.c: sends to every watcher what it has not seen; ends those that take nothing or
 * whose certificate is over. */
void watchers_wake(struct auth *a);
void watchers_sweep(struct auth *a);

#endif
