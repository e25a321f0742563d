/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_feed: authd's stream into the replica, and the authorities that come with it into the
 * joined identity. Called from the loop, by lib/api.
 *
 * A stream that opens with an epoch brings everything; one without goes on after the revision that
 * it was asked for. Only a snapshot that was complete can be gone on from.
 */
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "replica/replica_priv.h"

/* Lack of memory is not gone in a moment, and a snapshot is work for authd. */
enum { AGAIN_MS = 30 * 1000 };

static void
take_bundle(struct replica *r, struct span packed)
{
	Auth__CaBundle *m;

	if (!r->join || !packed.p)
		return;
	m = replica_unpack(&auth__ca_bundle__descriptor, packed);
	if (m)
		join_take_bundle(r->join, m);
	replica_message_free(m);
}

static void
take_value(struct replica *r, const Auth__WatchUpdate *u)
{
	/* Empty bytes are a message with nothing but defaults: still a value. */
	static const uint8_t nothing[1];
	enum replica_kind kind = replica_kind_of(r, u->kind);
	struct span packed = { u->value.data ? u->value.data : nothing, u->value.len };

	if (kind == REPLICA_KINDS)
		return;
	if (u->removed) {
		replica_remove(r, kind, u->key);
		return;
	}
	replica_put(r, kind, u->key, packed);
	if (kind == REPLICA_CA)
		take_bundle(r, packed);
}

static void
on_epoch(struct replica *r, const char *epoch)
{
	r->filling = true;
	r->deficient = false;
	/* In the middle of a snapshot there is nothing to go on from; a stream that breaks now is followed by a
	 * whole one. */
	r->epoch[0] = '\0';
	/* One that does not fit cannot be gone on from: the next stream brings everything again. */
	if (!str_copy(r->next_epoch, sizeof(r->next_epoch), epoch))
		r->next_epoch[0] = '\0';
	replica_begin(r);
}

static void
on_complete(struct replica *r, uint64_t revision)
{
	if (r->filling) {
		r->filling = false;
		str_copy(r->epoch, sizeof(r->epoch), r->next_epoch);
		replica_complete(r);
	}
	r->revision = revision;
	log_info("the cluster is known as authd has it", NULL);
}

static void
on_update(const Auth__WatchUpdate *u, void *arg)
{
	struct replica *r = arg;

	if (u->epoch[0])
		on_epoch(r, u->epoch);
	if (u->kind[0])
		take_value(r, u);
	if (u->complete)
		on_complete(r, u->revision);
	else if (!r->filling && u->revision > 0)
		r->revision = u->revision;
}

static void
on_ask(Auth__WatchRequest *q, void *arg)
{
	struct replica *r = arg;

	q->n_kinds = 0;
	q->kinds = r->names;
	for (int kind = 0; kind < REPLICA_KINDS; kind++)
		if (replica_wants(r, (enum replica_kind)kind))
			r->names[q->n_kinds++] = replica_kinds[kind].name;
	/* Something that was lost can only come back with everything. */
	q->epoch = r->deficient ? "" : r->epoch;
	q->after = r->revision;
}

static void
on_begin(void *arg)
{
	struct replica *r = arg;

	r->said_lost = r->said_refused = false;
	r->connected = true;
	/* What a broken snapshot left is put right by the one that follows. */
	r->filling = false;
	if (r->events.begun)
		r->events.begun(r->arg);
}

static void
on_lost(enum rpc_code code, const char *why, void *arg)
{
	struct replica *r = arg;
	bool refused = code == RPC_UNAUTHENTICATED || code == RPC_PERMISSION_DENIED;

	/* That it is away, and then that it is there and refuses, are two things to know. */
	if (refused ? !r->said_refused : !r->said_lost)
		log_warn(refused ? "authd refuses this host; going on with what is known"
				 : "authd cannot be reached; going on with what is known",
		    "cause", why, NULL);
	r->said_lost = true;
	r->said_refused = r->said_refused || refused;
	r->connected = false;
}

bool
replica_is_connected(const struct replica *r)
{
	return r->connected;
}

static void
on_again(void *arg)
{
	struct replica *r = arg;

	if (r->watch)
		auth_watch_again(r->watch);
}

void
replica_feed_again(struct replica *r)
{
	r->deficient = true;
	if (r->watch)
		timer_start(&r->again, AGAIN_MS);
}

int
replica_start(struct replica *r, struct rpc_client *auth, struct join *join, struct err *e)
{
	static const struct auth_watch_events events = { .ask = on_ask,
		.begin = on_begin,
		.update = on_update,
		.lost = on_lost };

	r->join = join;
	if (timer_init(&r->again, r->loop, on_again, r) < 0 ||
	    auth_watch_new(&r->watch, auth, &events, r) < 0)
		return err_memory(e);
	return 0;
}

void
replica_feed_done(struct replica *r)
{
	auth_watch_free(r->watch);
	r->watch = NULL;
	timer_done(&r->again);
}
