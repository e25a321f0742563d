/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine in a browser leans on, against known answers: SHA-256 (FIPS 180-4), Ed25519 (RFC 8032), certificates that
 * ssh-keygen made. Run as it is, and as WebAssembly over the page's primitives (`make unit-web`); ciphers and exchanges of
 * keys are in cipher_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"
#include "crypto/sshcert.h"
#include "crypto/sshkey.h"

/* "node-1" and 192.0.2.7 by ca, Ed25519, from 2025 to 2035. */
static const char host_cert[] =
    "000000207373682d656432353531392d636572742d763031406f70656e7373682e636f6d00000020a3873b71fd4ac670"
    "70097a4cbf3185448c0ea757c50b3aa54df5e3696618fa290000002064d9c8d08159f546893a905e1d8267927e00853b"
    "967edc2aa89111f341eb8c560000000000000000000000020000002437643963326636652d336630632d346235372d39"
    "6435652d32613166386631633062313100000017000000066e6f64652d31000000093139322e302e322e370000000067"
    "748580000000007a432b80000000000000000000000000000000330000000b7373682d656432353531390000002049f5"
    "e7ca6da17ce374bd7b7020fc2e122bc2d83ddcfaf0313c58c079f15c66f5000000530000000b7373682d656432353531"
    "3900000040508e31eae25a46e425ece71757634bf1b5db42a973f9935e5eb435a14c81e27dff4af5cd255c8315a57be8"
    "09163af4c9efae8798b472f76d6401048c04875509";
static const char ca[] =
    "0000000b7373682d656432353531390000002049f5e7ca6da17ce374bd7b7020fc2e122bc2d83ddcfaf0313c58c079f1"
    "5c66f5";
/* root, for a key of the kind ECDSA P-256, by the same. */
static const char user_cert[] =
    "0000002865636473612d736861322d6e697374703235362d636572742d763031406f70656e7373682e636f6d00000020"
    "293c2fef1ef7fb3eb73b48d71706d29628022260292c17158cac1ba9c8c82aa5000000086e6973747032353600000041"
    "04471229f7c27d83730950e7931330226d76b580f22d2ff2e3d6b9ff199ea01aae782f55edf51fb49d8d8b9b433dc066"
    "4b98e732738bba2efcc1d0204fc216137b00000000000000000000000100000005616c6963650000000800000004726f"
    "6f740000000067748580000000007a432b800000000000000082000000157065726d69742d5831312d666f7277617264"
    "696e6700000000000000177065726d69742d6167656e742d666f7277617264696e6700000000000000167065726d6974"
    "2d706f72742d666f7277617264696e67000000000000000a7065726d69742d707479000000000000000e7065726d6974"
    "2d757365722d72630000000000000000000000330000000b7373682d656432353531390000002049f5e7ca6da17ce374"
    "bd7b7020fc2e122bc2d83ddcfaf0313c58c079f15c66f5000000530000000b7373682d656432353531390000004072a9"
    "414d3606671af718dd8c16b4d9504b5b202ce359289057a9d8b3970d8fa65df804df018256c0758ef56f191359cdcfe9"
    "b6f3ef75a8f321e12efd7416e802";
enum { IN_2026 = 1780000000, IN_2036 = 2085000000 };

static void
unhex(const char *hex, struct buf *ret)
{
	size_t n = strlen(hex) / 2;

	buf_init(ret, 4096);
	assert_true(str_unhex(hex, buf_reserve(ret, n), n));
	buf_commit(ret, n);
}

static void
is_hex(const uint8_t *p, size_t n, const char *hex)
{
	char text[200];

	str_hex(text, p, n);
	assert_string_equal(text, hex);
}

