/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: the process itself, as client libraries of Prometheus name it (process_*): time, memory, descriptors. Called by
 * diag.c; reads /proc/self.
 */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include "metric/metric.h"

void process_metrics(struct metric_out *out);

#endif
