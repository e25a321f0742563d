/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire_check: see wire_check.h. Pure; reads the bytes once.
 */
#include "rpc/wire_check.h"

#include "base/str.h"
#include "base/buf.h"

struct cursor {
	const uint8_t *p, *end;
};

static size_t
left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static bool
read_varint(struct cursor *c, uint64_t *ret)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64 && c->p < c->end; shift += 7) {
		uint8_t b = *c->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*ret = v;
			return true;
		}
	}
	return false;
}

/* No over-long form and no half of a surrogate pair: PostgreSQL and JSON take neither, and filters see through neither.
 * A NUL is allowed by protobuf, but ends the C string that protobuf-c makes: what was checked would not be what is used. */
static bool
is_text(const uint8_t *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		len = s[i] < 0x80 ? 1 : str_utf8_len(s + i, n - i);
		if (len == 0 || s[i] == 0)
			return false;
	}
	return true;
}

/* False: the message has more elements than WIRE_CHECK_ITEMS. */
static bool
charge(size_t *items, size_t n)
{
	if (n > *items)
		return false;
	*items -= n;
	return true;
}

/* The elements of a packed list, counted by their last bytes or by their size. */
static bool
charge_packed(const ProtobufCFieldDescriptor *f, const uint8_t *p, size_t n, size_t *items)
{
	size_t count = 0;

	switch (f->type) {
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return charge(items, n / 4);
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return charge(items, n / 8);
	default:
		for (size_t i = 0; i < n; i++)
			/* A varint ends with the byte that has no top bit. */
			count += p[i] < 0x80;
		return charge(items, count);
	}
}

static bool wire_check(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len,
    int depth, size_t *items);

static bool
check_delimited(const ProtobufCFieldDescriptor *f, struct span in, int depth, size_t *items)
{
	/* Unknown fields are kept by protobuf-c as bytes; nobody here looks into them. */
	if (!f)
		return true;
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return is_text(in.p, in.n);
	case PROTOBUF_C_TYPE_MESSAGE:
		return wire_check(f->descriptor, in.p, in.n, depth - 1, items);
	case PROTOBUF_C_TYPE_BYTES:
		return true;
	default:
		return f->label != PROTOBUF_C_LABEL_REPEATED || charge_packed(f, in.p, in.n, items);
	}
}

/* One field: its tag was read, its content follows. */
static bool
check_field(const ProtobufCMessageDescriptor *type, struct cursor *c, uint64_t key, int depth,
    size_t *items)
{
	const ProtobufCFieldDescriptor *f;
	uint64_t n;

	switch (key & 7) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		return read_varint(c, &n);
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		n = 8;
		break;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		n = 4;
		break;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		if (!read_varint(c, &n) || n > left(c))
			return false;
		f = protobuf_c_message_descriptor_get_field(type, (unsigned)(key >> 3));
		if (!check_delimited(f, (struct span){ c->p, (size_t)n }, depth, items))
			return false;
		break;
	default: /* groups are long gone */
		return false;
	}
	if (n > left(c))
		return false;
	c->p += n;
	return true;
}

/* Everything that wire_check.h promises, with what is left of the limits. */
static bool
wire_check(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len, int depth,
    size_t *items)
{
	struct cursor c = { data, data + len };
	uint64_t key;

	/* protobuf-c recurses without a bound of its own. */
	if (depth <= 0)
		return false;
	while (c.p < c.end) {
		/* Every field is paid for, known or not: protobuf-c allocates something for each, and two bytes
		 * on the wire can make it take a hundred in memory. */
		if (!read_varint(&c, &key) || key >> 3 == 0 || key >> 32 != 0 || !charge(items, 1))
			return false;
		if (!check_field(type, &c, key, depth, items))
			return false;
	}
	return true;
}

bool
wire_check_message(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t len)
{
	size_t items = WIRE_CHECK_ITEMS;

	return wire_check(type, data, len, WIRE_CHECK_DEPTH, &items);
}
