/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite: all that we have; see suite.h.
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

const struct sshkey_kind suite_keys[] = {
	{ SSHKEY_ED25519, "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1, false,
	    &sshkey_ed25519 },
	{ SSHKEY_ECDSA_P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", 2,
	    false, &sshkey_ecdsa },
	{ SSHKEY_RSA, "ssh-rsa", "ssh-rsa-cert-v01@openssh.com", 2, false, &sshkey_rsa },
	{ SSHKEY_SK_ED25519, "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com", 2,
	    true, &sshkey_ed25519 },
	{ SSHKEY_SK_ECDSA, "sk-ecdsa-sha2-nistp256@openssh.com",
	    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", 3, true, &sshkey_ecdsa },
};
const size_t suite_n_keys = sizeof suite_keys / sizeof *suite_keys;
