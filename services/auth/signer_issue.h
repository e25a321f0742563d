/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_issue: what the signer signs, or seals, and what it refuses. Inside the signer only.
 */
#ifndef AUTH_SIGNER_ISSUE_H
#define AUTH_SIGNER_ISSUE_H

#include "auth/signer_keys.h"
#include "auth/signer_proto.h"

/* Appends the certificate (SSH: blob, X.509: PEM). Negative with the reason when the signer
 * refuses: names, kinds and lifetimes are checked here again, whatever authd checked before. now_s:
 * the signer's own clock. */
int signer_issue(const struct signer_keys *keys, const struct signer_request *q, int64_t now_s,
    struct buf *ret, struct err *e);

#endif
