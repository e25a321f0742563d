/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: one event of the audit trail, and the catalogue of all of them (events.def). The four daemons write their
 * events with event_write, each through its own events.c, which adds what only that daemon knows; auditd judges by the
 * same catalogue what producers may say.
 *
 * Texts may hold any bytes: they are written in their readable form (base/readable.h), with the exact bytes beside
 * them where the two differ.
 */
#ifndef API_EVENT_H
#define API_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "api/label.h"
#include "base/buf.h"

struct audit_log;

enum event_id {
#define EVENT(id, ...) EVENT_##id,
#include "api/events.def"
#undef EVENT
	EVENT_N
};

enum event_key {
#define KEY(id, ...) EVENT_KEY_##id,
#include "api/events.def"
#undef KEY
	EVENT_KEY_N
};

/* --- writing --------------------------------------------------------------------------------- */

enum { EVENT_FIELDS_MAX = 16 };

/* One thing that happened. What is not set is left out. The texts belong to the caller, and must last until
 * event_write. */
struct audit_event {
	enum event_id id;
	bool failed; /* or refused */
	struct span user, login;
	struct span node, node_name; /* that it concerns: uuid, name */
	struct span session;         /* UUID */
	struct span connection;      /* UUID that proxyd gave the client's connection to a node */
	struct span remote_addr;
	struct span message;               /* cause of a failure, for people */
	const struct policy_label *labels; /* of the node */
	size_t n_labels;
	size_t n_fields;
	struct event_field {
		enum event_key key;
		bool is_number;
		int64_t number;
		struct span text;
	} fields[EVENT_FIELDS_MAX];
};

/* Adds a field. One too many makes event_write fail. */
void event_put(struct audit_event *ev, enum event_key key, struct span text);
void event_put_text(struct audit_event *ev, enum event_key key, const char *text); /* NULL: none */
void event_put_number(struct audit_event *ev, enum event_key key, int64_t number);
void event_put_flag(struct audit_event *ev, enum event_key key, bool flag);

/* 0: it is in the log on disk. Negative, and logged: disk or quota full, no memory, or against the catalogue;
 * nothing was written, and what must be audited must not happen then. */
int event_write(struct audit_log *log, const struct audit_event *ev);

/* --- the catalogue --------------------------------------------------------------------------- */

/* How the user in an event is backed: events.def. */
enum event_backing {
	EVENT_BACKED_NONE,
	EVENT_BACKED_SELF,
	EVENT_BACKED_PROVEN,
	EVENT_BACKED_CLAIMED
};
/* Which node an event may name. */
enum event_about { EVENT_ABOUT_NONE, EVENT_ABOUT_OWN, EVENT_ABOUT_ANY };

struct event_outcome {
	const char *code; /* NULL: there are no such events */
	enum event_backing user;
};

struct event_type {
	const char *name;             /* "session.start" */
	struct event_outcome ok, bad; /* bad: failed or refused */
	unsigned writers;             /* enum rpc_who bits */
	enum event_about about;
	uint64_t keys; /* fields it may have: bits 1 << enum event_key */
};

const struct event_type *event_type(enum event_id id);
/* NULL: there is none of that name. */
const struct event_type *event_type_find(const char *name);
/* Whether events of the type may have a field of that name. */
bool event_type_has(const struct event_type *type, const char *key);
const char *event_key_name(enum event_key key);

#endif
