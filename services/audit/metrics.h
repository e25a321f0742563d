/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what those who watch auditd see of it (docs/METRICS.md), and whether it takes work. For the skeleton.
 */
#ifndef AUDIT_METRICS_H
#define AUDIT_METRICS_H

#include "daemon/daemon.h"

const char *audit_unready(const struct daemon_run *run);
void audit_metrics_put(const struct daemon_run *run, struct metric_out *out);

#endif
