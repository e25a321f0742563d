/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: a resource as people write it (YAML, JSON) and as authd takes it, for every kind the same way, by the
 * descriptor of its message. Called by cmd_resources.c; the kinds are rows of table.c.
 *
 *	kind: role
 *	version: v1
 *	metadata: {name: dba}
 *	spec: {...}
 *
 * The spec has the fields of the message that the row names, in that order. A field's type says how it looks:
 *	string, bool, (u)int32, uint64	as they are; no empty texts
 *	int64 NAME_s			a duration, under NAME: 8h0m0s; 0 when there is none
 *	other int64			a time, RFC 3339; left out when there is none
 *	a message			a mapping
 *	messages of a string `key` and `value` or `values`	a mapping from the one to the other
 *	repeated			a list; a single text may stand for a list of one
 */
#ifndef TCTL_FORM_H
#define TCTL_FORM_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "cli/yaml.h"
#include "proto/auth.pb-c.h"

/* A kind. */
struct form {
	const char *kind, *plural; /* "role", "roles" */
	const ProtobufCMessageDescriptor *type;
	const char *const *spec; /* fields, up to NULL */
	const char *defaults;    /* YAML of a spec over which every other is laid; NULL: none */
	bool names_itself;       /* metadata.name may be missing: authd makes one up */
};
/* Up to one without kind. */
extern const struct form forms[];
/* By "role" or "roles". NULL: there is none. */
const struct form *form_find(const char *kind);

json_t *form_to_json(const struct form *form, const ProtobufCMessage *m);
/* The kind is in the value. Every key is checked; unknown ones are refused, with their line when the source knows
 * it. *ret is freed with protobuf_c_message_free_unpacked. */
int form_from_json(const json_t *value, const struct yaml_source *source,
    const struct form **ret_form, ProtobufCMessage **ret, struct err *e);

#endif
