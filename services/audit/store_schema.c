/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_schema: numbered migrations, each once, then the roles (rights.sql), in one transaction under an advisory
 * lock, so that several auditds can start at once. Looked at on every new connection of the writer: a database that was
 * restored is brought up to date.
 *
 *	apply -> look -> (version) -> upgrade -> migrations -> rights -> COMMIT -> become the writer -> done
 *	                           \------------------------------------------------/
 *
 * Security: where the role that auditd connects as may change tables, this connection makes them, and gives up what it
 * does not need afterwards. The better way is that it never may: then somebody else runs what store_schema_print prints.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "audit/store_priv.h"

static const struct migration {
	int version; /* the last row: rights.sql, run after every change */
	const char *name;
	const char *sql;
} migrations[] = {
#include "audit/schema.inc"
};

enum {
	N_MIGRATIONS = sizeof(migrations) / sizeof(migrations[0]) - 1,
	RIGHTS = N_MIGRATIONS,
	SCHEMA_SQL_MAX = 1 << 20,
};

/* The key of the lock is "sallypor" in ASCII. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(8314037903514690418)"
#define TABLE_SQL                                                                               \
	"CREATE TABLE IF NOT EXISTS audit_schema (version int PRIMARY KEY, name text NOT NULL," \
	" applied timestamptz NOT NULL DEFAULT now())"

/* Whether there is a schema; whether this role may make or change it; whether it may make roles. */
static const char look_sql[] =
    "SELECT to_regclass('audit_schema') IS NOT NULL, coalesce(has_schema_privilege(n.oid, 'CREATE') AND"
    " (c.oid IS NULL OR pg_has_role(c.relowner, 'MEMBER')), false),"
    " coalesce(r.rolsuper OR r.rolcreaterole AND pg_has_role(n.nspowner, 'MEMBER'), false)"
    " FROM pg_roles r LEFT JOIN pg_namespace n ON n.nspname = current_schema()"
    " LEFT JOIN pg_class c ON c.oid = to_regclass('audit_event') WHERE r.rolname = current_user";

/* Which one it is, and whether the roles own and use it. */
static const char version_sql[] =
    "SELECT coalesce(max(version), 0), EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
    " WHERE c.oid = to_regclass('audit_event') AND r.rolname = current_database() || '_owner') FROM audit_schema";

/* No more rights than the writer has, where there is one. What the role that connected could still do to the trail, were
 * auditd taken over: for a warning. */
static const char become_sql[] =
    "SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname = current_database() || '_writer'"
    " AND pg_has_role(session_user, oid, 'MEMBER');"
    "SELECT r.rolname, CASE WHEN r.rolsuper THEN 'it is a superuser'"
    " WHEN c.relowner = r.oid THEN 'it owns the tables: it may not make the roles that should'"
    " WHEN pg_has_role(r.oid, c.relowner, 'MEMBER') THEN 'it may become the owner of the tables'"
    " WHEN d.datdba = r.oid THEN 'it owns the database' ELSE '' END"
    " FROM pg_roles r, pg_class c, pg_database d WHERE r.rolname = session_user"
    " AND c.oid = to_regclass('audit_event') AND d.datname = current_database()";

static void next_migration(struct store *s);

/* --- the last step ---------------------------------------------------------------------- */

static void
on_become(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	const char *danger = db_text(r, 0, 1);

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	/* Once: it is as it is until an administrator changes it. */
	if (*danger && !s->said_rights) {
		log_warn(
		    "the database role could change or remove the audit trail; sallyport-auditd(8), DATABASE, has a better one",
		    "role", db_text(r, 0, 0), "cause", danger, NULL);
		s->said_rights = true;
	}
	store_schema_done(s);
}

static void
become_writer(struct store *s)
{
	db_exec(s->writer, become_sql, on_become, s);
}

/* --- migrations ---------------------------------------------------------------------- */

/* A COMMIT whose answer was lost is no loss: the next connection looks again. */
static void
on_committed(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	/* They came up before there was a role for them. */
	for (int i = 0; i < s->n_readers; i++)
		db_reset(s->readers[i]);
	db_reset(s->counter);
	become_writer(s);
}

