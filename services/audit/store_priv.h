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
	int step;
	void (*done)(enum db_code code, const char *state, const char *why, void *arg);
	void *arg;
	char state[8];
	char why[ERR_MAX];
};

struct store {
	struct loop *loop;
	struct db *writer;
	struct db *readers[STORE_READERS_MAX];
	int n_readers, next_reader;
	struct store_events events;
	void *arg;
	bool ready;
	bool said_lost; /* the loss was logged */
	char trouble[ERR_MAX];
	int64_t retention_days;
	int64_t until_us; /* end of the newest partition that is known to be there */
	struct store_tx tx;

	/* The one operation of the writer that is not a transaction. */
	struct store_place *begin_places;
	size_t begin_n;
	void (*begin_done)(enum db_code, const char *, const char *, int64_t, void *);
	void (*source_done)(const struct store_source *, void *);
	void (*rollback_done)(void *);
	void (*maintain_done)(bool, void *);
	void *begin_arg, *source_arg, *rollback_arg, *maintain_arg;
	int schema_at; /* migration that runs */
	struct list readings; /* queries of people under way */
};

/* Ends every reading with DB_E_LOST. */
void store_readings_end(struct store *s);

/* Brings the schema to this program's version; then store_schema_done or store_schema_failed. */
void store_schema_apply(struct store *s);
void store_schema_done(struct store *s);
/* for_ever: trying again will not help. */
void store_schema_failed(struct store *s, bool for_ever, const char *why);

#endif
