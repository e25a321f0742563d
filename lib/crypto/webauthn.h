/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webauthn: security keys and passkeys (W3C Web Authentication, Level 2), the relying party's side: is what a browser
 * brings a new credential, or a signature by one that is known? By libfido2 (webauthn.c), the JSON by jansson
 * (webauthn_client.c); how the authenticator's bytes are laid out is looked at before (webauthn_data.c). Called by authd.
 * Pure: challenges, and what is known of whom, are the caller's.
 *
 * Security: the signature covers the client data (type, challenge, origin: what the browser saw) and the
 * authenticator's (whose site, was somebody there, counter); each of them is compared with what was expected.
 * Attestation is not asked for and not read: who made the key is nobody's business here, and a statement about oneself
 * proves nothing.
 */
#ifndef CRYPTO_WEBAUTHN_H
#define CRYPTO_WEBAUTHN_H

#include "base/buf.h"
#include "base/err.h"

enum {
	WEBAUTHN_CHALLENGE_BYTES = 32,
	WEBAUTHN_ID_MAX = 1023,     /* section 4, "Credential ID" */
	WEBAUTHN_KEY_MAX = 256 + 3, /* RS256: modulus, exponent */
	WEBAUTHN_RP_ID_SIZE = 254,  /* a name of the DNS */
	WEBAUTHN_ORIGIN_SIZE = 320, /* https://NAME:PORT */
	WEBAUTHN_CLIENT_MAX = 4096, /* bytes of client data; browsers make about 150 */
	WEBAUTHN_AUTH_DATA_MAX = 4096,
	WEBAUTHN_SIGNATURE_MAX = 512,
};
/* Positive results: the signature fits, but the counter is not higher than it was. Somebody may have a copy of the key. */
enum { WEBAUTHN_E_CLONE = 1 };

/* The algorithms (COSE) that are understood, the one that we like best first; 0 ends them. */
extern const int webauthn_algorithms[];

struct webauthn_site {
	char rp_id[WEBAUTHN_RP_ID_SIZE];
	char origin[WEBAUTHN_ORIGIN_SIZE];
};
/* Of the web server at address (HOST, HOST:PORT). False: it is called by an IP address, for which browsers do not use
 * security keys, or is no address. */
bool webauthn_site_of(const char *address, struct webauthn_site *ret);

struct webauthn_credential {
	uint8_t id[WEBAUTHN_ID_MAX];
	size_t n_id;
	int algorithm;
	uint8_t key[WEBAUTHN_KEY_MAX]; /* public, as libfido2 has it */
	size_t n_key;
	uint32_t counter; /* of the last signature; 0: it may not count */
};

/* What the browser answered; lent. */
struct webauthn_answer {
	struct span client_data; /* JSON, as it was hashed and signed */
	struct span auth_data;   /* the authenticator's */
	struct span signature;   /* of an assertion only */
};

/* Whether the answer is a new credential, made now for this challenge at this site by somebody who was there. Negative
 * with e, for whoever makes it. */
int webauthn_register(const struct webauthn_site *site,
    const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES], const struct webauthn_answer *answer,
    struct webauthn_credential *ret, struct err *e);
/* Whether the answer is an assertion by this credential; its new counter into *ret also with WEBAUTHN_E_CLONE. Negative
 * with e, which is for the log: it says what did not fit. */
int webauthn_verify(const struct webauthn_site *site,
    const uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES], const struct webauthn_answer *answer,
    const struct webauthn_credential *credential, uint32_t *ret, struct err *e);

#endif
