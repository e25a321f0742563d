/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_web: the answer to whoever got a web session, in the ways that there are to get one, and the session that a call is
 * made in. Called by rpc_web.c, rpc_invite.c and rpc_approval.c.
 */
#ifndef AUTH_RPC_WEB_H
#define AUTH_RPC_WEB_H

#include "auth/access.h"
#include "auth/web_login.h"
#include "rpc/rpc.h"

/* Ends the call: with token and session; or, where that could not be written down (noted), without, and the session is
 * gone. */
void rpc_web_reply(struct rpc_call *call, const struct web_login_result *r, bool noted);
/* The session of a person that the call is made in: of nobody with a certificate, and no API token. NULL: answered.
 * access_person_done in any case. */
const struct web_session *rpc_web_session(struct rpc_call *call, struct access_person *ret);

#endif
