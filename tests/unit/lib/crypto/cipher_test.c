/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet ciphers and the exchange against known answers: RFC 7748, RFC 5903, and packets sealed
 * with OpenSSL's AES, ChaCha20, Poly1305 and Python's hmac.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/cipher.h"
#include "crypto/kex.h"
#include "crypto/rand.h"

enum { SEQ = 5, PACKET_MAX = 36, ROOM = PACKET_MAX + CIPHER_TAG_MAX };

/* Lengths of 32 bytes where the length field stands apart, of 28 where it does not: both are whole
 * blocks. */
static const char packet_apart[] = "\0\0\0\040\006the quick brown fox jumps\0\0\0\0\0\0";
static const char packet_plain[] = "\0\0\0\034\002the quick brown fox jumps\0\0";

static struct cipher *
make(const char *cipher, const char *mac)
{
	uint8_t key[64], iv[16], mac_key[64];
	struct cipher_keys keys = { key, iv, mac_key };
	struct cipher *c;

	for (int i = 0; i < 64; i++) {
		key[i] = (uint8_t)i;
		mac_key[i] = (uint8_t)(i * 7);
		if (i < 16)
			iv[i] = (uint8_t)(100 + i);
	}
	assert_int_equal(cipher_new(&c, cipher_find(span_str(cipher)),
			     mac ? mac_find(span_str(mac)) : NULL, &keys),
	    0);
	return c;
}

static void
check_hex(const uint8_t *p, size_t n, const char *hex)
{
	char text[2 * ROOM + 1];

	str_hex(text, p, n);
	assert_string_equal(text, hex);
}

/* Seals the packet, compares, opens it with a fresh state, then finds every changed bit. */
static void
check(const char *cipher, const char *mac, const char *hex)
{
	struct cipher *c = make(cipher, mac), *d = make(cipher, mac);
	bool apart = cipher_length_apart(c);
	const char *plain = apart ? packet_apart : packet_plain;
	size_t n = apart ? 36 : 32;
	uint8_t p[ROOM], copy[ROOM];

	memcpy(p, plain, n);
	cipher_seal_body(c, SEQ, p, n, 4, (struct span){ NULL, 0 });
	check_hex(p, n + cipher_tag_len(c), hex);
	memcpy(copy, p, sizeof(p));
	assert_true(cipher_peek_len(d) <= CIPHER_PEEK_MAX);
	assert_int_equal(cipher_peek(d, SEQ, p), n - 4);
	assert_int_equal(cipher_open(d, SEQ, p, n), 0);
	assert_memory_equal(p, plain, n);
	for (size_t bit = 0; bit < (n + cipher_tag_len(c)) * 8; bit += 3) {
		cipher_free(d);
		d = make(cipher, mac);
		memcpy(p, copy, sizeof(p));
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cipher_peek(d, SEQ, p);
		assert_int_not_equal(cipher_open(d, SEQ, p, n), 0);
	}
	cipher_free(c);
	cipher_free(d);
}

static void
gcm(void **state)
{
	struct cipher *c;
	uint8_t p[ROOM];

	(void)state;
	if (!cipher_find(span_str("aes256-gcm@openssh.com")))
		skip();
	check("aes256-gcm@openssh.com", NULL,
	    "000000204e6fb603599823f75d097f8aa80a1d9362a46972ab06861fd7a2ac48fba3a548c346c557"
	    "059576fc753f7fec94e2d5d6");
	/* the second packet has the next nonce */
	c = make("aes256-gcm@openssh.com", NULL);
	for (int i = 0; i < 2; i++) {
		memcpy(p, packet_apart, 36);
		cipher_seal_body(c, SEQ, p, 36, 4, (struct span){ NULL, 0 });
	}
	check_hex(p, 36 + 16,
	    "00000020e56f2273bc1faf2e118a38825e50179d423ae5464107243a6ba31247f7ec05a525636636"
	    "078a114f60d7dccef16bb129");
	cipher_free(c);
}

static void
chacha(void **state)
{
	(void)state;
	check("chacha20-poly1305@openssh.com", NULL,
	    "9dd81a5ccabc8b7902eeec5acae563d2be737e12b078d8954bd2a7cc97e3e0884c56503271246d59"
	    "ac7f189769f082a7ae3d5125");
}

