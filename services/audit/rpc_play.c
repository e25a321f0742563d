/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_play: see rpc_play.h. How a recording is read is in recording.c.
 *
 * A session that is watched is looked at again when something of it was committed here, and every second: its node may
 * send to another auditd.
 *
 * Security: who looks is written down before the first byte. Whoever may not any more is cut off at the end of the turn in
 * which auditd hears of it (rpc_ask.c), and with the end of what he came with.
 */
#include "audit/rpc_play.h"

#include <stdlib.h>
#include <string.h>

#include "audit/recording.h"
#include "audit/rpc_ask.h"
#include "audit/rpc_ingest.h"
#include "base/clock.h"
#include "base/str.h"
#include "net/ceiling.h"
#include "proto/audit.server.h"
#include "rpc/bytes.h"

enum {
	PLAY_QUEUE = 4, /* messages not yet taken by the transport */
	LOOK_MS = 1000,
	STANDS_LOOKS =
	    5, /* so often the caller hears how the session stands, and the node that it is watched */
	UNREAD_LOOKS = 60, /* so many without that a part was taken end it */
};

struct play {
	struct ask *ask;
	struct player *player;
	bool admitted; /* in audit.plays */
	/* Of one that is followed: */
	struct list link; /* audit.watches, once it is known which one it is */
	bool counted;
	char session[37], producer[64];
	struct timer timer;
	struct deferred look;
	unsigned looks;
	uint64_t pushed, taken; /* messages; taken: at the look before */
	unsigned unread;        /* looks since one was taken, while some wait */
	bool stands; /* the caller hears at the next look how it stands */
};

/* --- who watches ---------------------------------------------------------------------- */

static void
watch_end(struct play *p)
{
	struct audit *d = rpc_context(p->ask->call);

	if (!p->counted)
		return;
	p->counted = false;
	list_del(&p->link);
	timer_done(&p->timer);
	deferred_cancel(&p->look);
	ceiling_drop(d->watchers, rpc_peer(p->ask->call)->name);
}

static void
on_look(void *arg)
{
	const struct play *p = arg;

	player_look(p->player);
}

/* A certificate, or a web session, is good for what it is used for until its end, and no longer. */
static bool
is_over(const struct play *p)
{
	const struct rpc_peer *peer = rpc_peer(p->ask->call);

	return peer->expires_s && peer->expires_s <= clock_wall_ms() / 1000;
}

/* p is gone then. */
static void
end(struct ask *a, enum rpc_code code, const char *why)
{
	review_remove(&a->review);
	rpc_play_stop(a->play);
	a->play = NULL;
	rpc_finish(a->call, code, "%s", why);
}

/* Whoever does not read what is there keeps the place of somebody who would. */
static bool
is_left(struct play *p)
{
	size_t queued = rpc_queued(p->ask->call);
	uint64_t taken = p->pushed - queued;

	p->unread = queued && taken == p->taken ? p->unread + 1 : 0;
	p->taken = taken;
	return p->unread >= UNREAD_LOOKS;
}

static void
on_tick(void *arg)
{
	struct play *p = arg;

	if (is_over(p)) {
		end(p->ask, RPC_UNAUTHENTICATED, "your login has expired; log in again");
		return;
	}
	if (is_left(p)) {
		end(p->ask, RPC_RESOURCE_EXHAUSTED,
		    "nothing of the session was taken for a minute; watch it again");
		return;
	}
	if (p->looks++ % STANDS_LOOKS == 0) {
		p->stands = true;
		rpc_ingest_remind(rpc_context(p->ask->call), p->producer);
	}
	player_look(p->player);
}

/* False: the call was ended. */
static bool
watch_begin(struct play *p)
{
	struct rpc_call *call = p->ask->call;
	struct audit *d = rpc_context(call);

	if (!ceiling_take(d->watchers, rpc_peer(call)->name)) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "you watch %u sessions already, or all together too many are watched: leave one of them",
		    ceiling_held(d->watchers, rpc_peer(call)->name));
		return false;
	}
	p->counted = true;
	list_init(&p->link);
	deferred_init(&p->look, on_look, p);
	if (timer_init(&p->timer, d->run->loop, on_tick, p) == 0)
		return true;
	rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
	return false;
}

static void
watch_found(struct play *p, const struct store_recording *row)
{
	struct audit *d = rpc_context(p->ask->call);

	if (!p->counted)
		return;
	/* It is played as any other, and takes no place of those that run. */
	if (row->ended_us) {
		watch_end(p);
		return;
	}
	(void)str_copy(p->session, sizeof(p->session), row->session);
	(void)str_copy(p->producer, sizeof(p->producer), row->producer);
	list_add(&d->watches, &p->link);
	timer_repeat(&p->timer, LOOK_MS);
	rpc_ingest_remind(d, p->producer);
}

size_t
rpc_play_watched(const struct audit *d, const char *producer, const char *ret[RPC_PLAY_WATCHES])
{
	size_t n = 0;

	list_each (struct play, p, &d->watches, link)
		if (n < RPC_PLAY_WATCHES && strcmp(p->producer, producer) == 0)
			ret[n++] = p->session;
	return n;
}

void
rpc_play_recorded(const char *session, struct audit *d)
{
	/* Later: what is written down is not finished with that group yet. */
	list_each (struct play, p, &d->watches, link)
		if (strcmp(p->session, session) == 0)
			loop_defer(d->run->loop, &p->look);
}

