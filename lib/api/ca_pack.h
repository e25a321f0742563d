/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca_pack: the public halves of the CAs as the bytes that a CaBundle signs (proto/auth.proto,
 * CaSet). Used by authd's signer, the only one that makes a bundle; bundle.h reads it.
 */
#ifndef API_CA_PACK_H
#define API_CA_PACK_H

#include "base/buf.h"

enum { CA_PACK_MAX = 8 };

/* The first of each list is the one that signs now. */
struct ca_pack {
	const char *cluster;
	uint64_t generation;
	const char *host_pem[CA_PACK_MAX], *user_pem[CA_PACK_MAX]; /* X.509, one certificate each */
	struct span host_ssh[CA_PACK_MAX], user_ssh[CA_PACK_MAX];  /* public key blobs */
	size_t n;                                                  /* of each list */
};

/* Appends the packed CaSet. Negative without memory. */
int ca_pack(const struct ca_pack *set, struct buf *ret);

#endif
