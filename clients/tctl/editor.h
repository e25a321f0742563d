/* SPDX-License-Identifier: Apache-2.0 */
/*
 * editor: a text in the person's editor ($VISUAL, $EDITOR, else vi). Called by tctl edit; touches a file of its own
 * (0600) in $TMPDIR.
 */
#ifndef TCTL_EDITOR_H
#define TCTL_EDITOR_H

#include "base/err.h"

enum { EDITOR_PATH_MAX = 4096 };

/* The text as it was left, to be freed, and the file that it is still in, for the caller to remove: whoever wrote it must
 * not lose it to an error. Negative: the editor could not be started or ended with an error; the file is gone. */
int editor_run(const char *text, char **ret, char path[EDITOR_PATH_MAX], struct err *e);

#endif
