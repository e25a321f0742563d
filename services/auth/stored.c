/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored: packing and unpacking by tables of fields, and the tables. With stored_role.c and the
 * wire faces the only place of authd that sees generated messages; here only their descriptors.
 */
#include "auth/stored.h"

#include <string.h>

#include "api/label.h"
#include "auth/cutoff.h"
#include "auth/host.h"
#include "auth/invite.h"
#include "auth/lockout.h"
#include "auth/token.h"
#include "auth/user.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "proto/stored.pb-c.h"

enum { ARENA_MAX = 256 * 1024 };

/* --- a field of a message ------------------------------------------------------------------ */

static const struct {
	ProtobufCType type;
	bool repeated;
} wire_types[] = {
	[STORED_TEXT] = { PROTOBUF_C_TYPE_STRING, false },
	[STORED_NAMES] = { PROTOBUF_C_TYPE_STRING, true },
	[STORED_LABELS] = { PROTOBUF_C_TYPE_MESSAGE, true },
	[STORED_BYTES] = { PROTOBUF_C_TYPE_BYTES, false },
	[STORED_SECRET] = { PROTOBUF_C_TYPE_BYTES, false },
	[STORED_LATER] = { PROTOBUF_C_TYPE_BYTES, false },
	[STORED_INT64] = { PROTOBUF_C_TYPE_INT64, false },
	[STORED_UINT32] = { PROTOBUF_C_TYPE_UINT32, false },
	[STORED_BOOL] = { PROTOBUF_C_TYPE_BOOL, false },
	[STORED_TIMES] = { PROTOBUF_C_TYPE_INT64, true },
};

/* Where a row's field lies in a message; both NULL when the row does not fit it (a bug, or no
 * memory), so that a wrong table fails at its first use instead of writing elsewhere. */
struct place {
	void *value;
	size_t *n; /* of a repeated field */
};

static struct place
place_of(ProtobufCMessage *m, const char *name, enum stored_type type)
{
	const ProtobufCFieldDescriptor *d =
	    protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);

	if (!d || d->type != wire_types[type].type ||
	    (d->label == PROTOBUF_C_LABEL_REPEATED) != wire_types[type].repeated)
		return (struct place){ 0 };
	return (struct place){ (uint8_t *)m + d->offset,
		(size_t *)(void *)((uint8_t *)m + d->quantifier_offset) };
}

/* --- struct to message --------------------------------------------------------------------- */

static ProtobufCBinaryData
bytes_of(const void *p, size_t n)
{
	return (ProtobufCBinaryData){ n, n ? (uint8_t *)(uintptr_t)p : NULL };
}

/* Texts and bytes are lent, not copied: the message dies before the struct. */
static bool
put_field(struct arena *arena, const struct stored_field *f, const void *object,
    ProtobufCMessage *m)
{
	const uint8_t *base = object, *from = base + f->at;
	struct place to = place_of(m, f->name, f->type);
	const struct names *names = (const void *)from;
	const struct labels *labels = (const void *)from;

	if (!to.value)
		return false;
	switch (f->type) {
	case STORED_TEXT:
		*(const char **)to.value = (const char *)from;
		return true;
	case STORED_NAMES:
		*(char ***)to.value = names->v;
		*to.n = names->n;
		return true;
	case STORED_LABELS:
		*(Common__Label ***)to.value = api_labels(arena, labels_view(labels));
		*to.n = labels->n;
		return *(void **)to.value != NULL;
	case STORED_BYTES:
		*(ProtobufCBinaryData *)to.value = bytes_of(from, f->size);
		return true;
	case STORED_SECRET:
	case STORED_LATER:
		*(ProtobufCBinaryData *)to.value = bytes_of(from,
		    *(const bool *)(base + f->with) ? f->size : 0);
		return true;
	case STORED_INT64:
		memcpy(to.value, from, sizeof(int64_t));
		return true;
	case STORED_UINT32:
		memcpy(to.value, from, sizeof(uint32_t));
		return true;
	case STORED_BOOL:
		*(protobuf_c_boolean *)to.value = *(const bool *)from;
		return true;
	case STORED_TIMES:
		*(int64_t **)to.value = (int64_t *)(uintptr_t)from;
		*to.n = *(const size_t *)(const void *)(base + f->with);
		return true;
	}
	return false;
}

static ProtobufCMessage *
message_of(struct arena *arena, const struct stored_form *form, const void *object)
{
	ProtobufCMessage *m = arena_alloc(arena, form->message->sizeof_message);

	if (!m)
		return NULL;
	protobuf_c_message_init(form->message, m);
	for (size_t i = 0; i < form->n_fields; i++)
		if (!put_field(arena, &form->fields[i], object, m))
			return NULL;
	return m;
}

