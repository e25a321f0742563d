/* SPDX-License-Identifier: Apache-2.0 */
/*
 * password: Argon2id. Called by authd on threads of its pool. Pure but for the salt.
 */
#include "crypto/password.h"

#include <sodium.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_STRBYTES, "the hash fits");

/* authd makes as many at once as its pool has threads. */
enum { MEMORY = crypto_pwhash_MEMLIMIT_INTERACTIVE, GOAL_US = 100000, MEASURED_PASSES = 3 };

/* Of a password nobody knows; only its cost matters. */
static const char nobody[] =
    "$argon2id$v=19$m=65536,t=%u,p=1$c2FsbHlwb3J0c2FsbHlwbw$ZHVtbXlkdW1teWR1bW15ZHVtbXlkdW1teWR1bW15ZHU";

int
password_hash(const char *password, unsigned passes, char *dst)
{
	return crypto_pwhash_str_alg(dst, password, strlen(password), passes, MEMORY,
		   crypto_pwhash_ALG_ARGON2ID13) == 0
	    ? 0
	    : -1;
}

/* Of this thread: what else the machine does meanwhile does not count. */
static int64_t
cpu_us(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

unsigned
password_measure(void)
{
	char hash[PASSWORD_HASH_SIZE];
	int64_t begin = cpu_us(), passes, took;

	if (password_hash("how long does it take", MEASURED_PASSES, hash) < 0)
		return 0;
	took = cpu_us() - begin;
	passes = took > 0 ? GOAL_US * MEASURED_PASSES / took : PASSWORD_PASSES_MAX;
	if (passes < PASSWORD_PASSES_MIN)
		return PASSWORD_PASSES_MIN;
	return passes < PASSWORD_PASSES_MAX ? (unsigned)passes : PASSWORD_PASSES_MAX;
}

/* Verifying one of other limits could take any amount of memory and time. */
static bool
is_ours(const char *hash)
{
	for (unsigned passes = PASSWORD_PASSES_MIN; hash && passes <= PASSWORD_PASSES_MAX; passes++)
		if (crypto_pwhash_str_needs_rehash(hash, passes, MEMORY) == 0)
			return true;
	return false;
}

bool
password_verify(const char *hash, unsigned passes, const char *password)
{
	size_t n = strlen(password);
	bool real = is_ours(hash), ok;
	char none[sizeof(nobody) + 16];

	/* Longer ones cannot have been set, and must not cost more. */
	if (n > PASSWORD_MAX)
		n = 0, real = false;
	(void)str_format(none, sizeof(none), nobody, passes);
	/* Always one full hash: whether a user exists must not be told by the time that a refusal
	 * takes. */
	ok = crypto_pwhash_str_verify(real ? hash : none, password, n) == 0;
	return real && ok;
}

int
password_key(const char *passphrase, const struct password_cost *cost,
    uint8_t ret[PASSWORD_KEY_BYTES])
{
	_Static_assert(PASSWORD_SALT_BYTES == crypto_pwhash_SALTBYTES, "the salt fits");

	if (cost->passes < 1 || cost->passes > PASSWORD_KEY_PASSES_MAX ||
	    cost->memory_kib < PASSWORD_KEY_KIB_MIN || cost->memory_kib > PASSWORD_KEY_KIB_MAX)
		return -1;
	return crypto_pwhash(ret, PASSWORD_KEY_BYTES, passphrase, strlen(passphrase), cost->salt,
		   cost->passes, (size_t)cost->memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0
	    ? 0
	    : -1;
}
