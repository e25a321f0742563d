/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_tokens: what others do to API tokens, each that ends with its event. peer: who did what ended them; NULL: authd
 * itself. Called by the wire faces of users, resources, accounts and invites, and by start.c.
 */
#ifndef AUTH_RPC_TOKENS_H
#define AUTH_RPC_TOKENS_H

struct auth;
struct rpc_peer;

/* After whatever takes rights from anybody: those go that their makers could not make any more. */
void rpc_tokens_end_orphans(struct auth *a, const struct rpc_peer *peer);
/* After what a person does who fears that somebody else acts as him, or what is done for him: those that he made go. */
void rpc_tokens_end_of(struct auth *a, const struct rpc_peer *peer, const char *user);

#endif
