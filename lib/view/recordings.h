/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings: recorded sessions, asked for and shown, for tsh and tctl: `recordings ls` of both is this.
 */
#ifndef VIEW_RECORDINGS_H
#define VIEW_RECORDINGS_H

#include <jansson.h>

#include "api/client.h"
#include "base/err.h"
#include "cli/cli.h"
#include "proto/audit.pb-c.h"

struct recordings_query {
	const char *from, *to; /* RFC 3339 or YYYY-MM-DD, UTC; NULL: no bound */
	int64_t last_s;        /* instead of from: so long ago; 0: not given */
	const char *user, *node;
	int64_t limit;
	const char *format;
};

/* The option rows of `recordings ls` that fill this query; static, one query a program. */
extern struct recordings_query recordings_query;
extern const struct cli_option recordings_options[];

/* Bounds as microseconds since 1970 UTC. Negative: malformed. */
int recordings_bounds(const char *from, const char *to, int64_t last_s, int64_t *ret_from_us,
    int64_t *ret_to_us, struct err *e);
/* One of them, for --format=json. The caller's. */
json_t *recordings_json(const Audit__Recording *r);
/* Asks auditd and prints. */
int recordings_show(struct client *c, const struct recordings_query *q, struct err *e);

#endif
