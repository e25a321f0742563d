/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockout: see lockout.h.
 *
 * One record a name, of bounded size: a stranger decides how many names and addresses there are. What every address
 * together has is one number, the moment at which the failures so far will have been paid for at one in
 * LOCKOUT_NAME_EVERY_S (the generic cell rate algorithm of ATM): so an address that was dropped from the record for
 * lack of room is still slowed down by that.
 */
#include "auth/lockout.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/stored.h"
#include "base/log.h"
#include "base/str.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(stored__stored_lockout);
static const struct stored_field lockout_fields[] = {
	STORED_FIELD(STORED_NAMES, "sources", lockout, sources),
	STORED_FIELD_WITH(STORED_TIMES, "failures", lockout, failures, n_failures),
	STORED_FIELD_WITH(STORED_TIMES, "last", lockout, last_ms, n_last),
	STORED_FIELD_WITH(STORED_TIMES, "until", lockout, until_ms, n_until),
	STORED_FIELD(STORED_INT64, "paid_until", lockout, paid_until_ms),
};
const struct stored_form lockout_form = { STORED_KEY(lockout, user),
	.expires_at = offsetof(struct lockout, expires_ms),
	.message = &stored__stored_lockout__descriptor, STORED_FIELDS(lockout_fields) };

static void
done(struct lockout *l)
{
	resource_done(RESOURCE_LOCKOUT, l);
}

static void
load(struct auth *a, const char *user, struct lockout *ret)
{
	size_t n;
	struct err e;

	/* One that cannot be read counts as none: logins go on, and failures are counted anew. */
	if (resource_load(a, RESOURCE_LOCKOUT, user, ret, &e) != 0)
		*ret = (struct lockout){ 0 };
	n = ret->sources.n;
	if (n > LOCKOUT_SOURCES || ret->n_failures != n || ret->n_last != n || ret->n_until != n) {
		names_done(&ret->sources);
		ret->n_failures = ret->n_last = ret->n_until = 0;
	}
}

/* --- addresses --------------------------------------------------------------------------- */

/* Where the address stands; LOCKOUT_SOURCES: nowhere. */
static size_t
place(const struct lockout *l, const char *source)
{
	for (size_t i = 0; i < l->sources.n; i++)
		if (strcmp(l->sources.v[i], source) == 0)
			return i;
	return LOCKOUT_SOURCES;
}

static void
drop(struct lockout *l, size_t i)
{
	size_t last = l->sources.n - 1;

	free(l->sources.v[i]);
	l->sources.v[i] = l->sources.v[last];
	l->failures[i] = l->failures[last];
	l->last_ms[i] = l->last_ms[last];
	l->until_ms[i] = l->until_ms[last];
	l->sources.n = l->n_failures = l->n_last = l->n_until = last;
}

static bool
is_over(const struct lockout *l, size_t i, int64_t now)
{
	int64_t end = l->until_ms[i] > l->last_ms[i] ? l->until_ms[i] : l->last_ms[i];

	return end + LOCKOUT_FORGET_S * 1000LL <= now;
}

/* Room for one more: whoever is forgotten anyway, else the one that waits least. */
static void
make_room(struct lockout *l, int64_t now)
{
	size_t least = 0;

	for (size_t i = 0; i < l->sources.n;) {
		if (is_over(l, i, now))
			drop(l, i);
		else
			i++;
	}
	if (l->sources.n < LOCKOUT_SOURCES)
		return;
	for (size_t i = 1; i < l->sources.n; i++)
		if (l->until_ms[i] < l->until_ms[least] ||
		    (l->until_ms[i] == l->until_ms[least] && l->last_ms[i] < l->last_ms[least]))
			least = i;
	drop(l, least);
}

/* The place of the address, made if need be. Negative without memory. */
static int
place_for(struct lockout *l, const char *source, int64_t now, size_t *ret)
{
	*ret = place(l, source);
	if (*ret < LOCKOUT_SOURCES && !is_over(l, *ret, now))
		return 0;
	if (*ret < LOCKOUT_SOURCES)
		drop(l, *ret);
	make_room(l, now);
	*ret = l->sources.n;
	if (names_add(&l->sources, source) < 0)
		return -1;
	l->failures[*ret] = l->last_ms[*ret] = l->until_ms[*ret] = 0;
	l->n_failures = l->n_last = l->n_until = l->sources.n;
	return 0;
}

/* How long the n-th failure closes, seconds. */
static int64_t
penalty_s(bool known, int64_t n)
{
	int64_t s = LOCKOUT_FIRST_S;

	if (known)
		return n >= LOCKOUT_KNOWN_FREE ? LOCKOUT_KNOWN_S : 0;
	if (n < LOCKOUT_FREE)
		return 0;
	for (n -= LOCKOUT_FREE; n > 0 && s < LOCKOUT_LONGEST_S; n--)
		s *= 2;
	return s < LOCKOUT_LONGEST_S ? s : LOCKOUT_LONGEST_S;
}

