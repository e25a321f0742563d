/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what those who watch proxyd see of it (docs/METRICS.md). For the skeleton.
 */
#ifndef PROXY_METRICS_H
#define PROXY_METRICS_H

#include "daemon/daemon.h"

const char *proxy_unready(const struct daemon_run *run);
void proxy_metrics(const struct daemon_run *run, struct metric_out *out);

#endif
