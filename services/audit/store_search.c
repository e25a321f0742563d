/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_search: the queries of people: SQL, and its rows as structs. Every filter is a parameter; an empty one is NULL
 * and lets everything through.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/event.h"
#include "audit/store_priv.h"
#include "base/str.h"

/* SQLSTATE: among others by statement_timeout. */
#define QUERY_CANCELED "57014"

static struct db *
reader(struct store *s)
{
	struct db *db = s->readers[s->next_reader];

	/* In turn; one that is down only when all are. */
	for (int i = 0; i < s->n_readers; i++) {
		db = s->readers[s->next_reader];
		s->next_reader = (s->next_reader + 1) % s->n_readers;
		if (db_is_up(db))
			break;
	}
	return db;
}

/* --- a query under way ---------------------------------------------------------------------- */

/* What a query answers: a row of SQL becomes a struct of so many bytes. */
struct shape {
	const char *sql;
	size_t row;
	void (*read)(const struct db_reply *r, int row, void *dst);
};

struct reading {
	struct list link; /* in store->readings */
	const struct shape *shape;
	uint32_t limit; /* of rows; 0: none */
	store_list_fn *done;
	void *arg;
};

static const struct store_list no_memory = { .code = DB_E_FULL, .why = "out of memory" };

/* Off the list and freed before the callback, which may ask again. */
static void
reading_end(struct reading *g, const struct store_list *list)
{
	store_list_fn *done = g->done;
	void *arg = g->arg;

	list_del(&g->link);
	free(g);
	done(list, arg);
}

void
store_readings_end(struct store *s)
{
	const struct store_list lost = { .code = DB_E_LOST, .why = "auditd is stopping" };

	while (!list_empty(&s->readings))
		reading_end(list_first(struct reading, &s->readings, link), &lost);
}

/* Rows point into the reply: they and their texts are gone when the callback returns. */
static void
on_rows(const struct db_reply *r, void *arg)
{
	struct reading *g = arg;
	struct store_list list = { .code = db_reply_code(r),
		.why = db_reply_text(r),
		.late = strcmp(db_reply_state(r), QUERY_CANCELED) == 0 };
	size_t n = list.code == DB_OK ? (size_t)db_rows(r) : 0;
	char *rows = calloc(n + 1, g->shape->row);

	if (rows) {
		for (size_t i = 0; i < n; i++)
			g->shape->read(r, (int)i, rows + i * g->shape->row);
		list.n = n;
		list.more = g->limit && n >= g->limit;
		/* Every member of the union is a pointer to the rows of its shape. */
		list.events = (const struct store_event *)(void *)rows;
	} else {
		list = no_memory;
	}
	reading_end(g, &list);
	free(rows);
}

struct asker {
	store_list_fn *done;
	void *arg;
	uint32_t limit;
};

static void
read_rows_by(struct store *s, struct db *db, const struct shape *shape, const char *const *params,
    int n, struct asker who)
{
	struct reading *g = calloc(1, sizeof(*g));

	if (!g) {
		who.done(&no_memory, who.arg);
		return;
	}
	g->shape = shape;
	g->limit = who.limit;
	g->done = who.done;
	g->arg = who.arg;
	list_add(&s->readings, &g->link);
	db_query(db, shape->sql, params, n, on_rows, g);
}

static void
read_rows(struct store *s, const struct shape *shape, const char *const *params, int n,
    struct asker who)
{
	read_rows_by(s, reader(s), shape, params, n, who);
}

/* --- parameters ---------------------------------------------------------------------- */

/* NULL as a parameter is SQL's NULL, which lets everything through. */
static const char *
text_or_null(const char *text)
{
	return text && *text ? text : NULL;
}

/* 0 means not given, as in the messages. */
static const char *
number(char dst[24], int64_t v)
{
	(void)str_format(dst, 24, "%" PRId64, v);
	return v ? dst : NULL;
}

/* A node is named by its UUID or by its name: each has a parameter of its own, since an index serves one of them. */
static void
node_params(const char *node, const char **uuid, const char **name)
{
	uint8_t bytes[16];
	bool is_uuid = node && record_uuid_read(node, bytes);

	*uuid = is_uuid ? node : NULL;
	*name = is_uuid ? NULL : text_or_null(node);
}

/* The types of the catalogue that fit one of the globs, as an array of PostgreSQL: names that an index finds, which a
 * pattern is not. Other types than those of the catalogue are never taken. */
