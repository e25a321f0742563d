/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: messages to JSON and back by reflection. The other side is trusted with nothing but its shape: what a resource
 * may say is authd's to judge.
 */
#include "tctl/form.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"

/* More in one list is a mistake in a file; authd has limits of its own. */
enum { ITEMS_MAX = 256 };

typedef ProtobufCMessageDescriptor descriptor;
typedef ProtobufCFieldDescriptor field;

/* --- fields ------------------------------------------------------------------------------------- */

/* Where protobuf-c keeps the field in its struct. */
static void *
member(const ProtobufCMessage *m, const field *f)
{
	return (uint8_t *)(uintptr_t)m + f->offset;
}

static size_t *
count_of(const ProtobufCMessage *m, const field *f)
{
	return (size_t *)(void *)((uint8_t *)(uintptr_t)m + f->quantifier_offset);
}

/* Of a field that is a message, or messages. */
static const descriptor *
type_of(const field *f)
{
	return f->descriptor;
}

/* "max_session_ttl_s" is max_session_ttl to people. */
static bool
is_duration(const field *f)
{
	size_t n = strlen(f->name);

	return f->type == PROTOBUF_C_TYPE_INT64 && n > 2 && strcmp(f->name + n - 2, "_s") == 0;
}

/* dst holds 64 bytes in every call; the names of our messages are shorter. */
static void
shown_name(const field *f, char *dst, size_t size)
{
	str_copy(dst, size, f->name);
	if (is_duration(f))
		dst[strlen(dst) - 2] = '\0';
}

static const field *
field_shown_as(const descriptor *type, const char *name)
{
	char shown[64];

	for (unsigned i = 0; i < type->n_fields; i++) {
		shown_name(&type->fields[i], shown, sizeof shown);
		if (strcmp(shown, name) == 0)
			return &type->fields[i];
	}
	return NULL;
}

/* The second field of a message that is one entry of a mapping, or NULL when it is no such message. */
static const field *
entry_value(const descriptor *type)
{
	if (type->n_fields != 2 || strcmp(type->fields[0].name, "key") != 0 ||
	    type->fields[0].type != PROTOBUF_C_TYPE_STRING ||
	    type->fields[1].type != PROTOBUF_C_TYPE_STRING)
		return NULL;
	return &type->fields[1];
}

static bool
is_listed(const char *const *names, const char *name)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

const struct form *
form_find(const char *kind)
{
	const struct form *f = forms;

	while (f->kind && strcmp(f->kind, kind) != 0 && strcmp(f->plural, kind) != 0)
		f++;
	return f->kind ? f : NULL;
}

/* Its name, in both. */
static const char *
form_name(const struct form *form, const ProtobufCMessage *m)
{
	return *(const char **)member(m,
	    protobuf_c_message_descriptor_get_field_by_name(form->type, "name"));
}

/* --- to JSON ------------------------------------------------------------------------------------- */

static json_t *message_value(const ProtobufCMessage *m);

static json_t *
strings_value(const ProtobufCMessage *m, const field *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < *count_of(m, f); i++)
		json_array_append_new(list, json_string((*(char ***)member(m, f))[i]));
	return list;
}

/* NULL: there is none. */
static json_t *
text_value(const ProtobufCMessage *m, const field *f)
{
	const char *text = *(char **)member(m, f);

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return strings_value(m, f);
	return *text ? json_string(text) : NULL;
}

/* In a mapping every key has a value, also an empty one. */
static json_t *
value_or_empty(json_t *v)
{
	return v ? v : json_string("");
}

static json_t *
messages_value(const ProtobufCMessage *m, const field *f)
{
	/* Lists of {key, value} are mappings to people: "labels: {env: prod}". */
	const field *value = entry_value(type_of(f));
	json_t *all = value ? json_object() : json_array();

	for (size_t i = 0; i < *count_of(m, f); i++) {
		const ProtobufCMessage *item = (*(ProtobufCMessage ***)member(m, f))[i];

		if (value)
			json_object_set_new(all, *(char **)member(item, &type_of(f)->fields[0]),
			    value_or_empty(text_value(item, value)));
		else
			json_array_append_new(all, message_value(item));
	}
	return all;
}

static json_t *
time_value(const field *f, int64_t v)
{
	char text[48] = "0";

	if (is_duration(f)) {
		/* What people read of less than a minute ("<1m") no file could say. */
		if (v > 0 && v < 60)
			str_format(text, sizeof text, "%llds", (long long)v);
		else if (v)
			str_duration_text(v, text, sizeof text);
		return json_string(text);
	}
	clock_rfc3339(v, text, sizeof text);
	return v ? json_string(text) : NULL;
}

