/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: names in certificates. Called wherever a peer's certificate is read or one is made.
 * Pure.
 */
#include "crypto/identity.h"

#include <string.h>

#include "base/str.h"

static const char scheme[] = "sallyport://";
static const char *const kind_names[] = { "user", "node", "proxy", "auth", "audit" };
enum { N_KINDS = sizeof kind_names / sizeof kind_names[0] };

const char *
identity_kind_name(enum identity_kind kind)
{
	return (unsigned)kind < N_KINDS ? kind_names[kind] : "unknown";
}

bool
identity_kind_from(struct span name, enum identity_kind *ret)
{
	for (int i = 0; i < N_KINDS; i++) {
		if (span_is(name, kind_names[i])) {
			*ret = (enum identity_kind)i;
			return true;
		}
	}
	return false;
}

bool
identity_name_ok(struct span name)
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
	bool dots_only = true;

	/* Names become arguments of programs and names of files: no dash in front, and not "." or
	 * "..". */
	if (!name.n || name.n > IDENTITY_PART_MAX || name.p[0] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		/* strchr finds the NUL at the end of `allowed`, too. */
		if (!name.p[i] || !strchr(allowed, name.p[i]))
			return false;
		dots_only = dots_only && name.p[i] == '.';
	}
	return !dots_only;
}

bool
identity_set(struct identity *id, const char *cluster, enum identity_kind kind, const char *name)
{
	if (!identity_name_ok(span_str(cluster)) || !identity_name_ok(span_str(name)) ||
	    (unsigned)kind >= N_KINDS)
		return false;
	id->kind = kind;
	return str_copy(id->cluster, sizeof id->cluster, cluster) &&
	    str_copy(id->name, sizeof id->name, name);
}

bool
identity_format(const struct identity *id, char *dst, size_t size)
{
	if (!identity_name_ok(span_str(id->cluster)) || !identity_name_ok(span_str(id->name)) ||
	    (unsigned)id->kind >= N_KINDS)
		return false;
	return str_format(dst, size, "%s%s/%s/%s", scheme, id->cluster, kind_names[id->kind],
	    id->name);
}

/* The part up to the next '/', or the rest when last. */
static bool
next_part(struct span *uri, bool last, struct span *ret)
{
	const uint8_t *slash = uri->n ? memchr(uri->p, '/', uri->n) : NULL;

	if (last != (slash == NULL))
		return false;
	ret->p = uri->p;
	ret->n = slash ? (size_t)(slash - uri->p) : uri->n;
	uri->p += ret->n + !last;
	uri->n -= ret->n + !last;
	return true;
}

static bool
copy_part(char *dst, struct span s)
{
	if (!identity_name_ok(s))
		return false;
	memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return true;
}

bool
identity_parse(struct identity *ret, struct span uri)
{
	size_t n = sizeof scheme - 1;
	struct span cluster, kind, name;

	if (uri.n < n || memcmp(uri.p, scheme, n) != 0)
		return false;
	uri.p += n;
	uri.n -= n;
	if (!next_part(&uri, false, &cluster) || !next_part(&uri, false, &kind) ||
	    !next_part(&uri, true, &name))
		return false;
	return copy_part(ret->cluster, cluster) && identity_kind_from(kind, &ret->kind) &&
	    copy_part(ret->name, name);
}
