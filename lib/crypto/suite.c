/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite: all that we have, but for the kinds of keys (suite_keys.c); see suite.h.
 */
#include "crypto/suite.h"

const struct kex_alg *const suite_kex[KEX_CURVES] = {
	[KEX_X25519] = &kex_x25519,
	[KEX_P256] = &kex_p256,
};

const struct cipher_alg suite_ciphers[] = {
	{ "aes256-gcm@openssh.com", &cipher_gcm, 32, 12, 16, true },
	{ "chacha20-poly1305@openssh.com", &cipher_chacha, 64, 0, 8, true },
	{ "aes256-ctr", &cipher_ctr, 32, 16, 16, false },
	{ "aes128-ctr", &cipher_ctr, 16, 16, 16, false },
};
const size_t suite_n_ciphers = sizeof suite_ciphers / sizeof *suite_ciphers;
