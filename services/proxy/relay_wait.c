/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay_wait: a node that authd lists and this proxy does not know yet, or has no tunnel of yet. A list is authd's, and what
 * it says here comes a moment later: whoever asked it for nodes and names one by its UUID, as clients of ours do, is not told
 * in that moment that there is none. What people type is not waited for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "event/loop.h"
#include "net/ceiling.h"
#include "proxy/relay_priv.h"

/* It comes at once, or hardly any more: looking twice as late each time costs little, however many somebody waits for. */
enum {
	LOOK_MS = 30,
	LOOKS = 7,
	EXTRA_MAX = SSH_FIRST_MAX + 4
}; /* 30 ms, 60 ms, ...: two seconds */

struct relay_wait {
	struct list link; /* in relay_owner.waits */
	struct relays *all;
	struct relay_owner *owner;
	struct ssh_chan *chan;
	struct ssh_open open; /* what of it is looked at: host, port, extra */
	char host[RAND_UUID_SIZE];
	uint8_t extra[EXTRA_MAX];
	struct timer next;
	unsigned looks;
};

static void
leave(struct relay_wait *w)
{
	list_del(&w->link);
	timer_done(&w->next);
	ceiling_drop(w->all->of_user, w->owner->who->name);
}

static void
wait_free(struct relay_wait *w)
{
	leave(w);
	free(w);
}

static bool
is_missing(struct relays *cs, const struct relay_owner *owner, const char *host, uint32_t port)
{
	const struct resolve_query q = relay_query(cs, owner);
	const struct replica_host *node;
	int r = resolve(&node, &q, host, port, &(struct err){ "" });

	return r == RESOLVE_E_UNKNOWN || r == RESOLVE_E_OFFLINE;
}

static void
on_next(void *arg)
{
	struct relay_wait *w = arg;

	if (++w->looks < LOOKS - 1 && is_missing(w->all, w->owner, w->host, w->open.port)) {
		timer_start(&w->next, LOOK_MS << w->looks);
		return;
	}
	/* Its place is given back before the relay takes one. */
	leave(w);
	if (w->owner->may_open(w->chan, w->owner->arg))
		relay_now(w->all, w->owner, w->chan, &w->open);
	free(w);
}

static void
keep(struct relay_wait *w, const struct ssh_open *open)
{
	memcpy(w->host, open->host.p, open->host.n);
	w->open.host = span_str(w->host);
	w->open.port = open->port;
	if (open->extra.n > 0)
		memcpy(w->extra, open->extra.p, open->extra.n);
	w->open.extra = (struct span){ w->extra, open->extra.n };
}

/* NULL: no memory, or he has too many. */
static struct relay_wait *
wait_new(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan)
{
	struct relay_wait *w;

	if (!ceiling_take(cs->of_user, owner->who->name))
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w) {
		ceiling_drop(cs->of_user, owner->who->name);
		return NULL;
	}
	w->all = cs;
	w->owner = owner;
	w->chan = chan;
	list_add(&owner->waits, &w->link);
	if (timer_init(&w->next, cs->loop, on_next, w) == 0)
		return w;
	wait_free(w);
	return NULL;
}

bool
relay_waits(struct relays *cs, struct relay_owner *owner, struct ssh_chan *chan,
    const struct ssh_open *open)
{
	char host[RAND_UUID_SIZE];
	struct relay_wait *w;

	if (open->host.n != RAND_UUID_SIZE - 1 || open->extra.n > EXTRA_MAX)
		return false;
	memcpy(host, open->host.p, open->host.n);
	host[open->host.n] = '\0';
	if (!str_is_uuid(host) || !is_missing(cs, owner, host, open->port))
		return false;
	w = wait_new(cs, owner, chan);
	if (!w)
		return false;
	keep(w, open);
	timer_start(&w->next, LOOK_MS);
	return true;
}

void
relay_waits_end(struct relay_owner *owner)
{
	list_each (struct relay_wait, w, &owner->waits, link)
		wait_free(w);
}
