/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_filter: which events the verbs of `tctl audit` are about: options that all of them have.
 */
#ifndef TCTL_AUDIT_FILTER_H
#define TCTL_AUDIT_FILTER_H

#include "cli/cli.h"
#include "proto/audit.pb-c.h"

struct audit_filter {
	const char *from, *to, *user, *node, *session;
	int64_t last_s;
	struct cli_list types;
	bool failed, ok;
};
extern struct audit_filter audit_filter;

#define AUDIT_FILTERS                                                                             \
	{ 0, "from-utc", "TIME", "not before: 2026-11-22 or 2026-11-22T10:00:00Z", CLI_STRING,    \
		&audit_filter.from },                                                             \
	    { 0, "to-utc", "TIME", "not after", CLI_STRING, &audit_filter.to },                   \
	    { 0, "last", "DURATION", "only of the last so long: 12h", CLI_DURATION,               \
		    &audit_filter.last_s },                                                       \
	    { 0, "type", "TYPE", "only events of this type; * is a wildcard; may be given often", \
		    CLI_LIST, &audit_filter.types },                                              \
	    { 0, "by", "USER", "only of this Sallyport user", CLI_STRING, &audit_filter.user },   \
	    { 0, "node", "NODE", "only on this node (name or UUID)", CLI_STRING,                  \
		    &audit_filter.node },                                                         \
	    { 0, "session", "ID", "only of this session", CLI_STRING, &audit_filter.session },    \
	    { 0, "failed", NULL, "only what failed or was refused", CLI_FLAG,                     \
		    &audit_filter.failed },                                                       \
	{                                                                                         \
		0, "ok", NULL, "only what did not fail", CLI_FLAG, &audit_filter.ok               \
	}

/* Puts them into a question; texts stay the command line's. Negative: a time that is none. */
int audit_filter_take(Audit__SearchRequest *q, struct err *e);

#endif
