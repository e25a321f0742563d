/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db: the connection and its queue of operations; see db.h.
 *
 *	down --(back-off timer)--> connecting --> setup --> up --(error, timeout, db_reset)--> down
 *
 * An operation that is queued while there is no connection ends in the next turn of the loop.
 */
#include "db/db.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "db/reply.h"

enum {
	DB_OPS_MAX = 1024,
	DB_CONNECT_TIMEOUT_MS = 10000,
	DB_OP_TIMEOUT_MS = 60000,
	DB_BACKOFF_MIN_MS = 200,
	DB_BACKOFF_MAX_MS = 5000,
	DB_COPY_PIECE = 64 * 1024,
};

enum db_state { DB_DOWN, DB_CONNECTING, DB_SETUP, DB_UP };

enum op_kind { OP_QUERY, OP_EXEC, OP_COPY };

struct op {
	struct list link;
	enum op_kind kind;
	char *sql;
	char *params[DB_PARAMS_MAX];
	int n_params;
	struct span data; /* OP_COPY: what is not sent yet; the caller's */
	bool copying;     /* the server takes data */
	bool end_sent;
	PGresult *result; /* of the last statement, or of the first that failed */
	db_done_fn *done; /* NULL: the setup of the connection */
	void *arg;
};

struct db {
	struct loop *loop;
	char *conninfo, *password, *name, *setup;
	int op_timeout_ms;
	struct db_events events;
	void *arg;

	enum db_state state;
	PGconn *conn;
	struct watch watch;
	struct timer retry;   /* while down */
	struct timer timeout; /* of connecting, or of the operation that runs */
	int backoff_ms;
	int64_t up_ms;   /* when it came up */
	struct list ops; /* the first one runs when `running` */
	int n_ops;
	bool running;
	struct deferred
	    next; /* starts the next operation: never from inside a caller of db_query */
};

static void on_socket(struct watch *w, int ready, void *arg);
static void go_down(struct db *db, const char *why);

/* --- operations -------------------------------------------------------------------- */

static void
op_free(struct op *op)
{
	for (int i = 0; i < op->n_params; i++)
		free(op->params[i]);
	if (op->result)
		PQclear(op->result);
	free(op->sql);
	free(op);
}

static void
op_end(struct db *db, struct op *op, enum db_code code, const char *why)
{
	struct db_reply r;

	list_del(&op->link);
	db->n_ops--;
	db_reply_make(&r, code, op->result, why);
	if (op->done)
		op->done(&r, op->arg);
	op_free(op);
}

static struct op *
op_new(struct db *db, enum op_kind kind, const char *sql, db_done_fn *done, void *arg)
{
	struct op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->kind = kind;
	op->done = done;
	op->arg = arg;
	op->sql = strdup(sql);
	if (!op->sql) {
		free(op);
		return NULL;
	}
	list_add(&db->ops, &op->link);
	db->n_ops++;
	loop_defer(db->loop, &db->next);
	return op;
}

/* No room or no memory for an operation. */
static void
op_refuse(db_done_fn *done, void *arg)
{
	struct db_reply r;

	db_reply_make(&r, DB_E_FULL, NULL, "too much waits for the database");
	done(&r, arg);
}

void
db_query(struct db *db, const char *sql, const char *const *params, int n_params, db_done_fn *done,
    void *arg)
{
	struct op *op = db->n_ops < DB_OPS_MAX && n_params <= DB_PARAMS_MAX
	    ? op_new(db, OP_QUERY, sql, done, arg)
	    : NULL;

	if (!op) {
		op_refuse(done, arg);
		return;
	}
	for (int i = 0; i < n_params; i++) {
		op->params[i] = params[i] ? strdup(params[i]) : NULL;
		op->n_params++;
		if (params[i] && !op->params[i]) {
			op_end(db, op, DB_E_FULL, "out of memory");
			return;
		}
	}
}

void
db_exec(struct db *db, const char *sql, db_done_fn *done, void *arg)
{
	if (db->n_ops >= DB_OPS_MAX || !op_new(db, OP_EXEC, sql, done, arg))
		op_refuse(done, arg);
}

void
db_copy(struct db *db, const char *sql, struct span data, db_done_fn *done, void *arg)
{
	struct op *op = db->n_ops < DB_OPS_MAX ? op_new(db, OP_COPY, sql, done, arg) : NULL;

	if (op)
		op->data = data;
	else
		op_refuse(done, arg);
}

