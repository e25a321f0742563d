/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_search: the queries of people. Every filter is a parameter; an empty one is NULL and lets everything through.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "audit/store_priv.h"

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

static const char *
text_or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static const char *
number(char dst[24], int64_t v)
{
	(void)str_format(dst, 24, "%" PRId64, v);
	return v ? dst : NULL;
}

/* Globs, where '*' is any run of characters, to LIKE patterns, one a line. */
static void
like_patterns(struct buf *b, const char *const *globs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_put(b, "\n", 1);
		for (const char *c = globs[i]; *c; c++) {
			if (*c == '%' || *c == '_' || *c == '\\')
				buf_put(b, "\\", 1);
			if (*c == '\n')
				continue;
			buf_put(b, *c == '*' ? "%" : c, 1);
		}
	}
	buf_put(b, "", 1);
}

/* The partition key is the time of ingest, what people mean is the time of the event: a day of difference (a producer
 * that was cut off for longer still shows up without a bound) keeps whole partitions out of the search. */
static const char search_sql[] =
    "SELECT canon, node FROM audit_event WHERE"
    " ($1::bigint IS NULL OR (ts >= to_timestamp(($1::bigint - 60000000) / 1e6) AND at >= to_timestamp($1::bigint / 1e6)))"
    " AND ($2::bigint IS NULL OR at < to_timestamp($2::bigint / 1e6))"
    " AND ($3::text IS NULL OR type LIKE ANY (string_to_array($3::text, E'\\n')))"
    " AND ($4::text IS NULL OR actor = $4::text)"
    " AND ($5::text IS NULL OR node = $5::text OR node_name = $5::text)"
    " AND ($6::uuid IS NULL OR session = $6::uuid)"
    " AND ($7::text IS NULL OR actor = $7::text)"
    " AND ($8::text IS NULL OR NOT ok)"
    " ORDER BY idx DESC LIMIT $9::bigint";

void
store_search(struct store *s, const struct store_search *q, db_done_fn *done, void *arg)
{
	char from[24], to[24], limit[24];
	const char *params[9];
	struct buf types;

	buf_init(&types, 64 * 1024);
	like_patterns(&types, q->types, q->n_types);
	params[0] = number(from, q->from_us);
	params[1] = number(to, q->to_us);
	params[2] = q->n_types && buf_ok(&types) ? (const char *)buf_head(&types) : NULL;
	params[3] = text_or_null(q->user);
	params[4] = text_or_null(q->node);
	params[5] = text_or_null(q->session);
	params[6] = q->only_user;
	params[7] = q->failed_only ? "t" : NULL;
	params[8] = number(limit, q->limit);
	db_query(reader(s), search_sql, params, 9, done, arg);
	buf_done(&types);
}

static const char recordings_sql[] =
    "SELECT sid::text, kind, actor, login, node, node_name, (extract(epoch FROM started) * 1000000)::bigint,"
    " (extract(epoch FROM ended) * 1000000)::bigint, command, bytes, exit_status, interactive, cols, rows, source"
    " FROM rec_session WHERE"
    " ($1::bigint IS NULL OR started >= to_timestamp($1::bigint / 1e6))"
    " AND ($2::bigint IS NULL OR started < to_timestamp($2::bigint / 1e6))"
    " AND ($3::text IS NULL OR actor = $3::text)"
    " AND ($4::text IS NULL OR node = $4::text OR node_name = $4::text)"
    " AND ($5::text IS NULL OR actor = $5::text)"
    " AND ($6::uuid IS NULL OR (sid >= $6::uuid AND sid <= $7::uuid))"
    " ORDER BY started DESC LIMIT $8::bigint";

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

void
store_recordings(struct store *s, const struct store_recordings *q, db_done_fn *done, void *arg)
{
	char from[24], to[24], limit[24], low[37], high[37];
	bool by_id = q->session != NULL;
	const char *params[8];

	if (by_id && !uuid_range(q->session, low, high)) {
		/* No UUID begins like this: an answer without rows. */
		(void)str_copy(low, sizeof(low), "ffffffff-ffff-ffff-ffff-ffffffffffff");
		(void)str_copy(high, sizeof(high), "00000000-0000-0000-0000-000000000000");
	}
	params[0] = number(from, q->from_us);
	params[1] = number(to, q->to_us);
	params[2] = text_or_null(q->user);
	params[3] = text_or_null(q->node);
	params[4] = q->only_user;
	params[5] = by_id ? low : NULL;
	params[6] = by_id ? high : NULL;
	params[7] = number(limit, q->limit);
	db_query(reader(s), recordings_sql, params, 8, done, arg);
}

void
store_chunks(struct store *s, const char *sid, int32_t source, int64_t after, int limit,
    db_done_fn *done, void *arg)
{
	char source_text[24], after_text[24], limit_text[24];
	const char *params[4] = { sid, source_text, after_text, limit_text };

	(void)str_format(source_text, sizeof(source_text), "%" PRId32, source);
	(void)str_format(after_text, sizeof(after_text), "%" PRId64, after);
	(void)str_format(limit_text, sizeof(limit_text), "%d", limit);
	db_query(reader(s),
	    "SELECT seq, span_us, raw_len, data FROM rec_chunk"
	    " WHERE sid = $1::uuid AND source = $2::int AND seq > $3::bigint ORDER BY seq LIMIT $4::int",
	    params, 4, done, arg);
}

void
store_count(struct store *s, db_done_fn *done, void *arg)
{
	db_query(reader(s), "SELECT count(*), coalesce(sum(records), 0)::bigint FROM audit_source",
	    NULL, 0, done, arg);
}
