/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: the connections, and when they may be used; see store.h.
 */
#include "audit/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "audit/store_priv.h"

enum { STORE_READ_TIMEOUT_MS = 30000 };

#define DAY_US INT64_C(86400000000)

/* Everything auditd must not wait for without end; dates are UTC. */
static const char writer_setup[] =
    "SET timezone = 'UTC'; SET client_min_messages = warning; SET lock_timeout = '10s';"
    "SET idle_in_transaction_session_timeout = '30s'; SET statement_timeout = 0; SET synchronous_commit = on";
/* It reads, and has no other right, once there is a role for that. */
#define READER_SETUP(limit)                                                                                        \
	"SET timezone = 'UTC'; SET client_min_messages = warning; SET statement_timeout = '" limit                 \
	"'; SET default_transaction_read_only = on;"                                                               \
	"SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname = current_database() || '_auditor'" \
	" AND pg_has_role(session_user, oid, 'MEMBER')"
static const char reader_setup[] = READER_SETUP("20s");
/* A picture beside a list: who must wait for it longer goes without. */
static const char counter_setup[] = READER_SETUP("5s");

static void
set_trouble(struct store *s, const char *why)
{
	(void)str_copy(s->trouble, sizeof(s->trouble), why);
	/* Once for an outage, not once for every attempt. */
	if (s->said_lost)
		return;
	s->said_lost = true;
	log_warn("the database cannot be used; trying again", "cause", why, NULL);
}

/* ready changes once: its users are told of a loss once, however many attempts fail after it. */
static void
not_ready(struct store *s, const char *why)
{
	bool was = s->ready;

	s->ready = false;
	set_trouble(s, why);
	if (was)
		s->events.lost(s->arg);
}

static void
on_writer_up(void *arg)
{
	store_schema_apply(arg);
}

static void
on_writer_down(const char *why, void *arg)
{
	not_ready(arg, why);
}

static void
on_reader_state(void *arg)
{
	(void)arg;
}

void
store_schema_failed(struct store *s, bool for_ever, const char *why)
{
	if (for_ever) {
		s->events.broken(why, s->arg);
		return;
	}
	not_ready(s, why);
	/* Also leaves the transaction. When the connection is gone already, this does nothing. */
	db_reset(s->writer);
}

/* --- operations of the writer ---------------------------------------------------------------- */

/* One at a time: the writer is one connection, and its states are in writer.c. */
void
store_operation(struct store *s, store_done_fn *done, void *arg)
{
	s->done = done;
	s->done_arg = arg;
}

void
store_answered(struct store *s, const struct store_answer *answer)
{
	s->done(answer, s->done_arg);
}

/* Data exceptions, violated constraints, errors raised by triggers, too many columns: the record's fault (PostgreSQL
 * manual, appendix A). Everything else is the database's or ours. */
static bool
is_about_data(const char *state)
{
	return str_starts(state, "22") || str_starts(state, "23") || str_starts(state, "P0") ||
	    strcmp(state, "21000") == 0 || strcmp(state, "54000") == 0;
}

/* Which of them it is decides what happens to the records: bad data is set aside, the rest is
 * tried again. */
struct store_answer
store_answer_of(const struct db_reply *r)
{
	struct store_answer a = { .why = db_reply_text(r) };

	switch (db_reply_code(r)) {
	case DB_OK:
		a.outcome = STORE_OK;
		break;
	case DB_E_LOST:
		a.outcome = STORE_LOST;
		break;
	case DB_E_REFUSED:
		a.outcome = is_about_data(db_reply_state(r)) ? STORE_BAD_DATA : STORE_REFUSED;
		break;
	default:
		a.outcome = STORE_REFUSED;
	}
	return a;
}

/* --- partitions ---------------------------------------------------------------------- */

static void
on_dropped(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_answer a = store_answer_of(r);

	/* Old days that stay are no reason not to take new records. */
	if (a.outcome != STORE_OK && a.outcome != STORE_LOST) {
		log_warn("old days could not be dropped", "cause", a.why, NULL);
		a.outcome = STORE_OK;
	} else if (db_i64(r, 0, 0) > 0) {
		log_info("old days were dropped", NULL);
	}
	store_answered(s, &a);
}