static void
types_array(struct buf *b, const char *const *globs, size_t n)
{
	buf_put(b, "{", 1);
	for (int id = 0; id < EVENT_N; id++) {
		const char *type = event_type((enum event_id)id)->name;

		for (size_t i = 0; i < n; i++) {
			if (!str_glob(globs[i], type))
				continue;
			buf_printf(b, "%s%s", b->len > 1 ? "," : "", type);
			break;
		}
	}
	buf_put(b, "}", 2);
}

/* --- events ---------------------------------------------------------------------- */

/* Columns in the order of search_sql. */
static void
read_event(const struct db_reply *r, int row, void *dst)
{
	struct store_event *e = dst;

	e->canon = db_bytes(r, row, 0);
	e->node = db_text(r, row, 1);
	e->node_name = db_text(r, row, 2);
	e->backed = db_text(r, row, 3);
	e->producer_kind = db_text(r, row, 4);
	e->producer = db_text(r, row, 5);
	e->received_us = db_i64(r, row, 6);
	e->at_doubtful = db_i64(r, row, 7) != 0;
	e->happened_us = db_i64(r, row, 8);
	e->idx = db_i64(r, row, 9);
}

/* The partitions go by the time of receiving, which is at most JUDGE_AHEAD_S before the time at which something
 * happened: that keeps whole days out of the search. Each filter that stands alone has an index in the order of the list. */
#define FOUND_EVENTS                                                                                \
	" FROM found_event WHERE"                                                                   \
	" ($1::bigint IS NULL OR (ts >= to_timestamp(($1::bigint - 301000000) / 1e6)"               \
	" AND happened >= to_timestamp($1::bigint / 1e6)))"                                         \
	" AND ($2::bigint IS NULL OR happened < to_timestamp($2::bigint / 1e6))"                    \
	" AND ($3::text[] IS NULL OR type = ANY ($3::text[]))"                                      \
	" AND ($4::text IS NULL OR actor = $4::text)"                                               \
	" AND ($5::text IS NULL OR node = $5::text) AND ($6::text IS NULL OR node_name = $6::text)" \
	" AND ($7::uuid IS NULL OR session = $7::uuid)"                                             \
	" AND ($8::text IS NULL OR actor = $8::text)"                                               \
	" AND ($9::text IS NULL OR NOT ok) AND ($10::text IS NULL OR ok)"

static const char search_sql[] =
    "SELECT canon, node, node_name, backed, producer_kind, producer,"
    " (extract(epoch FROM ts) * 1000000)::bigint, at_doubtful, (extract(epoch FROM happened) * 1000000)::bigint, idx" FOUND_EVENTS
    " AND ($11::bigint IS NULL OR (happened, idx) < (to_timestamp($11::bigint / 1e6), $12::bigint))"
    " ORDER BY happened DESC, idx DESC LIMIT $13::bigint";

static const struct shape event_shape = { search_sql, sizeof(struct store_event), read_event };

/* The parameters of FOUND_EVENTS, and room for three more. */
enum { FOUND_PARAMS = 10 };
struct found_params {
	const char *p[FOUND_PARAMS + 3];
	char from[24], to[24];
	struct buf types;
};

/* False: no memory. What it holds is the caller's to release (buf_done) in any case. */
static bool
found_params(struct found_params *ret, const struct store_filter *q)
{
	*ret = (struct found_params){ .p = { NULL } };
	buf_init(&ret->types, 64 * 1024);
	types_array(&ret->types, q->types, q->n_types);
	ret->p[0] = number(ret->from, q->from_us);
	ret->p[1] = number(ret->to, q->to_us);
	ret->p[2] = q->n_types ? (const char *)buf_head(&ret->types) : NULL;
	ret->p[3] = text_or_null(q->user);
	node_params(q->node, &ret->p[4], &ret->p[5]);
	ret->p[6] = text_or_null(q->session);
	/* Beside the user that was asked for, not instead: somebody who sees only his own and
	 * asks for another's finds nothing. */
	ret->p[7] = q->only_user;
	ret->p[8] = q->failed_only ? "t" : NULL;
	ret->p[9] = q->ok_only ? "t" : NULL;
	return buf_ok(&ret->types);
}

void
store_events(struct store *s, const struct store_filter *q, store_list_fn *done, void *arg)
{
	char limit[24], after[24], idx[24];
	struct found_params params;

	if (found_params(&params, q)) {
		if (q->after.set) {
			(void)str_format(after, sizeof(after), "%" PRId64, q->after.us);
			(void)str_format(idx, sizeof(idx), "%" PRId64, q->after.idx);
			params.p[FOUND_PARAMS] = after;
			params.p[FOUND_PARAMS + 1] = idx;
		}
		params.p[FOUND_PARAMS + 2] = number(limit, q->limit);
		read_rows(s, &event_shape, params.p, FOUND_PARAMS + 3,
		    (struct asker){ done, arg, q->limit });
	} else {
		done(&no_memory, arg);
	}
	buf_done(&params.types);
}

