/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: see event.h. Over audit_log.c, which owns the log.
 */
#include "api/event.h"

#include <inttypes.h>
#include <string.h>

#include "api/audit_log_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/readable.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "rpc/bytes.h"

enum {
	LABELS_MAX = 128,
	MEMBERS = 8,
	RAW_MAX = MEMBERS + EVENT_FIELDS_MAX,
	/* Readable forms of one event; the log bounds what is packed. */
	TEXTS_MAX = 1024 * 1024,
	NUMBER_SIZE = 24,
};

/* --- the catalogue ------------------------------------------------------------------------------ */

static const char *const key_names[EVENT_KEY_N] = {
#define KEY(id, name, meaning) [EVENT_KEY_##id] = (name),
#include "api/events.def"
#undef KEY
};
_Static_assert(EVENT_KEY_N <= 64, "the keys of a type are bits of a uint64_t");

#define K(id) (UINT64_C(1) << EVENT_KEY_##id)
#define CALL  (K(CLUSTER) | K(CALLER) | K(CALLER_NAME) | K(WEB_SESSION))
#define NODE  RPC_NODE
#define PROXY RPC_PROXY
#define AUTH  RPC_AUTH
#define AUDIT RPC_AUDIT

static const struct event_type types[EVENT_N] = {
#define EVENT(id, type, code, user, bad_code, bad_user, who, node, fields, meaning) \
	[EVENT_##id] = { .name = (type),                                            \
		.ok = { code, EVENT_BACKED_##user },                                \
		.bad = { bad_code, EVENT_BACKED_##bad_user },                       \
		.writers = (who),                                                   \
		.about = EVENT_ABOUT_##node,                                        \
		.keys = (fields) },
#include "api/events.def"
#undef EVENT
};

const struct event_type *
event_type(enum event_id id)
{
	return &types[id];
}

const struct event_type *
event_type_find(const char *name)
{
	for (size_t i = 0; i < EVENT_N; i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

const char *
event_key_name(enum event_key key)
{
	return key_names[key];
}

bool
event_type_has(const struct event_type *type, const char *key)
{
	for (size_t i = 0; i < EVENT_KEY_N; i++)
		if (type->keys >> i & 1 && strcmp(key_names[i], key) == 0)
			return true;
	return false;
}

/* --- filling -------------------------------------------------------------------------------------- */

/* Without a way to fail: callers write a field a line, and event_write looks once. */
static void
add(struct audit_event *ev, struct event_field field)
{
	if (ev->n_fields < EVENT_FIELDS_MAX)
		ev->fields[ev->n_fields] = field;
	ev->n_fields++; /* over the maximum: event_write refuses */
}

void
event_put(struct audit_event *ev, enum event_key key, struct span text)
{
	add(ev, (struct event_field){ .key = key, .text = text });
}

void
event_put_text(struct audit_event *ev, enum event_key key, const char *text)
{
	if (text)
		event_put(ev, key, span_str(text));
}

void
event_put_number(struct audit_event *ev, enum event_key key, int64_t number)
{
	add(ev, (struct event_field){ .key = key, .is_number = true, .number = number });
}

void
event_put_flag(struct audit_event *ev, enum event_key key, bool flag)
{
	event_put_text(ev, key, flag ? "true" : "false");
}

/* --- writing -------------------------------------------------------------------------------------- */

/* An event becoming a message, and where its texts are kept. */
struct writing {
	Audit__Event message;
	struct arena arena;
	bool failed; /* no memory */
	Common__Label fields[EVENT_FIELDS_MAX], *field_list[EVENT_FIELDS_MAX];
	Common__Label labels[LABELS_MAX], *label_list[LABELS_MAX];
	Audit__RawField raw[RAW_MAX], *raw_list[RAW_MAX];
	char id[RAND_UUID_SIZE];
};

static void
keep_raw(struct writing *w, const char *key, struct span text)
{
	Audit__RawField *raw = &w->raw[w->message.n_raw];

	*raw = (Audit__RawField)AUDIT__RAW_FIELD__INIT;
	raw->key = key;
	raw->value = bytes_of(text);
	w->raw_list[w->message.n_raw++] = raw;
}

/* A text as the message holds it. key NULL: nobody asks for its exact bytes. */
static const char *
put_text(struct writing *w, const char *key, struct span text)
{
	struct buf b;
	char *copy;

	if (text.n == 0)
		return "";
	buf_init(&b, 4 * READABLE_MAX);
	/* Also the bytes as they came, where the readable form had to change them: an auditor can
	 * ask for either. */
	if (!readable_put(&b, text) && key)
		keep_raw(w, key, text);
	copy = buf_ok(&b) ? arena_alloc(&w->arena, b.len + 1) : NULL;
	if (copy)
		memcpy(copy, buf_head(&b), b.len); /* the arena is zeroed: it ends with a NUL */
	else
		w->failed = true;
	buf_done(&b);
	return copy ? copy : "";
}

static void
put_members(struct writing *w, const struct audit_event *ev)
{
	const struct event_type *type = &types[ev->id];
	Audit__Event *m = &w->message;

	rand_uuid(w->id);
	m->id = w->id;
	m->time_us = clock_wall_ms() * 1000;
	m->type = type->name;
	m->code = ev->failed ? type->bad.code : type->ok.code;
	m->ok = !ev->failed;
	m->user = put_text(w, "user", ev->user);
	m->login = put_text(w, "login", ev->login);
	m->node = put_text(w, "node", ev->node);
	m->node_name = put_text(w, "node_name", ev->node_name);
	m->session = put_text(w, "session", ev->session);
	m->connection = put_text(w, "connection", ev->connection);
	m->remote_addr = put_text(w, "remote_addr", ev->remote_addr);
	m->message = put_text(w, "message", ev->message);
}

static void
put_fields(struct writing *w, const struct audit_event *ev)
{
	char number[NUMBER_SIZE];

	for (size_t i = 0; i < ev->n_fields; i++) {
		const struct event_field *f = &ev->fields[i];
		struct span text = f->text;

		if (f->is_number) {
			(void)str_format(number, sizeof(number), "%" PRId64, f->number);
			text = span_str(number);
		}
		w->fields[i] = (Common__Label)COMMON__LABEL__INIT;
		w->fields[i].key = key_names[f->key];
		w->fields[i].value = put_text(w, key_names[f->key], text);
		w->field_list[i] = &w->fields[i];
	}
	w->message.n_fields = ev->n_fields;
	w->message.fields = w->field_list;
}

static void
put_labels(struct writing *w, const struct audit_event *ev)
{
	/* An event with some of its labels is worth more than none. */
	size_t n = ev->n_labels < LABELS_MAX ? ev->n_labels : LABELS_MAX;

	for (size_t i = 0; i < n; i++) {
		w->labels[i] = (Common__Label)COMMON__LABEL__INIT;
		w->labels[i].key = put_text(w, NULL, span_str(ev->labels[i].key));
		w->labels[i].value = put_text(w, NULL, span_str(ev->labels[i].value));
		w->label_list[i] = &w->labels[i];
	}
	w->message.n_labels = n;
	w->message.labels = w->label_list;
}

/* What auditd would set aside is a fault of ours: it must show when it is written, not when it is looked for. */
static const char *
fault_of(const struct audit_event *ev)
{
	const struct event_type *type = &types[ev->id];

	if (!(ev->failed ? type->bad.code : type->ok.code))
		return "no such outcome in the catalogue";
	if (ev->n_fields > EVENT_FIELDS_MAX)
		return "too many fields";
	for (size_t i = 0; i < ev->n_fields; i++)
		if (!(type->keys >> ev->fields[i].key & 1))
			return "a field that is not in the catalogue";
	return NULL;
}

/* 0: on its way to disk. Negative: no memory, or the log is full. */
static int
append(struct audit_log *log, const struct audit_event *ev)
{
	struct writing w = { .message = AUDIT__EVENT__INIT };
	Audit__Record record = AUDIT__RECORD__INIT;
	int r = -1;

	arena_init(&w.arena, TEXTS_MAX);
	w.message.raw = w.raw_list;
	put_members(&w, ev);
	put_fields(&w, ev);
	put_labels(&w, ev);
	record.what_case = AUDIT__RECORD__WHAT_EVENT;
	record.event = &w.message;
	if (!w.failed)
		r = audit_log_append(log, &record);
	arena_done(&w.arena);
	return r;
}

int
event_write(struct audit_log *log, const struct audit_event *ev)
{
	const char *fault = fault_of(ev);

	if (!fault && append(log, ev) == 0) {
		log->events[ev->id][ev->failed]++;
		return 0;
	}
	log->unwritten++;
	log_error("an audit event could not be written", "type", types[ev->id].name, "cause",
	    fault ? fault : "the disk of the state folder or the quota is full", NULL);
	return -1;
}
