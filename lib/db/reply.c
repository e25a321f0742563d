/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply: reading what the server answered, in text and in binary format; see db.h.
 */
#include "db/reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/wire.h"

void
db_clean_text(char *dst, size_t size, const char *text)
{
	size_t n;

	while (text && (str_starts(text, "ERROR:  ") || str_starts(text, "FATAL:  ")))
		text += 8;
	n = text ? strcspn(text, "\n") : 0;
	str_clean(dst, size, text ? text : "", n);
}

void
db_reply_make(struct db_reply *r, enum db_code code, const PGresult *result, const char *why)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;

	*r = (struct db_reply){ .code = code, .result = code == DB_OK ? result : NULL };
	(void)str_copy(r->state, sizeof(r->state), state ? state : "");
	if (code != DB_OK)
		db_clean_text(r->text, sizeof(r->text), primary ? primary : why);
}

enum db_code
db_reply_code(const struct db_reply *r)
{
	return r->code;
}

const char *
db_reply_state(const struct db_reply *r)
{
	return r->state;
}

const char *
db_reply_text(const struct db_reply *r)
{
	return r->text;
}

int
db_rows(const struct db_reply *r)
{
	return r->result ? PQntuples(r->result) : 0;
}

static bool
there(const struct db_reply *r, int row, int col)
{
	return r->result && row >= 0 && row < PQntuples(r->result) && col >= 0 &&
	    col < PQnfields(r->result) && !PQgetisnull(r->result, row, col);
}

struct span
db_bytes(const struct db_reply *r, int row, int col)
{
	if (!there(r, row, col))
		return (struct span){ NULL, 0 };
	return (struct span){ (const uint8_t *)PQgetvalue(r->result, row, col),
		(size_t)PQgetlength(r->result, row, col) };
}

const char *
db_text(const struct db_reply *r, int row, int col)
{
	return there(r, row, col) ? PQgetvalue(r->result, row, col) : "";
}

static int64_t
from_text(const char *text)
{
	if (text[0] == 't' || text[0] == 'f')
		return text[0] == 't';
	return strtoll(text, NULL, 10);
}

int64_t
db_i64(const struct db_reply *r, int row, int col)
{
	struct wire w = wire_from(db_bytes(r, row, col));

	if (!w.left)
		return 0;
	if (PQfformat(r->result, col) == 0)
		return from_text(db_text(r, row, col));
	switch (w.left) {
	case 1:
		return wire_u8(&w);
	case 2: {
		uint8_t high = wire_u8(&w);

		return (int16_t)((uint16_t)high << 8 | wire_u8(&w));
	}
	case 4:
		return (int32_t)wire_u32(&w);
	case 8:
		return (int64_t)wire_u64(&w);
	default:
		return 0;
	}
}
