/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_keys: the messages of security keys, for the wire faces that have them: challenges out, answers in.
 */
#ifndef AUTH_RPC_KEYS_H
#define AUTH_RPC_KEYS_H

#include "auth/signin.h"
#include "auth/ticket.h"
#include "proto/auth.pb-c.h"

/* A challenge while it is sent. */
struct key_challenge {
	Auth__KeyChallenge message;
	ProtobufCBinaryData credentials[FACTORS_MAX];
	uint8_t user_handle[32];
	int32_t algorithms[4];
};
/* Of a ticket for a signature by one of the keys in the list. Lent from both. */
void rpc_keys_ask_signature(const struct ticket *t, const struct factor_list *l,
    struct key_challenge *ret);
/* Of a ticket for a new key beside those in the list. Lent from both. */
void rpc_keys_ask_new(struct auth *a, const struct ticket *t, const struct factor_list *l,
    struct key_challenge *ret);
/* Lent from the message. */
struct signin_key rpc_keys_signature(const Auth__KeySignature *m);
struct webauthn_answer rpc_keys_new(const Auth__NewKey *m);

#endif
