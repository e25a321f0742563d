/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle: the signed set of certificate authorities (proto/auth.proto, CaBundle), read and believed
 * or not. Used by whoever joins or logs in, and by noded's monitor. No network, no gRPC.
 */
#ifndef API_BUNDLE_H
#define API_BUNDLE_H

#include "base/buf.h"
#include "base/err.h"
#include "crypto/capin.h"

enum { BUNDLE_CA_MAX = 8, BUNDLE_PACKED_MAX = 64 * 1024, BUNDLE_CLUSTER_SIZE = 256 };

struct bundle {
	char cluster[BUNDLE_CLUSTER_SIZE];
	uint64_t generation;
	char *host_pem; /* X.509 host CAs, concatenated */
	char *user_pem; /* X.509 user CAs, concatenated; "" when there is none */
	struct span host_ssh[BUNDLE_CA_MAX],
	    user_ssh[BUNDLE_CA_MAX]; /* public key blobs, inside `blobs` */
	size_t n_host_ssh, n_user_ssh;
	char pins[BUNDLE_CA_MAX][CAPIN_SIZE]; /* of the X.509 host CAs */
	size_t n_pins;
	struct buf packed; /* the CaBundle as it came */
	struct buf blobs;
};

/* Believed when one of its X.509 host CAs made the signature and is trusted: it has the pin (pin !=
 * NULL), or is a host CA of the bundle believed before (known != NULL). Both NULL: signed by its
 * own first host CA, which says nothing about whose it is. Negative with e: malformed, or not
 * believed. */
int bundle_open(struct bundle **ret, struct span packed, const char *pin,
    const struct bundle *known, struct err *e);
void bundle_free(struct bundle *b); /* NULL is fine */

#endif
