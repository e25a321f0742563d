/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_leave: the call Leave; see rpc_leave.h.
 */
#include "proxy/rpc_leave.h"

#include "proto/auth.async.h"

static void
on_left(enum rpc_code code, const char *why, const Auth__Empty *reply, void *arg)
{
	struct leave *l = arg;

	(void)code, (void)why, (void)reply;
	l->done(l->arg);
}

void
leave_send(struct leave *l, struct rpc_client *auth)
{
	Auth__Empty q = AUTH__EMPTY__INIT;

	auth_leave(auth, &q, on_left, l);
}
