/* SPDX-License-Identifier: Apache-2.0 */
/*
 * light_passwords: libsodium's password hash with the least memory that it takes, for tests that are not about its cost
 * and make hundreds: these stand in front of libsodium's own. All else of it is the real one. And zxcvbn's verdict, which does not
 * look whether it got memory, where tests give it none: every password is a good one.
 */
#include <sodium.h>
#include <zxcvbn.h>

double
ZxcvbnMatch(const char *password, const char *words[], ZxcMatch_t **info)
{
	(void)password;
	(void)words;
	(void)info;
	return 99;
}

int
crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *const password,
    unsigned long long n, unsigned long long passes, size_t memory, int alg)
{
	(void)memory;
	return alg == crypto_pwhash_ALG_ARGON2ID13
	    ? crypto_pwhash_argon2id_str(out, password, n, passes, crypto_pwhash_MEMLIMIT_MIN)
	    : -1;
}

int
crypto_pwhash_str_needs_rehash(const char hash[crypto_pwhash_STRBYTES], unsigned long long passes,
    size_t memory)
{
	(void)memory;
	return crypto_pwhash_argon2id_str_needs_rehash(hash, passes, crypto_pwhash_MEMLIMIT_MIN);
}
