/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_share: see web_share.h.
 */
#include "proxy/web_share.h"

#include <stdlib.h>

#include "net/ceiling.h"

struct web_shares {
	struct ceiling *calls, *plays, *units;
};

int
web_shares_new(struct web_shares **ret)
{
	struct web_shares *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	if (ceiling_new(&s->calls, WEB_SHARE_CALLS, WEB_SHARE_CALLS_OF_ONE) < 0 ||
	    ceiling_new(&s->plays, WEB_SHARE_PLAYS, WEB_SHARE_PLAYS_OF_ONE) < 0 ||
	    ceiling_new(&s->units, WEB_SHARE_BYTES / WEB_SHARE_UNIT,
		WEB_SHARE_BYTES_OF_ONE / WEB_SHARE_UNIT) < 0) {
		web_shares_free(s);
		return -1;
	}
	/* The second half is more and more for those who hold nothing yet. */
	ceiling_early(s->calls, WEB_SHARE_CALLS / 2);
	ceiling_early(s->plays, WEB_SHARE_PLAYS / 2);
	*ret = s;
	return 0;
}

void
web_shares_free(struct web_shares *s)
{
	if (!s)
		return;
	ceiling_free(s->calls);
	ceiling_free(s->plays);
	ceiling_free(s->units);
	free(s);
}

bool
web_share_take(struct web_shares *s, const char *who)
{
	return ceiling_take(s->calls, who);
}

void
web_share_drop(struct web_shares *s, const char *who)
{
	ceiling_drop(s->calls, who);
}

bool
web_share_take_play(struct web_shares *s, const char *who)
{
	return ceiling_take(s->plays, who);
}

void
web_share_drop_play(struct web_shares *s, const char *who)
{
	ceiling_drop(s->plays, who);
}

static void
drop_units(struct web_shares *s, const char *who, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ceiling_drop(s->units, who);
}

bool
web_share_take_bytes(struct web_shares *s, const char *who, size_t n)
{
	for (size_t i = 0; i < n / WEB_SHARE_UNIT; i++) {
		if (ceiling_take(s->units, who))
			continue;
		drop_units(s, who, i);
		return false;
	}
	return true;
}

void
web_share_drop_bytes(struct web_shares *s, const char *who, size_t n)
{
	drop_units(s, who, n / WEB_SHARE_UNIT);
}
