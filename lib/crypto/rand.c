/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rand: randomness for keys, nonces, tokens and identifiers. Called from everywhere; touches only
 * libsodium's generator.
 */
#include "crypto/rand.h"

#include <sodium.h>

#include "base/str.h"

/* Before anything else here. Afterwards nothing can fail: libsodium ends the process if the kernel
 * gives no randomness. */
int
crypto_init(void)
{
	return sodium_init() < 0 ? -1 : 0;
}

void
rand_bytes(void *dst, size_t n)
{
	randombytes_buf(dst, n);
}

uint32_t
rand_u32(void)
{
	return randombytes_random();
}

uint64_t
rand_u64(void)
{
	uint64_t v;

	randombytes_buf(&v, sizeof v);
	return v;
}

uint32_t
rand_below(uint32_t limit)
{
	return limit ? randombytes_uniform(limit) : 0;
}

void
rand_hex(char *dst, size_t n)
{
	uint8_t raw[64];

	if (n > sizeof raw)
		n = sizeof raw;
	randombytes_buf(raw, n);
	str_hex(dst, raw, n);
	sodium_memzero(raw, sizeof raw);
}

void
rand_uuid(char *dst)
{
	uint8_t raw[16];
	char hex[33];

	randombytes_buf(raw, sizeof raw);
	/* Version 4 and its variant (RFC 9562 section 5.4). */
	raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
	raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
	str_hex(hex, raw, sizeof raw);
	str_format(dst, RAND_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
	    hex + 16, hex + 20);
}

/* The form in which mbedTLS asks for randomness; it gets the same generator, so that there is one
 * to trust. */
int
rand_mbedtls(void *ctx, unsigned char *dst, size_t n)
{
	(void)ctx;
	randombytes_buf(dst, n);
	return 0;
}
