/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authenticator: a security key and its browser, in software, for tests: what they would answer, or, where a test
 * changes the ceremony, what one that is wrong, copied or hostile would.
 */
#ifndef TESTS_AUTHENTICATOR_H
#define TESTS_AUTHENTICATOR_H

#include "crypto/webauthn.h"

struct authenticator;

/* What goes into an answer. */
struct ceremony {
	const char *type; /* NULL: as it should be */
	const char *origin, *rp_id;
	const uint8_t *challenge; /* WEBAUTHN_CHALLENGE_BYTES */
	const char *more;         /* of the client data: ",\"crossOrigin\":true" */
	uint8_t flags;            /* 0: somebody was there */
	uint32_t counter;
};

/* algorithm: of COSE. NULL: it cannot be. */
struct authenticator *authenticator_new(int algorithm);
void authenticator_free(struct authenticator *a);
/* The answer lies in the authenticator until the next one. */
struct webauthn_answer authenticator_create(struct authenticator *a, const struct ceremony *c);
struct webauthn_answer authenticator_get(struct authenticator *a, const struct ceremony *c);
struct span authenticator_id(const struct authenticator *a);

#endif
