/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: packing and unpacking proto/stored.proto. The only file besides rpc_*.c that sees
 * generated messages.
 */
#include "auth/stored.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "proto/stored.pb-c.h"

static bool
pack(struct buf *b, const ProtobufCMessage *m)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *p = buf_reserve(b, n);

	if (!p)
		return false;
	buf_commit(b, protobuf_c_message_pack(m, p));
	return true;
}

static void *
unpack(const ProtobufCMessageDescriptor *d, struct span s)
{
	return protobuf_c_message_unpack(d, NULL, s.n, s.p);
}

/* Exactly n bytes. */
static bool
copy_bytes(uint8_t *dst, size_t n, const ProtobufCBinaryData *src)
{
	if (src->len != n)
		return false;
	memcpy(dst, src->data, n);
	return true;
}

static bool
copy_secret(uint8_t dst[TOTP_SECRET_BYTES], bool wanted, const ProtobufCBinaryData *src)
{
	return wanted ? copy_bytes(dst, TOTP_SECRET_BYTES, src) : src->len == 0;
}

static ProtobufCBinaryData
bytes_of(const uint8_t *p, size_t n)
{
	return (ProtobufCBinaryData){ n, n ? (uint8_t *)(uintptr_t)p : NULL };
}

static void
free_message(void *m)
{
	if (m)
		protobuf_c_message_free_unpacked(m, NULL);
}

/* --- labels ------------------------------------------------------------------------ */

struct label_rows {
	Common__Label rows[LABELS_MAX];
	Common__Label *at[LABELS_MAX];
};

static size_t
label_rows_of(struct label_rows *r, const struct labels *l)
{
	for (size_t i = 0; i < l->n; i++) {
		common__label__init(&r->rows[i]);
		r->rows[i].key = l->v[i].key;
		r->rows[i].value = l->v[i].value;
		r->at[i] = &r->rows[i];
	}
	return l->n;
}

static bool
labels_of(struct labels *dst, Common__Label *const *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (labels_set(dst, rows[i]->key, rows[i]->value) < 0)
			return false;
	return true;
}

/* --- users ------------------------------------------------------------------------- */

bool
stored_put_user(struct buf *b, const struct user *u)
{
	Stored__StoredUser m = STORED__STORED_USER__INIT;

	m.name = u->name;
	m.n_roles = u->roles.n;
	m.roles = (const char **)(void *)u->roles.v;
	m.n_logins = u->logins.n;
	m.logins = (const char **)(void *)u->logins.v;
	m.created = u->created_ms;
	m.created_by = u->created_by;
	m.confirmed = u->confirmed;
	m.password = u->password;
	m.totp_secret = bytes_of(u->totp, u->confirmed ? sizeof(u->totp) : 0);
	m.totp_last_step = u->totp_last_step;
	return pack(b, &m.base);
}

bool
stored_get_user(struct span s, struct user *u)
{
	Stored__StoredUser *m = unpack(&stored__stored_user__descriptor, s);
	bool ok;

	if (!m)
		return false;
	u->created_ms = m->created;
	u->confirmed = m->confirmed;
	u->totp_last_step = m->totp_last_step;
	ok = str_copy(u->name, sizeof(u->name), m->name) &&
	    str_copy(u->created_by, sizeof(u->created_by), m->created_by) &&
	    str_copy(u->password, sizeof(u->password), m->password) &&
	    copy_secret(u->totp, m->confirmed, &m->totp_secret) &&
	    names_copy(&u->roles, (char **)(void *)m->roles, m->n_roles) == 0 &&
	    names_copy(&u->logins, (char **)(void *)m->logins, m->n_logins) == 0;
	free_message(m);
	return ok;
}

bool
stored_put_invite(struct buf *b, const struct invite *i)
{
	Stored__StoredInvite m = STORED__STORED_INVITE__INIT;

	m.user = i->user;
	m.expires = i->expires_ms;
	m.reset = i->reset;
	m.totp_secret = bytes_of(i->totp, i->has_totp ? sizeof(i->totp) : 0);
	m.tries = i->tries;
	return pack(b, &m.base);
}

bool
stored_get_invite(struct span s, struct invite *i)
{
	Stored__StoredInvite *m = unpack(&stored__stored_invite__descriptor, s);
	bool ok;

	if (!m)
		return false;
	i->expires_ms = m->expires;
	i->reset = m->reset;
	i->tries = m->tries;
	i->has_totp = m->totp_secret.len > 0;
	ok = str_copy(i->user, sizeof(i->user), m->user) &&
	    copy_secret(i->totp, i->has_totp, &m->totp_secret);
	free_message(m);
	return ok;
}

bool
stored_put_lockout(struct buf *b, const struct lockout *l)
{
	Stored__StoredLockout m = STORED__STORED_LOCKOUT__INIT;

	m.n_failed_at = l->n;
	m.failed_at = (int64_t *)(uintptr_t)l->failed_at;
	m.locked_until = l->locked_until_ms;
	return pack(b, &m.base);
}

