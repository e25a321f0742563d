/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what those who watch a node see of it (docs/METRICS.md), and whether it takes work. For the skeleton of the
 * worker: the monitor is asked nothing for it.
 */
#ifndef NODE_METRICS_H
#define NODE_METRICS_H

#include "daemon/daemon.h"

const char *node_unready(const struct daemon_run *run);
void node_metrics(const struct daemon_run *run, struct metric_out *out);

#endif