bool
stored_pack(const struct stored_form *form, const void *object, struct buf *b)
{
	struct arena arena;
	ProtobufCMessage *m;
	uint8_t *p = NULL;

	if (form->pack)
		return form->pack(object, b);
	arena_init(&arena, ARENA_MAX);
	m = message_of(&arena, form, object);
	if (m)
		p = buf_reserve(b, protobuf_c_message_get_packed_size(m));
	if (p)
		buf_commit(b, protobuf_c_message_pack(m, p));
	arena_done(&arena);
	return p != NULL;
}

/* --- message to struct --------------------------------------------------------------------- */

int
stored_labels(struct labels *dst, Common__Label *const *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (labels_set(dst, rows[i]->key, rows[i]->value) < 0)
			return -1;
	return 0;
}

/* Exactly the member's bytes. */
static bool
take_bytes(const struct stored_field *f, uint8_t *to, const ProtobufCBinaryData *from)
{
	if (from->len != f->size)
		return false;
	memcpy(to, from->data, f->size);
	return true;
}

static bool
take_times(const struct stored_field *f, uint8_t *base, struct place from)
{
	size_t *n = (size_t *)(void *)(base + f->with), most = f->size / sizeof(int64_t);

	*n = *from.n < most ? *from.n : most;
	if (*n > 0)
		memcpy(base + f->at, *(int64_t **)from.value, *n * sizeof(int64_t));
	return true;
}

static bool
take_field(const struct stored_field *f, void *object, ProtobufCMessage *m)
{
	uint8_t *base = object, *to = base + f->at;
	struct place from = place_of(m, f->name, f->type);
	const ProtobufCBinaryData *bytes = from.value;
	bool *with = (bool *)(base + f->with);

	if (!from.value)
		return false;
	switch (f->type) {
	case STORED_TEXT:
		return str_copy((char *)to, f->size, *(const char **)from.value);
	case STORED_NAMES:
		return names_copy((void *)to, *(char ***)from.value, *from.n) == 0;
	case STORED_LABELS:
		return stored_labels((void *)to, *(Common__Label ***)from.value, *from.n) == 0;
	case STORED_BYTES:
		return take_bytes(f, to, bytes);
	case STORED_SECRET:
		return *with ? take_bytes(f, to, bytes) : bytes->len == 0;
	case STORED_LATER:
		*with = bytes->len > 0;
		return !*with || take_bytes(f, to, bytes);
	case STORED_INT64:
		memcpy(to, from.value, sizeof(int64_t));
		return true;
	case STORED_UINT32:
		memcpy(to, from.value, sizeof(uint32_t));
		return true;
	case STORED_BOOL:
		*(bool *)to = *(protobuf_c_boolean *)from.value != 0;
		return true;
	case STORED_TIMES:
		return take_times(f, base, from);
	}
	return false;
}

bool
stored_unpack(const struct stored_form *form, struct span s, void *object)
{
	ProtobufCMessage *m;
	bool ok = true;

	if (form->unpack)
		return form->unpack(s, object);
	m = protobuf_c_message_unpack(form->message, NULL, s.n, s.p);
	if (!m)
		return false;
	for (size_t i = 0; i < form->n_fields && ok; i++)
		ok = take_field(&form->fields[i], object, m);
	protobuf_c_message_free_unpacked(m, NULL);
	return ok;
}

void
stored_done(const struct stored_form *form, void *object)
{
	if (form->done)
		form->done(object);
	for (size_t i = 0; i < form->n_fields; i++) {
		uint8_t *member = (uint8_t *)object + form->fields[i].at;

		if (form->fields[i].type == STORED_NAMES)
			names_done((void *)member);
		else if (form->fields[i].type == STORED_LABELS)
			labels_done((void *)member);
	}
	secret_zero(object, form->size);
}

/* --- the tables ---------------------------------------------------------------------------- */

#define ROW(type_, name_, struct_, member_)                                            \
	{                                                                              \
		.name = name_, .type = type_, .at = offsetof(struct struct_, member_), \
		.size = sizeof(((struct struct_ *)0)->member_)                         \
	}
#define ROW_WITH(type_, name_, struct_, member_, with_)                                \
	{                                                                              \
		.name = name_, .type = type_, .at = offsetof(struct struct_, member_), \
		.size = sizeof(((struct struct_ *)0)->member_),                        \
		.with = offsetof(struct struct_, with_)                                \
	}
#define KEY(struct_, member_)                                                        \
	.size = sizeof(struct struct_), .key_at = offsetof(struct struct_, member_), \
	.key_size = sizeof(((struct struct_ *)0)->member_),                          \
	.revision_at = offsetof(struct struct_, revision)