static void
read_bucket(const struct db_reply *r, int row, void *dst)
{
	struct store_bucket *b = dst;

	b->from_us = db_i64(r, row, 0);
	b->oldest_us = db_i64(r, row, 1);
	b->events = (uint64_t)db_i64(r, row, 2);
	b->failed = (uint64_t)db_i64(r, row, 3);
}

/* The rows are in their table in the order of time, about, and so is every index that finds them: what is counted is read
 * once, from the newest on, and the limit bounds it however long the time is. date_part gives a double, which is quick and has
 * a quarter of a microsecond. */
static const struct shape bucket_shape = {
	"SELECT $1::bigint + n * $11::bigint, (extract(epoch FROM min(happened)) * 1000000)::bigint, count(*),"
	" count(*) FILTER (WHERE NOT ok) FROM (SELECT"
	" floor((date_part('epoch', happened) * 1000000 - $1::bigint) / $11::bigint)::bigint AS n, happened, ok" FOUND_EVENTS
	" ORDER BY happened DESC, idx DESC LIMIT $12::bigint) AS newest GROUP BY n ORDER BY n",
	sizeof(struct store_bucket),
	read_bucket,
};

void
store_event_buckets(struct store *s, const struct store_filter *q, store_list_fn *done, void *arg)
{
	char bucket[24], limit[24];
	struct found_params params;

	if (found_params(&params, q)) {
		params.p[FOUND_PARAMS] = number(bucket, q->bucket_us);
		params.p[FOUND_PARAMS + 1] = number(limit, STORE_COUNT_MAX);
		read_rows_by(s, s->counter, &bucket_shape, params.p, FOUND_PARAMS + 2,
		    (struct asker){ done, arg, 0 });
	} else {
		done(&no_memory, arg);
	}
	buf_done(&params.types);
}

/* --- recordings ---------------------------------------------------------------------- */

static void
read_recording(const struct db_reply *r, int row, void *dst)
{
	struct store_recording *g = dst;

	g->session = db_text(r, row, 0);
	g->kind = db_text(r, row, 1);
	g->user = db_text(r, row, 2);
	g->login = db_text(r, row, 3);
	g->node = db_text(r, row, 4);
	g->node_name = db_text(r, row, 5);
	g->started_us = db_i64(r, row, 6);
	g->ended_us = db_i64(r, row, 7);
	g->command = db_text(r, row, 8);
	g->bytes = db_i64(r, row, 9);
	g->exit_status = (int32_t)db_i64(r, row, 10);
	g->interactive = db_i64(r, row, 11) != 0;
	g->cols = (int)db_i64(r, row, 12);
	g->rows = (int)db_i64(r, row, 13);
	g->source = (int32_t)db_i64(r, row, 14);
	g->backed = db_text(r, row, 15);
	g->producer_kind = db_text(r, row, 16);
	g->producer = db_text(r, row, 17);
	g->remote_addr = db_text(r, row, 18);
	g->heard_us = db_i64(r, row, 19);
}

static const char recordings_sql[] =
    "SELECT sid::text, r.kind, actor, login, node, node_name, (extract(epoch FROM started) * 1000000)::bigint,"
    " (extract(epoch FROM ended) * 1000000)::bigint, command, bytes, exit_status, interactive, cols, rows, source,"
    " backed, coalesce(s.kind, ''), coalesce(s.name, ''), remote_addr,"
    " (extract(epoch FROM s.last_seen) * 1000000)::bigint"
    " FROM rec_session r LEFT JOIN audit_source s ON s.id = r.source WHERE"
    " ($1::bigint IS NULL OR started >= to_timestamp($1::bigint / 1e6))"
    " AND ($2::bigint IS NULL OR started < to_timestamp($2::bigint / 1e6))"
    " AND ($3::text IS NULL OR actor = $3::text)"
    " AND ($4::text IS NULL OR node = $4::text) AND ($5::text IS NULL OR node_name = $5::text)"
    " AND ($6::text IS NULL OR actor = $6::text)"
    " AND ($7::uuid IS NULL OR (sid >= $7::uuid AND sid <= $8::uuid))"
    " AND ($9::bigint IS NULL OR (started, sid) < (to_timestamp($9::bigint / 1e6), $10::uuid))"
    /* As the index over those that run has it. */
    " AND ($12::boolean IS NULL OR ended IS NULL)"
    " ORDER BY started DESC, sid DESC LIMIT $11::bigint";

