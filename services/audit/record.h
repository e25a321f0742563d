/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: one record of a producer's log, opened and judged: an event or frames that this producer may write, or a
 * reason why not. Used by batch.c; the parsing is in rpc_record.c. Memory only.
 *
 * Security: here the bytes of producers are parsed. A node speaks about itself only.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include "base/buf.h"
#include "rpc/rpc.h"

/* Texts are never NULL, and valid until record_close. */
struct record {
	void *message;   /* the parsed message; NULL: it cannot be parsed */
	const char *bad; /* why it goes to the dead letters; NULL: it is good */
	bool is_event;   /* else frames */
	bool has_session;
	uint8_t session[16];
	char session_text[37]; /* lower case; "" when there is none */

	/* Of an event. */
	const char *type, *code, *user, *login, *node_name, *remote_addr, *text;
	const char *node; /* whom it concerns, filled in for nodes */
	int64_t time_us;
	bool ok;

	struct span frames;
};

/* What frames say. */
struct record_frames {
	uint32_t frames;
	int64_t span_us;
	uint64_t bytes; /* of output */
	int cols, rows; /* 0: no resize */
	bool has_exit;
	int32_t exit_status;
	char exit_signal[32];
};

/* who and name: the certificate of the producer. record_close also after a bad one. */
void record_open(struct record *r, struct span packed, enum rpc_who who, const char *name);
void record_close(struct record *r);
/* The event as JSON. */
void record_json(const struct record *r, struct buf *b);
/* A field of the event, or "". */
const char *record_field(const struct record *r, const char *key);

/* Negative: the frames are malformed. Appends to text (may be NULL) what they show. */
int record_read_frames(struct span data, struct record_frames *ret, struct buf *text);
/* Text of a UUID to its bytes, any case; false when it is none. */
bool record_uuid(const char *text, uint8_t ret[16]);
void record_uuid_text(const uint8_t uuid[16], char ret[37]);

#endif