static const struct {
	const char *cipher, *mac, *hex;
} ctr_answers[] = {
	{ "aes256-ctr", "hmac-sha2-256-etm@openssh.com",
	    "0000002095ac79459651ce241de69fc994d0e7b2958fe47d20b960b50205945a9a8ce192ef4c4249"
	    "294f77bbf1c3635b8e7cfb19616581f2d8babfb8b916efd7f93e68df" },
	{ "aes256-ctr", "hmac-sha2-512-etm@openssh.com",
	    "0000002095ac79459651ce241de69fc994d0e7b2958fe47d20b960b50205945a9a8ce192a443b64e"
	    "efbf47433b2e96e560a3bf8661e997389edf1f80b1338937fead46da1558198c91a5caa39fbbf120"
	    "b68fee1002041d45e1ce4271e905dc734f88d597" },
	{ "aes256-ctr", "hmac-sha2-256",
	    "93d8113cb454d3285efccac285d4b0bec786fc6b20b57aa0521ce137eaffe192a06376941599e87d"
	    "44f185ba1adc3b03f68b537f6249182d5e6ffb6ea50a1834" },
	{ "aes256-ctr", "hmac-sha2-512",
	    "93d8113cb454d3285efccac285d4b0bec786fc6b20b57aa0521ce137eaffe192718bab5df8b3b153"
	    "0970edcbfb5338f45c6c4ca698ca5a8060552928ad70f8cf55aad81a9692882468060889843cd282"
	    "1c76a7b3a5a3bcb8c4261839738e0132" },
	{ "aes128-ctr", "hmac-sha2-256-etm@openssh.com",
	    "0000002098cb06f99d6d9b116e6c35eae38af3f54ce90fbf7e4a95b45bc2340860f9bf5a291b9bdd"
	    "a4f493e65260fd5c89e13298e88f83c6ec42c877a8810ef20c1dcbe5" },
	{ "aes128-ctr", "hmac-sha2-512-etm@openssh.com",
	    "0000002098cb06f99d6d9b116e6c35eae38af3f54ce90fbf7e4a95b45bc2340860f9bf5a668246d6"
	    "6a67e5f3ef4f510c1a5fa96e1cb8aabc18312bfb731d09f168578ed849e2db033127095c35ec0fc1"
	    "b720cdda300682be46a6f10ff4371192264d69d3" },
	{ "aes128-ctr", "hmac-sha2-256",
	    "9ebf6e80bf68861d2d7660e1f28ea4f91ee017a97e468fa10bdb4165108abf5aa06376941599e87d"
	    "44f185ba1adc3b03f68b537f6249182d5e6ffb6ea50a1834" },
	{ "aes128-ctr", "hmac-sha2-512",
	    "9ebf6e80bf68861d2d7660e1f28ea4f91ee017a97e468fa10bdb4165108abf5a718bab5df8b3b153"
	    "0970edcbfb5338f45c6c4ca698ca5a8060552928ad70f8cf55aad81a9692882468060889843cd282"
	    "1c76a7b3a5a3bcb8c4261839738e0132" },
};

static void
ctr(void **state)
{
	(void)state;
	if (!cipher_find(span_str("aes256-ctr")))
		skip();
	for (size_t i = 0; i < sizeof(ctr_answers) / sizeof(ctr_answers[0]); i++)
		check(ctr_answers[i].cipher, ctr_answers[i].mac, ctr_answers[i].hex);
}

#ifndef __wasm__
/* A page lacks some, and its run of these tests passes them over; here none may be missing. */
static void
every_algorithm_is_there(void **state)
{
	static const char *const names[] = { "aes256-gcm@openssh.com",
		"chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(cipher_find(span_str(names[i])));
	assert_true(kex_available(KEX_X25519) && kex_available(KEX_P256));
}
#endif

/* Many packets of many sizes: the counters of both sides keep step. */
static void
a_long_stream(void **state)
{
	static const char *const names[][2] = { { "aes256-gcm@openssh.com", NULL },
		{ "chacha20-poly1305@openssh.com", NULL },
		{ "aes128-ctr", "hmac-sha2-256-etm@openssh.com" },
		{ "aes256-ctr", "hmac-sha2-512" } };
	static uint8_t p[5000], before[5000];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct cipher *c, *d;

		if (!cipher_find(span_str(names[i][0])))
			continue; /* a page has one of them */
		c = make(names[i][0], names[i][1]);
		d = make(names[i][0], names[i][1]);
		for (uint32_t seq = 0; seq < 1000; seq++) {
			size_t n = 16 * (1 + seq % 300) + (cipher_length_apart(c) ? 4 : 0);

			for (size_t k = 0; k < n; k++)
				p[k] = (uint8_t)(k * seq);
			p[0] = p[1] = 0;
			p[2] = (uint8_t)((n - 4) >> 8);
			p[3] = (uint8_t)(n - 4);
			memcpy(before, p, n);
			cipher_seal_body(c, seq, p, n, 4, (struct span){ NULL, 0 });
			assert_int_equal(cipher_peek(d, seq, p), n - 4);
			assert_int_equal(cipher_open(d, seq, p, n), 0);
			assert_memory_equal(p, before, n);
		}
		cipher_free(c);
		cipher_free(d);
	}
}

