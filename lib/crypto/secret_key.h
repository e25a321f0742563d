/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_key: a key that is kept in a file of its own. Called by authd's signer at start; touches that file.
 */
#ifndef CRYPTO_SECRET_KEY_H
#define CRYPTO_SECRET_KEY_H

#include "base/err.h"
#include "crypto/secret.h"

/* A 32-byte key from a file that only its owner may read, as 64 hexadecimal digits. create: made at
 * random (0600) when the file is not there. */
int secret_key_load(struct secret **ret, const char *path, bool create, struct err *e);

#endif
