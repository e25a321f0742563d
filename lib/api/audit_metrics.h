/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_metrics: what those who watch a daemon see of its audit log (spool) and of the events that it wrote. Called by the
 * metrics.c of each daemon.
 */
#ifndef API_AUDIT_METRICS_H
#define API_AUDIT_METRICS_H

#include "metric/metric.h"

struct audit_log;

/* writers: enum rpc_who bit of the daemon; of the catalogue what it may write is shown, also what it never did. log NULL:
 * nothing, there is none yet. */
void audit_metrics(struct metric_out *out, const struct audit_log *log, unsigned writer);

#endif
