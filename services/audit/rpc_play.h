/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_play: the wire face of recordings: Play, of what was recorded and of what is being recorded; and who looks at a session
 * while it runs, so that its node sends its frames at once (rpc_ingest.c).
 */
#ifndef AUDIT_RPC_PLAY_H
#define AUDIT_RPC_PLAY_H

#include "audit/store.h"
#include "proto/audit.pb-c.h"
#include "rpc/rpc.h"

struct audit;
struct play; /* what is kept of a call: struct ask */

/* Of sessions that run, at the same time: of all people, of one. Fewer than his calls, so that he can still ask. Of all
 * recordings, these among them: of all people (of one as many as he may have calls). Of one that nobody reads up to seven parts of
 * 1 MiB wait here. */
enum { RPC_PLAY_WATCHES = 64, RPC_PLAY_WATCHES_OF_ONE = 4, RPC_PLAYS = 96 };

void rpc_play(struct rpc_call *call, const Audit__PlayRequest *q);
void rpc_play_writable(struct rpc_call *call);
/* Nothing more of it is shown, and what it took is given back. NULL is fine. */
void rpc_play_stop(struct play *p);

/* The row as a message; texts are lent from it. */
void
rpc_show_recording(const struct audit *d, const struct store_recording *row, Audit__Recording *ret);
/* Those of that node that somebody looks at now; lent, until the next turn. */
size_t
rpc_play_watched(const struct audit *d, const char *producer, const char *ret[RPC_PLAY_WATCHES]);
/* Something of that session is in the database now. */
void rpc_play_recorded(const char *session, struct audit *d);

#endif
