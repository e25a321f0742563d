/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore: authd --restore FILE: a cluster's store and keys from a backup (lib/backup), on a machine where authd does not run;
 * and what authd's next start has to do with it. Called by main.c and start.c.
 *
 * What the backup cannot know is decided for safety: nobody's certificate from before the restore counts (some may have been
 * withdrawn after the backup was made), and join tokens and invitation links are left out (some may have been used).
 */
#ifndef AUTH_RESTORE_H
#define AUTH_RESTORE_H

#include "base/err.h"
#include "cli/cli.h"

struct auth;
struct conf;

extern const struct cli_option restore_options[];
/* See struct daemon, instead. */
int restore_run(const void *conf, struct err *e);
/* Negative: a restore that did not finish was here, and authd must not make a cluster of what it left. */
int restore_refuse_half(const struct conf *conf, struct err *e);
/* At the first start after a restore: says so in the audit trail. */
void restore_note(struct auth *a);

#endif
