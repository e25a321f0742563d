/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self: authd's own identity on the network (sallyport://<cluster>/auth/<uuid>, DNS
 * authd.<cluster>), issued by its own signer to a key that lives in memory only, and the public
 * authorities. Called by start.c and the wire faces.
 */
#ifndef AUTH_SELF_H
#define AUTH_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct auth;
struct buf;
struct bundle;
struct rpc_identity;
struct self;

enum { SELF_TTL_S = 30 * 86400, SELF_RENEW_S = 10 * 86400 };

/* Reads the authorities, makes the key and asks for the certificate; turns the loop until it is
 * there. */
int self_new(struct auth *a, struct err *e);
void self_free(struct auth *a);
struct rpc_identity *self_identity(struct self *s);
const struct bundle *self_authorities(const struct self *s);
/* Renews when less than SELF_RENEW_S are left. */
void self_tick(struct auth *a);
/* The signer's bundle as packed CaBundle; in rpc_faces.c. */
bool face_bundle_packed(struct auth *a, struct buf *ret);

#endif
