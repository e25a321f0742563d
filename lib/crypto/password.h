/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password: Argon2id (RFC 9106) by libsodium. One call takes 64 MiB and some 100 ms of a core: run it in a pool
 * (event/loop.h) and never on the loop. Thread-safe.
 *
 * What it costs is said in passes over the memory, of which a cluster has one number for all of its passwords: by the time
 * that a refusal takes nobody must learn which users exist.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { PASSWORD_HASH_SIZE = 128, PASSWORD_MIN = 12, PASSWORD_MAX = 128 };
/* The memory is 64 MiB always, what libsodium takes at least for interactive logins. */
enum { PASSWORD_PASSES_MIN = 1, PASSWORD_PASSES_MAX = 10 };

/* The rule for new passwords: 12 to 128 bytes of valid text, which withstand PASSWORD_GUESSES_LOG2 of guesses that begin with
 * what people choose. words, ended by NULL: what a guesser knows of whose it is. */
enum { PASSWORD_GUESSES_LOG2 = 30 };
int password_check(const char *password, const char *const *words, struct err *e);
/* How many passes take about 100 ms of this processor, between PASSWORD_PASSES_MIN and _MAX. Takes as long as
 * three passes. 0 without memory. */
unsigned password_measure(void);
/* "$argon2id$v=19$m=65536,t=PASSES,p=1$..." into dst of PASSWORD_HASH_SIZE bytes. Negative without
 * memory. */
int password_hash(const char *password, unsigned passes, char *dst);
/* hash NULL, "" or none of ours: takes as long as for one of so many passes and says false. */
bool password_verify(const char *hash, unsigned passes, const char *password);

/* A key of PASSWORD_KEY_BYTES from a passphrase, for files: the same from the same salt, passes and memory, which stand
 * beside what it opens and may be chosen by a stranger. Negative: beyond the limits below, or no memory. */
enum {
	PASSWORD_KEY_BYTES = 32,
	PASSWORD_SALT_BYTES = 16,
	PASSWORD_KEY_PASSES_MAX = 16,
	PASSWORD_KEY_KIB_MIN = 8,
	PASSWORD_KEY_KIB_MAX = 1024 * 1024
};
struct password_cost {
	uint8_t salt[PASSWORD_SALT_BYTES];
	uint32_t passes, memory_kib;
};
int password_key(const char *passphrase, const struct password_cost *cost,
    uint8_t ret[PASSWORD_KEY_BYTES]);

#endif
