/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite: which algorithms this build of the SSH engine has. kex.c, cipher.c and sshkey.c find them here and nowhere
 * else, so that a build with less (the client in a browser) brings a suite.c of its own and links no library that it
 * does not name.
 */
#ifndef CRYPTO_SUITE_H
#define CRYPTO_SUITE_H

#include "crypto/cipher_priv.h"
#include "crypto/kex_priv.h"
#include "crypto/sshkey_priv.h"

extern const struct kex_alg *const suite_kex[KEX_CURVES]; /* by enum kex_curve; NULL: not here */
extern const struct cipher_alg suite_ciphers[];           /* best first */
extern const size_t suite_n_ciphers;
extern const struct sshkey_kind suite_keys[];
extern const size_t suite_n_keys;

#endif