static struct op *
running_op(struct db *db)
{
	return db->running ? list_first(struct op, &db->ops, link) : NULL;
}

static void
want_socket(struct db *db, int flush)
{
	watch_set(&db->watch, WATCH_READ | (flush ? WATCH_WRITE : 0));
}

static void
op_start(struct db *db)
{
	struct op *op = list_first(struct op, &db->ops, link);
	int sent, flush;

	db->running = true;
	timer_start(&db->timeout, db->op_timeout_ms);
	if (op->kind == OP_QUERY)
		sent = PQsendQueryParams(db->conn, op->sql, op->n_params, NULL,
		    (const char *const *)op->params, NULL, NULL, 1);
	else
		sent = PQsendQuery(db->conn, op->sql);
	flush = sent ? PQflush(db->conn) : -1;
	if (flush < 0) {
		go_down(db, PQerrorMessage(db->conn));
		return;
	}
	want_socket(db, flush);
}

/* Those that are there now; what their callbacks queue is for the next turn. */
static void
end_all(struct db *db, const char *why)
{
	for (int n = db->n_ops; n > 0 && !list_empty(&db->ops); n--)
		op_end(db, list_first(struct op, &db->ops, link), DB_E_LOST, why);
}

static void
on_next(void *arg)
{
	struct db *db = arg;

	if (db->state == DB_UP && !db->running && !list_empty(&db->ops))
		op_start(db);
	else if (db->state == DB_DOWN || db->state == DB_CONNECTING)
		end_all(db, "the database cannot be reached");
}

/* --- progress of the operation that runs ------------------------------------------------ */

/* Sends of a COPY what the connection takes. 1: wait for writability, 0: nothing to send now, negative: broken. libpq would take
 * all of it into memory of its own, and move the rest to the front at every write: it gets no more than the kernel takes. */
static int
copy_some(struct db *db, struct op *op)
{
	int flush;

	while (op->copying && !op->end_sent) {
		int piece = op->data.n < DB_COPY_PIECE ? (int)op->data.n : DB_COPY_PIECE;
		int sent = piece ? PQputCopyData(db->conn, (const char *)op->data.p, piece)
				 : PQputCopyEnd(db->conn, NULL);

		if (sent <= 0)
			return sent < 0 ? -1 : 1;
		if (piece)
			op->data = (struct span){ op->data.p + piece, op->data.n - (size_t)piece };
		else
			op->end_sent = true;
		flush = PQflush(db->conn);
		if (flush)
			return flush;
	}
	return PQflush(db->conn);
}

/* Keeps the result that tells most: an error before a success, otherwise the last one. */
static void
keep_result(struct op *op, PGresult *result)
{
	ExecStatusType old = op->result ? PQresultStatus(op->result) : PGRES_COMMAND_OK;

	if (op->result && old != PGRES_COMMAND_OK && old != PGRES_TUPLES_OK &&
	    old != PGRES_COPY_IN) {
		PQclear(result);
		return;
	}
	if (op->result)
		PQclear(op->result);
	op->result = result;
}

static void
op_finished(struct db *db, struct op *op)
{
	ExecStatusType status = op->result ? PQresultStatus(op->result) : PGRES_FATAL_ERROR;
	bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	db->running = false;
	timer_stop(&db->timeout);
	watch_set(&db->watch, WATCH_READ);
	loop_defer(db->loop, &db->next);
	op_end(db, op, fine ? DB_OK : DB_E_REFUSED, "the database gave no answer");
}

/* Takes results while there are whole ones. */
static void
take_results(struct db *db, struct op *op)
{
	while (!PQisBusy(db->conn)) {
		PGresult *result = PQgetResult(db->conn);

		if (!result) {
			op_finished(db, op);
			return;
		}
		if (PQresultStatus(result) == PGRES_COPY_IN) {
			op->copying = op->kind == OP_COPY;
			PQclear(result);
			if (!op->copying) {
				go_down(db, "COPY where none was meant");
				return;
			}
			if (!op->end_sent)
				return;
			continue;
		}
		op->copying = false;
		keep_result(op, result);
	}
}

