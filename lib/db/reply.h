/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply: what the server answered, for db.c only; the accessors are in db.h.
 */
#ifndef DB_REPLY_H
#define DB_REPLY_H

#include <libpq-fe.h>

#include "db/db.h"

struct db_reply {
	enum db_code code;
	const PGresult *result; /* of a success; else NULL */
	char state[8];
	char text[ERR_MAX];
};

/* why: when the result has no message of its own. */
void db_reply_make(struct db_reply *r, enum db_code code, const PGresult *result, const char *why);
/* One line of what libpq says, without "ERROR:  " and the lines of context. */
void db_clean_text(char *dst, size_t size, const char *text);

#endif