/* The first and the last UUID that begin with the digits of prefix. False: it is no beginning of a UUID. */
static bool
uuid_range(const char *prefix, char low[37], char high[37])
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t n = strlen(prefix);

	if (n > 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		char c = i < n ? prefix[i] : 0;

		if (pattern[i] == '-') {
			if (c && c != '-')
				return false;
			low[i] = high[i] = '-';
			continue;
		}
		if (c && !strchr("0123456789abcdefABCDEF", c))
			return false;
		low[i] = c ? c : '0';
		high[i] = c ? c : 'f';
	}
	low[36] = high[36] = 0;
	return true;
}

static const struct shape recording_shape = { recordings_sql, sizeof(struct store_recording),
	read_recording };

void
store_recordings(struct store *s, const struct store_filter *q, store_list_fn *done, void *arg)
{
	char from[24], to[24], limit[24], after[24], low[37], high[37];
	bool by_id = text_or_null(q->session) != NULL;
	const char *params[12] = { NULL };

	if (by_id && !uuid_range(q->session, low, high)) {
		/* No UUID begins like this: an answer without rows. */
		(void)str_copy(low, sizeof(low), "ffffffff-ffff-ffff-ffff-ffffffffffff");
		(void)str_copy(high, sizeof(high), "00000000-0000-0000-0000-000000000000");
	}
	params[0] = number(from, q->from_us);
	params[1] = number(to, q->to_us);
	params[2] = text_or_null(q->user);
	node_params(q->node, &params[3], &params[4]);
	params[5] = q->only_user;
	params[6] = by_id ? low : NULL;
	params[7] = by_id ? high : NULL;
	if (q->after.set) {
		(void)str_format(after, sizeof(after), "%" PRId64, q->after.us);
		params[8] = after;
		params[9] = q->after.id;
	}
	params[10] = number(limit, q->limit);
	params[11] = q->running ? "t" : NULL;
	read_rows(s, &recording_shape, params, 12, (struct asker){ done, arg, q->limit });
}

static void
read_chunk(const struct db_reply *r, int row, void *dst)
{
	struct store_chunk *c = dst;
	int64_t raw_len = db_i64(r, row, 2);

	c->seq = db_i64(r, row, 0);
	c->span_us = db_i64(r, row, 1);
	/* A length that no chunk can have is one that no data expands to. */
	c->raw_len = raw_len < 0 ? SIZE_MAX : (size_t)raw_len;
	c->data = db_bytes(r, row, 3);
	c->output = db_bytes(r, row, 4);
	c->intact = db_i64(r, row, 5) != 0;
}

static const struct shape chunk_shape = {
	/* The server checks what it has: it is the text that people search, too. */
	"SELECT seq, span_us, raw_len, data, output,"
	" hash IS NOT DISTINCT FROM audit_chunk_hash(sid, seq, data, output, words) FROM rec_chunk"
	" WHERE sid = $1::uuid AND source = $2::int AND seq > $3::bigint ORDER BY seq LIMIT $4::int",
	sizeof(struct store_chunk),
	read_chunk,
};

void
store_chunks(struct store *s, const struct store_chunks *which, store_list_fn *done, void *arg)
{
	char source[24], after[24], limit[24];
	const char *params[4] = { which->session, source, after, limit };

	(void)str_format(source, sizeof(source), "%" PRId32, which->source);
	(void)str_format(after, sizeof(after), "%" PRId64, which->after);
	(void)str_format(limit, sizeof(limit), "%d", which->limit);
	read_rows(s, &chunk_shape, params, 4, (struct asker){ done, arg, 0 });
}

/* --- what is there ---------------------------------------------------------------------- */

static void
read_counts(const struct db_reply *r, int row, void *dst)
{
	struct store_counts *c = dst;

	c->sources = (uint64_t)db_i64(r, row, 0);
	c->records = (uint64_t)db_i64(r, row, 1);
}

static const struct shape count_shape = {
	"SELECT count(*), coalesce(sum(records), 0)::bigint FROM audit_source",
	sizeof(struct store_counts),
	read_counts,
};

void
store_count(struct store *s, store_list_fn *done, void *arg)
{
	read_rows(s, &count_shape, NULL, 0, (struct asker){ done, arg, 0 });
}
