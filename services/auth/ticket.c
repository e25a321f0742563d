/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticket: see ticket.h.
 */
#include "auth/ticket.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/conf.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

void
tickets_init(struct tickets *t)
{
	list_init(&t->list);
	t->n = 0;
}

static void
drop(struct tickets *all, struct ticket *t)
{
	list_del(&t->link);
	all->n--;
	secret_zero(t, sizeof(*t));
	free(t);
}

void
tickets_done(struct tickets *t)
{
	list_each (struct ticket, each, &t->list, link)
		drop(t, each);
}

void
tickets_sweep(struct auth *a)
{
	list_each (struct ticket, t, &a->tickets.list, link)
		if (t->expires_ms <= a->now_ms())
			drop(&a->tickets, t);
}

/* --- making --------------------------------------------------------------------------------- */

/* Of his own first, so that one person who begins without end takes nothing from the others. */
static void
make_room(struct tickets *all, const char *user)
{
	size_t his = 0;

	list_each (struct ticket, t, &all->list, link)
		his += strcmp(t->user, user) == 0;
	list_each (struct ticket, t, &all->list, link)
		if (his >= TICKETS_ONE && strcmp(t->user, user) == 0) {
			drop(all, t);
			his--;
		}
	list_each (struct ticket, t, &all->list, link)
		if (all->n >= TICKETS_MAX)
			drop(all, t);
}

struct ticket *
ticket_new(struct auth *a, enum ticket_use use, const char *user, const char *bound)
{
	struct ticket *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	make_room(&a->tickets, user);
	t->use = use;
	t->expires_ms = a->now_ms() + TICKET_LIFE_MS;
	rand_hex(t->id, (TICKET_ID_SIZE - 1) / 2);
	rand_bytes(t->challenge, sizeof(t->challenge));
	if (!str_copy(t->user, sizeof(t->user), user) ||
	    !str_copy(t->bound, sizeof(t->bound), bound)) {
		free(t);
		return NULL;
	}
	list_add(&a->tickets.list, &t->link);
	a->tickets.n++;
	return t;
}

bool
ticket_take(struct auth *a, const char *id, enum ticket_use use, const char *user,
    struct ticket *ret)
{
	list_each (struct ticket, t, &a->tickets.list, link) {
		bool fits = t->use == use && t->expires_ms > a->now_ms() &&
		    strcmp(t->user, user) == 0;

		if (!secret_equal(span_str(t->id), span_str(id)))
			continue;
		*ret = *t;
		list_init(&ret->link);
		drop(&a->tickets, t);
		if (!fits)
			secret_zero(ret, sizeof(*ret));
		return fits;
	}
	return false;
}

/* --- sites ------------------------------------------------------------------------------------ */

static bool
is_of(const char *address, const char *origin, struct webauthn_site *ret)
{
	return webauthn_site_of(address, ret) && strcmp(ret->origin, origin) == 0;
}

int
ticket_site(struct auth *a, const char *origin, struct webauthn_site *ret, struct err *e)
{
	char text[WEBAUTHN_ORIGIN_SIZE];
	struct host *n;
	size_t pos = 0;

	if (a->conf->proxy_addr && is_of(a->conf->proxy_addr, origin, ret))
		return 0;
	while (host_next(a, &pos, &n))
		if (strcmp(n->kind, "proxy") == 0 && is_of(n->public_addr, origin, ret))
			return 0;
	str_clean(text, sizeof(text), origin, strlen(origin));
	err_set(e,
	    "security keys do not work at %s: open the page by the name of the proxy's public address (public_addr in "
	    "proxyd.yaml), which must be a name and no IP address",
	    text);
	return AUTH_E_INVALID;
}