static void
on_up_socket(struct db *db, int ready)
{
	struct op *op = running_op(db);
	int flush;

	if ((ready & WATCH_READ) && !PQconsumeInput(db->conn)) {
		go_down(db, PQerrorMessage(db->conn));
		return;
	}
	if (!op) {
		/* Something unasked: a notice, or the end of the connection, which consumeInput sees. */
		if (PQstatus(db->conn) == CONNECTION_BAD)
			go_down(db, PQerrorMessage(db->conn));
		return;
	}
	if (!op->copying || op->end_sent)
		take_results(db, op);
	if (running_op(db) != op)
		return;
	flush = copy_some(db, op);
	if (flush < 0) {
		go_down(db, PQerrorMessage(db->conn));
		return;
	}
	want_socket(db, flush);
}

/* --- the connection -------------------------------------------------------------------- */

static void
close_connection(struct db *db)
{
	watch_done(&db->watch);
	timer_stop(&db->timeout);
	if (db->conn)
		PQfinish(db->conn);
	db->conn = NULL;
}

static void
go_down(struct db *db, const char *why)
{
	bool was_up = db->state == DB_UP;
	char text[ERR_MAX];

	/* A copy: why may belong to the connection. */
	db_clean_text(text, sizeof(text), why && *why ? why : "the connection was closed");
	db->state = DB_DOWN;
	db->running = false;
	close_connection(db);
	/* One that breaks at once, again and again, is not tried at full speed. */
	if (was_up && loop_now_ms(db->loop) - db->up_ms > DB_BACKOFF_MAX_MS)
		db->backoff_ms = 0;
	db->backoff_ms = db->backoff_ms ? db->backoff_ms * 2 : DB_BACKOFF_MIN_MS;
	if (db->backoff_ms > DB_BACKOFF_MAX_MS)
		db->backoff_ms = DB_BACKOFF_MAX_MS;
	timer_start(&db->retry, db->backoff_ms);
	log_debug("database connection down", "connection", db->name, "cause", text, NULL);
	end_all(db, text);
	if (db->events.down)
		db->events.down(text, db->arg);
}

void
db_reset(struct db *db)
{
	if (db->state != DB_DOWN)
		go_down(db, "given up");
}

static void
come_up(struct db *db)
{
	db->state = DB_UP;
	db->up_ms = loop_now_ms(db->loop);
	log_debug("database connection up", "connection", db->name, NULL);
	if (db->events.up)
		db->events.up(db->arg);
}

static void
on_setup_done(const struct db_reply *r, void *arg)
{
	struct db *db = arg;

	if (db_reply_code(r) == DB_OK)
		come_up(db);
	else if (db_reply_code(r) == DB_E_REFUSED)
		go_down(db, db_reply_text(r));
}

/* The socket may be another one after each step of connecting. */
static int
watch_socket(struct db *db, int want)
{
	int fd = PQsocket(db->conn);

	if (fd < 0)
		return -1;
	/* The kernel gives the same number again for a new socket: libevent must be told anyway. */
	watch_done(&db->watch);
	if (watch_init(&db->watch, db->loop, fd, on_socket, db) < 0)
		return -1;
	watch_set(&db->watch, want);
	return 0;
}

static void
connected(struct db *db)
{
	struct op *op;

	if (PQsetnonblocking(db->conn, 1) < 0 || watch_socket(db, WATCH_READ) < 0) {
		go_down(db, "the connection cannot be watched");
		return;
	}
	timer_stop(&db->timeout);
	if (!db->setup) {
		come_up(db);
		return;
	}
	op = op_new(db, OP_EXEC, db->setup, on_setup_done, db);
	if (!op) {
		go_down(db, "out of memory");
		return;
	}
	list_del(&op->link);
	list_add(db->ops.next, &op->link); /* before what was queued meanwhile */
	db->state = DB_SETUP;
	op_start(db);
}

static void
connect_step(struct db *db)
{
	switch (PQconnectPoll(db->conn)) {
	case PGRES_POLLING_OK:
		connected(db);
		return;
	case PGRES_POLLING_READING:
		if (watch_socket(db, WATCH_READ) < 0)
			break;
		return;
	case PGRES_POLLING_WRITING:
		if (watch_socket(db, WATCH_WRITE) < 0)
			break;
		return;
	default:
		break;
	}
	go_down(db, PQerrorMessage(db->conn));
}

static void
on_socket(struct watch *w, int ready, void *arg)
{
	struct db *db = arg;

	(void)w;
	if (db->state == DB_CONNECTING)
		connect_step(db);
	else if (db->state == DB_SETUP || db->state == DB_UP)
		on_up_socket(db, ready);
}

static void
on_notice(void *arg, const char *text)
{
	(void)arg;
	log_debug("database notice", "text", text, NULL);
}

