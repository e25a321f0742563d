/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_web: the answer to whoever got a web session, in the ways that there are to get one. Called by rpc_web.c and
 * rpc_invite.c.
 */
#ifndef AUTH_RPC_WEB_H
#define AUTH_RPC_WEB_H

#include "auth/web_login.h"
#include "rpc/rpc.h"

/* Ends the call: with token and session; or, where that could not be written down (noted), without, and the session is
 * gone. */
void rpc_web_reply(struct rpc_call *call, const struct web_login_result *r, bool noted);

#endif
