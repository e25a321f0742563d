/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: see judge.h. Each rule is a function that answers why a record breaks it, or NULL.
 */
#include "audit/judge.h"

#include <string.h>

#include "api/event.h"
#include "base/str.h"

#define US INT64_C(1000000)

/* --- time ---------------------------------------------------------------------- */

/* A host may have kept its records for long, but wrote none before it joined. authd is in no registry. */
static bool
is_doubtful(const struct judge *j, const struct producer *p, int64_t at_us)
{
	const struct replica_host *host = p->who == RPC_AUTH ? NULL
							     : replica_host(j->replica, p->name);
	int64_t first_us = host && host->joined_ms > 0 && host->joined_ms < INT64_MAX / 1000
	    ? host->joined_ms * 1000 - JUDGE_AHEAD_S * US
	    : j->now_us - JUDGE_BEHIND_S * US;

	return at_us > j->now_us + JUDGE_AHEAD_S * US || at_us < first_us;
}

/* --- the catalogue ---------------------------------------------------------------------- */

static const struct event_outcome *
outcome_of(const struct event_type *type, const struct record *r)
{
	return r->ok ? &type->ok : &type->bad;
}

static const char *
check_fields(const struct event_type *type, const struct record *r)
{
	const char *key;

	if (r->n_fields > EVENT_FIELDS_MAX)
		return "more fields than an event can have";
	for (size_t i = 0; i < r->n_fields; i++) {
		key = record_field_key(r, i);
		if (!event_type_has(type, key))
			return "a field that events of this type do not have";
		/* Which of two would be believed depended on who reads it. */
		for (size_t k = 0; k < i; k++) {
			if (strcmp(record_field_key(r, k), key) == 0)
				return "a field that is there twice";
		}
	}
	return NULL;
}

/* Exact bytes say what their text says, or the trail said two things. */
static const char *
check_raw(const struct record *r)
{
	const char *key;

	for (size_t i = 0; (key = record_raw_key(r, i)); i++) {
		if (i >= EVENT_FIELDS_MAX * 2)
			return "more bytes beside texts than an event can have";
		if (!record_raw_is_of_text(r, i))
			return "bytes beside a text that are not those of the text";
		for (size_t k = 0; k < i; k++) {
			if (strcmp(record_raw_key(r, k), key) == 0)
				return "bytes of a text that are there twice";
		}
	}
	return NULL;
}

/* A producer may write what the catalogue says for its kind, and nothing else: a node that is
 * taken over cannot write that somebody was given a role. */
static const char *
check_type(const struct event_type *type, const struct producer *p, const struct record *r)
{
	const char *why;

	if (!type)
		return "an event of a type that is not in the catalogue";
	/* Rows of these types are made here and in the database, never taken. */
	if (!(type->writers & (unsigned)p->who) || type == event_type(EVENT_AUDIT_REFUSE) ||
	    type == event_type(EVENT_AUDIT_PRUNE))
		return "an event that this kind of producer does not write";
	/* The code says whether it succeeded; people search by it, so it must not contradict
	 * `ok`. */
	if (!outcome_of(type, r)->code || strcmp(outcome_of(type, r)->code, r->code) != 0)
		return "a code that events of this type do not have";
	if ((r->session.given && !r->session.set) || (r->connection.given && !r->connection.set))
		return "a session or connection that is no UUID";
	why = check_fields(type, r);
	return why ? why : check_raw(r);
}

/* --- the node ---------------------------------------------------------------------- */

static const char *
check_node(const struct event_type *type, const struct producer *p, const struct record *r)
{
	if (p->who == RPC_NODE && *r->node && strcmp(r->node, p->name) != 0)
		return "a node wrote an event about another node";
	if (type->about == EVENT_ABOUT_NONE && *r->node)
		return "a node in an event that concerns none";
	return NULL;
}

/* What the registry says about the node of the event. authd is the registry. */
static void
name_node(const struct judge *j, const struct producer *p, const struct record *r,
    struct verdict *v)
{
	const struct replica_host *host = NULL;

	v->view.node = p->who == RPC_NODE ? p->name : r->node;
	v->view.node_name = r->node_name;
	if (p->who == RPC_AUTH)
		return;
	if (*v->view.node)
		host = replica_host(j->replica, v->view.node);
	v->view.node_name = host ? host->name : "";
	/* As the registry has them, since what a node says about itself may be chosen to escape
	 * notice. */
	if (host && strcmp(r->type, "session.start") == 0) {
		v->labels = host->labels;
		v->view.labels = &v->labels;
	}
}

/* --- the user ---------------------------------------------------------------------- */

/* The user of a node's event is who signed in on its connection: a node cannot put doings on somebody
 * of whom it has no signature. */
