/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: one record of a producer's log, opened and judged: an event or frames that this producer may write, or a
 * reason why not. Used by batch.c. Memory only.
 *
 * Security: here the bytes of producers are parsed. A node speaks about itself only.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include "base/buf.h"
#include "proto/audit.pb-c.h"
#include "rpc/rpc.h"

struct record {
	Audit__Record *message; /* NULL: bad */
	const char *bad;        /* why it goes to the dead letters; NULL: it is good */
	const char *node;       /* of an event: whom it concerns, filled in for nodes */
	bool has_session;
	uint8_t session[16];
	char session_text[37]; /* lower case; "" when there is none */
};

/* What the frames of a record say. */
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
bool record_is_event(const struct record *r);
/* Negative: the frames are malformed. Appends to text (may be NULL) what they show. */
int record_read_frames(struct span data, struct record_frames *ret, struct buf *text);
/* The event as JSON. */
void record_json(const struct record *r, struct buf *b);
/* A field's value, or "". */
const char *record_field(const Audit__Event *event, const char *key);
/* Text of a UUID to its bytes, any case; false when it is none. */
bool record_uuid(const char *text, uint8_t ret[16]);
void record_uuid_text(const uint8_t uuid[16], char ret[37]);

#endif
