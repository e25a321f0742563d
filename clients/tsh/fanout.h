/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout: one command on many nodes at once, all reached the same way.
 * Every node ends in exactly one of three: succeeded, failed, not reached.
 */
#ifndef TSH_FANOUT_H
#define TSH_FANOUT_H

#include "base/buf.h"
#include "session/remote.h"

enum { FANOUT_PARALLEL = 64, FANOUT_KEEP_MAX = 1 << 20, FANOUT_LINE_MAX = 65536 };

/* One node of the run. */
struct fanout_host {
	const char *name; /* for people */
	const char *uuid; /* what is dialled */
	/* Results, valid after fanout_run. */
	struct remote_result result;
	int64_t took_ms;
	struct buf out,
	    err; /* with keep: at most FANOUT_KEEP_MAX each, `failed` when cut; else unused */
	/* Own. */
	struct fanout *fanout;
	struct remote *remote;
	struct buf line[2];
	int64_t began_ms;
};

struct fanout_config {
	const char *login, *command;
	unsigned parallel; /* at once; 0: FANOUT_PARALLEL */
	int timeout_ms;    /* to reach a node and start there; 0: 30 000 */
	bool keep;         /* collect the output (for JSON) instead of printing lines */
	bool raw;          /* lines as they came, for a pipe; else base/readable.h */
};

struct fanout_summary {
	unsigned succeeded, failed, unreached;
};

/* Runs the command everywhere; prints "[node] line" as lines complete, unless keep. Returns 0 only when every node
 * succeeded. When nobody reads standard output any more all of it ends: 128 and the number of SIGPIPE. */
int fanout_run(const struct remote_way *way, struct fanout_host *hosts, size_t n,
    const struct fanout_config *config, struct fanout_summary *ret);
/* "[node] success", "[node] failed with exit code 2", ... and the totals. */
void
fanout_print_summary(const struct fanout_host *hosts, size_t n, const struct fanout_summary *sum);
bool fanout_host_ok(const struct fanout_host *h);
bool fanout_host_reached(const struct fanout_host *h);
void fanout_host_done(struct fanout_host *h);

#endif
