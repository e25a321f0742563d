/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_tokens: what other faces do to API tokens. Called by rpc_users.c.
 */
#ifndef AUTH_RPC_TOKENS_H
#define AUTH_RPC_TOKENS_H

struct rpc_call;

/* After something went that may have made tokens: those whose maker is gone go with it, each with its event. */
void rpc_tokens_end_orphans(struct rpc_call *call);

#endif
