/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_nodes: which machine a node's name was when it was first reached from here, in ~/.sallyport/known_nodes, a line
 * "CLUSTER NAME UUID" each. Called by tsh, when a node's certificate was verified.
 *
 * A certificate of the cluster says that a machine may use a name; that it is the machine which had the name before only
 * whoever was there can know. Logins come and go (profile.h), this stays, as stock ssh's known_hosts does.
 *
 * Security: a node that somebody set up under the name of another gets nobody's session who knew that one.
 */
#ifndef PROFILE_KNOWN_NODES_H
#define PROFILE_KNOWN_NODES_H

#include "base/err.h"

enum { KNOWN_NODES_E_OTHER = 1, KNOWN_NODES_NONE = 1 };

/* 0: it is the same as ever, or is the first of this name, which is written down where the folder can be written.
 * KNOWN_NODES_E_OTHER: the name was another machine's, with e; negative, with e: what is known cannot be read.
 * name: as people typed it, in any case, with or without the cluster's behind it. */
int known_nodes_check(const char *cluster, const char *name, const char *uuid, struct err *e);
/* The name is to be anybody's again. KNOWN_NODES_NONE: it was nobody's. Negative with e. */
int known_nodes_forget(const char *cluster, const char *name, struct err *e);

#endif
