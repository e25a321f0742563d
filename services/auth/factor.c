/* SPDX-License-Identifier: Apache-2.0 */
/*
 * factor: see factor.h.
 */
#include "auth/factor.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

static const char *const kind_names[FACTOR_KINDS] = {
	[FACTOR_TOTP] = "totp",
	[FACTOR_WEBAUTHN] = "webauthn",
};

const char *
factor_kind_name(enum factor_kind kind)
{
	return kind_names[kind];
}

bool
factor_kind_of(const char *name, enum factor_kind *ret)
{
	for (size_t i = 0; i < FACTOR_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*ret = (enum factor_kind)i;
			return true;
		}
	return false;
}

/* --- the list ------------------------------------------------------------------------------- */

void
factor_list_done(struct factor_list *l)
{
	if (l->v)
		secret_zero(l->v, l->n * sizeof(*l->v));
	free(l->v);
	*l = (struct factor_list){ 0 };
}

struct factor *
factor_list_add(struct factor_list *l, const struct factor *f)
{
	struct factor *v;

	if (l->n >= FACTORS_MAX)
		return NULL;
	/* No realloc: seeds are sealed, but what is zeroed at the end should be all there is. */
	v = calloc(l->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	if (l->n > 0)
		memcpy(v, l->v, l->n * sizeof(*v));
	v[l->n] = *f;
	if (l->v)
		secret_zero(l->v, l->n * sizeof(*v));
	free(l->v);
	l->v = v;
	return &l->v[l->n++];
}

size_t
factor_list_kinds(const struct factor_list *l, const char *ret[FACTOR_KINDS])
{
	bool has[FACTOR_KINDS] = { false };
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		has[l->v[i].kind] = true;
	for (size_t i = 0; i < FACTOR_KINDS; i++)
		if (has[i])
			ret[n++] = kind_names[i];
	return n;
}

void
factor_init(struct auth *a, struct factor *ret, enum factor_kind kind, const char *name)
{
	*ret = (struct factor){ .kind = kind, .created_ms = a->now_ms() };
	rand_hex(ret->id, (FACTOR_ID_SIZE - 1) / 2);
	(void)str_copy(ret->name, sizeof(ret->name), name);
}

/* --- one-time codes -------------------------------------------------------------------------- */

/* The time step that the code fits, or negative there; a negative result is no verdict. */
static int
step_of(struct auth *a, const char *user, const struct factor *f, const char *code, int64_t *ret,
    struct err *e)
{
	uint8_t totp[TOTP_SECRET_BYTES];
	int rc = seed_open(a, user, f->seed, totp, e);

	if (rc == 0)
		*ret = totp_verify(totp, code, a->now_ms() / 1000, f->last_step);
	secret_zero(totp, sizeof(totp));
	return rc;
}

int
factor_take_code(struct auth *a, const char *user, struct factor_list *l, const char *code,
    struct factor **ret, struct err *e)
{
	int64_t step = -1;
	int rc = 0;

	*ret = NULL;
	/* All of them, whichever it is. */
	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].kind != FACTOR_TOTP)
			continue;
		step = -1;
		if (step_of(a, user, &l->v[i], code, &step, e) < 0)
			rc = -1;
		if (step < 0 || *ret)
			continue;
		*ret = &l->v[i];
		l->v[i].last_step = step;
		l->v[i].used_ms = a->now_ms();
	}
	/* One that is damaged does not keep the others from being used. */
	return *ret ? 0 : rc;
}
