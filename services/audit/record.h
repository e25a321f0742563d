/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: one record of a producer's log, opened: an event, frames or a proof, or a reason why it is none. Whether its
 * producer may say that is decided in judge.c. Used by batch.c; the parsing is in rpc_record.c. Memory only.
 *
 * Security: here the bytes of producers are parsed.
 */
#ifndef AUDIT_RECORD_H
#define AUDIT_RECORD_H

#include "base/buf.h"
#include "policy/policy.h"
#include "rec/shown.h"

enum record_kind { RECORD_BAD, RECORD_EVENT, RECORD_FRAMES, RECORD_PROOF };

/* A UUID in a record: as bytes, and in lower case. */
struct record_uuid {
	bool given; /* there is some text */
	bool set;   /* and it is a UUID */
	uint8_t bytes[16];
	char text[37];
};

/* Texts are never NULL, and valid until record_close. */
struct record {
	void *message; /* the parsed message; NULL: it cannot be parsed */
	enum record_kind kind;
	const char *bad; /* why it is none of the others */
	struct record_uuid session, connection;

	/* Of an event. */
	const char *type, *code, *user, *login, *node, *node_name, *remote_addr, *text;
	int64_t time_us;
	bool ok;
	size_t n_fields;

	struct span frames, before;
	struct span signed_data, signature; /* of a proof */
	int64_t proof_us;                   /* when the user signed in, by the producer's clock */
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

/* record_close also after a bad one. */
void record_open(struct record *r, struct span packed);
void record_close(struct record *r);
/* A field of the event, or "". */
const char *record_field(const struct record *r, const char *key);
/* Key of field i, below n_fields. */
const char *record_field_key(const struct record *r, size_t i);
/* Key of the bytes i that stand beside a text of the event; NULL: there are no more. */
const char *record_raw_key(const struct record *r, size_t i);
/* The exact bytes of a text of the event; empty: they are the text. */
struct span record_raw(const struct record *r, const char *key);
/* Whether the bytes i are those whose readable form (base/readable.h) is the text of that name. */
bool record_raw_is_of_text(const struct record *r, size_t i);

/* What is known better than the producer says it. */
struct record_view {
	const char *node, *node_name;
	const struct policy_labels *labels; /* NULL: none */
	const char *backed;
};
/* The event as JSON, with that in its place. */
void record_json(const struct record *r, const struct record_view *view, struct buf *b);

/* An event of auditd's own, packed as producers do: that a record was set aside. Texts may be of any length. */
struct record_refusal {
	const char *reason;
	const char *kind, *name;           /* of the producer */
	const char *type, *user, *session; /* as the record claims */
	uint64_t more;                     /* others before it, of which there is no event */
	int64_t time_us;
};
/* Negative: no memory. */
int record_pack_refusal(const struct record_refusal *refusal, struct buf *packed);

/* Negative: the frames are malformed. Appends to text what they show, by shown (NULL: only numbers are wanted). */
int record_read_frames(struct span data, struct record_frames *ret, struct shown *shown,
    struct buf *text);
/* Text of a UUID to its bytes, any case; false when it is none. */
bool record_uuid_read(const char *text, uint8_t ret[16]);
void record_uuid_text(const uint8_t uuid[16], char ret[37]);

#endif
