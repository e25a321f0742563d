/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write: messages as JSON; see json.h. Straight into a buffer: as a tree of jansson's an answer of a thousand rows
 * would cost a hundred times its size.
 */
#include <inttypes.h>
#include <string.h>

#include "api/json.h"
#include "api/json_priv.h"
#include "base/str.h"
#include "crypto/b64.h"
#include "proto/auth.pb-c.h"
#include "rpc/wire_check.h"

static const struct packed_kind {
	const char *kind;
	const ProtobufCMessageDescriptor *type;
} packed_kinds[] = {
	{ "role", &auth__role__descriptor },
	{ "lock", &auth__lock__descriptor },
};

const ProtobufCMessageDescriptor *
api_json_inner(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f,
    const char *kind)
{
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return f->descriptor;
	/* On the wire packed bytes and a sub-message are the same. */
	if (type != &auth__resource__descriptor || f->type != PROTOBUF_C_TYPE_BYTES || !kind)
		return NULL;
	for (size_t i = 0; i < sizeof(packed_kinds) / sizeof(packed_kinds[0]); i++)
		if (strcmp(packed_kinds[i].kind, kind) == 0)
			return packed_kinds[i].type;
	return NULL;
}

/* The character at p, of more than one byte, when it is one that a terminal may obey or that moves others about; 0 when it stands
 * as it is. All of them are below U+10000. */
static unsigned
odd_character(const char *p)
{
	const uint8_t *c = (const uint8_t *)p;
	size_t n = strnlen(p, 4), len = str_utf8_len(c, n);

	if (len < 2 || len > 3 || str_printable_len(c, n) > 0)
		return 0;
	if (len == 2)
		return (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
	return (c[0] & 0x0fu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
}

static bool
put_text(struct buf *b, const char *text)
{
	const char *from = text ? text : "";

	(void)buf_put(b, "\"", 1);
	for (const char *p = from;; p++) {
		unsigned c = (unsigned char)*p;

		if (c >= 0x20 && c != '"' && c != '\\' && c < 0x7f)
			continue;
		if (c > 0x7f && (c = odd_character(p)) == 0)
			continue;
		(void)buf_put(b, from, (size_t)(p - from));
		if (c == 0)
			break;
		if (c == '"' || c == '\\')
			(void)buf_printf(b, "\\%c", (int)c);
		else
			(void)buf_printf(b, "\\u%04x", c);
		p += c < 0x80 ? 0 : c < 0x800 ? 1 : 2;
		from = p + 1;
	}
	return buf_put(b, "\"", 1);
}

static bool
put_bytes(struct buf *b, const ProtobufCBinaryData *bytes)
{
	(void)buf_put(b, "\"", 1);
	(void)b64_put(b, (struct span){ bytes->data, bytes->len }, B64_STD, 0);
	return buf_put(b, "\"", 1);
}

static bool put_message(struct buf *b, const ProtobufCMessage *m, int depth);

static bool
put_inner(struct buf *b, const ProtobufCMessage *m, int depth)
{
	return m ? put_message(b, m, depth - 1) : buf_put(b, "null", 4);
}

/* Bytes that are a message of that type; none: there is no such message. */
static bool
put_packed(struct buf *b, const ProtobufCMessageDescriptor *type, const ProtobufCBinaryData *bytes,
    int depth)
{
	ProtobufCMessage *m;
	bool ok;

	if (bytes->len == 0)
		return put_inner(b, NULL, depth);
	if (!wire_check_message(type, bytes->data, bytes->len))
		return false;
	m = protobuf_c_message_unpack(type, NULL, bytes->len, bytes->data);
	ok = m && put_inner(b, m, depth);
	protobuf_c_message_free_unpacked(m, NULL);
	return ok;
}

/* One value of the field: v points to it. */
static bool
put_value(struct buf *b, const ProtobufCFieldDescriptor *f, const void *v, int depth)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return buf_printf(b, "%s", *(const protobuf_c_boolean *)v ? "true" : "false");
	case PROTOBUF_C_TYPE_INT32:
		return buf_printf(b, "%" PRId32, *(const int32_t *)v);
	case PROTOBUF_C_TYPE_UINT32:
		return buf_printf(b, "%" PRIu32, *(const uint32_t *)v);
	case PROTOBUF_C_TYPE_INT64:
		return buf_printf(b, "%" PRId64, *(const int64_t *)v);
	case PROTOBUF_C_TYPE_UINT64:
		return buf_printf(b, "%" PRIu64, *(const uint64_t *)v);
	case PROTOBUF_C_TYPE_STRING:
		return put_text(b, *(char *const *)v);
	case PROTOBUF_C_TYPE_BYTES:
		return put_bytes(b, v);
	case PROTOBUF_C_TYPE_MESSAGE:
		return put_inner(b, *(ProtobufCMessage *const *)v, depth);
	default:
		return false;
	}
}

static size_t
value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return sizeof(void *);
	}
}

static bool
put_list(struct buf *b, const ProtobufCFieldDescriptor *f, const uint8_t *m, int depth)
{
	size_t n = *(const size_t *)(const void *)(m + f->quantifier_offset);
	const uint8_t *v = *(uint8_t *const *)(const void *)(m + f->offset);

	(void)buf_put(b, "[", 1);
	for (size_t i = 0; i < n; i++, v += value_size(f->type)) {
		if (i > 0)
			(void)buf_put(b, ",", 1);
		if (!put_value(b, f, v, depth))
			return false;
	}
	return buf_put(b, "]", 1);
}

static bool
put_field(struct buf *b, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, int depth)
{
	const uint8_t *base = (const uint8_t *)m;
	const ProtobufCMessageDescriptor *packed = NULL;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return put_list(b, f, base, depth);
	/* Of a oneof the members share their memory. */
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
	    *(const uint32_t *)(const void *)(base + f->quantifier_offset) != f->id)
		return buf_put(b, "null", 4);
	if (m->descriptor == &auth__resource__descriptor && f->type == PROTOBUF_C_TYPE_BYTES)
		packed = api_json_inner(m->descriptor, f, ((const Auth__Resource *)m)->kind);
	if (packed)
		return put_packed(b, packed, (const void *)(base + f->offset), depth);
	return put_value(b, f, base + f->offset, depth);
}

static bool
put_message(struct buf *b, const ProtobufCMessage *m, int depth)
{
	const ProtobufCMessageDescriptor *type = m->descriptor;

	if (depth <= 0)
		return false;
	(void)buf_put(b, "{", 1);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		(void)buf_printf(b, "%s\"%s\":", i > 0 ? "," : "", f->name);
		if (!put_field(b, m, f, depth))
			return false;
	}
	return buf_put(b, "}", 1);
}

bool
api_json_put(struct buf *b, const ProtobufCMessage *m)
{
	return put_message(b, m, WIRE_CHECK_DEPTH) && buf_ok(b);
}
