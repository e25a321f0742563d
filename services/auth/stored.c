/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored: packing and unpacking by tables of fields. The tables stand with the nouns.
 */
#include "auth/stored.h"

#include <string.h>

#include "api/label.h"
#include "auth/factor.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "proto/common.pb-c.h"
#include "rpc/bytes.h"

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
	[STORED_LATER] = { PROTOBUF_C_TYPE_BYTES, false },
	[STORED_INT64] = { PROTOBUF_C_TYPE_INT64, false },
	[STORED_UINT32] = { PROTOBUF_C_TYPE_UINT32, false },
	[STORED_BOOL] = { PROTOBUF_C_TYPE_BOOL, false },
	[STORED_FACTORS] = { PROTOBUF_C_TYPE_MESSAGE, true },
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

/* Texts and bytes are lent, not copied: the message dies before the struct. */
static bool
put_field(struct arena *arena, const struct stored_field *f, const void *object,
    ProtobufCMessage *m)
{
	const uint8_t *base = object, *from = base + f->at;
	struct place to = place_of(m, f->name, f->type);
	const struct names *names = (const void *)from;
	const struct labels *labels = (const void *)from;
	const struct factor_list *factors = (const void *)from;

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
	case STORED_FACTORS:
		*(struct Stored__StoredFactor ***)to.value = stored_factors_rows(arena, factors);
		*to.n = *(const bool *)(base + f->with) ? factors->n : 0;
		return *(void **)to.value != NULL;
	case STORED_BYTES:
		*(ProtobufCBinaryData *)to.value = bytes_at(from, f->size);
		return true;
	case STORED_LATER:
		*(ProtobufCBinaryData *)to.value = bytes_at(from,
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

/* False: too large for b, or a table that does not fit its message. */
bool
stored_pack(const struct stored_form *form, const void *object, struct buf *b)
{
	struct arena arena;
	ProtobufCMessage *m;
	uint8_t *p = NULL;

	/* Kinds whose form no table can say (roles). */
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

/* Negative: they do not fit, or no memory. What was added before stays for the caller to free. */
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
	/* Shorter would leave bytes of before, longer would write past the member. */
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
	case STORED_FACTORS:
		/* Some where there should be none, or none where there should be some: the record was tampered with, or is
		 * damaged. */
		return (*from.n > 0) == *with &&
		    stored_factors_take((void *)to, *(struct Stored__StoredFactor ***)from.value,
			*from.n);
	case STORED_BYTES:
		return take_bytes(f, to, bytes);
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

/* False: not this form. The object may be half filled: resource_done clears it. */
bool
stored_unpack(const struct stored_form *form, struct span s, void *object)
{
	ProtobufCMessage *m;
	bool ok = true;

	if (form->unpack)
		return form->unpack(s, object);
	/* Of the store, which only authd writes, or from the network after wire_check_message
	 * (rpc_resources.c). */
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
		else if (form->fields[i].type == STORED_FACTORS)
			factor_list_done((void *)member);
	}
	/* Of every kind: which of them holds a secret need not be remembered. */
	secret_zero(object, form->size);
}
