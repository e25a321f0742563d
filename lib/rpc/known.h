/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known: what certificates said that were verified before, so that a caller's is verified once and not with every call.
 * Called by peer.c alone. Holds at most a number of them: who was not heard of for longest is forgotten first, and no
 * caller can make the server forget all others at once.
 *
 * Security: only what was verified is put in; a certificate is known by the SHA-256 of its text, whole.
 */
#ifndef RPC_KNOWN_H
#define RPC_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/rpc.h"

struct known;

struct known *known_new(size_t max); /* NULL without memory */
void known_free(struct known *k);    /* NULL is fine */
void known_clear(struct known *k);
/* Best effort: without memory for it the next call verifies again. Of peer what the certificate said: who, cluster, name
 * and dates. */
void known_remember(struct known *k, const char *pem, const struct rpc_peer *peer);
/* Fills those members of ret. False: not known. */
bool known_recall(struct known *k, const char *pem, struct rpc_peer *ret);

#endif
