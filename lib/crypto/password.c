/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password: Argon2id. Called by authd on threads of its pool. Pure but for the salt.
 */
#include "crypto/password.h"

#include <sodium.h>
#include <string.h>

#include "base/str.h"

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "the hash fits");

/* 64 MiB and two passes for each check; authd makes as many at once as its pool has threads. */
enum { OPS = crypto_pwhash_OPSLIMIT_INTERACTIVE, MEMORY = crypto_pwhash_MEMLIMIT_INTERACTIVE };

/* Made with the same limits of a password nobody knows; only its cost matters. */
static const char nobody[] =
    "$argon2id$v=19$m=65536,t=2,p=1$c2FsbHlwb3J0c2FsbHlwbw$ZHVtbXlkdW1teWR1bW15ZHVtbXlkdW1teWR1bW15ZHU";

int
password_check(const char *password, struct err *e)
{
	size_t n = strlen(password);

	if (n < PASSWORD_MIN)
		return err_set(e, "the password is too short; choose one of at least %d characters",
		    PASSWORD_MIN);
	if (n > PASSWORD_MAX)
		return err_set(e, "the password is too long; choose one of at most %d bytes",
		    PASSWORD_MAX);
	if (!str_is_printable(password, n))
		return err_set(e,
		    "the password holds characters that cannot be typed; choose another one");
	return 0;
}

int
password_hash(const char *password, char *dst)
{
	return crypto_pwhash_str_alg(dst, password, strlen(password), OPS, MEMORY,
		   crypto_pwhash_ALG_ARGON2ID13) == 0
	    ? 0
	    : -1;
}

bool
password_verify(const char *hash, const char *password)
{
	size_t n = strlen(password);
	bool real = hash && *hash, ok;

	/* Longer ones cannot have been set, and must not cost more. */
	if (n > PASSWORD_MAX)
		n = 0, real = false;
	/* A hash of other limits is not ours: verifying it could take any amount of memory. */
	if (real && crypto_pwhash_str_needs_rehash(hash, OPS, MEMORY) != 0)
		real = false;
	/* Always one full hash: whether a user exists must not be told by the time that a refusal
	 * takes. */
	ok = crypto_pwhash_str_verify(real ? hash : nobody, password, n) == 0;
	return real && ok;
}
