/* SPDX-License-Identifier: Apache-2.0 */
/*
 * share: see share.h. Touches memory only.
 */
#include "node/share.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "node/authorize.h"

enum {
	/* What everybody may hold as long as there is anything: minutes of a shell. */
	SHARE_FLOOR = 256 * 1024,
	/* Below this nothing is begun that may become a record. */
	SHARE_LEAST = 256 * 1024,
	SHARE_USER_FACTOR = 2,
};

/* While a session is open or something of it is in the spool. */
struct share_user {
	struct list link;
	unsigned sessions;
	struct share_held held;
	char name[AUTHORIZE_NAME_MAX];
};

/* --- what is held ------------------------------------------------------------------------------- */

/* As exactly as so few marks allow: the newest grows when there is no place for another. */
static void
add(struct share_held *h, uint64_t seq, uint64_t bytes, uint64_t grain)
{
	struct share_mark *last = &h->marks[(h->first + h->n + SHARE_MARKS - 1) % SHARE_MARKS];

	h->bytes += bytes;
	if (h->n > 0 && (h->n == SHARE_MARKS || last->bytes + bytes <= grain)) {
		last->seq = seq;
		last->bytes += bytes;
		return;
	}
	h->marks[(h->first + h->n) % SHARE_MARKS] = (struct share_mark){ seq, bytes };
	h->n++;
}

static uint64_t
held(struct share_held *h, uint64_t committed)
{
	while (h->n > 0 && h->marks[h->first].seq <= committed) {
		h->bytes -= h->marks[h->first].bytes;
		h->first = (h->first + 1) % SHARE_MARKS;
		h->n--;
	}
	return h->bytes;
}

/* --- users --------------------------------------------------------------------------------------- */

static struct share_user *
find(struct node *n, const char *name)
{
	uint64_t committed = audit_log_committed_seq(n->audit);
	struct share_user *found = NULL;

	list_each (struct share_user, u, &n->shares, link) {
		if (strcmp(u->name, name) == 0) {
			found = u;
		} else if (u->sessions == 0 && held(&u->held, committed) == 0) {
			list_del(&u->link);
			free(u);
		}
	}
	return found;
}

/* NULL without memory. */
static struct share_user *
user_of(struct node *n, const char *name)
{
	struct share_user *u = find(n, name);

	if (u || !(u = calloc(1, sizeof(*u))))
		return u;
	(void)str_copy(u->name, sizeof(u->name), name);
	list_add(&n->shares, &u->link);
	return u;
}

int
share_open(struct share *s, struct node *n, const char *user)
{
	struct share_user *u = user_of(n, user);

	if (!u)
		return -1;
	u->sessions++;
	*s = (struct share){ .node = n, .user = u };
	return 0;
}

void
share_close(struct share *s)
{
	if (s->user)
		s->user->sessions--;
	s->user = NULL;
}

void
share_free_all(struct node *n)
{
	list_each (struct share_user, u, &n->shares, link) {
		list_del(&u->link);
		free(u);
	}
}

/* --- shares -------------------------------------------------------------------------------------- */

void
share_add(struct share *s, uint64_t bytes)
{
	uint64_t seq = audit_log_last(s->node->audit);
	uint64_t grain = s->node->config->spool_quota / 256;

	if (!s->user)
		return;
	add(&s->held, seq, bytes, grain);
	add(&s->user->held, seq, bytes, grain);
}

void
share_charge(struct node *n, const char *user, uint64_t bytes)
{
	struct share_user *u = user_of(n, user);

	if (u)
		add(&u->held, audit_log_last(n->audit), bytes, n->config->spool_quota / 256);
}

static bool
user_is_full(struct node *n, struct share_user *u, uint64_t free_bytes)
{
	return held(&u->held, audit_log_committed_seq(n->audit)) / SHARE_USER_FACTOR > free_bytes;
}

bool
share_has_room(struct share *s)
{
	uint64_t free_bytes = audit_log_room(s->node->audit);
	uint64_t own = held(&s->held, audit_log_committed_seq(s->node->audit));

	if (!s->user || free_bytes < SHARE_LEAST)
		return false;
	if (own <= SHARE_FLOOR)
		return true;
	return own <= free_bytes && !user_is_full(s->node, s->user, free_bytes);
}

bool
share_is_full(struct node *n, const char *user)
{
	struct share_user *u = find(n, user);

	return u && user_is_full(n, u, audit_log_room(n->audit));
}
