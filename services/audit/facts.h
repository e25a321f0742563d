/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts: what the database has about connections and sessions, as far as it is in memory: who signed in on a
 * connection, which producer began a session, and whether they are over. Whose a fact is never changes once it is
 * committed, and what is over stays so; what goes on may have ended while another auditd served its log. Called by judge.c
 * and group.c. Memory only.
 *
 * Layers: those of one transaction, which count only when it commits (facts_keep), over those that are committed; between
 * them, while a transaction is under way, those of the one whose rows are made ahead. What is in none is asked of the
 * database (facts_wanted), once a transaction for all.
 */
#ifndef AUDIT_FACTS_H
#define AUDIT_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct facts;

enum fact_kind {
	FACT_CONNECTION, /* UUID: who signed in on it */
	FACT_SESSION,    /* UUID: who began it */
	FACT_SIGNED,     /* hex of proof.session_id: the connection that it was shown for */
	FACT_KINDS
};

struct fact {
	int32_t source;           /* whose it is; 0: there is no such thing in the database */
	const char *connection;   /* FACT_SESSION, FACT_SIGNED */
	const char *user, *login; /* FACT_CONNECTION */
	int64_t from_us;          /* FACT_CONNECTION: nothing on it is older */
	int64_t ended_us;         /* 0: it goes on; FACT_CONNECTION: when auditd heard of its end */
};

/* parent NULL: the committed ones, a bounded number, the newest. NULL without memory. */
struct facts *facts_new(struct facts *parent);
void facts_free(struct facts *f); /* NULL is fine */

/* What the parent was is committed, and in another one: f stands over that from now on. */
void facts_stand_on(struct facts *f, struct facts *parent);

/* A log may have been served by another auditd: what is in f of its sessions and connections is not believed any more, and
 * asked for again. source: of the log. Negative: no memory. */
int facts_distrust(struct facts *f, int32_t source);

/* NULL: not in memory. Then it is wanted. Valid until the next facts_put or facts_keep. */
const struct fact *facts_find(struct facts *f, enum fact_kind kind, const char *key);
/* Adds or replaces; copies. Negative: no memory. */
int facts_put(struct facts *f, enum fact_kind kind, const char *key, const struct fact *fact);

/* The database has to be asked, or memory was too short to remember for what. */
bool facts_is_wanting(const struct facts *f);
/* The keys of a kind that were not in memory, as an array of PostgreSQL: "{a,b}". NULL: no memory. */
const char *facts_wanted(struct facts *f, enum fact_kind kind);
/* They were asked for: what was not put meanwhile is not there. Negative: no memory. */
int facts_answered(struct facts *f);

/* What was put is forgotten, what is wanted stays: the pass that put it was in vain. */
void facts_forget(struct facts *f);

/* The transaction is committed: its facts go to the parent. f holds nothing afterwards. */
void facts_keep(struct facts *f);

#endif