#define FIELDS(table_) .fields = table_, .n_fields = sizeof(table_) / sizeof(table_[0])

static const struct stored_field user_fields[] = {
	ROW(STORED_TEXT, "name", user, name),
	ROW(STORED_NAMES, "roles", user, roles),
	ROW(STORED_NAMES, "logins", user, logins),
	ROW(STORED_INT64, "created", user, created_ms),
	ROW(STORED_TEXT, "created_by", user, created_by),
	ROW(STORED_BOOL, "confirmed", user, confirmed),
	ROW(STORED_TEXT, "password", user, password),
	ROW_WITH(STORED_SECRET, "totp_secret", user, totp, confirmed),
	ROW(STORED_INT64, "totp_last_step", user, totp_last_step),
};
const struct stored_form stored_user = { KEY(user, name),
	.message = &stored__stored_user__descriptor, FIELDS(user_fields) };

static const struct stored_field invite_fields[] = {
	ROW(STORED_TEXT, "user", invite, user),
	ROW(STORED_INT64, "expires", invite, expires_ms),
	ROW(STORED_BOOL, "reset", invite, reset),
	ROW_WITH(STORED_LATER, "totp_secret", invite, totp, has_totp),
	ROW(STORED_UINT32, "tries", invite, tries),
};
const struct stored_form stored_invite = { KEY(invite, key),
	.expires_at = offsetof(struct invite, expires_ms),
	.message = &stored__stored_invite__descriptor, FIELDS(invite_fields) };

static const struct stored_field lockout_fields[] = {
	ROW_WITH(STORED_TIMES, "failed_at", lockout, failed_at, n),
	ROW(STORED_INT64, "locked_until", lockout, locked_until_ms),
};
const struct stored_form stored_lockout = { KEY(lockout, user),
	.expires_at = offsetof(struct lockout, expires_ms),
	.message = &stored__stored_lockout__descriptor, FIELDS(lockout_fields) };

static const struct stored_field cutoff_fields[] = {
	ROW(STORED_TEXT, "user", cutoff, name),
	ROW(STORED_INT64, "issued_before", cutoff, issued_before_ms),
};
const struct stored_form stored_cutoff = { KEY(cutoff, name),
	.expires_at = offsetof(struct cutoff, expires_ms),
	.message = &stored__stored_cutoff__descriptor, FIELDS(cutoff_fields) };

static const struct stored_field token_fields[] = {
	ROW(STORED_TEXT, "id", token, id),
	ROW(STORED_TEXT, "kind", token, kind),
	ROW(STORED_INT64, "expires", token, expires_ms),
	ROW(STORED_UINT32, "uses_left", token, uses_left),
	ROW(STORED_LABELS, "labels", token, labels),
	ROW(STORED_INT64, "created", token, created_ms),
	ROW(STORED_TEXT, "created_by", token, created_by),
};
const struct stored_form stored_token = { KEY(token, key),
	.expires_at = offsetof(struct token, forget_ms),
	.message = &stored__stored_token__descriptor, FIELDS(token_fields) };

static const struct stored_field host_fields[] = {
	ROW(STORED_TEXT, "uuid", host, uuid),
	ROW(STORED_TEXT, "name", host, name),
	ROW(STORED_TEXT, "kind", host, kind),
	ROW(STORED_BYTES, "key_sha256", host, key_sha256),
	ROW(STORED_INT64, "joined", host, joined_ms),
	ROW(STORED_INT64, "certs_from_s", host, certs_from_s),
	ROW(STORED_INT64, "valid_until", host, valid_until_ms),
	ROW(STORED_LABELS, "token_labels", host, token_labels),
	ROW(STORED_LABELS, "server_labels", host, server_labels),
	ROW(STORED_NAMES, "addresses", host, addresses),
	ROW(STORED_TEXT, "public_addr", host, public_addr),
	ROW(STORED_TEXT, "ssh_addr", host, ssh_addr),
	ROW(STORED_BYTES, "token_sha256", host, token_sha256),
	ROW(STORED_BOOL, "online", host, online),
	ROW(STORED_TEXT, "address", host, address),
	ROW(STORED_TEXT, "version", host, version),
	ROW(STORED_LABELS, "own_labels", host, own_labels),
};

static void
host_done(void *object)
{
	struct host *n = object;

	labels_done(&n->labels); /* not stored: merged from the others */
}

const struct stored_form stored_host = { KEY(host, uuid),
	.expires_at = offsetof(struct host, valid_until_ms),
	.message = &stored__stored_node__descriptor, .done = host_done, FIELDS(host_fields) };