/* True when this failure closed the name for the address. */
static bool
charge_source(struct lockout *l, const struct lockout_try *who, int64_t now)
{
	size_t i;
	int64_t s;

	if (!who->source[0] || place_for(l, who->source, now, &i) < 0)
		return false;
	l->failures[i]++;
	l->last_ms[i] = now;
	s = penalty_s(who->known, l->failures[i]);
	if (s > 0)
		l->until_ms[i] = now + s * 1000;
	return s > 0;
}

/* --- the name ------------------------------------------------------------------------------ */

/* When the next try of an address that is not known may be. */
static int64_t
name_until(const struct lockout *l)
{
	return l->paid_until_ms - (LOCKOUT_NAME_FREE - 1) * LOCKOUT_NAME_EVERY_S * 1000LL;
}

/* True when this failure closed it. */
static bool
charge_name(struct lockout *l, int64_t now)
{
	bool was_open = name_until(l) <= now;

	if (l->paid_until_ms < now)
		l->paid_until_ms = now;
	l->paid_until_ms += LOCKOUT_NAME_EVERY_S * 1000LL;
	return was_open && name_until(l) > now;
}

/* --- what others ask ------------------------------------------------------------------------- */

enum lockout_scope
lockout_closed(struct auth *a, const struct lockout_try *who, int64_t *ret_until_ms)
{
	enum lockout_scope scope = LOCKOUT_OPEN;
	int64_t now = a->now_ms();
	struct lockout l;
	size_t i;

	load(a, who->user, &l);
	*ret_until_ms = 0;
	i = place(&l, who->source);
	if (i < LOCKOUT_SOURCES && l.until_ms[i] > now) {
		scope = LOCKOUT_SOURCE;
		*ret_until_ms = l.until_ms[i];
	}
	if (!who->known && name_until(&l) > now && name_until(&l) > *ret_until_ms) {
		scope = LOCKOUT_NAME;
		*ret_until_ms = name_until(&l);
	}
	done(&l);
	return scope;
}

int64_t
lockout_until(struct auth *a, const char *user)
{
	int64_t now = a->now_ms(), until;
	struct lockout l;

	load(a, user, &l);
	until = name_until(&l);
	for (size_t i = 0; i < l.sources.n; i++)
		if (l.until_ms[i] > until)
			until = l.until_ms[i];
	done(&l);
	return until > now ? until : 0;
}

enum lockout_scope
lockout_fail(struct auth *a, const struct lockout_try *who)
{
	enum lockout_scope closed = LOCKOUT_OPEN;
	int64_t now = a->now_ms();
	struct lockout l;
	struct err e;

	/* What nobody can be called gets no record: a stranger could fill the store with names. */
	if (name_check(who->user, "user name", NULL) != 0)
		return LOCKOUT_OPEN;
	load(a, who->user, &l);
	str_copy(l.user, sizeof(l.user), who->user);
	l.revision = STORE_ANY;
	if (charge_source(&l, who, now))
		closed = LOCKOUT_SOURCE;
	if (!who->known && charge_name(&l, now))
		closed = LOCKOUT_NAME;
	l.expires_ms = now + (LOCKOUT_LONGEST_S + LOCKOUT_FORGET_S) * 1000LL;
	if (l.expires_ms < l.paid_until_ms)
		l.expires_ms = l.paid_until_ms;
	if (resource_save(a, RESOURCE_LOCKOUT, &l, &e) != 0)
		log_error("cannot note a failed login", "cause", e.text, NULL);
	done(&l);
	return closed;
}

void
lockout_forgive(struct auth *a, const struct lockout_try *who)
{
	struct lockout l;
	struct err e;
	size_t i;

	load(a, who->user, &l);
	i = place(&l, who->source);
	/* Most logins: no record, and none to be written. */
	if (i < LOCKOUT_SOURCES) {
		drop(&l, i);
		str_copy(l.user, sizeof(l.user), who->user);
		l.expires_ms = a->now_ms() + (LOCKOUT_LONGEST_S + LOCKOUT_FORGET_S) * 1000LL;
		if (l.expires_ms < l.paid_until_ms)
			l.expires_ms = l.paid_until_ms;
		l.revision = STORE_ANY;
		if (resource_save(a, RESOURCE_LOCKOUT, &l, &e) != 0)
			log_error("cannot clear a lockout", "cause", e.text, NULL);
	}
	done(&l);
}

void
lockout_clear(struct auth *a, const char *user)
{
	struct err e;

	if (resource_remove(a, RESOURCE_LOCKOUT, user, &e) < 0)
		log_error("cannot clear a lockout", "cause", e.text, NULL);
}

const char *
lockout_scope_name(enum lockout_scope scope)
{
	switch (scope) {
	case LOCKOUT_SOURCE:
		return "source";
	case LOCKOUT_NAME:
		return "name";
	case LOCKOUT_OPEN:
		break;
	}
	return "";
}
