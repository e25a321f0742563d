/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suite_keys: all kinds of keys that we have; see suite.h. Apart from suite.c so that who checks certificates and has no
 * connection (noded's monitor) links no cipher.
 */
#include "crypto/suite.h"

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
