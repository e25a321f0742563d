/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: what proxyd writes down for auditd. Types and codes: docs/EVENTS.md.
 */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

#include <stdbool.h>

struct audit_log;

/* NULL fields are left out; texts are copied. */
struct record {
	const char *type, *code;
	bool ok;
	const char *user;
	const char *node, *node_name;
	const char *connection; /* UUID of a client's connection to a node */
	const char *remote_addr;
	const char *message;
	const char *target; /* what was asked for, as given */
	const char *method; /* of a login: "certificate", "publickey" */
	const char *kind;   /* of whoever failed to log in: "user", "node" */
};

/* On disk before it returns; a full disk is said in the log. log NULL: nothing (tests). */
void record_write(struct audit_log *log, const struct record *record);

#endif