static void
start_connecting(struct db *db)
{
	/* What stands behind dbname wins over conninfo, what stands before it is a default. */
	const char *keys[] = { "tcp_user_timeout", "keepalives_idle", "dbname", "application_name",
		"client_encoding", db->password ? "password" : NULL, NULL };
	const char *values[] = { "30000", "30", db->conninfo, db->name, "UTF8", db->password,
		NULL };

	db->conn = PQconnectStartParams(keys, values, 1);
	db->state = DB_CONNECTING;
	if (!db->conn || PQstatus(db->conn) == CONNECTION_BAD) {
		go_down(db, db->conn ? PQerrorMessage(db->conn) : "out of memory");
		return;
	}
	PQsetNoticeProcessor(db->conn, on_notice, NULL);
	timer_start(&db->timeout, DB_CONNECT_TIMEOUT_MS);
	if (watch_socket(db, WATCH_WRITE) < 0)
		go_down(db, PQerrorMessage(db->conn));
}

static void
on_retry(void *arg)
{
	start_connecting(arg);
}

static void
on_timeout(void *arg)
{
	struct db *db = arg;

	go_down(db,
	    db->state == DB_CONNECTING ? "connecting took too long"
				       : "the database did not answer in time");
}

/* --- life -------------------------------------------------------------------- */

static int
copy_config(struct db *db, const struct db_config *c)
{
	db->loop = c->loop;
	db->op_timeout_ms = c->op_timeout_ms ? c->op_timeout_ms : DB_OP_TIMEOUT_MS;
	db->conninfo = strdup(c->conninfo);
	db->name = strdup(c->name);
	db->password = c->password ? strdup(c->password) : NULL;
	db->setup = c->setup ? strdup(c->setup) : NULL;
	if (!db->conninfo || !db->name || (c->password && !db->password) ||
	    (c->setup && !db->setup))
		return -1;
	return 0;
}

/* NULL: malformed. Freed with PQconninfoFree. */
static PQconninfoOption *
read_conninfo(const char *conninfo, struct err *e)
{
	char *why = NULL, text[ERR_MAX];
	PQconninfoOption *options = PQconninfoParse(conninfo, &why);

	if (options)
		return options;
	db_clean_text(text, sizeof(text), why);
	if (why)
		PQfreemem(why);
	(void)err_set(e, "the connection string of the database is malformed: %s", text);
	return NULL;
}

static int
check_conninfo(const char *conninfo, struct err *e)
{
	PQconninfoOption *options = read_conninfo(conninfo, e);

	if (!options)
		return -1;
	PQconninfoFree(options);
	return 0;
}

int
db_conninfo_user(const char *conninfo, char *dst, size_t size, struct err *e)
{
	PQconninfoOption *options = read_conninfo(conninfo, e);
	bool fits = true;

	if (!options)
		return -1;
	*dst = 0;
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (o->val && strcmp(o->keyword, "user") == 0)
			fits = str_copy(dst, size, o->val);
	}
	PQconninfoFree(options);
	return fits ? 0 : err_set(e, "the user in the connection string is too long");
}

int
db_new(struct db **ret, const struct db_config *config, const struct db_events *events, void *arg,
    struct err *e)
{
	struct db *db;

	*ret = NULL;
	if (check_conninfo(config->conninfo, e) < 0)
		return -1;
	db = calloc(1, sizeof(*db));
	if (!db)
		return err_memory(e);
	list_init(&db->ops);
	deferred_init(&db->next, on_next, db);
	db->events = *events;
	db->arg = arg;
	if (copy_config(db, config) < 0 || timer_init(&db->retry, db->loop, on_retry, db) < 0 ||
	    timer_init(&db->timeout, db->loop, on_timeout, db) < 0) {
		db_free(db);
		return err_memory(e);
	}
	timer_start(&db->retry, 0);
	*ret = db;
	return 0;
}

void
db_free(struct db *db)
{
	if (!db)
		return;
	deferred_cancel(&db->next);
	close_connection(db);
	while (!list_empty(&db->ops)) {
		struct op *op = list_first(struct op, &db->ops, link);

		list_del(&op->link);
		op_free(op);
	}
	timer_done(&db->retry);
	timer_done(&db->timeout);
	if (db->password)
		explicit_bzero(db->password, strlen(db->password));
	free(db->password);
	free(db->conninfo);
	free(db->name);
	free(db->setup);
	free(db);
}

bool
db_is_up(const struct db *db)
{
	return db->state == DB_UP;
}