static void
sha256_in_any_pieces(void **state)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	uint8_t digest[SHA256_BYTES];

	(void)state;
	sha256_of(span_str("abc"), digest);
	is_hex(digest, sizeof digest,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_of((struct span){ NULL, 0 }, digest);
	is_hex(digest, sizeof digest,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t cut = 0; cut <= sizeof text - 1; cut++) {
		struct sha256 h, other;

		sha256_init(&h);
		sha256_add(&h, text, cut);
		/* Another one between: the state is the caller's. */
		sha256_init(&other);
		sha256_add(&other, "x", 1);
		sha256_add(&h, text + cut, sizeof text - 1 - cut);
		sha256_end(&h, digest);
		is_hex(digest, sizeof digest,
		    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	}
}

/* RFC 8032 section 7.1, tests 1 to 3. */
static void
ed25519_signs_and_verifies(void **state)
{
	static const struct {
		const char *seed, *public, *data, *signature;
	} answers[] = {
		{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
		    "1cf9b46bd25bf5f0595bbe24655141438e7a100b" },
		{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
		    "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
		{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
		    "984dc6594a7c15e9716ed28dc027beceea1ec40a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct buf seed, data, sig;
		struct sshkey *key;

		unhex(answers[i].seed, &seed);
		unhex(answers[i].data, &data);
		buf_init(&sig, 256);
		assert_int_equal(sshkey_from_seed(&key, buf_head(&seed)), 0);
		is_hex(sshkey_blob(key).p + sshkey_blob(key).n - 32, 32, answers[i].public);
		assert_int_equal(sshkey_sign(key, buf_span(&data), &sig), 0);
		is_hex(buf_head(&sig) + sig.len - 64, 64, answers[i].signature);
		assert_int_equal(sshkey_verify(key, span_str("ssh-ed25519"), buf_span(&sig),
				     buf_span(&data)),
		    0);
		for (size_t bit = 0; bit < 512; bit++) {
			buf_head(&sig)[sig.len - 64 + bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_true(sshkey_verify(key, span_str("ssh-ed25519"), buf_span(&sig),
					buf_span(&data)) < 0);
			buf_head(&sig)[sig.len - 64 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		sshkey_free(key);
		buf_done(&seed);
		buf_done(&data);
		buf_done(&sig);
	}
}

static int
check(const char *hex, struct sshcert_rules rules, struct err *e)
{
	struct sshcert *cert;
	struct buf blob, ca_blob;
	struct span ca_span;
	int r;

	unhex(hex, &blob);
	unhex(ca, &ca_blob);
	ca_span = buf_span(&ca_blob);
	rules.ca = &ca_span;
	rules.n_ca = 1;
	assert_int_equal(sshcert_parse(&cert, buf_span(&blob), e), 0);
	r = sshcert_check(cert, &rules, e);
	sshcert_free(cert);
	buf_done(&blob);
	buf_done(&ca_blob);
	return r;
}

static void
a_host_certificate_is_believed_for_its_names_and_its_time(void **state)
{
	struct err e;

	(void)state;
#define RULES(kind, who, when) \
	((struct sshcert_rules){ .type = SSHCERT_##kind, .principal = who, .now_s = when })
	assert_int_equal(check(host_cert, RULES(HOST, "node-1", IN_2026), &e), 0);
	assert_int_equal(check(host_cert, RULES(HOST, "192.0.2.7", IN_2026), &e), 0);
	assert_true(check(host_cert, RULES(HOST, "node-2", IN_2026), &e) < 0);
	assert_true(check(host_cert, RULES(HOST, "node-1", IN_2036), &e) < 0);
	assert_true(check(host_cert, RULES(USER, "node-1", IN_2026), &e) < 0);
}

static void
a_users_certificate_for_a_p256_key_is_read(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(check(user_cert, RULES(USER, "root", IN_2026), &e), 0);
	assert_true(check(user_cert, RULES(HOST, "root", IN_2026), &e) < 0);
}

static void
a_certificate_with_a_changed_bit_is_none(void **state)
{
	struct sshcert *cert;
	struct buf blob;

	(void)state;
	unhex(host_cert, &blob);
	for (size_t bit = 0; bit < blob.len * 8; bit += 5) {
		buf_head(&blob)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_true(sshcert_parse(&cert, buf_span(&blob), NULL) < 0);
		buf_head(&blob)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	buf_done(&blob);
}

static int
setup(void **state)
{
	(void)state;
	return crypto_init();
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_in_any_pieces),
		cmocka_unit_test(ed25519_signs_and_verifies),
		cmocka_unit_test(a_host_certificate_is_believed_for_its_names_and_its_time),
		cmocka_unit_test(a_users_certificate_for_a_p256_key_is_read),
		cmocka_unit_test(a_certificate_with_a_changed_bit_is_none),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
