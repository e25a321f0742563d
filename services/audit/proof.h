/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof: that a user signed in on a connection to a node, checked without believing the node: the request that he
 * signed (RFC 4252 section 7, with his certificate in it) and the signature. Called by judge.c, once a connection.
 * Memory only.
 *
 * Security: the bytes come from a node, which may be hostile. What holds: the user CA made this certificate, its key
 * signed for this login on an SSH session with this identifier and, where his client binds signatures to the host
 * (publickey-hostbound-v00@openssh.com), with this node. Whether the identifier was shown before is judge.c's affair.
 */
#ifndef AUDIT_PROOF_H
#define AUDIT_PROOF_H

#include "api/bundle.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/sha256.h"

enum { PROOF_NAME_SIZE = 256 };

struct proof {
	char user[PROOF_NAME_SIZE];  /* key id of the certificate */
	char login[PROOF_NAME_SIZE]; /* that he asked for, one of the certificate's principals */
	uint8_t session_id[SHA256_BYTES]; /* SHA-256 of the SSH session identifier */
	int64_t from_us, until_us;        /* validity of the certificate; INT64_MAX: for ever */
};

/* SHA-256 of the session identifier in signed_data, without a look at the rest. Negative: there is none. */
int proof_session_id(struct span signed_data, uint8_t ret[SHA256_BYTES]);
/* node: UUID of the node that showed it. Says nothing about time. 0, or negative with what is wrong. */
int proof_check(struct proof *ret, const struct bundle *bundle, const char *node,
    struct span signed_data, struct span signature, struct err *e);

#endif
