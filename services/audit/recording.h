/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording: playing a recording out of the database: found by its id or the beginning of one, then its frames part by
 * part, as fast as they are taken; of a session that runs also what is recorded meanwhile. Stands between the wire
 * (rpc_play.c) and the store; knows no message and no SQL.
 */
#ifndef AUDIT_RECORDING_H
#define AUDIT_RECORDING_H

#include "audit/search.h"

enum { RECORDING_PREFIX_MIN = 8 };

struct player;

struct player_events {
	/* The one recording that was asked for. Negative: it is not played; the owner has ended the matter himself and
	 * calls player_free later. */
	int (*found)(const struct store_recording *recording, void *arg);
	/* Whole frames, in order. tampered: they are not what was recorded; frames between them say so. */
	void (*part)(struct span frames, bool tampered, void *arg);
	/* Of one that is followed: how it stands, at every look; what was recorded until then follows. NULL: of no interest. */
	void (*stands)(const struct store_recording *recording, void *arg);
	/* There is room for more parts: else player_more asks again. */
	bool (*has_room)(void *arg);
	/* Everything was played (RPC_OK), or it failed: why is for people. Nothing comes afterwards. */
	void (*end)(enum rpc_code code, const char *why, void *arg);
};

struct player_config {
	struct store *store;
	const char *session;   /* UUID, or at least RECORDING_PREFIX_MIN digits of one */
	const char *only_user; /* recordings of others are not found; NULL: all are */
	int64_t from_us;       /* what ends before this moment of the session is left out */
	bool follow; /* one that runs goes on after what is there, at every player_look, and ends with its session */
};

/* NULL: no memory. Events come later or, when the database is away, from inside player_start. */
struct player *player_new(const struct player_events *events, void *arg);
void player_start(struct player *p, const struct player_config *config);
/* There is room again. */
void player_more(struct player *p);
/* Of one that is followed: there may be more in the database now. */
void player_look(struct player *p);
/* No event comes any more. NULL is fine. */
void player_free(struct player *p);

#endif