static void
on_rights(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	if (db_reply_code(r) == DB_OK)
		db_exec(s->writer, "COMMIT", on_committed, s);
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

static void
put_migration(struct buf *sql, const struct migration *m)
{
	buf_printf(sql, "%s;\nINSERT INTO audit_schema (version, name) VALUES (%d, '%s')", m->sql,
	    m->version, m->name);
}

/* All in the one transaction: a start that is broken off leaves the schema as it was. */
static void
next_migration(struct store *s)
{
	struct buf sql;

	if (s->schema_at == N_MIGRATIONS) {
		db_exec(s->writer, migrations[RIGHTS].sql, on_rights, s);
		return;
	}
	buf_init(&sql, SCHEMA_SQL_MAX);
	put_migration(&sql, &migrations[s->schema_at]);
	buf_put(&sql, "", 1);
	if (buf_ok(&sql))
		db_exec(s->writer, (const char *)buf_head(&sql), on_migrated, s);
	else
		store_schema_failed(s, false, "out of memory");
	buf_done(&sql);
}

/* --- which schema there is ---------------------------------------------------------------------- */

/* False: the database is of no use, and that was said. */
static bool
is_known(struct store *s, int64_t version)
{
	char why[200];

	/* Tables that this program does not know may hold rules that it would break; better no auditd than a
	 * wrong one. */
	if (version <= migrations[N_MIGRATIONS - 1].version)
		return true;
	(void)str_format(why, sizeof(why),
	    "the database has schema version %d, this auditd knows %d: it was made by a newer auditd, use that one",
	    (int)version, migrations[N_MIGRATIONS - 1].version);
	store_schema_failed(s, true, why);
	return false;
}

/* Under the lock now: another auditd may have been faster. */
static void
on_locked(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	int64_t version = db_i64(r, 0, 0);

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	if (!is_known(s, version))
		return;
	for (s->schema_at = 0; s->schema_at < N_MIGRATIONS; s->schema_at++) {
		if (migrations[s->schema_at].version > version)
			break;
	}
	next_migration(s);
}

static void
upgrade(struct store *s)
{
	if (s->may_upgrade)
		db_exec(s->writer,
		    "BEGIN; SET LOCAL lock_timeout = 0; " LOCK_SQL "; " TABLE_SQL
		    "; SELECT coalesce(max(version), 0) FROM audit_schema",
		    on_locked, s);
	else
		store_schema_failed(s, false,
		    "its tables are not there or of an older version, and this role may not make them: let its administrator"
		    " run `auditd schema | psql -d DATABASE`");
}

static void
on_version(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	int64_t version = db_i64(r, 0, 0);
	bool has_roles = db_i64(r, 0, 1) != 0;

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	if (!is_known(s, version))
		return;
	if (version == migrations[N_MIGRATIONS - 1].version && (has_roles || !s->may_make_roles))
		become_writer(s);
	else
		upgrade(s);
}

static void
on_look(const struct db_reply *r, void *arg)
{
	struct store *s = arg;

	if (db_reply_code(r) != DB_OK) {
		store_schema_failed(s, false, db_reply_text(r));
		return;
	}
	s->may_upgrade = db_i64(r, 0, 1) != 0;
	s->may_make_roles = s->may_upgrade && db_i64(r, 0, 2) != 0;
	/* A statement that names a table which is not there fails before it can say so. */
	if (db_i64(r, 0, 0))
		db_query(s->writer, version_sql, NULL, 0, on_version, s);
	else
		upgrade(s);
}

/* Results of db_query are in binary, as db_i64 reads them. */
void
store_schema_apply(struct store *s)
{
	db_query(s->writer, look_sql, NULL, 0, on_look, s);
}

/* --- for an administrator ---------------------------------------------------------------------- */

/* As a literal of SQL. */
static void
print_literal(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', f);
		fputc(*text, f);
	}
	fputc('\'', f);
}

/* Steps that the database has already are left out by psql itself (\if). */
void
store_schema_print(FILE *f, const char *login, int64_t keep_days)
{
	fprintf(f,
	    "\\set QUIET on\n\\set ON_ERROR_STOP on\nSET client_min_messages = warning;\nBEGIN;\n"
	    "SELECT 1 AS done FROM (" LOCK_SQL ") AS l \\gset\n" TABLE_SQL ";\n");
	for (size_t i = 0; i < N_MIGRATIONS; i++) {
		const struct migration *m = &migrations[i];

		fprintf(f,
		    "SELECT coalesce(max(version), 0) < %d AS todo FROM audit_schema \\gset\n",
		    m->version);
		fprintf(f, "\\if :todo\n%s;\n", m->sql);
		fprintf(f, "INSERT INTO audit_schema (version, name) VALUES (%d, '%s');\n\\endif\n",
		    m->version, m->name);
	}
	fprintf(f, "SELECT set_config('sallyport.login', ");
	print_literal(f, login);
	fprintf(f,
	    ", true), set_config('sallyport.keep_days', '%" PRId64 "', true) AS done \\gset\n",
	    keep_days);
	fprintf(f, "%sCOMMIT;\n", migrations[RIGHTS].sql);
}
