/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: the nouns as bytes in the store (proto/stored.proto). Called by the nouns.
 *
 * put: appends to b; false over its ceiling or without memory. get: false when the bytes are no
 * such record (a damaged store); whatever was filled in until then belongs to the caller's x_done
 * all the same.
 */
#ifndef AUTH_STORED_H
#define AUTH_STORED_H

#include "auth/invite.h"
#include "auth/lockout.h"
#include "auth/host.h"
#include "auth/role.h"
#include "auth/token.h"
#include "auth/user.h"
#include "base/buf.h"

bool stored_put_user(struct buf *b, const struct user *u);
bool stored_get_user(struct span s, struct user *u);
bool stored_put_invite(struct buf *b, const struct invite *i);
bool stored_get_invite(struct span s, struct invite *i);
bool stored_put_lockout(struct buf *b, const struct lockout *l);
bool stored_get_lockout(struct span s, struct lockout *l);
bool stored_put_cutoff(struct buf *b, const char *user, int64_t issued_before);
bool stored_get_cutoff(struct span s, char user[NAME_LEN_MAX + 1], int64_t *issued_before);
bool stored_put_token(struct buf *b, const struct token *t);
bool stored_get_token(struct span s, struct token *t);
bool stored_put_host(struct buf *b, const struct host *n);
bool stored_get_host(struct span s, struct host *n);
/* In stored_role.c; a role that stands alone (policy_role_free), or NULL. */
bool stored_put_role(struct buf *b, const struct policy_role *policy, bool preset);
struct policy_role *stored_get_role(struct span s, bool *ret_preset);

#endif
