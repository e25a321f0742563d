/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_priv: what the store's own files share.
 */
#ifndef AUDIT_STORE_PRIV_H
#define AUDIT_STORE_PRIV_H

#include "audit/store.h"
#include "base/list.h"

enum { STORE_READERS_MAX = 16, STORE_DAYS_AHEAD = 7 };

/* A transaction that is being written. */
struct store_tx {
	struct batch *batch;
	const struct store_place *places;
	size_t n;
	size_t step;
	int64_t copy_us;            /* when the COPY that runs began; 0: none does */
	enum store_outcome outcome; /* of the step that failed */
	char why[ERR_MAX];
};

struct store {
	struct loop *loop;
	struct db *writer;
	struct db *readers[STORE_READERS_MAX];
	struct db *counter; /* counts, one after the other: no search waits behind one */
	int n_readers, next_reader;
	struct store_events events;
	void *arg;
	bool ready;
	bool said_lost; /* the loss was logged */
	char trouble[ERR_MAX];
	int64_t retention_days;
	int64_t until_us; /* end of the newest partition that is known to be there */

	/* The operation of the writer that runs, and what it works on. */
	store_done_fn *done;
	void *done_arg;
	struct store_place *begin_places;
	size_t begin_n;
	struct facts *facts;
	struct store_tx tx;
	int64_t began_us; /* the transaction */
	struct store_stats stats;

	int schema_at;                    /* migration that runs */
	bool may_upgrade, may_make_roles; /* the role that connected */
	bool said_rights;                 /* that it may do too much */
	struct list readings;             /* queries of people under way */
};

/* Takes down whom to tell. */
void store_operation(struct store *s, store_done_fn *done, void *arg);
/* Tells; another operation may begin from inside. */
void store_answered(struct store *s, const struct store_answer *answer);
/* The answer of a reply that has no more to say. */
struct store_answer store_answer_of(const struct db_reply *r);

/* Ends every reading with DB_E_LOST. */
void store_readings_end(struct store *s);

/* Brings the schema to this program's version; then store_schema_done or store_schema_failed. */
void store_schema_apply(struct store *s);
void store_schema_done(struct store *s);
/* for_ever: trying again will not help. */
void store_schema_failed(struct store *s, bool for_ever, const char *why);

#endif
