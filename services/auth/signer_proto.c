/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_proto: requests to the signer as bytes and back. Called by signer.c and signer_client.c.
 * Pure.
 */
#include "auth/signer_proto.h"

#include <string.h>

#include "base/wire.h"

/* --- writing ------------------------------------------------------------------------ */

/* A count, then texts. That there are not too many is checked where they are read. */
static void
put_names(struct buf *b, const char *const *v, size_t n)
{
	wire_put_u32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		wire_put_text(b, v[i]);
}

/* NULL is written as "", and "" reads back as NULL. */
static void
put_optional(struct buf *b, const char *s)
{
	wire_put_text(b, s ? s : "");
}

static void
put_ssh_user(struct buf *b, const struct signer_ssh_user *q)
{
	wire_put_text(b, q->user);
	wire_put_string(b, q->key);
	put_names(b, q->logins, q->n_logins);
	wire_put_u64(b, (uint64_t)q->valid_until_s);
	wire_put_bool(b, q->permit_pty);
	wire_put_bool(b, q->forward_agent);
	wire_put_bool(b, q->port_forwarding);
	put_optional(b, q->roles);
	put_optional(b, q->traits);
	put_optional(b, q->web_session);
	put_optional(b, q->source_address);
}

static void
put_ssh_host(struct buf *b, const struct signer_ssh_host *q)
{
	wire_put_bool(b, q->tunnel);
	wire_put_text(b, q->uuid);
	wire_put_string(b, q->key);
	put_names(b, q->principals, q->n_principals);
	wire_put_u64(b, (uint64_t)q->valid_until_s);
}

static void
put_x509(struct buf *b, const struct signer_x509 *q)
{
	wire_put_u8(b, (uint8_t)q->kind);
	wire_put_text(b, q->name);
	wire_put_string(b, q->spki);
	put_names(b, q->dns, q->n_dns);
	put_names(b, q->ip, q->n_ip);
	wire_put_u64(b, (uint64_t)q->valid_until_s);
}

static void
put_cutoffs(struct buf *b, const struct signer_cutoffs *q)
{
	wire_put_u64(b, (uint64_t)q->everybody_ms);
	wire_put_u32(b, q->n);
	wire_put_string(b, q->entries);
}

bool
signer_request_write(struct buf *b, const struct signer_request *q)
{
	wire_put_u8(b, (uint8_t)q->kind);
	wire_put_u32(b, q->id);
	switch (q->kind) {
	case SIGNER_SSH_USER:
		put_ssh_user(b, &q->ssh_user);
		break;
	case SIGNER_SSH_HOST:
		put_ssh_host(b, &q->ssh_host);
		break;
	case SIGNER_X509_HOST:
	case SIGNER_X509_USER:
		put_x509(b, &q->x509);
		break;
	case SIGNER_CUTOFFS:
		put_cutoffs(b, &q->cutoffs);
		break;
	case SIGNER_BACKUP:
		wire_put_text(b, q->backup.recipient);
		wire_put_string(b, q->backup.proof);
		break;
	}
	return buf_ok(b);
}

/* --- reading --------------------------------------------------------------------------- */

/* Into the arena, with an end. A NUL inside would make the text that is checked another than the
 * one that is signed. */
static const char *
get_text(struct wire *w, struct arena *arena)
{
	struct span s = wire_string(w);
	char *copy = NULL;

	if (!w->bad && !(s.n && memchr(s.p, 0, s.n)))
		copy = arena_alloc(arena, s.n + 1);
	if (!copy) {
		w->bad = true;
		return "";
	}
	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

static const char *
get_optional(struct wire *w, struct arena *arena)
{
	const char *s = get_text(w, arena);

	return *s ? s : NULL;
}

static const char *const *
get_names(struct wire *w, struct arena *arena, size_t *ret_n)
{
	uint32_t n = wire_u32(w);
	const char **v;

	*ret_n = 0;
	/* Each takes four bytes at least: a count that cannot be true costs no memory. */
	if (w->bad || n > SIGNER_NAMES_MAX || n > w->left / 4) {
		w->bad = true;
		return NULL;
	}
	v = arena_alloc(arena, (n + 1) * sizeof *v);
	if (!v) {
		w->bad = true;
		return NULL;
	}
	for (; *ret_n < n; ++*ret_n)
		v[*ret_n] = get_text(w, arena);
	return v;
}

/* Times are positive: the top bit would be a request of nonsense. */
static int64_t
get_time(struct wire *w)
{
	uint64_t v = wire_u64(w);

	w->bad |= v > INT64_MAX;
	return w->bad ? 0 : (int64_t)v;
}

static void
get_ssh_user(struct wire *w, struct arena *arena, struct signer_ssh_user *q)
{
	q->user = get_text(w, arena);
	q->key = wire_string(w);
	q->logins = get_names(w, arena, &q->n_logins);
	q->valid_until_s = get_time(w);
	q->permit_pty = wire_bool(w);
	q->forward_agent = wire_bool(w);
	q->port_forwarding = wire_bool(w);
	q->roles = get_optional(w, arena);
	q->traits = get_optional(w, arena);
	q->web_session = get_optional(w, arena);
	q->source_address = get_optional(w, arena);
}

static void
get_ssh_host(struct wire *w, struct arena *arena, struct signer_ssh_host *q)
{
	q->tunnel = wire_bool(w);
	q->uuid = get_text(w, arena);
	q->key = wire_string(w);
	q->principals = get_names(w, arena, &q->n_principals);
	q->valid_until_s = get_time(w);
}

static void
get_x509(struct wire *w, struct arena *arena, struct signer_x509 *q)
{
	/* Any number may come: check_x509 says which kinds there are. */
	q->kind = (enum identity_kind)wire_u8(w);
	q->name = get_text(w, arena);
	q->spki = wire_string(w);
	q->dns = get_names(w, arena, &q->n_dns);
	q->ip = get_names(w, arena, &q->n_ip);
	q->valid_until_s = get_time(w);
}

static void
get_cutoffs(struct wire *w, struct signer_cutoffs *q)
{
	q->everybody_ms = get_time(w);
	q->n = wire_u32(w);
	q->entries = wire_string(w);
}

/* False: malformed. What q points to is in message and arena. */
bool
signer_request_read(struct signer_request *q, struct span message, struct arena *arena)
{
	struct wire w = wire_from(message);

	memset(q, 0, sizeof *q);
	q->kind = (enum signer_kind)wire_u8(&w);
	q->id = wire_u32(&w);
	switch (q->kind) {
	case SIGNER_SSH_USER:
		get_ssh_user(&w, arena, &q->ssh_user);
		break;
	case SIGNER_SSH_HOST:
		get_ssh_host(&w, arena, &q->ssh_host);
		break;
	case SIGNER_X509_HOST:
	case SIGNER_X509_USER:
		get_x509(&w, arena, &q->x509);
		break;
	case SIGNER_CUTOFFS:
		get_cutoffs(&w, &q->cutoffs);
		break;
	case SIGNER_BACKUP:
		q->backup.recipient = get_text(&w, arena);
		q->backup.proof = wire_string(&w);
		break;
	/* Ends the signer: authd, if it is itself, sends no such thing. */
	default:
		return false;
	}
	return wire_end(&w);
}
