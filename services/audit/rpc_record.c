/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_record: the Record message of proto/audit.proto, parsed and judged; see record.h.
 *
 * Security: bytes of producers. wire_check before protobuf-c; who may say what is decided here.
 */
#include <string.h>

#include "audit/json.h"
#include "audit/record.h"
#include "proto/audit.pb-c.h"
#include "rpc/wire_check.h"

static const Audit__Record *
message_of(const struct record *r)
{
	return r->message;
}

static void
open_event(struct record *r, enum rpc_who who, const char *name)
{
	const Audit__Event *event = message_of(r)->event;

	r->is_event = true;
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
	if (who == RPC_NODE) {
		if (*event->node && strcmp(event->node, name) != 0) {
			r->bad = "a node wrote an event about another node";
			return;
		}
		r->node = name;
	}
	if (!*event->type) {
		r->bad = "an event without a type";
		return;
	}
	r->has_session = *event->session && record_uuid(event->session, r->session);
}

static void
open_frames(struct record *r, enum rpc_who who)
{
	const Audit__Frames *frames = message_of(r)->frames;
	struct record_frames ignored;

	r->frames = (struct span){ frames->data.data, frames->data.len };
	if (who != RPC_NODE && who != RPC_PROXY) {
		r->bad = "frames from a daemon that has no sessions";
		return;
	}
	r->has_session = record_uuid(frames->session, r->session);
	if (!r->has_session)
		r->bad = "frames without the UUID of a session";
	else if (record_read_frames(r->frames, &ignored, NULL) < 0)
		r->bad = "malformed frames";
}

void
record_open(struct record *r, struct span packed, enum rpc_who who, const char *name)
{
	Audit__Record *m;

	*r = (struct record){ .node = "" };
	if (!wire_check_message(&audit__record__descriptor, packed.p, packed.n)) {
		r->bad = "no valid record (protobuf)";
		return;
	}
	m = (Audit__Record *)protobuf_c_message_unpack(&audit__record__descriptor, NULL, packed.n,
	    packed.p);
	r->message = m;
	if (!m) {
		r->bad = "no valid record (protobuf)";
		return;
	}
	switch (m->what_case) {
	case AUDIT__RECORD__WHAT_EVENT:
		open_event(r, who, name);
		break;
	case AUDIT__RECORD__WHAT_FRAMES:
		open_frames(r, who);
		break;
	default:
		r->bad = "a record of a kind that this version does not know";
	}
	if (r->has_session)
		record_uuid_text(r->session, r->session_text);
}

void
record_close(struct record *r)
{
	if (r->message)
		protobuf_c_message_free_unpacked(r->message, NULL);
	r->message = NULL;
}

const char *
record_field(const struct record *r, const char *key)
{
	const Audit__Event *event = message_of(r)->event;

	for (size_t i = 0; i < event->n_fields; i++) {
		if (strcmp(event->fields[i]->key, key) == 0)
			return event->fields[i]->value;
	}
	return "";
}

void
record_json(const struct record *r, struct buf *b)
{
	const Audit__Event *event = message_of(r)->event;

	buf_put(b, "{", 1);
	json_member(b, "id", event->id);
	json_member(b, "type", event->type);
	json_member(b, "code", event->code);
	json_time(b, "time", event->time_us);
	json_bool(b, "ok", event->ok);
	json_member(b, "user", event->user);
	json_member(b, "login", event->login);
	json_member(b, "node", r->node);
	json_member(b, "node_name", event->node_name);
	json_member(b, "session", event->session);
	json_member(b, "connection", event->connection);
	json_member(b, "remote_addr", event->remote_addr);
	json_member(b, "message", event->message);
	if (event->n_fields) {
		json_key(b, "fields");
		buf_put(b, "{", 1);
		for (size_t i = 0; i < event->n_fields; i++) {
			json_key(b, event->fields[i]->key);
			json_text(b, event->fields[i]->value);
		}
		buf_put(b, "}", 1);
	}
	if (event->n_labels) {
		json_key(b, "labels");
		buf_put(b, "{", 1);
		for (size_t i = 0; i < event->n_labels; i++) {
			json_key(b, event->labels[i]->key);
			json_text(b, event->labels[i]->value);
		}
		buf_put(b, "}", 1);
	}
	buf_put(b, "}", 1);
}
