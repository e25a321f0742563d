/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what those who watch authd see of it (docs/METRICS.md). For the skeleton.
 */
#ifndef AUTH_METRICS_H
#define AUTH_METRICS_H

#include "daemon/daemon.h"

void auth_metrics(const struct daemon_run *run, struct metric_out *out);

#endif
