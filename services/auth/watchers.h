/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watchers: who wants to hear of changes, and the ring of the latest ones. A change is a kind and a
 * key; what is sent is how things are when it is sent, so a slow watcher costs memory for names
 * only and sees the newest state. Called by the nouns (watchers_note) and rpc_watch.c; touches
 * memory only.
 */
#ifndef AUTH_WATCHERS_H
#define AUTH_WATCHERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "event/loop.h"
#include "store/store.h"

struct auth;

enum { WATCHERS_RING = 8192, WATCHERS_MAX = 20000 };

enum change_kind {
	CHANGE_CA,
	CHANGE_ROLE,        /* key: name */
	CHANGE_CUTOFF,      /* user */
	CHANGE_NODE_CUTOFF, /* uuid */
	CHANGE_USER,        /* name */
	CHANGE_NODE,        /* uuid */
	CHANGE_LABELS,      /* uuid: the labels given on the server side */
};

struct change_ref {
	enum change_kind kind;
	char *key;
};

struct watchers {
	struct change_ref ring[WATCHERS_RING];
	uint64_t next;   /* number of the next change; the oldest kept is next - WATCHERS_RING */
	struct list all; /* struct watcher of rpc_watch.c */
	size_t n;
	struct deferred wake;
	struct store_watch store_watch;
};

int watchers_init(struct auth *a);
void watchers_done(struct auth *a);
void watchers_note(struct auth *a, enum change_kind kind, const char *key);
/* False when the change is no longer kept. */
bool watchers_get(const struct watchers *w, uint64_t number, const struct change_ref **ret);
/* In rpc_watch.c: sends to every watcher what it has not seen; ends those that take nothing or
 * whose certificate is over. */
void watchers_wake(struct auth *a);
void watchers_sweep(struct auth *a);

#endif
