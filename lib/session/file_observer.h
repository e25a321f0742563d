/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_observer: reads along a file transfer between a client and the program that serves it, and reports
 * what was done to which file. One interface for the protocols: sftp_observer.h, scp_observer.h. Used
 * by whoever serves sessions; knows neither who that is nor what becomes of a report.
 *
 * Bytes are shown to it before they go on. It keeps no bodies: they are counted and hashed as they
 * pass. What is not of the protocol is never let through: then the session must end.
 */
#ifndef SESSION_FILE_OBSERVER_H
#define SESSION_FILE_OBSERVER_H

#include <sys/types.h>

#include "base/err.h"
#include "session/file_flow.h"
#include "session/sftp_wire.h"

enum file_action {
	FILE_READ,
	FILE_WRITE,
	FILE_LIST,
	FILE_RENAME,
	FILE_REMOVE,
	FILE_MKDIR,
	FILE_RMDIR,
	FILE_LINK,
	FILE_SYMLINK,
	FILE_SETSTAT,
	FILE_COPY,  /* from one file of the host to another */
	FILE_OTHER, /* an extended request that we do not know; `path` is its name */
	FILE_ACTIONS,
};

/* Something that was done, or could not be. Everything it points to lives until the report returns. */
struct file_report {
	enum file_action action;
	struct span
	    path; /* as the client named it: any bytes, often relative to the login's home */
	struct span name;   /* scp: below path, as the protocol names it; empty otherwise */
	struct span target; /* renamed, linked, copied to */
	bool ok;
	bool has_status;             /* the server answered */
	uint32_t status;             /* SFTP_STATUS of the protocol; scp: 0 to 2 */
	struct span why;             /* of a failure, in the server's or our words */
	struct sftp_attrs attrs;     /* that were asked for */
	uint64_t entries;            /* FILE_LIST */
	struct file_flow_sum passed; /* FILE_READ, FILE_WRITE */
};

/* Negative: it cannot be written down, so what it is about must not be answered. */
typedef int file_report_fn(const struct file_report *report, void *arg);

struct file_observer;

struct file_observer_ops {
	ssize_t (*client)(struct file_observer *o, struct span s);
	int (*server)(struct file_observer *o, struct span s);
	void (*end)(struct file_observer *o, const char *why);
	void (*free)(struct file_observer *o);
};

/* First member of each protocol's own. */
struct file_observer {
	const struct file_observer_ops *ops;
	file_report_fn *report;
	void *arg;
	struct err why; /* of a negative result, for people: one line */
};

/* Bytes of the client, before they go to the server. How many of them may go on now: the others are
 * to be shown again when the server has said something. Negative: end the session. */
static inline ssize_t
file_observer_client(struct file_observer *o, struct span s)
{
	return o->ops->client(o, s);
}

/* Bytes of the server, before they go to the client. Negative: none of them may; end the session. */
static inline int
file_observer_server(struct file_observer *o, struct span s)
{
	return o->ops->server(o, s);
}

/* The session is over: reports what is open still. why: NULL, it ended by itself. */
static inline void
file_observer_end(struct file_observer *o, const char *why)
{
	o->ops->end(o, why);
}

/* NULL is fine. Reports nothing. */
static inline void
file_observer_free(struct file_observer *o)
{
	if (o)
		o->ops->free(o);
}

#endif
