/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca_set: the cluster's authorities as everybody but authd knows them: opened from a CaBundle (proto/auth.proto) that
 * was believed for its pin or for a host CA known before. GET /v1/webapi/ca of a proxy answers a packed CaBundle
 * (application/x-protobuf).
 */
#ifndef API_CA_SET_H
#define API_CA_SET_H

#include "base/buf.h"
#include "base/err.h"
#include "proto/auth.pb-c.h"

enum { CA_SET_KEYS_MAX = 8, CA_BUNDLE_MAX = 128 * 1024 };

struct ca_set {
	char *cluster;
	char *host_x509_pem; /* all of them, one after another */
	char *user_x509_pem;
	struct span host_ssh[CA_SET_KEYS_MAX]; /* public key blobs, as sshcert_rules wants them */
	struct span user_ssh[CA_SET_KEYS_MAX];
	size_t n_host_ssh, n_user_ssh;
	uint64_t generation;
	struct buf bundle;      /* the packed CaBundle it came from, for storing */
	Auth__CaSet *message;   /* what the spans point into */
};

/* What makes a bundle believable; either may be NULL, one must be there and hold. */
struct ca_trust {
	const char *pin;       /* "sha256:<hex>" of the first host CA */
	const char *known_pem; /* host CAs known before: one of them is the first host CA */
};

/* Checks the signature and that the first host CA is the expected one. Negative with e for people. */
int ca_set_open(struct ca_set **ret, const Auth__CaBundle *bundle, const struct ca_trust *trust, struct err *e);
int ca_set_open_packed(struct ca_set **ret, struct span bundle, const struct ca_trust *trust, struct err *e);
/* GET https://PROXY/v1/webapi/ca from a proxy that need not be trusted. Blocking, at most 10 s. */
int ca_set_fetch(struct ca_set **ret, const char *proxy, const char *pin, struct err *e);
void ca_set_free(struct ca_set *set); /* NULL is fine */

#endif