static const char *
check_proven(const struct judge *j, const struct producer *p, const struct record *r)
{
	const struct fact *c;

	if (!r->connection.set)
		return "an event of a user without the connection that he signed in on";
	c = facts_find(j->facts, FACT_CONNECTION, r->connection.text);
	if (!c)
		return NULL; /* judged again when the database has been asked */
	/* Also source 0, a connection of which nobody showed a proof. */
	if (c->source != p->source)
		return "an event of a connection for which this node showed no proof";
	if (strcmp(c->user, r->user) != 0 || strcmp(c->login, r->login) != 0)
		return "an event of another user or login than those that signed in on its connection";
	if (r->time_us < c->from_us - JUDGE_AHEAD_S * US)
		return "an event from before its user had the certificate that he signed in with";
	/* The proof is there for ever; what began before the end may end after it. */
	if (c->ended_us && j->now_us > c->ended_us + JUDGE_LATE_S * US &&
	    (!r->session.set || strcmp(r->type, "session.start") == 0))
		return "an event of a connection that has ended";
	return NULL;
}

/* Nobody has to have signed in on it; when somebody did, it was at this node. */
static const char *
check_own_connection(const struct judge *j, const struct producer *p, const struct record *r)
{
	const struct fact *c;

	if (p->who != RPC_NODE || !r->connection.set)
		return NULL;
	c = facts_find(j->facts, FACT_CONNECTION, r->connection.text);
	return c && c->source && c->source != p->source ? "an event of a connection to another node"
							: NULL;
}

static const char *
check_user(const struct judge *j, const struct producer *p, const struct record *r,
    enum event_backing backing, struct verdict *v)
{
	v->backed = "self";
	switch (backing) {
	case EVENT_BACKED_NONE:
		return *r->user ? "a user in an event that concerns none" : NULL;
	case EVENT_BACKED_CLAIMED:
		v->backed = "claimed";
		return check_own_connection(j, p, r);
	case EVENT_BACKED_SELF:
	case EVENT_BACKED_PROVEN:
		break;
	}
	if (p->who == RPC_PROXY)
		v->backed = "proxy";
	if (p->who != RPC_NODE || backing != EVENT_BACKED_PROVEN)
		return NULL;
	v->backed = "signature";
	return check_proven(j, p, r);
}

/* --- the session ---------------------------------------------------------------------- */

static int
put_session(const struct judge *j, const struct producer *p, const struct record *r,
    int64_t ended_us)
{
	const struct fact fact = { .source = p->source,
		.connection = r->connection.text,
		.ended_us = ended_us };

	return facts_put(j->facts, FACT_SESSION, r->session.text, &fact);
}

/* Once: a repeat changes nothing. */
static int
end_session(const struct judge *j, const struct producer *p, const struct record *r)
{
	const struct fact *s = facts_find(j->facts, FACT_SESSION, r->session.text);

	return s && s->ended_us ? 0 : put_session(j, p, r, j->now_us);
}

/* c is there: check_proven found it, or the event would not have come so far. */
static int
end_connection(const struct judge *j, const struct record *r)
{
	const struct fact *c = facts_find(j->facts, FACT_CONNECTION, r->connection.text);
	struct fact ended = *c;

	if (c->ended_us)
		return 0;
	ended.ended_us = j->now_us;
	return facts_put(j->facts, FACT_CONNECTION, r->connection.text, &ended);
}

/* What an event that is taken begins or ends. Negative: no memory. */
static int
note(const struct judge *j, const struct producer *p, const struct record *r)
{
	if (p->who != RPC_NODE)
		return 0;
	if (strcmp(r->type, "session.start") == 0)
		return put_session(j, p, r, 0);
	if (strcmp(r->type, "session.end") == 0)
		return end_session(j, p, r);
	return strcmp(r->type, "client.disconnect") == 0 ? end_connection(j, r) : 0;
}

/* A session belongs to the node, and to the connection, on which it began. */
static const char *
check_session(const struct judge *j, const struct producer *p, const struct record *r)
{
	bool start = strcmp(r->type, "session.start") == 0;
	bool reject = strcmp(r->type, "session.reject") == 0;
	bool end = strcmp(r->type, "session.end") == 0;
	const struct fact *s;

	if (p->who != RPC_NODE)
		return NULL;
	if (!r->session.set)
		return start || end ? "a session without a UUID" : NULL;
	s = facts_find(j->facts, FACT_SESSION, r->session.text);
	if (!s)
		return NULL;
	if (!s->source) /* one that was not begun, or was rejected, is nobody's yet */
		return start || reject ? NULL : "an event of a session that did not begin here";
	if (s->source != p->source)
		return "an event of a session of another producer";
	if (strcmp(s->connection, r->connection.text) != 0)
		return "an event of a session of another connection";
	/* How it went is written down: whoever takes the node later does not change it. Its end may be said again, by a
	 * noded that died before it knew that it had: the row keeps what was said first. */
	if (s->ended_us)
		return end ? NULL : "an event of a session that has ended";
	return start ? "a session that begins twice" : NULL;
}

static int
judge_event(const struct judge *j, const struct producer *p, const struct record *r,
    struct verdict *v)
{
	const struct event_type *type = event_type_find(r->type);

