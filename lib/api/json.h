/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: messages as JSON and back, by their descriptors, written once for all of them. Called by proxyd's web API
 * (docs/WEBAPI.md); pure.
 *
 * Names are those of the .proto. Numbers, booleans, texts and lists are JSON's own; bytes are base64 with padding; a
 * sub-message is an object, or null where there is none, as is a member of a oneof that is not the one. The value of a
 * Resource, which travels packed, is an object: the message of its kind. Types that no .proto of ours has (floating
 * point, enums, fixed widths) have no form here.
 *
 * Security: the JSON and the query come from strangers. What is built of them is bounded as lib/rpc/wire_check.h has
 * it; whatever it does not know is refused, never passed over, with a text that names the field and not its value. They
 * hold passwords: nothing of them stays in memory that was given back; jansson's own, too, is wiped from the first
 * api_json_begin on.
 */
#ifndef API_JSON_H
#define API_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "base/err.h"

/* --- out ------------------------------------------------------------------------------------- */

/* Appends the message as one object, with every field. False: over b's ceiling or without memory, or the message holds
 * what has no form here; b has part of it then. */
bool api_json_put(struct buf *b, const ProtobufCMessage *m);

/* --- in -------------------------------------------------------------------------------------- */

/* A message that is being put together, from the address of a request, its query and its body. Each field comes from
 * one of them: given twice it is refused, except that a query may repeat a list's. The functions return 0, or negative
 * with e filled: what to tell the sender ("out of memory" is told apart by `no_memory`). */
struct api_json {
	const ProtobufCMessageDescriptor *type;
	struct buf wire; /* packed, so far */
	size_t items;    /* that may still come */
	uint64_t given;  /* fields of the type, a bit each */
	bool no_memory;
};
void api_json_begin(struct api_json *in, const ProtobufCMessageDescriptor *type);
/* One field as text: what stands in the path. */
int api_json_take_field(struct api_json *in, const char *name, struct span value, struct err *e);
/* "limit=20&labels=env=prod&labels=dc=a": percent-encoded, '+' for a blank; a message of `key` and `value` is written
 * key=value; others have no form in a query. */
int api_json_take_query(struct api_json *in, struct span query, struct err *e);
/* One object, and nothing behind it. */
int api_json_take_body(struct api_json *in, struct span text, struct err *e);
/* *ret is freed with api_json_free. */
int api_json_finish(struct api_json *in, ProtobufCMessage **ret, struct err *e);
/* Whatever happened before; wipes what was put together. */
void api_json_done(struct api_json *in);

/* Of a message of api_json_finish: wipes its texts. NULL is fine. */
void api_json_free(ProtobufCMessage *m);

#endif
