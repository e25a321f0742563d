/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_suite: the algorithms of the engine in a page: of each kind the one that needs no table and no instruction that
 * WebAssembly lacks, and that all our servers have. Stands for lib/crypto's suite.c and suite_keys.c.
 */
#include "crypto/suite.h"

const struct kex_alg *const suite_kex[KEX_CURVES] = { [KEX_X25519] = &kex_x25519 };

const struct cipher_alg suite_ciphers[] = {
	{ "chacha20-poly1305@openssh.com", &cipher_chacha, 64, 0, 8, true },
};
const size_t suite_n_ciphers = 1;

const struct sshkey_kind suite_keys[] = {
	{ SSHKEY_ED25519, "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1, false,
	    &sshkey_ed25519 },
	{ SSHKEY_ECDSA_P256, "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com", 2,
	    false, &sshkey_ecdsa },
};
const size_t suite_n_keys = 2;
