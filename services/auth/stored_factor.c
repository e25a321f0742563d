/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored_factor: between sallyport.stored.StoredFactor and struct factor.
 */
#include <string.h>

#include "auth/factor.h"
#include "auth/stored.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/stored.pb-c.h"
#include "rpc/bytes.h"

/* --- struct to message --------------------------------------------------------------------- */

static void
fill(Stored__StoredFactor *m, const struct factor *f)
{
	stored__stored_factor__init(m);
	m->id = f->id;
	m->name = f->name;
	m->kind = factor_kind_name(f->kind);
	m->created = f->created_ms;
	m->used = f->used_ms;
	if (f->kind == FACTOR_TOTP) {
		m->totp_secret = bytes_at(f->seed, sizeof(f->seed));
		m->totp_last_step = f->last_step;
		return;
	}
	m->rp_id = f->rp_id;
	m->credential = bytes_at(f->key.id, f->key.n_id);
	m->algorithm = f->key.algorithm;
	m->public_key = bytes_at(f->key.key, f->key.n_key);
	m->counter = f->key.counter;
}

Stored__StoredFactor **
stored_factors_rows(struct arena *arena, const struct factor_list *l)
{
	/* One more, so that a list of none is not taken for a lack of memory. */
	Stored__StoredFactor **list = arena_alloc(arena, (l->n + 1) * sizeof(*list));

	for (size_t i = 0; list && i < l->n; i++) {
		list[i] = arena_alloc(arena, sizeof(**list));
		if (!list[i])
			return NULL;
		fill(list[i], &l->v[i]);
	}
	return list;
}

/* --- message to struct --------------------------------------------------------------------- */

static bool
take_bytes(uint8_t *dst, size_t size, size_t *n, const ProtobufCBinaryData *from)
{
	if (from->len == 0 || from->len > size)
		return false;
	memcpy(dst, from->data, from->len);
	*n = from->len;
	return true;
}

static bool
take_totp(struct factor *f, const Stored__StoredFactor *m)
{
	size_t n = 0;

	f->last_step = m->totp_last_step;
	return take_bytes(f->seed, sizeof(f->seed), &n, &m->totp_secret) && n == sizeof(f->seed);
}

static bool
take_webauthn(struct factor *f, const Stored__StoredFactor *m)
{
	f->key.algorithm = m->algorithm;
	f->key.counter = m->counter;
	return str_copy(f->rp_id, sizeof(f->rp_id), m->rp_id) && f->rp_id[0] &&
	    take_bytes(f->key.id, sizeof(f->key.id), &f->key.n_id, &m->credential) &&
	    take_bytes(f->key.key, sizeof(f->key.key), &f->key.n_key, &m->public_key);
}

bool
stored_factors_take(struct factor_list *dst, Stored__StoredFactor *const *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const Stored__StoredFactor *m = rows[i];
		struct factor f = { .created_ms = m->created, .used_ms = m->used };

		/* A record that is damaged in one of them is damaged: nobody logs in with what is left of it. */
		if (!factor_kind_of(m->kind, &f.kind) || !str_copy(f.id, sizeof(f.id), m->id) ||
		    !str_copy(f.name, sizeof(f.name), m->name) ||
		    !(f.kind == FACTOR_TOTP ? take_totp(&f, m) : take_webauthn(&f, m)) ||
		    !factor_list_add(dst, &f))
			return false;
	}
	return true;
}
