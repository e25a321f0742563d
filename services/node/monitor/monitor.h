/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor: the privileged half of noded: starts the worker, believes it nothing, and starts
 * sessions.
 *
 * Security: runs as root when started as root. No network, no gRPC, one thread, one epoll. Its
 * input is what monitor_proto.h allows, checked against the table of rows in monitor.c; a worker
 * that breaks the rules is killed.
 */
#ifndef NODE_MONITOR_H
#define NODE_MONITOR_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "node/conf.h"
#include "node/monitor_proto.h"
#include "node/monitor/auth.h"
#include "node/monitor/connection.h"
#include "node/monitor/forkserver.h"
#include "node/monitor/known_cutoffs.h"
#include "node/monitor/trust.h"

/* Something epoll waits for; lives in its owner. */
struct source {
	int fd;
	void (*fn)(struct source *s);
};

struct monitor {
	const struct conf *config;
	const char *config_path;
	const char *worker_path;            /* program of the worker */
	const char *log_level, *log_format; /* for it */
	bool root;
	uid_t worker_uid;
	gid_t worker_gid;

	int epoll;
	struct source signals;
	struct source peer; /* the worker's socket; fd -1 while there is no worker */
	struct source wake; /* timerfd: start the worker again */
	pid_t worker;       /* 0: none */
	int64_t started_ms; /* monotonic */
	int64_t backoff_ms;
	uint32_t done_once; /* bit per request type of MON_ONCE rows */
	bool greeted;
	bool was_ready; /* a worker was, once */
	bool stopping;
	int exit_code;

	struct forkserver forkserver;
	struct trust trust;
	struct known_cutoffs cutoffs;
	struct seen seen;
	struct sshkey *host_key;
	struct connections connections;
	struct list sessions;
	size_t n_sessions;
	char cgroup[512]; /* folder for the cgroups of sessions; "" when there can be none */
	int64_t swept_ms; /* monotonic: when empty ones were removed last */
	struct buf out;   /* the message being written */
};

/* Everything but log_level and log_format, which the caller has set (NULL: none). The texts are not
 * copied. */
int monitor_init(struct monitor *m, const struct conf *config, const char *config_path,
    const char *worker_path, struct err *e);
int monitor_run(struct monitor *m); /* exit code */
/* Handles one event: 1; 0: none within timeout_ms; negative: the events themselves failed. */
int monitor_turn(struct monitor *m, int timeout_ms);
void monitor_done(struct monitor *m);

/* One packet of the worker. Negative: it broke the rules. */
int monitor_request(struct monitor *m, struct span packet);
int monitor_watch(struct monitor *m, struct source *s);
void monitor_unwatch(struct monitor *m, struct source *s);
/* Sends m->out, with descriptors. A worker that does not read is killed. */
void monitor_tell(struct monitor *m, const int *fds, size_t n_fds);
void monitor_answer(struct monitor *m, uint32_t request, bool ok, const char *text);

#endif
