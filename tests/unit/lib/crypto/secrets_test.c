/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords, one-time codes, sealed blobs, base64, SHA-256 and random identifiers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/b64.h"
#include "crypto/password.h"
#include "crypto/rand.h"
#include "crypto/sealed.h"
#include "crypto/secret_key.h"
#include "crypto/sha256.h"
#include "crypto/totp.h"

static int
setup(void **state)
{
	(void)state;
	return crypto_init();
}

static void
passwords_verify(void **state)
{
	char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE], longest[PASSWORD_MAX + 2];
	struct err e;

	(void)state;
	assert_int_equal(password_hash("correct horse battery", 2, hash), 0);
	assert_true(str_starts(hash, "$argon2id$v=19$m=65536,t=2,p=1$"));
	assert_true(password_verify(hash, 2, "correct horse battery"));
	assert_true(password_verify(hash, 1, "correct horse battery")); /* the hash says its own */
	assert_false(password_verify(hash, 2, "correct horse batterz"));
	assert_false(password_verify(hash, 2, ""));
	assert_int_equal(password_hash("correct horse battery", 1, again), 0);
	assert_true(str_starts(again, "$argon2id$v=19$m=65536,t=1,p=1$"));
	assert_true(password_verify(again, 2, "correct horse battery"));
	assert_int_equal(password_hash("correct horse battery", 2, again), 0);
	assert_string_not_equal(hash, again);
	assert_false(password_verify(NULL, 1, "correct horse battery"));
	assert_false(password_verify("", 1, ""));
	assert_false(password_verify("$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA", 1, "x"));
	assert_false(password_verify("plain text", 1, "plain text"));

	assert_int_equal(password_check("gX9!kd03mQpz", NULL, &e), 0);
	assert_true(password_check("gX9!kd03mQp", NULL, &e) < 0);
	assert_true(password_check("gX9!kd03mQpz\n", NULL, &e) < 0);
	for (size_t i = 0; i < sizeof longest - 1; i++)
		longest[i] = (char)('a' + (i * i + i / 3) % 26);
	longest[PASSWORD_MAX] = '\0';
	assert_int_equal(password_check(longest, NULL, &e), 0);
	longest[PASSWORD_MAX] = 'a';
	longest[PASSWORD_MAX + 1] = '\0';
	assert_true(password_check(longest, NULL, &e) < 0);
}

/* Long enough, and nevertheless among the first that are tried. */
static void
a_password_that_is_guessed_soon_is_refused(void **state)
{
	static const char *const known[] = { "alice.mueller", "tele.example.com", NULL };
	static const char *const bad[] = { "passwordpassword", "password1234", "123456789012",
		"qwertyuiop123", "aaaaaaaaaaaa", "P@ssw0rd1234", "Summer2026!!!", "letmeinletmein",
		"alice.mueller12", "tele.example.com", "abcabcabcabcabc", "1q2w3e4r5t6y" };
	static const char *const good[] = { "correct horse battery", "another long password",
		"alice.mueller likes umbrellas", "kd03-mQpz-Xw81", "zwölf Boxkämpfer jagen" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		if (password_check(bad[i], known, &e) == 0)
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(e.text, "guessed soon"));
	}
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		if (password_check(good[i], known, &e) < 0)
			fail_msg("%s: %s", good[i], e.text);
}

static void
what_is_measured_is_within_its_bounds(void **state)
{
	(void)state;
	assert_in_range(password_measure(), PASSWORD_PASSES_MIN, PASSWORD_PASSES_MAX);
}

