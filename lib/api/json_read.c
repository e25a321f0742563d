/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read: messages from JSON, queries and paths; see json.h. What comes in is written as protobuf's own bytes, and
 * unpacked at the end as if it had come by gRPC: so that there is one maker of messages, with one set of limits.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "api/json.h"
#include "api/json_priv.h"
#include "base/str.h"
#include "crypto/b64.h"
#include "http/query.h"
#include "rpc/wire_check.h"

enum {
	WIRE_MAX = 4 * 1024 * 1024,
	FIELDS_MAX = 64, /* bits of api_json.given */
	NAME_MAX_SHOWN = 64,
};

/* --- memory that held secrets ---------------------------------------------------------------- */

static void
free_wiped(void *p)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* jansson says nothing of a failure here, or calls it a mistake of the text. One thread. */
static bool starved;

static void *
json_alloc(size_t n)
{
	void *p = malloc(n);

	starved = starved || !p;
	return p;
}

static void *
message_alloc(void *arg, size_t n)
{
	(void)arg;
	return malloc(n);
}

static void
message_free(void *arg, void *p)
{
	(void)arg;
	free_wiped(p);
}

static ProtobufCAllocator wiping = { .alloc = message_alloc, .free = message_free };

void
api_json_free(ProtobufCMessage *m)
{
	protobuf_c_message_free_unpacked(m, &wiping);
}

/* --- where something is, for people ---------------------------------------------------------- */

/* A value in what is read: a member of an object, or one of a list. */
struct place {
	const struct place *up; /* NULL: of the message itself */
	const ProtobufCMessageDescriptor *type;
	const ProtobufCFieldDescriptor *f;
	const char *kind; /* of a Resource: what its value is; NULL: not said */
	size_t index;     /* in the list */
	bool in_list;
	int depth; /* that is left */
};

/* "allow.node_labels[2].key" */
static void
place_text(const struct place *at, char *dst, size_t size)
{
	size_t n;

	dst[0] = '\0';
	if (at->up)
		place_text(at->up, dst, size);
	n = strlen(dst);
	(void)str_format(dst + n, size - n, "%s%s", n > 0 ? "." : "", at->f->name);
	n = strlen(dst);
	if (at->in_list)
		(void)str_format(dst + n, size - n, "[%zu]", at->index);
}

/* What is being read, and into what. */
struct reading {
	struct api_json *in;
	struct err *e;
};

static int
refuse(const struct reading *r, const struct place *at, const char *why)
{
	char where[ERR_MAX / 2];

	place_text(at, where, sizeof(where));
	return err_set(r->e, "%s: %s", where, why);
}

/* The name is the sender's: shown, but not as it is. */
static int
refuse_name(const struct reading *r, const struct place *up, const char *name, size_t n)
{
	char where[ERR_MAX / 2] = "", shown[NAME_MAX_SHOWN + 1];

	str_clean(shown, sizeof(shown), name, n);
	if (up)
		place_text(up, where, sizeof(where));
	return err_set(r->e, "%s%s%s: there is no field of this name", where, up ? "." : "", shown);
}

static int
no_memory(const struct reading *r)
{
	r->in->no_memory = true;
	return err_memory(r->e);
}

/* --- the wire -------------------------------------------------------------------------------- */

static void
put_varint(struct buf *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (uint8_t)(v | 0x80);
	bytes[n++] = (uint8_t)v;
	(void)buf_put(out, bytes, n);
}

/* Every element is a field of its own, and is paid for as wire_check has it. */
static int
put_tag(const struct reading *r, const struct place *at, unsigned wire_type, struct buf *out)
{
	if (r->in->items == 0)
		return refuse(r, at, "too many values");
	r->in->items--;
	put_varint(out, (uint64_t)at->f->id << 3 | wire_type);
	return 0;
}

static int
put_delimited(const struct reading *r, const struct place *at, struct span bytes, struct buf *out)
{
	if (put_tag(r, at, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, out) < 0)
		return -1;
	put_varint(out, bytes.n);
	return buf_put(out, bytes.p, bytes.n) ? 0 : no_memory(r);
}