	v->bad = check_type(type, p, r);
	if (!v->bad)
		v->bad = check_node(type, p, r);
	if (!v->bad)
		v->bad = check_user(j, p, r, outcome_of(type, r)->user, v);
	if (!v->bad)
		v->bad = check_session(j, p, r);
	/* Noted only when it is taken: what is judged again must find things as they were. */
	if (v->bad || facts_is_wanting(j->facts))
		return 0;
	v->at_doubtful = is_doubtful(j, p, r->time_us);
	v->view.backed = v->backed;
	name_node(j, p, r, v);
	return note(j, p, r);
}

/* --- frames ---------------------------------------------------------------------- */

/* A session that did not begin has source 0, which is nobody's. */
static const char *
check_frames(const struct judge *j, const struct producer *p, const struct record *r)
{
	const struct fact *s;

	if (p->who != RPC_NODE)
		return "frames from a daemon that has no sessions";
	if (!r->session.set)
		return "frames without the UUID of a session";
	s = facts_find(j->facts, FACT_SESSION, r->session.text);
	if (s && s->source != p->source)
		return "frames of a session that this producer did not begin";
	return s && s->ended_us ? "frames of a session that has ended" : NULL;
}

/* --- proofs ---------------------------------------------------------------------- */

static const char *
check_proof_time(const struct judge *j, const struct record *r, const struct proof *proof)
{
	int64_t at = r->proof_us ? r->proof_us : j->now_us;

	if (at > j->now_us + JUDGE_AHEAD_S * US || at < j->now_us - JUDGE_BEHIND_S * US)
		return "a proof of a time that cannot be right";
	if (at < proof->from_us - JUDGE_AHEAD_S * US)
		return "a proof with a certificate that was not valid yet";
	/* So written that a certificate for ever does not overflow. */
	if (at - JUDGE_AHEAD_S * US > proof->until_us)
		return "a proof with a certificate that had expired";
	return NULL;
}

/* Whether the connection or the session identifier was shown before: cheap, and says what the database is asked. */
static const char *
check_fresh(const struct judge *j, const struct record *r, char hex[65])
{
	const struct fact *c = facts_find(j->facts, FACT_CONNECTION, r->connection.text);
	uint8_t id[SHA256_BYTES];
	const struct fact *used;

	if (proof_session_id(r->signed_data, id) < 0)
		return "a proof that is none: the signed request is malformed";
	str_hex(hex, id, sizeof(id));
	used = facts_find(j->facts, FACT_SIGNED, hex);
	if (c && c->source)
		return "a second proof for a connection";
	if (used && used->source)
		return "a proof that was shown for another connection before";
	return NULL;
}

static const char *
check_proof(const struct judge *j, const struct producer *p, const struct record *r,
    struct verdict *v, char hex[65])
{
	const struct bundle *bundle = replica_bundle(j->replica);
	const char *why;
	struct err e;

	if (p->who != RPC_NODE)
		return "a proof from a daemon to which nobody signs in";
	if (!r->connection.set)
		return "a proof without the UUID of a connection";
	if (!bundle)
		return "a proof, while the authorities of the cluster are not known";
	why = check_fresh(j, r, hex);
	if (why || facts_is_wanting(j->facts))
		return why;
	/* The signature last, since it is what costs: a node could send proofs as fast as it
	 * likes. */
	if (proof_check(&v->proof, bundle, p->name, r->signed_data, r->signature, &e) < 0) {
		(void)str_format(v->text, sizeof(v->text), "a proof that is none: %s", e.text);
		return v->text;
	}
	return check_proof_time(j, r, &v->proof);
}

/* Kept by connection, so that events find their user, and by session identifier, so that no proof
 * counts twice. */
static int
judge_proof(const struct judge *j, const struct producer *p, const struct record *r,
    struct verdict *v)
{
	char hex[65];
	struct fact connection, used;

	v->bad = check_proof(j, p, r, v, hex);
	if (v->bad || facts_is_wanting(j->facts))
		return 0;
	connection = (struct fact){ .source = p->source,
		.user = v->proof.user,
		.login = v->proof.login,
		.from_us = v->proof.from_us };
	used = (struct fact){ .source = p->source, .connection = r->connection.text };
	if (facts_put(j->facts, FACT_CONNECTION, r->connection.text, &connection) < 0)
		return -1;
	return facts_put(j->facts, FACT_SIGNED, hex, &used);
}

int
judge_record(const struct judge *j, const struct producer *p, const struct record *r,
    struct verdict *ret)
{
	*ret = (struct verdict){ .bad = NULL };
	switch (r->kind) {
	case RECORD_EVENT:
		return judge_event(j, p, r, ret);
	case RECORD_FRAMES:
		ret->bad = check_frames(j, p, r);
		return 0;
	case RECORD_PROOF:
		return judge_proof(j, p, r, ret);
	case RECORD_BAD:
		break;
	}
	ret->bad = r->bad;
	return 0;
}