bool
stored_get_lockout(struct span s, struct lockout *l)
{
	Stored__StoredLockout *m = unpack(&stored__stored_lockout__descriptor, s);

	if (!m)
		return false;
	l->locked_until_ms = m->locked_until;
	for (l->n = 0; l->n < m->n_failed_at && l->n < LOCKOUT_FAILURES; l->n++)
		l->failed_at[l->n] = m->failed_at[l->n];
	free_message(m);
	return true;
}

bool
stored_put_cutoff(struct buf *b, const char *user, int64_t issued_before)
{
	Stored__StoredCutoff m = STORED__STORED_CUTOFF__INIT;

	m.user = user;
	m.issued_before = issued_before;
	return pack(b, &m.base);
}

bool
stored_get_cutoff(struct span s, char user[NAME_LEN_MAX + 1], int64_t *issued_before)
{
	Stored__StoredCutoff *m = unpack(&stored__stored_cutoff__descriptor, s);
	bool ok;

	if (!m)
		return false;
	*issued_before = m->issued_before;
	ok = str_copy(user, NAME_LEN_MAX + 1, m->user);
	free_message(m);
	return ok;
}

/* --- tokens ------------------------------------------------------------------------- */

bool
stored_put_token(struct buf *b, const struct token *t)
{
	Stored__StoredToken m = STORED__STORED_TOKEN__INIT;
	struct label_rows rows;

	m.id = t->id;
	m.kind = t->kind;
	m.expires = t->expires_ms;
	m.uses_left = t->uses_left;
	m.n_labels = label_rows_of(&rows, &t->labels);
	m.labels = rows.at;
	m.created = t->created_ms;
	m.created_by = t->created_by;
	return pack(b, &m.base);
}

bool
stored_get_token(struct span s, struct token *t)
{
	Stored__StoredToken *m = unpack(&stored__stored_token__descriptor, s);
	bool ok;

	if (!m)
		return false;
	t->expires_ms = m->expires;
	t->uses_left = m->uses_left;
	t->created_ms = m->created;
	ok = str_copy(t->id, sizeof(t->id), m->id) && str_copy(t->kind, sizeof(t->kind), m->kind) &&
	    str_copy(t->created_by, sizeof(t->created_by), m->created_by) &&
	    labels_of(&t->labels, m->labels, m->n_labels);
	free_message(m);
	return ok;
}

/* --- nodes --------------------------------------------------------------------------- */

bool
stored_put_host(struct buf *b, const struct host *n)
{
	Stored__StoredNode m = STORED__STORED_NODE__INIT;
	struct label_rows token, server, own;

	m.uuid = n->uuid;
	m.name = n->name;
	m.kind = n->kind;
	m.key_sha256 = bytes_of(n->key_sha256, sizeof(n->key_sha256));
	m.joined = n->joined_ms;
	m.certs_from_s = n->certs_from_s;
	m.valid_until = n->valid_until_ms;
	m.n_token_labels = label_rows_of(&token, &n->token_labels);
	m.token_labels = token.at;
	m.n_server_labels = label_rows_of(&server, &n->server_labels);
	m.server_labels = server.at;
	m.n_addresses = n->addresses.n;
	m.addresses = (const char **)(void *)n->addresses.v;
	m.public_addr = n->public_addr;
	m.ssh_addr = n->ssh_addr;
	m.token_sha256 = bytes_of(n->token_sha256, sizeof(n->token_sha256));
	m.online = n->online;
	m.address = n->address;
	m.version = n->version;
	m.n_own_labels = label_rows_of(&own, &n->own_labels);
	m.own_labels = own.at;
	return pack(b, &m.base);
}

bool
stored_get_host(struct span s, struct host *n)
{
	Stored__StoredNode *m = unpack(&stored__stored_node__descriptor, s);
	bool ok;

	if (!m)
		return false;
	n->joined_ms = m->joined;
	n->certs_from_s = m->certs_from_s;
	n->valid_until_ms = m->valid_until;
	n->online = m->online;
	ok = str_copy(n->uuid, sizeof(n->uuid), m->uuid) &&
	    str_copy(n->name, sizeof(n->name), m->name) &&
	    str_copy(n->kind, sizeof(n->kind), m->kind) &&
	    str_copy(n->public_addr, sizeof(n->public_addr), m->public_addr) &&
	    str_copy(n->ssh_addr, sizeof(n->ssh_addr), m->ssh_addr) &&
	    copy_bytes(n->key_sha256, sizeof(n->key_sha256), &m->key_sha256) &&
	    copy_bytes(n->token_sha256, sizeof(n->token_sha256), &m->token_sha256) &&
	    str_copy(n->address, sizeof(n->address), m->address) &&
	    str_copy(n->version, sizeof(n->version), m->version) &&
	    labels_of(&n->own_labels, m->own_labels, m->n_own_labels) &&
	    labels_of(&n->token_labels, m->token_labels, m->n_token_labels) &&
	    labels_of(&n->server_labels, m->server_labels, m->n_server_labels) &&
	    names_copy(&n->addresses, (char **)(void *)m->addresses, m->n_addresses) == 0;
	free_message(m);
	return ok;
}