static void
on_partitions(const struct db_reply *r, void *arg)
{
	struct store *s = arg;
	struct store_answer a = store_answer_of(r);
	char sql[100];

	if (a.outcome != STORE_OK) {
		log_warn("partitions could not be made", "cause", a.why, NULL);
		store_answered(s, &a);
		return;
	}
	/* The answer is the server's day; what it made reaches STORE_DAYS_AHEAD further. */
	s->until_us = db_i64(r, 0, 0) * DAY_US + (STORE_DAYS_AHEAD + 1) * DAY_US;
	if (!s->retention_days) {
		store_answered(s, &a);
		return;
	}
	(void)str_format(sql, sizeof(sql), "SELECT audit_drop_partitions(%d)",
	    (int)s->retention_days);
	db_exec(s->writer, sql, on_dropped, s);
}

void
store_maintain(struct store *s, store_done_fn *done, void *arg)
{
	char sql[160];

	store_operation(s, done, arg);
	(void)str_format(sql, sizeof(sql),
	    "SELECT audit_add_partitions(%d); SELECT (now() AT TIME ZONE 'UTC')::date - date '1970-01-01'",
	    STORE_DAYS_AHEAD);
	db_exec(s->writer, sql, on_partitions, s);
}

bool
store_has_day(const struct store *s, int64_t unix_us)
{
	/* Also behind: a clock that was set back by days needs partitions that were never made. */
	return unix_us < s->until_us && unix_us >= s->until_us - (STORE_DAYS_AHEAD + 2) * DAY_US;
}

static void
on_first_maintained(const struct store_answer *answer, void *arg)
{
	struct store *s = arg;

	if (answer->outcome != STORE_OK) {
		store_schema_failed(s, false, "the partitions of today could not be made");
		return;
	}
	/* Only after the partitions of today are there: a record without one would be refused as if it were
	 * bad. */
	s->ready = true;
	s->said_lost = false;
	s->trouble[0] = 0;
	log_info("the database is ready", NULL);
	s->events.ready(s->arg);
}

void
store_schema_done(struct store *s)
{
	store_maintain(s, on_first_maintained, s);
}

/* --- life ---------------------------------------------------------------------- */

static int
open_connections(struct store *s, const struct store_config *c, struct err *e)
{
	struct db_config config = {
		.loop = c->loop,
		.conninfo = c->conninfo,
		.password = c->password,
		.name = "sallyport auditd (writer)",
		.setup = writer_setup,
	};
	static const struct db_events writer_events = { on_writer_up, on_writer_down };
	static const struct db_events reader_events = { on_reader_state, NULL };

	if (db_new(&s->writer, &config, &writer_events, s, e) < 0)
		return -1;
	config.name = "sallyport auditd (reader)";
	config.setup = reader_setup;
	/* Longer than the statement_timeout above, so that the server says what happened where it
	 * can. */
	config.op_timeout_ms = STORE_READ_TIMEOUT_MS;
	for (int i = 0; i < c->readers && i < STORE_READERS_MAX; i++) {
		if (db_new(&s->readers[i], &config, &reader_events, s, e) < 0)
			return -1;
		s->n_readers++;
	}
	config.name = "sallyport auditd (counter)";
	config.setup = counter_setup;
	return db_new(&s->counter, &config, &reader_events, s, e);
}

int
store_new(struct store **ret, const struct store_config *config, const struct store_events *events,
    void *arg, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));

	*ret = NULL;
	if (!s)
		return err_memory(e);
	list_init(&s->readings);
	s->loop = config->loop;
	s->events = *events;
	s->arg = arg;
	s->retention_days = config->retention_days;
	(void)str_copy(s->trouble, sizeof(s->trouble), "not connected yet");
	if (open_connections(s, config, e) < 0) {
		store_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void
store_free(struct store *s)
{
	if (!s)
		return;
	db_free(s->writer);
	for (int i = 0; i < s->n_readers; i++)
		db_free(s->readers[i]);
	db_free(s->counter);
	/* Askers wait for their answer, and are told that there will be none. */
	store_readings_end(s);
	free(s);
}

const struct store_stats *
store_stats(const struct store *s)
{
	return &s->stats;
}

size_t
store_queries(const struct store *s)
{
	size_t n = 0;

	for (const struct list *l = s->readings.next; l != &s->readings; l = l->next)
		n++;
	return n;
}

bool
store_is_ready(const struct store *s)
{
	return s->ready;
}

const char *
store_trouble(const struct store *s)
{
	return s->trouble;
}
