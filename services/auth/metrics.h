/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: what those who watch authd see of it (docs/METRICS.md). For the skeleton.
 */
#ifndef AUTH_METRICS_H
#define AUTH_METRICS_H

#include "daemon/daemon.h"

/* Why nobody can log in, or NULL. */
const char *auth_unready(const struct daemon_run *run);
void auth_metrics(const struct daemon_run *run, struct metric_out *out);

#endif
