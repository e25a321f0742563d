/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: parsing and judging what producers wrote; see record.h.
 *
 * Security: bytes of producers. wire_check before protobuf-c; UUIDs and frames are checked here.
 */
#include "audit/record.h"

#include <string.h>

#include "base/str.h"
#include "base/wire.h"
#include "audit/json.h"
#include "rec/frame.h"
#include "rec/text.h"
#include "rpc/wire_check.h"

bool
record_uuid(const char *text, uint8_t ret[16])
{
	char digits[33];
	size_t n = 0;

	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (text[i] == '-'))
			return false;
		if (!dash)
			digits[n++] = text[i];
	}
	digits[n] = 0;
	return str_unhex(digits, ret, 16);
}

void
record_uuid_text(const uint8_t uuid[16], char ret[37])
{
	char hex[33];

	str_hex(hex, uuid, 16);
	(void)str_format(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void
open_event(struct record *r, enum rpc_who who, const char *name)
{
	const Audit__Event *event = r->message->event;

	r->node = event->node;
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
	const Audit__Frames *frames = r->message->frames;
	struct record_frames ignored;

	if (who != RPC_NODE && who != RPC_PROXY) {
		r->bad = "frames from a daemon that has no sessions";
		return;
	}
	r->has_session = record_uuid(frames->session, r->session);
	if (!r->has_session)
		r->bad = "frames without the UUID of a session";
	else if (record_read_frames((struct span){ frames->data.data, frames->data.len }, &ignored, NULL) < 0)
		r->bad = "malformed frames";
}

void
record_open(struct record *r, struct span packed, enum rpc_who who, const char *name)
{
	*r = (struct record){ .node = "" };
	if (!wire_check_message(&audit__record__descriptor, packed.p, packed.n)) {
		r->bad = "no valid record (protobuf)";
		return;
	}
	r->message = (Audit__Record *)protobuf_c_message_unpack(
	    &audit__record__descriptor, NULL, packed.n, packed.p);
	if (!r->message) {
		r->bad = "no valid record (protobuf)";
		return;
	}
	switch (r->message->what_case) {
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
		protobuf_c_message_free_unpacked(&r->message->base, NULL);
	r->message = NULL;
}

bool
record_is_event(const struct record *r)
{
	return r->message && r->message->what_case == AUDIT__RECORD__WHAT_EVENT;
}

static void
read_resize(struct span data, struct record_frames *ret)
{
	struct wire w = wire_from(data);
	uint32_t both = wire_u32(&w);

	if (!wire_end(&w) || ret->cols)
		return;
	ret->cols = (int)(both >> 16);
	ret->rows = (int)(both & 0xffff);
}

static void
read_exit(struct span data, struct record_frames *ret)
{
	struct wire w = wire_from(data);
	struct span signal_name;

	ret->exit_status = (int32_t)wire_u32(&w);
	if (w.bad)
		return;
	ret->has_exit = true;
	signal_name = wire_rest(&w);
	str_clean(ret->exit_signal, sizeof(ret->exit_signal), (const char *)signal_name.p, signal_name.n);
}

int
record_read_frames(struct span data, struct record_frames *ret, struct buf *text)
{
	struct rec_text plain;
	struct frame f;
	int got;

	*ret = (struct record_frames){ 0 };
	rec_text_init(&plain);
	while ((got = frame_next(&data, &f)) > 0) {
		ret->frames++;
		if (f.dt_us > INT64_MAX / 4 - (uint64_t)ret->span_us)
			return -1;
		ret->span_us += (int64_t)f.dt_us;
		switch (f.type) {
		case FRAME_OUT:
		case FRAME_ERR:
			ret->bytes += f.data.n;
			if (text)
				rec_text_add(&plain, f.data, text);
			break;
		case FRAME_RESIZE:
			read_resize(f.data, ret);
			break;
		case FRAME_EXIT:
			read_exit(f.data, ret);
			break;
		default:
			break;
		}
	}
	if (text)
		rec_text_end(&plain, text);
	return got;
}

const char *
record_field(const Audit__Event *event, const char *key)
{
	for (size_t i = 0; i < event->n_fields; i++) {
		if (strcmp(event->fields[i]->key, key) == 0)
			return event->fields[i]->value;
	}
	return "";
}

void
record_json(const struct record *r, struct buf *b)
{
	const Audit__Event *event = r->message->event;

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
