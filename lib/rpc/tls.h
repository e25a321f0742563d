/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: the key, chain and trusted roots of one end of mutual TLS, replaceable at run time.
 * Shared with gRPC's threads; everything here is safe to call from the loop's thread.
 */
#ifndef RPC_TLS_H
#define RPC_TLS_H

#include "base/err.h"

struct rpc_identity;

int rpc_identity_new(struct rpc_identity **ret);
/* PEM texts, copied. host_roots: certificates of host CAs (daemons); user_roots: of user CAs (people; may be NULL
 * on clients). chain and key NULL: no certificate of our own. New handshakes see the change at once. Negative: a
 * text does not parse, or key and chain do not belong together; the old identity stays. */
int rpc_identity_set(struct rpc_identity *id, const char *host_roots, const char *user_roots,
    const char *chain, const char *key, struct err *e);
void rpc_identity_free(struct rpc_identity *id); /* after servers and channels that use it */

#endif