/* An inner message that is not there is one in which nothing is set. */
static json_t *
inner_value(const ProtobufCMessage *m, const field *f)
{
	const ProtobufCMessage *inner = *(ProtobufCMessage **)member(m, f);
	const descriptor *type = type_of(f);
	ProtobufCMessage *empty;
	json_t *v;

	if (inner)
		return message_value(inner);
	empty = calloc(1, type->sizeof_message);
	if (!empty)
		return NULL;
	protobuf_c_message_init(type, empty);
	v = message_value(empty);
	/* Nothing was allocated in it. */
	free(empty);
	return v;
}

/* NULL: it is left out. */
static json_t *
field_value(const ProtobufCMessage *m, const field *f)
{
	const void *at = member(m, f);

	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return f->label == PROTOBUF_C_LABEL_REPEATED ? messages_value(m, f)
							     : inner_value(m, f);
	switch (f->type) {
	case PROTOBUF_C_TYPE_STRING:
		return text_value(m, f);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)at);
	case PROTOBUF_C_TYPE_INT64:
		return time_value(f, *(const int64_t *)at);
	case PROTOBUF_C_TYPE_UINT64:
		return json_integer((json_int_t) * (const uint64_t *)at);
	case PROTOBUF_C_TYPE_UINT32:
		return json_integer(*(const uint32_t *)at);
	case PROTOBUF_C_TYPE_INT32:
		return json_integer(*(const int32_t *)at);
	default:
		return NULL;
	}
}

static void
add_field(json_t *object, const ProtobufCMessage *m, const field *f)
{
	json_t *v = field_value(m, f);
	char name[64];

	shown_name(f, name, sizeof name);
	if (v)
		json_object_set_new(object, name, v);
}

static json_t *
message_value(const ProtobufCMessage *m)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		add_field(object, m, &m->descriptor->fields[i]);
	return object;
}

json_t *
form_to_json(const struct form *form, const ProtobufCMessage *m)
{
	json_t *spec = json_object();

	for (const char *const *name = form->spec; *name; name++)
		add_field(spec, m, field_shown_as(form->type, *name));
	return json_pack("{s:s, s:s, s:{s:s}, s:o}", "kind", form->kind, "version", "v1",
	    "metadata", "name", form_name(form, m), "spec", spec);
}

/* --- from JSON ------------------------------------------------------------------------------------ */

struct reader {
	const struct yaml_source *source; /* NULL: lines are not known */
	struct err *e;
};

/* What is wrong with the key of that mapping. */
__attribute__((format(printf, 4, 5))) static int
fail(const struct reader *r, const json_t *map, const char *key, const char *fmt, ...)
{
	size_t line = r->source && map ? yaml_line(r->source, map, key) : 0;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!r->source)
		return err_set(r->e, "%s", text);
	return line ? err_set(r->e, "%s:%zu: %s", r->source->name, line, text)
		    : err_set(r->e, "%s: %s", r->source->name, text);
}

static int read_message(const struct reader *r, ProtobufCMessage *m, const json_t *map,
    const char *where, const char *const *only);

/* Everything of a message is allocated as protobuf-c would, so that its free is the free. */
static ProtobufCMessage *
message_new(const descriptor *type)
{
	ProtobufCMessage *m = calloc(1, type->sizeof_message);

	if (m)
		protobuf_c_message_init(type, m);
	return m;
}

/* A copy of a text; NULL: it is none, or one with a zero byte, which would make it another one. */
static char *
text_from(const json_t *v)
{
	const char *s = json_string_value(v);

	return s && strlen(s) == json_string_length(v) ? strdup(s) : NULL;
}

/* A place for n pointers in a list that is still empty. */
static void **
list_new(ProtobufCMessage *m, const field *f, size_t n)
{
	void ***list = member(m, f);

	return *count_of(m, f) == 0 && !*list && n <= ITEMS_MAX
	    ? (*list = calloc(n + 1, sizeof **list))
	    : NULL;
}

static int
read_strings(const struct reader *r, ProtobufCMessage *m, const field *f, const json_t *map,
    const char *key)
{
	const json_t *v = json_object_get(map, key);
	size_t n = json_is_array(v) ? json_array_size(v) : 1;
	void **list = list_new(m, f, n);

	if (!list)
		return fail(r, map, key, "%s: more than %d entries", key, ITEMS_MAX);
	for (size_t i = 0; i < n; i++) {
		list[i] = text_from(json_is_array(v) ? json_array_get(v, i) : v);
		if (!list[i])
			return fail(r, map, key, "%s must be text or a list of texts", key);
		(*count_of(m, f))++;
	}
	return 0;
}

