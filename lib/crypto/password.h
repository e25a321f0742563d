/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password: Argon2id (RFC 9106) by libsodium. One call takes 64 MiB and 50 to 100 ms of a core: run
 * it in a pool (event/loop.h) and never on the loop. Thread-safe.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdbool.h>

#include "base/err.h"

enum { PASSWORD_HASH_SIZE = 128, PASSWORD_MIN = 12, PASSWORD_MAX = 128 };

/* The rule for new passwords: 12 to 128 bytes of valid text. */
int password_check(const char *password, struct err *e);
/* "$argon2id$v=19$m=65536,t=2,p=1$..." into dst of PASSWORD_HASH_SIZE bytes. Negative without
 * memory. */
int password_hash(const char *password, char *dst);
/* hash NULL or "": takes as long as for a real one and says false, so that nobody learns which
 * users exist. */
bool password_verify(const char *hash, const char *password);

#endif
