/* SPDX-License-Identifier: Apache-2.0 */
/*
 * factor: see factor.h.
 */
#include "auth/factor.h"

#include <stdlib.h>
#include <string.h>

#include "api/event.h"
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

struct factor *
factor_list_find(const struct factor_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].id, id) == 0)
			return &l->v[i];
	return NULL;
}

void
factor_list_drop(struct factor_list *l, struct factor *f)
{
	size_t after = (size_t)(l->v + l->n - (f + 1));

	memmove(f, f + 1, after * sizeof(*f));
	l->n--;
	secret_zero(&l->v[l->n], sizeof(*f));
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

struct factor_mark
factor_mark_of(const struct factor *f)
{
	struct factor_mark m = { .kind = f->kind };

	(void)str_copy(m.id, sizeof(m.id), f->id);
	(void)str_copy(m.name, sizeof(m.name), f->name);
	return m;
}

void
factor_put_event(const struct factor_mark *f, struct audit_event *ev)
{
	event_put_text(ev, EVENT_KEY_MFA_DEVICE_TYPE, factor_kind_name(f->kind));
	event_put_text(ev, EVENT_KEY_MFA_DEVICE_ID, f->id);
	event_put_text(ev, EVENT_KEY_MFA_DEVICE_NAME, f->name);
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

/* --- security keys -------------------------------------------------------------------------- */

static bool
is_key(const struct factor *f, const char *rp_id, struct span credential)
{
	return f->kind == FACTOR_WEBAUTHN && strcmp(f->rp_id, rp_id) == 0 &&
	    span_eq((struct span){ f->key.id, f->key.n_id }, credential);
}

static struct factor *
find_key(const struct factor_list *l, const char *rp_id, struct span credential)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_key(&l->v[i], rp_id, credential))
			return &l->v[i];
	return NULL;
}

int
factor_take_signature(struct auth *a, struct factor_list *l, const struct factor_answer *q,
    struct factor **ret, struct err *e)
{
	struct factor *f = find_key(l, q->site->rp_id, q->credential);
	uint32_t counter = 0;
	int rc;

	*ret = NULL;
	if (!f) {
		err_set(e, "no security key of the user has this credential at this site");
		return AUTH_E_UNAUTHENTICATED;
	}
	rc = webauthn_verify(q->site, q->challenge, &q->answer, &f->key, &counter, e);
	if (rc < 0)
		return AUTH_E_UNAUTHENTICATED;
	*ret = f;
	if (rc == WEBAUTHN_E_CLONE) {
		err_set(e,
		    "the security key \"%s\" has counted %u signatures, and showed %u before: there is a copy of it; remove "
		    "it",
		    f->name, counter, f->key.counter);
		return AUTH_E_DENIED;
	}
	f->key.counter = counter;
	f->used_ms = a->now_ms();
	return 0;
}

/* --- new ones ------------------------------------------------------------------------------- */

int
factor_name_check(const struct factor_list *l, const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (n == 0 || n >= FACTOR_NAME_SIZE || !str_is_printable(name, n)) {
		err_set(e,
		    "give the second factor a name of at most %d letters, such as \"blue key\"",
		    FACTOR_NAME_SIZE - 1);
		return AUTH_E_INVALID;
	}
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0) {
			err_set(e, "you have a second factor of that name; choose another");
			return AUTH_E_EXISTS;
		}
	return 0;
}

int
factor_list_has_room(const struct factor_list *l, struct err *e)
{
	if (l->n < FACTORS_MAX)
		return 0;
	err_set(e, "you have %d second factors; remove one first", FACTORS_MAX);
	return AUTH_E_STATE;
}

static int
add(struct factor_list *l, const struct factor *f, struct err *e)
{
	int rc = factor_list_has_room(l, e);

	if (rc != 0)
		return rc;
	return factor_list_add(l, f) ? 0 : err_memory(e);
}

int
factor_add_key(struct auth *a, struct factor_list *l, const struct factor_answer *q,
    const char *name, struct err *e)
{
	struct factor f;
	int rc = factor_name_check(l, name, e);

	if (rc != 0)
		return rc;
	factor_init(a, &f, FACTOR_WEBAUTHN, name);
	(void)str_copy(f.rp_id, sizeof(f.rp_id), q->site->rp_id);
	if (webauthn_register(q->site, q->challenge, &q->answer, &f.key, e) < 0)
		return AUTH_E_INVALID;
	if (find_key(l, f.rp_id, (struct span){ f.key.id, f.key.n_id })) {
		err_set(e, "you have this security key already");
		return AUTH_E_EXISTS;
	}
	return add(l, &f, e);
}

int
factor_add_app(struct auth *a, const char *user, struct factor_list *l,
    const uint8_t seed[SEED_SEALED_BYTES], const char *code, const char *name, struct err *e)
{
	struct factor f;
	int64_t step = -1;
	int rc = factor_name_check(l, name, e);

	if (rc != 0)
		return rc;
	factor_init(a, &f, FACTOR_TOTP, name);
	memcpy(f.seed, seed, sizeof(f.seed));
	if (step_of(a, user, &f, code, &step, e) < 0)
		return -1;
	if (step < 0) {
		err_set(e,
		    "the code does not fit; check the clock of your device and type the code it shows now");
		return AUTH_E_DENIED;
	}
	f.last_step = step;
	return add(l, &f, e);
}
