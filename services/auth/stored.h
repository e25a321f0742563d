/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stored: the nouns' structs as bytes in the store (proto/stored.proto), both ways, by tables of
 * fields. Called by resource.c only; a new kind adds its table in stored.c.
 */
#ifndef AUTH_STORED_H
#define AUTH_STORED_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/values.h"
#include "base/buf.h"

struct Common__Label;
struct Stored__StoredFactor;
struct arena;
struct factor_list;
struct ProtobufCMessageDescriptor;

/* How a member of the struct and a field of the message correspond. */
enum stored_type {
	STORED_TEXT,   /* char[] and string; one that does not fit is a damaged record */
	STORED_NAMES,  /* struct names and repeated string */
	STORED_LABELS, /* struct labels and repeated Label */
	STORED_BYTES,  /* uint8_t[] and bytes of exactly that length */
	STORED_LATER,  /* the same, or none; reading sets the bool `with` when it is there */
	STORED_INT64,
	STORED_UINT32,
	STORED_BOOL,
	STORED_FACTORS, /* struct factor_list and repeated StoredFactor; some when `with` (read before) says so, else none */
	STORED_TIMES,   /* int64_t[] and repeated int64; `with`: the size_t that counts them */
};

struct stored_field {
	const char *name; /* of the message's field */
	enum stored_type type;
	size_t at, size; /* of the member */
	size_t with;
};

/* A kind of struct: where generic code finds what it needs, and how it becomes bytes. */
struct stored_form {
	size_t size;
	size_t key_at, key_size; /* char[]: the rest of the key in the store */
	size_t revision_at;      /* uint64_t */
	size_t expires_at;       /* int64_t, milliseconds; 0: no such member, it never expires */
	const struct ProtobufCMessageDescriptor *message;
	const struct stored_field *fields;
	size_t n_fields;
	/* Instead of fields, for what is no flat struct. */
	bool (*pack)(const void *object, struct buf *b);
	bool (*unpack)(struct span s, void *object);
	void (*done)(void *object);
};

/* For the tables in the nouns. The descriptors are named, not included: nouns see no messages. */
#define STORED_MESSAGE(name_) extern const struct ProtobufCMessageDescriptor name_##__descriptor
#define STORED_FIELD(type_, name_, struct_, member_)                                   \
	{                                                                              \
		.name = name_, .type = type_, .at = offsetof(struct struct_, member_), \
		.size = sizeof(((struct struct_ *)0)->member_)                         \
	}
#define STORED_FIELD_WITH(type_, name_, struct_, member_, with_)                       \
	{                                                                              \
		.name = name_, .type = type_, .at = offsetof(struct struct_, member_), \
		.size = sizeof(((struct struct_ *)0)->member_),                        \
		.with = offsetof(struct struct_, with_)                                \
	}
#define STORED_FIELDS(table_) .fields = table_, .n_fields = sizeof(table_) / sizeof((table_)[0])
#define STORED_KEY(struct_, member_)                                                 \
	.size = sizeof(struct struct_), .key_at = offsetof(struct struct_, member_), \
	.key_size = sizeof(((struct struct_ *)0)->member_),                          \
	.revision_at = offsetof(struct struct_, revision)

/* Appends to b; false over its ceiling or without memory. */
bool stored_pack(const struct stored_form *form, const void *object, struct buf *b);
/* Into a zeroed struct. False when the bytes are no such record (a damaged store); what was filled
 * in until then is for stored_done all the same. */
bool stored_unpack(const struct stored_form *form, struct span s, void *object);
/* Frees what the struct owns and zeroes it (there are secrets among them). */
void stored_done(const struct stored_form *form, void *object);

/* Adds the labels of a message. Negative without memory or over LABELS_MAX. */
int stored_labels(struct labels *dst, struct Common__Label *const *rows, size_t n);
/* In stored_factor.c: as messages, which borrow from the list (NULL without memory), and back (false: no such records, or
 * no memory). */
struct Stored__StoredFactor **stored_factors_rows(struct arena *arena, const struct factor_list *l);
bool
stored_factors_take(struct factor_list *dst, struct Stored__StoredFactor *const *rows, size_t n);

#endif