static void
names_that_are_not_known(void **state)
{
	static const char *const bad[] = { "none", "aes256-cbc", "3des-cbc", "arcfour",
		"aes128-gcm@openssh.com", "", "aes256-ctr " };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(cipher_find(span_str(bad[i])));
	assert_null(mac_find(span_str("hmac-sha1")));
	assert_null(mac_find(span_str("hmac-md5")));
	assert_null(mac_find(span_str("none")));
}

/* --- exchange ------------------------------------------------------------------------ */

static void
agree(enum kex_curve curve, const char *secret_a, const char *public_a, const char *secret_b,
    const char *public_b, const char *shared)
{
	struct kex_pair *a, *b;
	uint8_t secret[32], result[KEX_SECRET_LEN];

	assert_true(str_unhex(secret_a, secret, 32));
	assert_int_equal(kex_pair_from_secret(&a, curve, secret), 0);
	assert_true(str_unhex(secret_b, secret, 32));
	assert_int_equal(kex_pair_from_secret(&b, curve, secret), 0);
	check_hex(kex_pair_public(a).p, kex_pair_public(a).n, public_a);
	check_hex(kex_pair_public(b).p, kex_pair_public(b).n, public_b);
	assert_int_equal(kex_pair_secret(a, kex_pair_public(b), result), 0);
	check_hex(result, 32, shared);
	assert_int_equal(kex_pair_secret(b, kex_pair_public(a), result), 0);
	check_hex(result, 32, shared);
	kex_pair_free(a);
	kex_pair_free(b);
}

static void
x25519_rfc7748_6_1(void **state)
{
	uint8_t bob[32], alice_public[32], shared[KEX_SECRET_LEN];
	struct kex_pair *pair;

	(void)state;
	assert_true(
	    str_unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", bob, 32));
	assert_true(str_unhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	    alice_public, 32));
	assert_int_equal(kex_pair_from_secret(&pair, KEX_X25519, bob), 0);
	check_hex(kex_pair_public(pair).p, 32,
	    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	assert_int_equal(kex_pair_secret(pair, (struct span){ alice_public, 32 }, shared), 0);
	check_hex(shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	kex_pair_free(pair);
}

static void
p256_rfc5903_8_1(void **state)
{
	(void)state;
	if (!kex_available(KEX_P256))
		skip();
	agree(KEX_P256, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
	    "04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
	    "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
	    "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
	    "04d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
	    "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
	    "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de");
}

static void
bad_values_of_the_peer(void **state)
{
	struct kex_pair *a;
	uint8_t zero[32] = { 0 }, one[32] = { 1 }, point[65] = { 4 }, out[32];

	(void)state;
	assert_int_equal(kex_pair_new(&a, KEX_X25519), 0);
	/* of low order */
	assert_int_not_equal(kex_pair_secret(a, (struct span){ zero, 32 }, out), 0);
	assert_int_not_equal(kex_pair_secret(a, (struct span){ one, 32 }, out), 0);
	assert_int_not_equal(kex_pair_secret(a, (struct span){ zero, 31 }, out), 0);
	kex_pair_free(a);
	if (!kex_available(KEX_P256))
		return;
	assert_int_equal(kex_pair_new(&a, KEX_P256), 0);
	/* not on the curve */
	assert_int_not_equal(kex_pair_secret(a, (struct span){ point, 65 }, out), 0);
	point[40] = 1;
	assert_int_not_equal(kex_pair_secret(a, (struct span){ point, 65 }, out), 0);
	assert_int_not_equal(kex_pair_secret(a, (struct span){ point, 1 }, out), 0);
	assert_int_not_equal(kex_pair_secret(a, (struct span){ zero, 1 }, out), 0); /* infinity */
	assert_int_not_equal(kex_pair_secret(a, (struct span){ NULL, 0 }, out), 0);
	kex_pair_free(a);
}

static void
hash_of_parts(void **state)
{
	struct span parts[2] = { span_str("a"), span_str("bc") };
	uint8_t h[KEX_HASH_LEN];

	(void)state;
	kex_hash(parts, 2, h);
	check_hex(h, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(gcm),
	cmocka_unit_test(chacha),
	cmocka_unit_test(ctr),
#ifndef __wasm__
	cmocka_unit_test(every_algorithm_is_there),
#endif
	cmocka_unit_test(a_long_stream),
	cmocka_unit_test(names_that_are_not_known),
	cmocka_unit_test(x25519_rfc7748_6_1),
	cmocka_unit_test(p256_rfc5903_8_1),
	cmocka_unit_test(bad_values_of_the_peer),
	cmocka_unit_test(hash_of_parts),
};

int
main(void)
{
	if (crypto_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