static int
read_text(const struct reader *r, ProtobufCMessage *m, const field *f, const json_t *map,
    const char *key)
{
	char **to = member(m, f), *text;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return read_strings(r, m, f, map, key);
	text = text_from(json_object_get(map, key));
	if (!text)
		return fail(r, map, key, "%s must be text", key);
	/* A default that read_defaults has put there: ours, to be freed. protobuf-c's own are
	 * static. */
	if (*to != f->default_value && *to != protobuf_c_empty_string)
		free(*to);
	*to = text;
	return 0;
}

static int
read_entries(const struct reader *r, ProtobufCMessage *m, const field *f, const json_t *map,
    const char *key)
{
	const json_t *v = json_object_get(map, key);
	void **list = list_new(m, f, json_object_size(v));
	const char *name;
	json_t *value;

	if (!json_is_object(v) || !list)
		return fail(r, map, key, "%s must be a mapping of at most %d entries", key,
		    ITEMS_MAX);
	json_object_foreach ((json_t *)v, name, value) {
		ProtobufCMessage *item = message_new(type_of(f));

		if (!item)
			return err_memory(r->e);
		list[(*count_of(m, f))++] = item;
		*(char **)member(item, &type_of(f)->fields[0]) = strdup(name);
		if (read_text(r, item, &type_of(f)->fields[1], v, name) < 0)
			return -1;
	}
	return 0;
}

static int
read_messages(const struct reader *r, ProtobufCMessage *m, const field *f, const json_t *map,
    const char *key)
{
	const json_t *v = json_object_get(map, key);
	void **list = list_new(m, f, json_array_size(v));

	if (!json_is_array(v) || !list)
		return fail(r, map, key, "%s must be a list of at most %d entries", key, ITEMS_MAX);
	for (size_t i = 0; i < json_array_size(v); i++) {
		ProtobufCMessage *item = message_new(type_of(f));

		if (!item)
			return err_memory(r->e);
		list[(*count_of(m, f))++] = item;
		if (!json_is_object(json_array_get(v, i)))
			return fail(r, map, key, "%s must be a list of mappings", key);
		if (read_message(r, item, json_array_get(v, i), key, NULL) < 0)
			return -1;
	}
	return 0;
}

static int
read_inner(const struct reader *r, ProtobufCMessage *m, const field *f, const json_t *map,
    const char *key)
{
	ProtobufCMessage **inner = member(m, f);

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return entry_value(type_of(f)) ? read_entries(r, m, f, map, key)
					       : read_messages(r, m, f, map, key);
	if (!json_is_object(json_object_get(map, key)))
		return fail(r, map, key, "%s must be a mapping", key);
	if (!*inner && !(*inner = message_new(type_of(f))))
		return err_memory(r->e);
	return read_message(r, *inner, json_object_get(map, key), key, NULL);
}

/* A duration, or seconds as a number. */
static int
read_duration(const struct reader *r, int64_t *ret, const json_t *map, const char *key)
{
	const json_t *v = json_object_get(map, key);
	char text[32];
	bool fits = json_is_integer(v)
	    ? str_format(text, sizeof text, "%lld", (long long)json_integer_value(v))
	    : json_is_string(v) && str_copy(text, sizeof text, json_string_value(v));

	*ret = 0;
	return fits && (strcmp(text, "0") == 0 || str_duration(text, ret))
	    ? 0
	    : fail(r, map, key, "%s must be a duration like 8h", key);
}

static int
read_time(const struct reader *r, const field *f, int64_t *ret, const json_t *map, const char *key)
{
	const char *text = json_string_value(json_object_get(map, key));

	if (is_duration(f))
		return read_duration(r, ret, map, key);
	return text && clock_parse_time(text, ret) == 0
	    ? 0
	    : fail(r, map, key, "%s must be a time like 2026-11-22 or 2026-11-22T10:00:00Z", key);
}

/* Negative numbers are in none of our messages. */
static int
read_number(const struct reader *r, const field *f, void *to, const json_t *map, const char *key)
{
	const json_t *v = json_object_get(map, key);
	json_int_t n = json_integer_value(v),
		   most = f->type == PROTOBUF_C_TYPE_UINT64 ? INT64_MAX : INT32_MAX;

	if (!json_is_integer(v) || n < 0 || n > most)
		return fail(r, map, key, "%s must be a number from 0 to %lld", key,
		    (long long)most);
	if (f->type == PROTOBUF_C_TYPE_UINT64)
		*(uint64_t *)to = (uint64_t)n;
	else
		*(uint32_t *)to = (uint32_t)n;
	return 0;
}

