/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: see query.h. Everything here reads bytes of strangers.
 */
#include "http/query.h"

#include <string.h>

#include "base/str.h"
#include "http/head.h"

/* What stands before the first sep; *rest goes behind it. False: there is no sep, and all of it was taken. */
static bool
cut(struct span *rest, uint8_t sep, struct span *ret)
{
	const uint8_t *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

	*ret = (struct span){ rest->p, at ? (size_t)(at - rest->p) : rest->n };
	*rest = at ? (struct span){ at + 1, rest->n - ret->n - 1 } : (struct span){ NULL, 0 };
	return at != NULL;
}

/* --- queries --------------------------------------------------------------------- */

int
http_query_next(struct http_query *q)
{
	struct span pair, name;
	bool more;

	if (q->rest.n == 0)
		return 0;
	if (q->pairs == HTTP_QUERY_PAIRS_MAX)
		return -1;
	q->pairs++;
	more = cut(&q->rest, '&', &pair);
	/* "a=1&" and "a=1&&b=2" promise a pair that is not there. */
	if ((more && q->rest.n == 0) || !cut(&pair, '=', &name) || name.n == 0)
		return -1;
	if (!http_unescape(name, true, q->name, sizeof(q->name)) ||
	    !http_unescape(pair, true, q->value, sizeof(q->value)))
		return -1;
	return str_is_printable(q->name, strlen(q->name)) &&
		str_is_printable(q->value, strlen(q->value))
	    ? 1
	    : -1;
}

/* --- cookies --------------------------------------------------------------------- */

/* RFC 6265's cookie-octet, which is what browsers send of what we set. */
static bool
is_cookie_value(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || strchr("\",;\\", s.p[i]))
			return false;
	return true;
}

bool
http_cookie_find(struct span field, const char *name, char *dst, size_t size)
{
	bool found = false;

	while (field.n > 0) {
		struct span pair, key;

		(void)cut(&field, ';', &pair);
		while (pair.n > 0 && pair.p[0] == ' ')
			pair = (struct span){ pair.p + 1, pair.n - 1 };
		if (!cut(&pair, '=', &key) || !span_is(key, name))
			continue;
		/* Whoever can set cookies for a part of the host's name must not have a say in which of two counts. */
		if (found || pair.n >= size || !is_cookie_value(pair))
			return false;
		if (pair.n > 0)
			memcpy(dst, pair.p, pair.n);
		dst[pair.n] = '\0';
		found = true;
	}
	return found;
}
