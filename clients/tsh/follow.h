/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow: shows a session while it runs, in the terminal here. Called by `tsh play --follow`; writes to standard output.
 */
#ifndef TSH_FOLLOW_H
#define TSH_FOLLOW_H

#include "api/client.h"
#include "base/err.h"

/* Until the session ends, or Ctrl-C. Negative: it could not be shown, or not to its end. */
int follow_run(struct client *c, const char *session, struct err *e);

#endif