/* 0, or negative with a line that names the file, the line and the key. */
static int
read_field(const struct reader *r, ProtobufCMessage *m, const field *f, const json_t *map,
    const char *key)
{
	const json_t *v = json_object_get(map, key);
	void *to = member(m, f);

	switch (f->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_inner(r, m, f, map, key);
	case PROTOBUF_C_TYPE_STRING:
		return read_text(r, m, f, map, key);
	case PROTOBUF_C_TYPE_INT64:
		return read_time(r, f, to, map, key);
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)to = json_is_true(v);
		return json_is_boolean(v) ? 0 : fail(r, map, key, "%s must be true or false", key);
	default:
		return read_number(r, f, to, map, key);
	}
}

/* only: the fields that may be there, NULL: all of them. */
static int
read_message(const struct reader *r, ProtobufCMessage *m, const json_t *map, const char *where,
    const char *const *only)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)map, key, value) {
		const field *f = field_shown_as(m->descriptor, key);

		if (!f || (only && !is_listed(only, key)))
			return fail(r, map, key, "%s: unknown key %s", where, key);
		if (read_field(r, m, f, map, key) < 0)
			return -1;
	}
	return 0;
}

/* --- the frame --------------------------------------------------------------------------------------- */

static int
check_keys(const struct reader *r, const json_t *map, const char *where, const char *const *known)
{
	const char *key;
	json_t *value;

	if (!json_is_object(map))
		return fail(r, NULL, NULL, "%s must be a mapping", where);
	json_object_foreach ((json_t *)map, key, value)
		if (!is_listed(known, key))
			return fail(r, map, key, "%s: unknown key %s", where, key);
	return 0;
}

/* NULL: said with the kinds that there are. */
static const struct form *
kind_from(const struct reader *r, const json_t *map)
{
	const char *kind = json_string_value(json_object_get(map, "kind"));
	char known[256] = "";

	for (const struct form *f = forms; f->kind; f++) {
		size_t n = strlen(known);

		if (kind && strcmp(kind, f->kind) == 0)
			return f;
		str_format(known + n, sizeof known - n, "%s%s", n ? " or " : "", f->kind);
	}
	fail(r, map, "kind", "kind must be %s", known);
	return NULL;
}

/* A kind that names itself (locks) may be written without a name: authd makes one. */
static int
read_name(const struct reader *r, const struct form *form, ProtobufCMessage *m, const json_t *map)
{
	static const char *const known[] = { "name", NULL };
	const json_t *metadata = json_object_get(map, "metadata");
	const char *name = json_string_value(json_object_get(metadata, "name"));

	if (metadata && check_keys(r, metadata, "metadata", known) < 0)
		return -1;
	if (name && *name)
		return read_text(r, m, field_shown_as(form->type, "name"), metadata, "name");
	return form->names_itself ? 0 : fail(r, map, "metadata", "metadata.name is missing");
}

/* Read as if they stood in the file, before it, so that whatever it says goes over them. */
static int
read_defaults(const struct form *form, ProtobufCMessage *m, struct err *e)
{
	struct yaml_source source = { .name = form->kind };
	struct reader r = { &source, e };
	json_t *spec = NULL;
	int rc;

	if (!form->defaults)
		return 0;
	rc = yaml_to_json(&source, form->defaults, strlen(form->defaults), &spec, e);
	if (rc == 0)
		rc = read_message(&r, m, spec, "spec", form->spec);
	json_decref(spec);
	yaml_source_done(&source);
	return rc;
}

/* kind, version, metadata and spec, as people know it from elsewhere. */
static int
read_frame(const struct reader *r, const struct form *form, ProtobufCMessage *m, const json_t *map)
{
	static const char *const known[] = { "kind", "version", "metadata", "spec", NULL };
	const json_t *version = json_object_get(map, "version"),
		     *spec = json_object_get(map, "spec");

	if (check_keys(r, map, form->kind, known) < 0)
		return -1;
	if (version && (!json_is_string(version) || strcmp(json_string_value(version), "v1") != 0))
		return fail(r, map, "version", "version must be v1");
	if (read_name(r, form, m, map) < 0 || read_defaults(form, m, r->e) < 0)
		return -1;
	if (!json_is_object(spec))
		return fail(r, map, "spec", "spec must be a mapping");
	return read_message(r, m, spec, "spec", form->spec);
}

int
form_from_json(const json_t *value, const struct yaml_source *source, const struct form **ret_form,
    ProtobufCMessage **ret, struct err *e)
{
	struct reader r = { source, e };
	const struct form *form;
	ProtobufCMessage *m;

	if (!json_is_object(value))
		return fail(&r, NULL, NULL, "a resource must be a mapping");
	if (!(form = kind_from(&r, value)))
		return -1;
	if (!(m = message_new(form->type)))
		return err_memory(e);
	if (read_frame(&r, form, m, value) < 0) {
		protobuf_c_message_free_unpacked(m, NULL);
		return -1;
	}
	*ret_form = form;
	*ret = m;
	return 0;
}
