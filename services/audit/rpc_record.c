/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_record: the Record message of proto/audit.proto, parsed and made; see record.h.
 *
 * Security: bytes of producers. wire_check before protobuf-c.
 */
#include <string.h>

#include "api/event.h"
#include "audit/json.h"
#include "audit/record.h"
#include "base/readable.h"
#include "base/str.h"
#include "proto/audit.pb-c.h"
#include "rec/log.h"
#include "rpc/bytes.h"
#include "rpc/wire_check.h"

/* A year, in microseconds: no output waits longer for the next, and many together stay far from overflowing. */
#define FRAMES_SPAN_MAX_US (INT64_C(366) * 24 * 3600 * 1000000)

static const Audit__Record *
message_of(const struct record *r)
{
	return r->message;
}

static const Audit__Event *
event_of(const struct record *r)
{
	return message_of(r)->event;
}

/* given and set apart: one that is malformed is not the same as none. */
static void
read_uuid(struct record_uuid *ret, const char *text)
{
	ret->given = *text != 0;
	ret->set = record_uuid_read(text, ret->bytes);
	if (ret->set)
		record_uuid_text(ret->bytes, ret->text);
}

static void
open_event(struct record *r)
{
	const Audit__Event *event = event_of(r);

	r->kind = RECORD_EVENT;
	r->type = event->type;
	r->code = event->code;
	r->user = event->user;
	r->login = event->login;
	r->node = event->node;
	r->node_name = event->node_name;
	r->remote_addr = event->remote_addr;
	r->text = event->message;
	r->time_us = event->time_us;
	r->ok = event->ok;
	r->n_fields = event->n_fields;
	read_uuid(&r->session, event->session);
	read_uuid(&r->connection, event->connection);
}

/* Read once here to say whether they are well formed; nothing that is stored has to be doubted
 * later. */
static void
open_frames(struct record *r)
{
	const Audit__Frames *frames = message_of(r)->frames;
	struct record_frames read;

	r->kind = RECORD_FRAMES;
	r->frames = bytes_span(frames->data);
	r->before = bytes_span(frames->before);
	read_uuid(&r->session, frames->session);
	if (record_read_frames(r->frames, &read, NULL, NULL) < 0) {
		r->kind = RECORD_BAD;
		r->bad = "malformed frames";
	} else if (read.span_us > FRAMES_SPAN_MAX_US) {
		r->kind = RECORD_BAD;
		r->bad = "frames of more than a year";
	}
}

static void
open_proof(struct record *r)
{
	const Audit__Proof *proof = message_of(r)->proof;

	r->kind = RECORD_PROOF;
	r->signed_data = bytes_span(proof->signed_data);
	r->signature = bytes_span(proof->signature);
	r->proof_us = proof->time_us;
	read_uuid(&r->connection, proof->connection);
}

void
record_open(struct record *r, struct span packed)
{
	Audit__Record *m = NULL;

	/* No text is NULL afterwards, whatever comes: no rule of the judge has to ask. */
	*r = (struct record){ .type = "",
		.code = "",
		.user = "",
		.login = "",
		.node = "",
		.node_name = "",
		.remote_addr = "",
		.text = "",
		.bad = "no valid record (protobuf)" };
	/* No log of a producer holds a larger one, and rows and chunks are made for what it can hold. */
	if (packed.n > REC_LOG_RECORD_MAX)
		r->bad = "a record larger than a producer can write";
	else if (wire_check_message(&audit__record__descriptor, packed.p, packed.n))
		m = (Audit__Record *)protobuf_c_message_unpack(&audit__record__descriptor, NULL,
		    packed.n, packed.p);
	r->message = m;
	if (!m)
		return;
	switch (m->what_case) {
	case AUDIT__RECORD__WHAT_EVENT:
		open_event(r);
		break;
	case AUDIT__RECORD__WHAT_FRAMES:
		open_frames(r);
		break;
	case AUDIT__RECORD__WHAT_PROOF:
		open_proof(r);
		break;
	default:
		r->bad = "a record of a kind that this version does not know";
	}
}

void
record_close(struct record *r)
{
	if (r->message)
		protobuf_c_message_free_unpacked(r->message, NULL);
	r->message = NULL;
}

/* "" when there is none. Of events only. */
const char *
record_field(const struct record *r, const char *key)
{
	const Audit__Event *event = event_of(r);

	for (size_t i = 0; i < event->n_fields; i++) {
		if (strcmp(event->fields[i]->key, key) == 0)
			return event->fields[i]->value;
	}
	return "";
}

const char *
record_field_key(const struct record *r, size_t i)
{
	return event_of(r)->fields[i]->key;
}

const char *
record_raw_key(const struct record *r, size_t i)
{
	return i < event_of(r)->n_raw ? event_of(r)->raw[i]->key : NULL;
}

struct span
record_raw(const struct record *r, const char *key)
{
	const Audit__Event *event = event_of(r);

	for (size_t i = 0; i < event->n_raw; i++)
		if (strcmp(event->raw[i]->key, key) == 0)
			return (struct span){ event->raw[i]->value.data, event->raw[i]->value.len };
	return (struct span){ NULL, 0 };
}

/* The text of the event that bytes of this name stand beside; NULL: there is none. */
static const char *
text_of(const Audit__Event *event, const char *key)
{
	const struct {
		const char *name, *text;
	} members[] = { { "user", event->user }, { "login", event->login }, { "node", event->node },
		{ "node_name", event->node_name }, { "session", event->session },
		{ "connection", event->connection }, { "remote_addr", event->remote_addr },
		{ "message", event->message } };

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].name, key) == 0)
			return members[i].text;
	}
	for (size_t i = 0; i < event->n_fields; i++) {
		if (strcmp(event->fields[i]->key, key) == 0)
			return event->fields[i]->value;
	}
	return NULL;
}

