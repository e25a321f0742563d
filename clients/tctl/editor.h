/* SPDX-License-Identifier: Apache-2.0 */
/*
 * editor: a text in the person's editor ($VISUAL, $EDITOR, else vi). Called by tctl edit; touches a file of its own
 * (0600) in $TMPDIR, which is gone afterwards.
 */
#ifndef TCTL_EDITOR_H
#define TCTL_EDITOR_H

#include "base/err.h"

/* The text as it was left, to be freed. Negative: the editor could not be started or ended with an error. */
int editor_run(const char *text, char **ret, struct err *e);

#endif
