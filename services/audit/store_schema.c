/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_schema: numbered migrations, each once, in one transaction under an advisory lock, so that several auditds
 * can start at once. Runs on every new connection of the writer: a database that was restored is brought up to date.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "audit/store_priv.h"

static const struct migration {
	int version;
	const char *name;
	const char *sql;
} migrations[] = {
#include "audit/schema.inc"
};

enum { N_MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]) };

/* The key of the lock is "sallypor" in ASCII. */
static const char begin_sql[] =
    "BEGIN; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(8314037903514690418);"
    "CREATE TABLE IF NOT EXISTS audit_schema (version int PRIMARY KEY, name text NOT NULL,"
    " applied timestamptz NOT NULL DEFAULT now());"
    "SELECT coalesce(max(version), 0) FROM audit_schema";

static void next_migration(struct store *s);

/* A COMMIT whose answer was lost is no loss: the next connection reads the version again. */
static void
on_committed(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	if (db_reply_code(r) == DB_OK)
		store_schema_done(s);
	else
		store_schema_failed(s, false, db_reply_text(r));
}

static void
on_migrated(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	log_info("database schema brought up to date", "migration", migrations[s->schema_at].name,
	    NULL);
	s->schema_at++;
	next_migration(s);
}

/* All in the one transaction: a start that is broken off leaves the schema as it was. */
static void
next_migration(struct store *s)
{
	const struct migration *m = &migrations[s->schema_at];
	struct buf sql;

	if (s->schema_at == N_MIGRATIONS) {
		db_exec(s->writer, "COMMIT", on_committed, s);
		return;
	}
	buf_init(&sql, (size_t)1 << 20);
	buf_printf(&sql, "%s;\nINSERT INTO audit_schema (version, name) VALUES (%d, '%s')", m->sql,
	    m->version, m->name);
	buf_put(&sql, "", 1);
	if (buf_ok(&sql))
		db_exec(s->writer, (const char *)buf_head(&sql), on_migrated, s);
	else
		store_schema_failed(s, false, "out of memory");
	buf_done(&sql);
}

static void
on_version(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	int64_t version = db_i64(r, 0, 0);
	char why[200];

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	/* Tables that this program does not know may hold rules that it would break; better no auditd than a
	 * wrong one. */
	if (version > migrations[N_MIGRATIONS - 1].version) {
		(void)str_format(why, sizeof(why),
		    "the database has schema version %d, this auditd knows %d: it was made by a newer auditd, use that one",
		    (int)version, migrations[N_MIGRATIONS - 1].version);
		store_schema_failed(s, true, why);
		return;
	}
	for (s->schema_at = 0; s->schema_at < N_MIGRATIONS; s->schema_at++) {
		if (migrations[s->schema_at].version > version)
			break;
	}
	next_migration(s);
}

void
store_schema_apply(struct store *s)
{
	db_exec(s->writer, begin_sql, on_version, s);
}
