/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob: the files on a node that a path of `tsh scp` means: "~", "~user", and the wildcards *, ? and [...] in any part of
 * it. Called by cmd_scp.c.
 *
 * Security: matched here, and not on the node: a node that answers with other names than were asked for (CVE-2019-6111)
 * gets none of them written.
 */
#ifndef TSH_GLOB_H
#define TSH_GLOB_H

#include "tsh/side.h"

/* "~" and "~user" at the beginning become that home folder. */
int glob_home(const struct side *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e);
/* What matches, in order: names are whole paths. A path without wildcards is itself, and so is one that matches nothing
 * but is the name of a file. Negative: nothing matches, or it could not be looked for. To be released with
 * side_names_done. */
int glob_expand(const struct side *s, const char *pattern, struct side_names *ret, struct err *e);
/* Does the name match the pattern of one part, in characters of UTF-8? */
bool glob_match(const char *pattern, const char *name);

#endif
