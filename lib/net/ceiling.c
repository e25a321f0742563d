/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ceiling: see ceiling.h.
 */
#include "net/ceiling.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/map.h"
#include "crypto/rand.h"
#include "net/addr.h"

struct payer {
	unsigned held, known;
};

struct ceiling {
	unsigned total, per_ip, early, count;
	struct map
	    *payers; /* those who have something, or somebody who is known; not all who ever came */
};

int
ceiling_new(struct ceiling **ret, unsigned total, unsigned per_ip)
{
	struct ceiling *c = calloc(1, sizeof(*c));

	if (!c)
		return -1;
	c->payers = map_new();
	if (!c->payers) {
		free(c);
		return -1;
	}
	c->total = c->early = total;
	c->per_ip = per_ip;
	*ret = c;
	return 0;
}

void
ceiling_early(struct ceiling *c, unsigned start)
{
	c->early = start < c->total ? start : c->total;
}

void
ceiling_free(struct ceiling *c)
{
	size_t pos = 0;
	void *p;

	if (!c)
		return;
	while (map_next(c->payers, &pos, NULL, &p))
		free(p);
	map_free(c->payers);
	free(c);
}

/* --- payers ------------------------------------------------------------------------------ */

static struct payer *
payer_find(const struct ceiling *c, const char *ip)
{
	char key[ADDR_TEXT_SIZE];

	addr_prefix(key, ip, 32, 64);
	return map_get(c->payers, key);
}

/* NULL without memory. */
static struct payer *
payer_of(struct ceiling *c, const char *ip)
{
	struct payer *p = payer_find(c, ip);
	char key[ADDR_TEXT_SIZE];

	if (p)
		return p;
	addr_prefix(key, ip, 32, 64);
	p = calloc(1, sizeof(*p));
	if (p && map_put(c->payers, key, p, NULL))
		return p;
	free(p);
	return NULL;
}

static void
payer_forget(struct ceiling *c, const char *ip, struct payer *p)
{
	char key[ADDR_TEXT_SIZE];

	if (p->held > 0 || p->known > 0)
		return;
	addr_prefix(key, ip, 32, 64);
	free(map_del(c->payers, key));
}

/* --- places ------------------------------------------------------------------------------ */

/* By chance, which becomes certainty when an eighth of the range is left: that is for those who have nothing yet. */
static bool
is_early_drop(const struct ceiling *c, unsigned held)
{
	unsigned range = c->total - c->early;

	if (held == 0 || c->count < c->early || range == 0)
		return false;
	return rand_below(range - range / 8 + 1) <= c->count - c->early;
}

bool
ceiling_take(struct ceiling *c, const char *ip)
{
	struct payer *p = c->count < c->total ? payer_of(c, ip) : NULL;

	if (!p)
		return false;
	if (p->held >= c->per_ip + p->known * CEILING_PER_KNOWN || is_early_drop(c, p->held)) {
		payer_forget(c, ip, p);
		return false;
	}
	p->held++;
	c->count++;
	return true;
}

void
ceiling_drop(struct ceiling *c, const char *ip)
{
	struct payer *p = payer_find(c, ip);

	if (!p || p->held == 0)
		return;
	p->held--;
	c->count--;
	payer_forget(c, ip, p);
}

void
ceiling_vouch(struct ceiling *c, const char *ip)
{
	struct payer *p = payer_of(c, ip);

	if (p) /* without memory for it the address has no more than others */
		p->known++;
}

void
ceiling_unvouch(struct ceiling *c, const char *ip)
{
	struct payer *p = payer_find(c, ip);

	if (!p || p->known == 0)
		return;
	p->known--;
	payer_forget(c, ip, p);
}

unsigned
ceiling_count(const struct ceiling *c)
{
	return c->count;
}

unsigned
ceiling_held(const struct ceiling *c, const char *ip)
{
	const struct payer *p = payer_find(c, ip);

	return p ? p->held : 0;
}