/* RFC 6238 appendix B, the last six of its eight digits. */
static void
codes_are_those_of_the_rfc(void **state)
{
	static const struct {
		int64_t at;
		const char *code;
	} row[] = { { 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" },
		{ 1234567890, "005924" }, { 2000000000, "279037" }, { 20000000000, "353130" } };
	const uint8_t *secret = (const uint8_t *)"12345678901234567890";
	char code[TOTP_CODE_SIZE], base32[TOTP_BASE32_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		assert_int_equal(totp_code(secret, row[i].at, code), 0);
		assert_string_equal(code, row[i].code);
		assert_int_equal(totp_verify(secret, row[i].code, row[i].at, 0), row[i].at / 30);
	}
	totp_base32(secret, base32);
	assert_string_equal(base32, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}

static void
codes_are_good_once_and_near(void **state)
{
	uint8_t secret[TOTP_SECRET_BYTES];
	int64_t now = 1800000000, step = now / 30;
	char code[TOTP_CODE_SIZE];
	struct buf uri;

	(void)state;
	memset(secret, 7, sizeof secret);
	for (int off = -3; off <= 3; off++) {
		assert_int_equal(totp_code(secret, now + off * 30, code), 0);
		assert_int_equal(totp_verify(secret, code, now, 0),
		    off >= -1 && off <= 1 ? step + off : -1);
	}
	totp_code(secret, now, code);
	assert_int_equal(totp_verify(secret, code, now, step - 1), step);
	assert_int_equal(totp_verify(secret, code, now, step), -1);
	assert_int_equal(totp_verify(secret, code, now + 30, step), -1);
	totp_code(secret, now - 30, code); /* an older one after a newer one */
	assert_int_equal(totp_verify(secret, code, now, step), -1);
	totp_code(secret, now, code);
	code[5] = code[5] == '0' ? '1' : '0';
	assert_int_equal(totp_verify(secret, code, now, 0), -1);
	assert_int_equal(totp_verify(secret, "", now, 0), -1);
	assert_int_equal(totp_verify(secret, "1234567", now, 0), -1);
	assert_int_equal(totp_verify(secret, "12345x", now, 0), -1);
	buf_init(&uri, 1024);
	assert_int_equal(totp_uri(secret, "tele example", "a:b&c", &uri), 0);
	buf_put(&uri, "", 1);
	assert_string_equal((char *)buf_head(&uri),
	    "otpauth://totp/tele%20example:a%3Ab%26c?secret=A4DQOBYHA4DQOBYHA4DQOBYHA4DQOBYH"
	    "&issuer=tele%20example&algorithm=SHA1&digits=6&period=30");
	buf_done(&uri);
}

static void
sealed_blobs_open_with_their_key_only(void **state)
{
	struct secret *key = secret_new(SEALED_KEY_BYTES), *other = secret_new(SEALED_KEY_BYTES),
		      *plain;
	struct buf sealed;

	(void)state;
	rand_bytes(key->p, key->n);
	rand_bytes(other->p, other->n);
	buf_init(&sealed, 4096);
	assert_int_equal(sealed_close(key, "ca", span_str("the keys"), &sealed), 0);
	assert_int_equal(sealed_open(key, "ca", buf_span(&sealed), &plain), 0);
	assert_true(span_is(secret_span(plain), "the keys"));
	secret_free(plain);
	assert_true(sealed_open(other, "ca", buf_span(&sealed), &plain) < 0);
	assert_true(sealed_open(key, "totp", buf_span(&sealed), &plain) < 0);
	for (size_t i = 0; i < sealed.len; i++) {
		buf_head(&sealed)[i] ^= 0x10;
		assert_true(sealed_open(key, "ca", buf_span(&sealed), &plain) < 0);
		assert_null(plain);
		buf_head(&sealed)[i] ^= 0x10;
		assert_true(
		    sealed_open(key, "ca", (struct span){ buf_head(&sealed), i }, &plain) < 0);
	}
	buf_done(&sealed);
	secret_free(key);
	secret_free(other);
}

static void
key_files_are_made_once_and_guarded(void **state)
{
	char dir[] = "/tmp/secret-test.XXXXXX", path[64];
	struct secret *a, *b;
	struct stat st;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	str_format(path, sizeof path, "%s/key", dir);
	assert_true(secret_key_load(&a, path, false, &e) < 0);
	assert_int_equal(secret_key_load(&a, path, true, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(secret_key_load(&b, path, true, &e), 0);
	assert_true(secret_equal(secret_span(a), secret_span(b)));
	secret_free(b);
	chmod(path, 0640);
	assert_true(secret_key_load(&b, path, true, &e) < 0);
	chmod(path, 0600);
	assert_int_equal(truncate(path, 10), 0);
	assert_true(secret_key_load(&b, path, true, &e) < 0);
	secret_free(a);
	unlink(path);
	rmdir(dir);
}

static void
base64_both_ways(void **state)
{
	static const struct {
		const char *text, *bytes;
		enum b64_kind kind;
		bool ok;
	} row[] = {
		{ "", "", B64_STD, true },
		{ "Zg==", "f", B64_STD, true },
		{ "Zg", "f", B64_PLAIN, true },
		{ "Zm8=", "fo", B64_STD, true },
		{ "Zm9v", "foo", B64_STD, true },
		{ "Pz8_", "???", B64_URL, true },
		{ "Zg=", "", B64_STD, false },
		{ "Zg", "", B64_STD, false },
		{ "Zh==", "", B64_STD, false },
		{ "Zg==", "", B64_PLAIN, false },
		{ "Z", "", B64_PLAIN, false },
		{ "Zm9v!", "", B64_STD, false },
		{ "Zm9v Zg==", "", B64_STD, false },
		{ "\x82\xff\xff\xff", "", B64_STD, false },
	};
	struct buf b;
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		buf_init(&b, 64);
		assert_int_equal(b64_decode(span_str(row[i].text), row[i].kind, false, &b),
		    row[i].ok);
		if (row[i].ok) {
			assert_true(span_is(buf_span(&b), row[i].bytes));
			assert_true(
			    b64_encode(text, sizeof text, span_str(row[i].bytes), row[i].kind));
			assert_string_equal(text, row[i].text);
		}
		buf_done(&b);
	}
	assert_false(b64_encode(text, 4, span_str("foo"), B64_STD));
	buf_init(&b, 64);
	assert_true(b64_decode(span_str("Zm9v\nYmFy\n"), B64_STD, true, &b));
	assert_true(span_is(buf_span(&b), "foobar"));
	buf_reset(&b);
	assert_true(b64_put(&b, span_str("foobar"), B64_STD, 5));
	assert_true(span_is(buf_span(&b), "Zm9vY\nmFy\n"));
	buf_done(&b);
}

static void
sha256_in_pieces(void **state)
{
	static const char want[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	uint8_t digest[SHA256_BYTES];
	struct sha256 h;
	char hex[SHA256_HEX_SIZE];

	(void)state;
	sha256_init(&h);
	sha256_add(&h, "a", 1);
	sha256_add(&h, NULL, 0);
	sha256_add(&h, "bc", 2);
	sha256_end(&h, digest);
	str_hex(hex, digest, sizeof digest);
	assert_string_equal(hex, want);
	memset(hex, 'x', sizeof hex);
	sha256_hex(span_str("abc"), hex);
	assert_string_equal(hex, want);
	sha256_hex((struct span){ NULL, 0 }, hex);
	assert_string_equal(hex,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
uuids_are_version_4(void **state)
{
	char a[RAND_UUID_SIZE], b[RAND_UUID_SIZE];

	(void)state;
	rand_uuid(a);
	rand_uuid(b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(a[14], '4');
	assert_non_null(strchr("89ab", a[19]));
	assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
	for (int i = 0; i < 36; i++)
		assert_int_equal(a[i] == '-', i == 8 || i == 13 || i == 18 || i == 23);
	assert_string_not_equal(a, b);
}

/* The blocks' own path and the bytes around it: FIPS 180-4's million letters, in pieces of every size and alignment. */
static void
sha256_of_a_million_letters(void **state)
{
	static const char expected[] =
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	static uint8_t letters[1000000];
	static const size_t pieces[] = { 1000000, 1, 63, 64, 65, 127, 128, 191, 200, 4096, 32768 };
	uint8_t digest[SHA256_BYTES];
	char hex[65];

	(void)state;
	memset(letters, 'a', sizeof(letters));
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct sha256 h;

		sha256_init(&h);
		for (size_t at = 0; at < sizeof(letters); at += pieces[i])
			sha256_add(&h, letters + at,
			    sizeof(letters) - at < pieces[i] ? sizeof(letters) - at : pieces[i]);
		sha256_end(&h, digest);
		str_hex(hex, digest, sizeof digest);
		assert_string_equal(hex, expected);
	}
}

/* Each cut of two blocks and a half gives what the whole gives. */
static void
sha256_cuts_do_not_matter(void **state)
{
	uint8_t data[160], whole[SHA256_BYTES], cut[SHA256_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	sha256_of((struct span){ data, sizeof(data) }, whole);
	for (size_t i = 0; i <= sizeof(data); i++) {
		struct sha256 h;

		sha256_init(&h);
		sha256_add(&h, data, i);
		sha256_add(&h, data + i, sizeof(data) - i);
		sha256_end(&h, cut);
		assert_memory_equal(cut, whole, sizeof(whole));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_verify),
		cmocka_unit_test(a_password_that_is_guessed_soon_is_refused),
		cmocka_unit_test(what_is_measured_is_within_its_bounds),
		cmocka_unit_test(codes_are_those_of_the_rfc),
		cmocka_unit_test(codes_are_good_once_and_near),
		cmocka_unit_test(sealed_blobs_open_with_their_key_only),
		cmocka_unit_test(key_files_are_made_once_and_guarded),
		cmocka_unit_test(base64_both_ways),
		cmocka_unit_test(sha256_in_pieces),
		cmocka_unit_test(sha256_of_a_million_letters),
		cmocka_unit_test(sha256_cuts_do_not_matter),
		cmocka_unit_test(uuids_are_version_4),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
