/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seed: the seeds of second factors at rest: sealed with a key that the signer derives from the key file, and bound to
 * the user whose they are. Called by factor.c and invite.c, which open one for as long as a code is compared or a page is
 * made.
 *
 * Security: who has the store alone (a copy, a backup) cannot make codes; who can write it cannot give a user another
 * one's seed. authd holds this key and never the one that opens the CAs.
 */
#ifndef AUTH_SEED_H
#define AUTH_SEED_H

#include <stdint.h>

#include "base/err.h"
#include "crypto/totp.h"

struct auth;

enum { SEED_SEALED_BYTES = TOTP_SECRET_BYTES + 48 }; /* crypto/sealed.h: magic, nonce, tag */

/* Negative without memory. */
int seed_close(struct auth *a, const char *user, const uint8_t totp[TOTP_SECRET_BYTES],
    uint8_t ret[SEED_SEALED_BYTES], struct err *e);
/* Negative with the cause. The caller zeroes ret. */
int seed_open(struct auth *a, const char *user, const uint8_t sealed[SEED_SEALED_BYTES],
    uint8_t ret[TOTP_SECRET_BYTES], struct err *e);

#endif
