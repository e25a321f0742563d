/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top: the numbers of daemons (docs/METRICS.md), read from their texts at two times, and what a terminal shows of them. For
 * cmd_top.c. Pure.
 *
 * Security: texts come from daemons, and of a proxy whatever it likes to send: every number is parsed, names are compared
 * and never shown.
 */
#ifndef TCTL_TOP_H
#define TCTL_TOP_H

#include <stdio.h>

#include "base/buf.h"

enum { TOP_DAEMONS = 66, TOP_HOST_SIZE = 256 };

/* One daemon, as it said last and before. */
struct top_daemon {
	char name[16];            /* "authd" */
	char host[TOP_HOST_SIZE]; /* of a proxy; "" */
	char *now, *before;       /* texts; before may be NULL */
	double now_s, before_s;   /* when they came, monotonic */
};

struct top {
	struct top_daemon daemons[TOP_DAEMONS];
	size_t n;
	const char *trouble; /* why there is nothing of auditd; NULL: there is */
};

/* A daemon's text that came at now_s. Negative: no memory, or too many. */
int top_add(struct top *t, const char *name, const char *host, const char *text, double now_s);
void top_done(struct top *t);

/* The sum of all values of a metric whose labels have `label` (`result="ok"`; NULL: all). NAN: there is none. */
double top_value(const char *text, const char *metric, const char *label);
/* What it grew by each second; NAN: not known yet. A daemon that began anew has grown by what it has. */
double top_rate(const struct top_daemon *d, const char *metric, const char *label);
/* So much of what a histogram counted between the two texts took at most so many seconds; NAN: there was nothing. */
double top_quantile(const struct top_daemon *d, const char *metric, double part);

/* wall_s: seconds since 1970. */
void top_print(const struct top *t, double wall_s, FILE *f);

#endif
