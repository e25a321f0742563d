/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: who may see which events and recordings. Keeps the users and roles that authd's watch brings (rpc_watch.c
 * feeds it); asked by rpc_search.c. A certificate carries only the user's name: what it is worth is decided here, now.
 */
#ifndef AUDIT_ACCESS_H
#define AUDIT_ACCESS_H

#include <stdbool.h>

#include "policy/policy.h"
#include "rpc/rpc.h"

struct access;

int access_new(struct access **ret);
void access_free(struct access *a); /* NULL is fine */

/* A snapshot follows; what was known stays in force until it is whole. */
void access_begin(struct access *a);
/* All copy what they are given. */
void access_put_user(struct access *a, const char *name, const char *const *roles, size_t n);
void access_remove_user(struct access *a, const char *name);
/* Certificates of the user that were issued before are worth nothing (removed, changed, reset, logged out). */
void access_put_cutoff(struct access *a, const char *name, int64_t issued_before_ms);
void access_put_role(struct access *a, const struct policy_role *role);
void access_remove_role(struct access *a, const char *name);
void access_complete(struct access *a);
/* A whole snapshot has come: before that nobody but root on this host can be judged. */
bool access_is_known(const struct access *a);

enum access_sight {
	ACCESS_NOTHING,
	ACCESS_OWN, /* only what the user did */
	ACCESS_ALL,
};
enum access_sight access_events(const struct access *a, const struct rpc_peer *peer);
/* verb: "list" or "read". */
enum access_sight
access_recordings(const struct access *a, const struct rpc_peer *peer, const char *verb);

#endif
