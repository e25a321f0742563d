/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rights: what authd has told this node about roles, cut-offs and its own labels; kept on disk, so
 * that a node which starts while authd is away still knows. rights_feed.c fills it from the watch,
 * access.c asks it.
 */
#ifndef NODE_RIGHTS_H
#define NODE_RIGHTS_H

#include "base/err.h"
#include "policy/policy.h"

enum { RIGHTS_ROLES_MAX = 4096, RIGHTS_LABELS_MAX = 128 };

struct rights;

int rights_new(struct rights **ret);
void rights_free(struct rights *r);

/* One generation after the other: begin marks everything old, put_* renews, complete drops what
 * stayed old. */
void rights_begin(struct rights *r);
int rights_put_role(struct rights *r, const struct policy_role *role); /* copied */
void rights_remove_role(struct rights *r, const char *name);
int rights_put_cutoff(struct rights *r, const char *user, int64_t issued_before_ms);
/* The labels given on the server side; they win over the configured ones. */
int rights_set_labels(struct rights *r, const struct policy_label *labels, size_t n);
void rights_complete(struct rights *r);
/* There is a whole generation, from authd or from disk. */
bool rights_are_known(const struct rights *r);

/* NULL when there is none. */
const struct policy_role *rights_role(const struct rights *r, const char *name);
/* Certificates of this user issued before are worth nothing; 0: all count. */
int64_t rights_cutoff(const struct rights *r, const char *user);
/* The node's labels: configured ones with the server's on top. Valid until the next change. */
struct policy_labels
rights_labels(struct rights *r, const struct policy_label *configured, size_t n);

#endif
