/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signature: files signed by `ssh-keygen -Y sign`, as `make web-hashes SIGN=KEY` does it. OpenSSH's own ssh-keygen judges, so
 * that all of allowed_signers counts: names of signers, validity, namespaces (ssh-keygen(1), ALLOWED SIGNERS). Called by cmd_web.c.
 */
#ifndef TSH_SIGNATURE_H
#define TSH_SIGNATURE_H

#include "base/buf.h"
#include "base/err.h"

enum { SIGNATURE_NAME_SIZE = 256 };

/* Whether data has the signature in the file `signature`, for the namespace, of somebody whom the file allowed_signers names;
 * ret_signer is that name, fit for a terminal. Negative with e. Starts programs, and waits for them. */
int signature_verify(struct span data, const char *signature, const char *allowed_signers,
    const char *namespace, char ret_signer[SIGNATURE_NAME_SIZE], struct err *e);

#endif
