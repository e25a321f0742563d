/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capin: the fingerprint by which a newcomer recognises the cluster: "sha256:<64 hex digits>" over
 * the SubjectPublicKeyInfo of the X.509 host CA. `tctl status` prints it; noded and tsh compare it.
 */
#ifndef CRYPTO_CAPIN_H
#define CRYPTO_CAPIN_H

#include "crypto/x509.h"

enum { CAPIN_SIZE = 7 + 64 + 1 };

int capin_of_cert(const struct x509_cert *cert, char *dst);
/* Well formed, in either case of hex digits. */
bool capin_ok(const char *text);
/* Compares in constant time; false also when either is malformed. */
bool capin_equal(const char *a, const char *b);

#endif
