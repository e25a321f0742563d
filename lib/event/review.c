/* SPDX-License-Identifier: Apache-2.0 */
/*
 * review: see review.h. Whoever was judged goes to the end of the list, so the front is always who
 * has waited longest: a round that starts over early starves nobody.
 */
#include "event/review.h"

#include <string.h>

static void
on_turn(void *arg)
{
	struct review *r = arg;

	for (int i = 0; i < REVIEW_SLICE && !list_empty(&r->items); i++) {
		struct review_item *item = list_first(struct review_item, &r->items, link);

		/* The front was judged in this round, so all were: those behind it were judged later still. */
		if (item->round == r->round)
			return;
		item->round = r->round;
		/* Moved before it is judged: judging may remove the item, and free it. */
		list_del(&item->link);
		list_add(&r->items, &item->link);
		r->judge(item, r->arg);
	}
	if (!list_empty(&r->items))
		loop_defer(r->loop, &r->turn);
}

void
review_init(struct review *r, struct loop *loop, void (*judge)(struct review_item *item, void *arg),
    void *arg)
{
	*r = (struct review){ .loop = loop, .judge = judge, .arg = arg };
	deferred_init(&r->turn, on_turn, r);
	list_init(&r->items);
}

void
review_done(struct review *r)
{
	if (r->judge)
		deferred_cancel(&r->turn);
	memset(r, 0, sizeof(*r));
}

void
review_add(struct review *r, struct review_item *item)
{
	item->round = r->round;
	list_add(&r->items, &item->link);
}

void
review_remove(struct review_item *item)
{
	if (!item->link.next)
		return;
	list_del(&item->link);
}

void
review_again(struct review *r)
{
	r->round++;
	loop_defer(r->loop, &r->turn);
}