/* --- Play ---------------------------------------------------------------------- */

void
rpc_show_recording(const struct audit *d, const struct store_recording *row, Audit__Recording *ret)
{
	const struct replica_host *host = row->ended_us ? NULL
							: replica_host(d->replica, row->producer);

	audit__recording__init(ret);
	ret->session = row->session;
	ret->kind = row->kind;
	ret->user = row->user;
	ret->login = row->login;
	ret->node = row->node;
	ret->node_name = row->node_name;
	ret->started_us = row->started_us;
	ret->ended_us = row->ended_us;
	ret->command = row->command;
	ret->bytes = row->bytes;
	ret->exit_status = row->exit_status;
	ret->interactive = row->interactive;
	ret->cols = (uint32_t)row->cols;
	ret->rows = (uint32_t)row->rows;
	ret->producer_kind = row->producer_kind;
	ret->producer = row->producer;
	ret->backed = row->backed;
	ret->remote_addr = row->remote_addr;
	ret->heard_us = row->heard_us;
	ret->producer_online = host && host->online;
}

static void
push_recording(struct play *p, const struct store_recording *row)
{
	Audit__PlayPart part = AUDIT__PLAY_PART__INIT;
	Audit__Recording recording;

	rpc_show_recording(rpc_context(p->ask->call), row, &recording);
	part.recording = &recording;
	p->pushed++;
	audit_play_push(p->ask->call, &part);
}

/* Written down before the first byte is shown: who looks at recordings is in the trail, or does
 * not see them. */
static int
on_recording(const struct store_recording *row, void *arg)
{
	struct play *p = arg;
	struct audit *d = rpc_context(p->ask->call);

	if (events_playing(d->events, rpc_peer(p->ask->call), row->session, row->user,
		p->counted && !row->ended_us) < 0) {
		rpc_finish(p->ask->call, RPC_UNAVAILABLE,
		    "auditd cannot write down who looks at recordings: the disk of its state folder is full or broken");
		return -1;
	}
	push_recording(p, row);
	watch_found(p, row);
	return 0;
}

/* Something comes every few seconds, however quiet the session is: whoever is between must not take it for dead. */
static void
on_stands(const struct store_recording *row, void *arg)
{
	struct play *p = arg;

	if (p->stands || row->ended_us)
		push_recording(p, row);
	p->stands = false;
}

static void
on_part(struct span frames, bool tampered, void *arg)
{
	struct play *p = arg;
	Audit__PlayPart part = AUDIT__PLAY_PART__INIT;

	part.frames = bytes_of(frames);
	part.tampered = tampered;
	p->pushed++;
	audit_play_push(p->ask->call, &part);
}

/* Counted in messages, each a chunk. */
static bool
has_room(void *arg)
{
	const struct play *p = arg;

	return rpc_queued(p->ask->call) < PLAY_QUEUE;
}

static void
on_played(enum rpc_code code, const char *why, void *arg)
{
	struct play *p = arg;

	/* Not stopped here: the player is what calls. */
	review_remove(&p->ask->review);
	watch_end(p);
	rpc_finish(p->ask->call, code, "%s", why);
}

void
rpc_play_writable(struct rpc_call *call)
{
	const struct ask *a = rpc_data(call);

	if (a && a->play && a->play->player)
		player_more(a->play->player);
}

void
rpc_play_stop(struct play *p)
{
	if (!p)
		return;
	watch_end(p);
	if (p->admitted)
		ceiling_drop(((struct audit *)rpc_context(p->ask->call))->plays,
		    rpc_peer(p->ask->call)->name);
	/* A query under way comes back to the player, which waits for it by itself. */
	player_free(p->player);
	free(p);
}

/* False: the call was ended. */
static bool
admit(struct play *p)
{
	struct rpc_call *call = p->ask->call;
	struct audit *d = rpc_context(call);

	p->admitted = ceiling_take(d->plays, rpc_peer(call)->name);
	if (!p->admitted)
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED,
		    "too many recordings are played at the same time; try again in a moment");
	return p->admitted;
}

/* NULL: the call was ended. */
static struct play *
play_new(struct rpc_call *call, enum sight sight, bool follow)
{
	static const struct player_events events = { on_recording, on_part, on_stands, has_room,
		on_played };
	struct ask *a = ask_seeing(call, sight, "read");
	struct play *p = a ? calloc(1, sizeof(*p)) : NULL;

	if (!a)
		return NULL;
	a->play = p;
	if (p) {
		p->ask = a;
		p->player = player_new(&events, p);
	}
	if (!p || !p->player) {
		rpc_finish(call, RPC_RESOURCE_EXHAUSTED, "out of memory");
		return NULL;
	}
	return admit(p) && (!follow || watch_begin(p)) ? p : NULL;
}

void
rpc_play(struct rpc_call *call, const Audit__PlayRequest *q)
{
	struct audit *d = rpc_context(call);
	enum sight sight = ask_may_see(call, "read");
	struct play *p = sight == SIGHT_NOTHING ? NULL : play_new(call, sight, q->follow);

	if (!p)
		return;
	player_start(p->player,
	    &(struct player_config){
		.store = d->store,
		.session = q->session,
		.only_user = ask_only_user(call, sight),
		.from_us = q->from_us,
		.follow = q->follow,
	    });
}