static int
put_number(const struct reading *r, const struct place *at, int64_t v, struct buf *out)
{
	bool fits = true;

	if (at->f->type == PROTOBUF_C_TYPE_INT32)
		fits = v >= INT32_MIN && v <= INT32_MAX;
	else if (at->f->type == PROTOBUF_C_TYPE_UINT32)
		fits = v >= 0 && v <= UINT32_MAX;
	else if (at->f->type == PROTOBUF_C_TYPE_UINT64)
		fits = v >= 0;
	if (!fits)
		return refuse(r, at, v < 0 ? "the number is too small" : "the number is too large");
	if (put_tag(r, at, PROTOBUF_C_WIRE_TYPE_VARINT, out) < 0)
		return -1;
	put_varint(out, (uint64_t)v);
	return buf_ok(out) ? 0 : no_memory(r);
}

static int
put_text(const struct reading *r, const struct place *at, struct span text, struct buf *out)
{
	for (size_t i = 0, len; i < text.n; i += len) {
		len = str_utf8_len(text.p + i, text.n - i);
		if (len == 0 || text.p[i] == 0)
			return refuse(r, at, "the text is not UTF-8, or has a NUL");
	}
	return put_delimited(r, at, text, out);
}

static int
put_base64(const struct reading *r, const struct place *at, struct span text, struct buf *out)
{
	struct buf bytes;
	int done;

	buf_init(&bytes, text.n + 3);
	if (b64_decode(text, B64_STD, false, &bytes))
		done = put_delimited(r, at, buf_span(&bytes), out);
	else if (!buf_ok(&bytes))
		done = no_memory(r);
	else
		done = refuse(r, at, "the bytes are not base64");
	buf_wipe(&bytes);
	return done;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static bool
is_number(ProtobufCType type)
{
	return type == PROTOBUF_C_TYPE_INT32 || type == PROTOBUF_C_TYPE_UINT32 ||
	    type == PROTOBUF_C_TYPE_INT64 || type == PROTOBUF_C_TYPE_UINT64;
}

static int put_object(const struct reading *r, const struct place *at,
    const ProtobufCMessageDescriptor *type, json_t *object, struct buf *out);

/* A message within a message: made apart, since its length stands before it. */
static int
put_inner(const struct reading *r, const struct place *at, const ProtobufCMessageDescriptor *type,
    json_t *v, struct buf *out)
{
	struct buf inner;
	int done = -1;

	if (!json_is_object(v))
		return refuse(r, at, "this must be an object");
	if (at->depth <= 1)
		return refuse(r, at, "too deep");
	buf_init(&inner, WIRE_MAX);
	if (put_object(r, at, type, v, &inner) == 0)
		done = put_delimited(r, at, buf_span(&inner), out);
	buf_wipe(&inner);
	return done;
}

static int
put_one(const struct reading *r, const struct place *at, json_t *v, struct buf *out)
{
	const ProtobufCMessageDescriptor *inner = api_json_inner(at->type, at->f, at->kind);
	struct span text = { (const uint8_t *)json_string_value(v), json_string_length(v) };

	if (inner)
		return put_inner(r, at, inner, v, out);
	if (is_number(at->f->type)) {
		if (!json_is_integer(v))
			return refuse(r, at, "this must be a whole number");
		return put_number(r, at, json_integer_value(v), out);
	}
	switch (at->f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (!json_is_boolean(v))
			return refuse(r, at, "this must be true or false");
		return put_number(r, at, json_is_true(v), out);
	case PROTOBUF_C_TYPE_STRING:
		return text.p ? put_text(r, at, text, out) : refuse(r, at, "this must be a text");
	case PROTOBUF_C_TYPE_BYTES:
		return text.p ? put_base64(r, at, text, out)
			      : refuse(r, at, "this must be a text of base64");
	default:
		return refuse(r, at, "this cannot be given here");
	}
}

static int
put_list(const struct reading *r, struct place *at, json_t *list, struct buf *out)
{
	json_t *v;

	if (!json_is_array(list))
		return refuse(r, at, "this must be a list");
	at->in_list = true;
	json_array_foreach (list, at->index, v)
		if (put_one(r, at, v, out) < 0)
			return -1;
	return 0;
}

/* 0: beyond what can be told apart. */
static uint64_t
field_bit(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *f)
{
	size_t i = (size_t)(f - type->fields);

	return i < FIELDS_MAX ? UINT64_C(1) << i : 0;
}

/* Marks the field as given. Negative, said: it was already, or another member of its oneof was. */
static int
take_field(const struct reading *r, const struct place *at, uint64_t *given)
{
	const ProtobufCMessageDescriptor *type = at->type;
	uint64_t own = field_bit(type, at->f);

	if (own == 0)
		return refuse(r, at, "this cannot be given here");
	if (*given & own)
		return refuse(r, at, "this is given twice");
	for (size_t i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *other = &type->fields[i];

		/* The members of a oneof share where they say which one it is. */
		if ((at->f->flags & other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		    other->quantifier_offset == at->f->quantifier_offset &&
		    (*given & field_bit(type, other)))
			return refuse(r, at, "only one of its kind can be given");
	}
	*given |= own;
	return 0;
}

static int
put_member(const struct reading *r, struct place *at, json_t *v, uint64_t *given, struct buf *out)
{
	bool may_be_absent = api_json_inner(at->type, at->f, at->kind) ||
	    (at->f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);

	/* As api_json_put writes it, so that what was read can be sent back. */
	if (json_is_null(v) && may_be_absent && at->f->label != PROTOBUF_C_LABEL_REPEATED)
		return 0;
	if (take_field(r, at, given) < 0)
		return -1;
	return at->f->label == PROTOBUF_C_LABEL_REPEATED ? put_list(r, at, v, out)
							 : put_one(r, at, v, out);
}

/* at: where the object is; NULL: it is the message itself. */
static int
put_object(const struct reading *r, const struct place *at, const ProtobufCMessageDescriptor *type,
    json_t *object, struct buf *out)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	uint64_t here = 0, *given = at ? &here : &r->in->given;
	const char *name;
	json_t *v;

	json_object_foreach (object, name, v) {
		struct place member = { .up = at,
			.type = type,
			.kind = kind,
			.depth = at ? at->depth - 1 : WIRE_CHECK_DEPTH };

		member.f = protobuf_c_message_descriptor_get_field_by_name(type, name);
		if (!member.f)
			return refuse_name(r, at, name, strlen(name));
		if (put_member(r, &member, v, given, out) < 0)
			return -1;
	}
	return 0;
}

int
api_json_take_body(struct api_json *in, struct span text, struct err *e)
{
	const struct reading r = { in, e };
	json_error_t problem;
	json_t *object;
	int done;

	starved = false;
	object = json_loadb(text.p ? (const char *)text.p : "", text.n,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
	if (!object && starved)
		return no_memory(&r);
	/* What is wrong is not passed on: it quotes what was sent. */
	if (!object)
		return err_set(e, "this is no JSON: line %d, column %d", problem.line,
		    problem.column);
	if (json_is_object(object))
		done = put_object(&r, NULL, in->type, object, &in->wire);
	else
		done = err_set(e, "this must be a JSON object");
	json_decref(object);
	return done;
}

/* --- text: queries and paths ----------------------------------------------------------------- */

static int
put_decimal(const struct reading *r, const struct place *at, struct span text, struct buf *out)
{
	char digits[24] = "";
	bool minus = text.n > 0 && text.p[0] == '-';
	uint64_t v;

	if (text.n > 0 && text.n < sizeof(digits))
		memcpy(digits, text.p, text.n);
	if (strlen(digits) != text.n || !str_u64(digits + minus, INT64_MAX, &v))
		return refuse(r, at, "this must be a whole number");
	return put_number(r, at, minus ? -(int64_t)v : (int64_t)v, out);
}

/* "k=v", as a message of two texts. */
static int
put_pair(const struct reading *r, const struct place *at, struct span text, struct buf *out)
{
	const ProtobufCMessageDescriptor *type = at->f->descriptor;
	struct place key = { .up = at, .type = type }, value = key;
	const uint8_t *equals = text.n > 0 ? memchr(text.p, '=', text.n) : NULL;
	struct buf inner;
	int done = -1;

	key.f = protobuf_c_message_descriptor_get_field_by_name(type, "key");
	value.f = protobuf_c_message_descriptor_get_field_by_name(type, "value");
	if (!key.f || !value.f || type->n_fields != 2 || key.f->type != PROTOBUF_C_TYPE_STRING ||
	    value.f->type != PROTOBUF_C_TYPE_STRING)
		return refuse(r, at, "this cannot be given in a query");
	if (!equals)
		return refuse(r, at, "this must be KEY=VALUE");
	size_t n = (size_t)(equals - text.p);

	buf_init(&inner, WIRE_MAX);
	if (put_text(r, &key, (struct span){ text.p, n }, &inner) == 0 &&
	    put_text(r, &value, (struct span){ equals + 1, text.n - n - 1 }, &inner) == 0)
		done = put_delimited(r, at, buf_span(&inner), out);
	buf_done(&inner);
	return done;
}

static int
put_from_text(const struct reading *r, const struct place *at, struct span text, struct buf *out)
{
	if (is_number(at->f->type))
		return put_decimal(r, at, text, out);
	switch (at->f->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (!span_is(text, "true") && !span_is(text, "false"))
			return refuse(r, at, "this must be true or false");
		return put_number(r, at, span_is(text, "true"), out);
	case PROTOBUF_C_TYPE_STRING:
		return put_text(r, at, text, out);
	case PROTOBUF_C_TYPE_BYTES:
		return put_base64(r, at, text, out);
	case PROTOBUF_C_TYPE_MESSAGE:
		return put_pair(r, at, text, out);
	default:
		return refuse(r, at, "this cannot be given here");
	}
}

/* repeats: the field was given by this query before, and is a list. */
static int
take_text(const struct reading *r, const char *name, struct span value, bool repeats)
{
	struct place at = { .type = r->in->type, .depth = WIRE_CHECK_DEPTH };

	at.f = protobuf_c_message_descriptor_get_field_by_name(at.type, name);
	if (!at.f)
		return refuse_name(r, NULL, name, strlen(name));
	if (!repeats && take_field(r, &at, &r->in->given) < 0)
		return -1;
	return put_from_text(r, &at, value, &r->in->wire);
}

int
api_json_take_field(struct api_json *in, const char *name, struct span value, struct err *e)
{
	const struct reading r = { in, e };

	return take_text(&r, name, value, false);
}

int
api_json_take_query(struct api_json *in, struct span query, struct err *e)
{
	const struct reading r = { in, e };
	struct http_query q = { .rest = query };
	uint64_t before = in->given;
	int more;

	while ((more = http_query_next(&q)) > 0) {
		const ProtobufCFieldDescriptor *f =
		    protobuf_c_message_descriptor_get_field_by_name(in->type, q.name);
		/* A list's values come one by one; what something else than this query gave is not added to. */
		bool repeats = f && f->label == PROTOBUF_C_LABEL_REPEATED &&
		    (in->given & ~before & field_bit(in->type, f));

		if (take_text(&r, q.name, span_str(q.value), repeats) < 0)
			return -1;
	}
	return more == 0 ? 0 : err_set(e, "the query is not NAME=VALUE&NAME=VALUE, encoded");
}

/* --- the whole ------------------------------------------------------------------------------- */

void
api_json_begin(struct api_json *in, const ProtobufCMessageDescriptor *type)
{
	*in = (struct api_json){ .type = type, .items = WIRE_CHECK_ITEMS };
	buf_init(&in->wire, WIRE_MAX);
	/* What it gave out before is malloc's as well. */
	json_set_alloc_funcs(json_alloc, free_wiped);
}

int
api_json_finish(struct api_json *in, ProtobufCMessage **ret, struct err *e)
{
	const struct reading r = { in, e };
	struct span wire = buf_span(&in->wire);

	if (!wire.p)
		wire = span_str("");
	/* Cannot be: it was made within these limits. It is what everything else that unpacks asks first. */
	if (!wire_check_message(in->type, wire.p, wire.n))
		return err_set(e, "this is no request that can be understood");
	*ret = protobuf_c_message_unpack(in->type, &wiping, wire.n, wire.p);
	return *ret ? 0 : no_memory(&r);
}

void
api_json_done(struct api_json *in)
{
	buf_wipe(&in->wire);
}