bool
record_raw_is_of_text(const struct record *r, size_t i)
{
	const Audit__RawField *raw = event_of(r)->raw[i];
	const char *text = text_of(event_of(r), raw->key);
	struct buf b;
	bool same;

	/* Made again from the bytes, by the code that made it at the producer: otherwise a
	 * producer could show one text and keep another. */
	buf_init(&b, 4 * READABLE_MAX);
	(void)readable_put(&b, bytes_span(raw->value));
	same = text && buf_ok(&b) && span_is(buf_span(&b), text);
	buf_done(&b);
	return same;
}

/* --- as JSON ---------------------------------------------------------------------- */

static void
json_fields(const Audit__Event *event, struct buf *b)
{
	if (!event->n_fields)
		return;
	json_key(b, "fields");
	buf_put(b, "{", 1);
	for (size_t i = 0; i < event->n_fields; i++) {
		json_key(b, event->fields[i]->key);
		json_text(b, event->fields[i]->value);
	}
	buf_put(b, "}", 1);
}

static void
json_labels(const struct policy_labels *labels, struct buf *b)
{
	if (!labels || !labels->n)
		return;
	json_key(b, "labels");
	buf_put(b, "{", 1);
	for (size_t i = 0; i < labels->n; i++) {
		json_key(b, labels->v[i].key);
		json_text(b, labels->v[i].value);
	}
	buf_put(b, "}", 1);
}

/* The exact bytes of texts that are shown in a readable form, in hexadecimal. */
static void
json_raw(const Audit__Event *event, struct buf *b)
{
	if (!event->n_raw)
		return;
	json_key(b, "raw");
	buf_put(b, "{", 1);
	for (size_t i = 0; i < event->n_raw; i++) {
		const ProtobufCBinaryData *value = &event->raw[i]->value;

		json_hex(b, event->raw[i]->key, (struct span){ value->data, value->len });
	}
	buf_put(b, "}", 1);
}

/* Members that are empty are left out. view is what auditd knows better than the producer. */
void
record_json(const struct record *r, const struct record_view *view, struct buf *b)
{
	const Audit__Event *event = event_of(r);

	buf_put(b, "{", 1);
	json_member(b, "id", event->id);
	json_member(b, "type", event->type);
	json_member(b, "code", event->code);
	json_time(b, "time", event->time_us);
	json_bool(b, "ok", event->ok);
	json_member(b, "user", event->user);
	json_member(b, "backed", view->backed);
	json_member(b, "login", event->login);
	json_member(b, "node", view->node);
	json_member(b, "node_name", view->node_name);
	json_member(b, "session", event->session);
	json_member(b, "connection", event->connection);
	json_member(b, "remote_addr", event->remote_addr);
	json_member(b, "message", event->message);
	json_fields(event, b);
	json_labels(view->labels, b);
	json_raw(event, b);
	buf_put(b, "}", 1);
}

/* --- an event of auditd's own ---------------------------------------------------------------- */

enum { REFUSAL_FIELDS = 7, REFUSAL_TEXT = 200 };

struct refusal_fields {
	Common__Label labels[REFUSAL_FIELDS];
	Common__Label *pointers[REFUSAL_FIELDS];
	char texts[REFUSAL_FIELDS][REFUSAL_TEXT];
	size_t n;
};

/* Cut, and without what could steer a terminal: nobody vouches for these texts. */
static void
add(struct refusal_fields *f, enum event_key key, const char *text)
{
	if (!text || !*text)
		return;
	str_clean(f->texts[f->n], REFUSAL_TEXT, text, strlen(text));
	common__label__init(&f->labels[f->n]);
	f->labels[f->n].key = event_key_name(key);
	f->labels[f->n].value = f->texts[f->n];
	f->pointers[f->n] = &f->labels[f->n];
	f->n++;
}

/* Packed like a producer's record, so that it goes into the table, and out again, the same way. */
int
record_pack_refusal(const struct record_refusal *refusal, struct buf *packed)
{
	Audit__Record record = AUDIT__RECORD__INIT;
	Audit__Event event = AUDIT__EVENT__INIT;
	struct refusal_fields fields = { .n = 0 };
	char more[24];
	uint8_t *at;
	size_t n;

	(void)str_format(more, sizeof(more), "%llu", (unsigned long long)refusal->more);
	add(&fields, EVENT_KEY_REASON, refusal->reason);
	add(&fields, EVENT_KEY_PRODUCER_KIND, refusal->kind);
	add(&fields, EVENT_KEY_PRODUCER, refusal->name);
	add(&fields, EVENT_KEY_CLAIMED_TYPE, refusal->type);
	add(&fields, EVENT_KEY_CLAIMED_USER, refusal->user);
	add(&fields, EVENT_KEY_CLAIMED_SESSION, refusal->session);
	add(&fields, EVENT_KEY_MORE, refusal->more ? more : NULL);
	event.type = event_type(EVENT_AUDIT_REFUSE)->name;
	event.code = event_type(EVENT_AUDIT_REFUSE)->bad.code;
	event.time_us = refusal->time_us;
	event.message = fields.texts[0]; /* the reason, cleaned */
	event.fields = fields.pointers;
	event.n_fields = fields.n;
	record.what_case = AUDIT__RECORD__WHAT_EVENT;
	record.event = &event;
	n = protobuf_c_message_get_packed_size(&record.base);
	at = buf_reserve(packed, n);
	if (!at)
		return -1;
	buf_commit(packed, protobuf_c_message_pack(&record.base, at));
	return 0;
}
