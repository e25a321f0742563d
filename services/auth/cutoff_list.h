/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cutoff_list: the cut-offs of users as one signed list, for the monitors of nodes (api/cutoffs.h):
 * made anew when one changes, and every five minutes, so that a node can tell whether it still hears
 * from the cluster. Reads the store, asks the signer, tells watchers.c. Made by start.c, read by
 * rpc_watch_kinds.c.
 */
#ifndef AUTH_CUTOFF_LIST_H
#define AUTH_CUTOFF_LIST_H

#include "base/buf.h"
#include "base/err.h"

struct auth;
struct cutoff_list;

/* Negative: no memory. */
int cutoff_list_new(struct cutoff_list **ret, struct auth *a, struct err *e);
void cutoff_list_free(struct cutoff_list *l); /* NULL is fine */
/* The latest, or empty while there is none. */
struct span cutoff_list_get(const struct cutoff_list *l);

#endif
