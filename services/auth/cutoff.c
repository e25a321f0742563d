/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutoff: one record for each name, written over by the next.
 */
#include "auth/cutoff.h"

#include "api/cutoffs.h"
#include "auth/auth.h"
#include "auth/stored.h"
#include "base/str.h"

/* --- how it is kept ---------------------------------------------------------------------- */

STORED_MESSAGE(auth__cutoff);
static const struct stored_field cutoff_fields[] = {
	STORED_FIELD(STORED_TEXT, "name", cutoff, name),
	STORED_FIELD(STORED_INT64, "issued_before", cutoff, issued_before_ms),
};
const struct stored_form cutoff_form = { STORED_KEY(cutoff, name),
	.expires_at = offsetof(struct cutoff, expires_ms), .message = &auth__cutoff__descriptor,
	STORED_FIELDS(cutoff_fields) };

int
cutoff_set(struct auth *a, enum resource_kind kind, const char *name, int64_t expires_ms,
    struct err *e)
{
	/* Everything that began in this second or before. */
	return cutoff_set_before(a, kind, name,
	    (a->now_ms() / 1000 + 1 - SIGNER_BACKDATE_S) * 1000, expires_ms, e);
}

int
cutoff_set_before(struct auth *a, enum resource_kind kind, const char *name,
    int64_t issued_before_ms, int64_t expires_ms, struct err *e)
{
	struct cutoff c = { .issued_before_ms = issued_before_ms,
		.expires_ms = expires_ms,
		.revision = STORE_ANY };

	if (!str_copy(c.name, sizeof(c.name), name))
		return err_set(e, "the name of a cutoff is too long");
	return resource_save(a, kind, &c, e);
}

static int64_t
of_one(struct auth *a, enum resource_kind kind, const char *name)
{
	struct cutoff c;
	struct err e;

	switch (resource_load(a, kind, name, &c, &e)) {
	case 0:
		return c.issued_before_ms;
	case AUTH_E_NOT_FOUND:
		return 0;
	default: /* what cannot be read must not let anybody in */
		return INT64_MAX;
	}
}

int64_t
cutoff_get(struct auth *a, enum resource_kind kind, const char *name)
{
	int64_t own = of_one(a, kind, name), all;

	all = kind == RESOURCE_CUTOFF ? of_one(a, kind, CUTOFF_EVERYBODY) : 0;
	return own > all ? own : all;
}

static uint64_t
revision_of(struct auth *a, const char *name)
{
	struct cutoff c;
	struct err e;

	switch (resource_load(a, RESOURCE_CUTOFF, name, &c, &e)) {
	case 0:
		return c.revision;
	case AUTH_E_NOT_FOUND:
		return 0;
	default:
		return UINT64_MAX;
	}
}

struct cutoff_mark
cutoff_mark(struct auth *a, const char *user)
{
	return (struct cutoff_mark){ revision_of(a, user), revision_of(a, CUTOFF_EVERYBODY) };
}

int
cutoff_check(struct auth *a, const char *user, struct cutoff_mark mark, struct err *e)
{
	const struct cutoff_mark now = cutoff_mark(a, user);

	if (now.own == mark.own && now.all == mark.all && now.own != UINT64_MAX &&
	    now.all != UINT64_MAX)
		return 0;
	err_set(e, "your account was changed at this moment; try again");
	return AUTH_E_STATE;
}

int64_t
cutoff_wait_ms(struct auth *a, int64_t issued_before_ms)
{
	int64_t from, now = a->now_ms();

	if (issued_before_ms == 0 || issued_before_ms == INT64_MAX)
		return 0;
	/* The first second of which a new certificate is good again. */
	from = issued_before_ms + SIGNER_BACKDATE_S * 1000;
	return from > now && from - now <= 1000 ? from - now : 0;
}
