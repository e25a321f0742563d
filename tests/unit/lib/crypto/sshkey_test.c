/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys against OpenSSH's own tool: files made by ssh-keygen are read here, files made here are read
 * there, and signatures by every type of key (ssh-keygen -Y sign) are verified and, one bit
 * changed, refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <mbedtls/ecdsa.h>
#include <sodium.h>

#include "base/file.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/b64.h"
#include "crypto/rand.h"
#include "crypto/sshkey.h"

static char dir[64];

static void
run(const char *fmt, const char *arg)
{
	char cmd[1024];

	assert_true(str_format(cmd, sizeof cmd, "cd %s && ", dir));
	assert_true(strlen(cmd) + strlen(fmt) + strlen(arg) < sizeof cmd);
	snprintf(cmd + strlen(cmd), sizeof cmd - strlen(cmd), "%s%s", fmt, arg);
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

static char *
slurp(const char *name)
{
	char path[128], *text;
	size_t n;
	struct err e;

	assert_true(str_format(path, sizeof path, "%s/%s", dir, name));
	if (file_read(path, 1 << 20, &text, &n, &e) < 0)
		fail_msg("%s", e.text);
	return text;
}

static struct sshkey *
load_public(const char *name)
{
	char *line = slurp(name);
	struct sshkey *key;
	struct buf blob;

	buf_init(&blob, 1 << 16);
	assert_int_equal(sshkey_line_to_blob(line, &blob), 0);
	assert_int_equal(sshkey_from_blob(&key, buf_span(&blob)), 0);
	buf_done(&blob);
	free(line);
	return key;
}

static int
setup(void **state)
{
	(void)state;
	if (crypto_init() < 0)
		return -1;
	str_copy(dir, sizeof(dir), "/tmp/sshkey-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	run("ssh-keygen -q -t ed25519 -N '' -C 'a comment' -f ed25519", "");
	run("ssh-keygen -q -t ecdsa -b 256 -N '' -f ecdsa", "");
	run("ssh-keygen -q -t rsa -b 2048 -N '' -f rsa", "");
	run("ssh-keygen -q -t rsa -b 1024 -N '' -f small", "");
	run("ssh-keygen -q -t ecdsa -b 384 -N '' -f p384", "");
	run("ssh-keygen -q -t ed25519 -N secret -f locked", "");
	run("printf 'the message' > m", "");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	run("rm -rf ", dir);
	return 0;
}

static void
reads_and_writes_key_files(void **state)
{
	struct sshkey *key, *again, *pub;
	char path[128], *line;
	struct buf text;
	struct err e;

	(void)state;
	str_format(path, sizeof path, "%s/ed25519", dir);
	if (sshkey_load(&key, path, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(sshkey_is_private(key));
	pub = load_public("ed25519.pub");
	assert_false(sshkey_is_private(pub));
	assert_true(sshkey_equal(key, pub));

	str_format(path, sizeof path, "%s/ours", dir);
	assert_int_equal(sshkey_save(key, path, "made here", &e), 0);
	run("ssh-keygen -y -f ours > ours.pub && cut -d' ' -f1,2 ours.pub > a && "
	    "cut -d' ' -f1,2 ed25519.pub > b && cmp a b && grep -q 'made here' ours.pub",
	    "");
	assert_int_equal(sshkey_load(&again, path, &e), 0);
	assert_true(sshkey_equal(key, again));

	line = slurp("ed25519.pub");
	buf_init(&text, 4096);
	assert_int_equal(sshkey_blob_to_line(sshkey_blob(key), "a comment", &text), 0);
	assert_int_equal(text.len + 1, strlen(line));
	assert_memory_equal(buf_head(&text), line, text.len);
	buf_done(&text);
	free(line);
	sshkey_free(key);
	sshkey_free(again);
	sshkey_free(pub);
}

static void
refuses_key_files_it_cannot_use(void **state)
{
	static const char *const bad[] = { "locked", "rsa", "ecdsa", "m", "ed25519.pub" };
	struct sshkey *key;
	char path[128], *text;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		str_format(path, sizeof path, "%s/%s", dir, bad[i]);
		chmod(path, 0600);
		assert_true(sshkey_load(&key, path, &e) < 0);
		assert_null(key);
		if (i == 0)
			assert_non_null(strstr(e.text, "passphrase"));
	}
	str_format(path, sizeof path, "%s/ed25519", dir);
	chmod(path, 0644);
	assert_true(sshkey_load(&key, path, &e) < 0);
	chmod(path, 0600);

	/* Any one character changed or any tail cut: never a key, and never the wrong one. */
	text = slurp("ed25519");
	for (size_t i = strlen("-----BEGIN OPENSSH PRIVATE KEY-----") + 1; text[i] != '-'; i++) {
		char was = text[i];

		if (was == '\n' || was == '=')
			continue;
		text[i] = was == 'A' ? 'B' : 'A';
		if (sshkey_from_file_text(&key, text, &e) == 0) {
			struct sshkey *pub = load_public("ed25519.pub");

			assert_true(
			    sshkey_equal(key, pub)); /* the check number or the comment changed */
			sshkey_free(pub);
			sshkey_free(key);
		}
		text[i] = was;
	}
	free(text);
}

static void
refuses_public_keys_it_does_not_take(void **state)
{
	struct sshkey *key;
	struct buf blob;
	char *line;

	(void)state;
	buf_init(&blob, 1 << 16);
	line = slurp("small.pub");
	assert_int_equal(sshkey_line_to_blob(line, &blob), 0);
	assert_true(sshkey_from_blob(&key, buf_span(&blob)) < 0);
	free(line);
	buf_reset(&blob);
	line = slurp("p384.pub");
	assert_int_equal(sshkey_line_to_blob(line, &blob), 0);
	assert_true(sshkey_from_blob(&key, buf_span(&blob)) < 0);
	free(line);
	buf_reset(&blob);
	line = slurp("ed25519.pub");
	memcpy(line, "ssh-rsaxxxx", 11);
	assert_true(sshkey_line_to_blob(line, &blob) < 0);
	assert_true(sshkey_line_to_blob("", &blob) < 0);
	assert_true(sshkey_line_to_blob("ssh-ed25519", &blob) < 0);
	assert_true(sshkey_line_to_blob("ssh-ed25519 !!!", &blob) < 0);
	free(line);
	buf_done(&blob);

	/* Every cut of a good blob, and one byte too many. */
	for (int t = 0; t < 3; t++) {
		static const char *const names[] = { "ed25519.pub", "ecdsa.pub", "rsa.pub" };
		struct sshkey *good = load_public(names[t]);
		struct span s = sshkey_blob(good);
		uint8_t more[2048];

		for (size_t n = 0; n < s.n; n++)
			assert_true(sshkey_from_blob(&key, (struct span){ s.p, n }) < 0);
		memcpy(more, s.p, s.n);
		more[s.n] = 0;
		assert_true(sshkey_from_blob(&key, (struct span){ more, s.n + 1 }) < 0);
		sshkey_free(good);
	}
}

/* PROTOCOL.sshsig: what ssh-keygen -Y sign signs, and the signature inside its file. */
static void
sshsig(const char *name, uint8_t *file, size_t *file_n, struct span *sig, struct buf *signed_data)
{
	char path[64], *text, *from, *to;
	uint8_t hash[64];
	struct buf raw;
	struct wire w;

	str_format(path, sizeof path, "rm -f m.sig; ssh-keygen -q -Y sign -n test -f %s m", name);
	run(path, " 2>/dev/null");
	text = slurp("m.sig");
	from = strchr(text, '\n');
	to = strstr(from, "-----END");
	buf_init(&raw, 4096);
	assert_true(
	    b64_decode((struct span){ (uint8_t *)from, (size_t)(to - from) }, B64_STD, true, &raw));
	assert_true(raw.len < *file_n);
	memcpy(file, buf_head(&raw), raw.len);
	w = wire_from((struct span){ file, raw.len });
	wire_bytes(&w, 6);
	wire_u32(&w);
	for (int i = 0; i < 4; i++) /* key, namespace, reserved, hash */
		wire_string(&w);
	*sig = wire_string(&w);
	assert_true(wire_end(&w));
	crypto_hash_sha512(hash, (const uint8_t *)"the message", 11);
	buf_put(signed_data, "SSHSIG", 6);
	wire_put_text(signed_data, "test");
	wire_put_text(signed_data, "");
	wire_put_text(signed_data, "sha512");
	wire_put_string(signed_data, (struct span){ hash, sizeof hash });
	*file_n = raw.len;
	buf_done(&raw);
	free(text);
}

static void
verifies_signatures_of_every_type(void **state)
{
	static const struct {
		const char *name, *pub, *alg, *wrong_alg;
	} row[] = {
		{ "ed25519", "ed25519.pub", "ssh-ed25519", "ssh-rsa" },
		{ "ecdsa", "ecdsa.pub", "ecdsa-sha2-nistp256", "ssh-ed25519" },
		{ "rsa", "rsa.pub", "rsa-sha2-512", "rsa-sha2-256" },
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct sshkey *key = load_public(row[i].pub);
		uint8_t file[4096];
		size_t n = sizeof file;
		struct span sig, alg = span_str(row[i].alg);
		struct buf data;

		buf_init(&data, 4096);
		sshsig(row[i].name, file, &n, &sig, &data);
		assert_int_equal(sshkey_verify(key, alg, sig, buf_span(&data)), 0);
		assert_true(
		    sshkey_verify(key, span_str(row[i].wrong_alg), sig, buf_span(&data)) < 0);
		for (size_t at = 0; at < sig.n; at++) {
			uint8_t *byte = file + (sig.p - file) + at;

			*byte ^= 1;
			assert_true(sshkey_verify(key, alg, sig, buf_span(&data)) < 0);
			*byte ^= 1;
		}
		assert_true(sshkey_verify(key, alg, (struct span){ sig.p, sig.n - 1 },
				buf_span(&data)) < 0);
		buf_head(&data)[8] ^= 1;
		assert_true(sshkey_verify(key, alg, sig, buf_span(&data)) < 0);
		buf_done(&data);
		sshkey_free(key);
	}
}

static void
never_accepts_sha1(void **state)
{
	struct sshkey *key = load_public("rsa.pub");
	struct buf sig;

	(void)state;
	buf_init(&sig, 4096);
	run("openssl dgst -sha1 -sign rsa.pem -out sha1 m 2>/dev/null || "
	    "{ cp rsa rsa.pem && ssh-keygen -q -p -m PEM -N '' -f rsa.pem > /dev/null && "
	    "openssl dgst -sha1 -sign rsa.pem -out sha1 m; }",
	    "");
	wire_put_text(&sig, "ssh-rsa");
	{
		char *raw;
		size_t n;
		char path[128];
		struct err e;

		str_format(path, sizeof path, "%s/sha1", dir);
		assert_int_equal(file_read(path, 4096, &raw, &n, &e), 0);
		wire_put_string(&sig, (struct span){ (uint8_t *)raw, n });
		free(raw);
	}
	assert_true(
	    sshkey_verify(key, span_str("ssh-rsa"), buf_span(&sig), span_str("the message")) < 0);
	buf_done(&sig);
	sshkey_free(key);
}

static void
signs_and_verifies(void **state)
{
	struct sshkey *key, *pub;
	struct buf sig;

	(void)state;
	assert_int_equal(sshkey_generate(&key), 0);
	assert_int_equal(sshkey_from_blob(&pub, sshkey_blob(key)), 0);
	buf_init(&sig, 1024);
	assert_int_equal(sshkey_sign(key, span_str("x"), &sig), 0);
	assert_int_equal(sshkey_verify(pub, span_str("ssh-ed25519"), buf_span(&sig), span_str("x")),
	    0);
	assert_true(sshkey_verify(pub, span_str("ssh-ed25519"), buf_span(&sig), span_str("y")) < 0);
	buf_reset(&sig);
	assert_true(sshkey_sign(pub, span_str("x"), &sig) < 0);
	buf_done(&sig);
	sshkey_free(key);
	sshkey_free(pub);
}

/* A security key in software: flags and counter inside what it signs (PROTOCOL.u2f). */
static void
sk_message(uint8_t flags, const char *data, struct buf *b)
{
	uint8_t hash[32];

	crypto_hash_sha256(hash, (const uint8_t *)"ssh:", 4);
	buf_put(b, hash, sizeof hash);
	wire_put_u8(b, flags);
	wire_put_u32(b, 7);
	crypto_hash_sha256(hash, (const uint8_t *)data, strlen(data));
	buf_put(b, hash, sizeof hash);
}

static int
sk_ed25519_verify(uint8_t signed_flags, uint8_t told_flags)
{
	static const char type[] = "sk-ssh-ed25519@openssh.com";
	uint8_t pk[32], sk[64], raw[64];
	struct buf blob, sig, message;
	struct sshkey *key;
	int rc;

	crypto_sign_keypair(pk, sk);
	buf_init(&blob, 1024);
	buf_init(&sig, 1024);
	buf_init(&message, 1024);
	wire_put_text(&blob, type);
	wire_put_string(&blob, (struct span){ pk, 32 });
	wire_put_text(&blob, "ssh:");
	assert_int_equal(sshkey_from_blob(&key, buf_span(&blob)), 0);
	sk_message(signed_flags, "data", &message);
	crypto_sign_detached(raw, NULL, buf_head(&message), message.len, sk);
	wire_put_text(&sig, type);
	wire_put_string(&sig, (struct span){ raw, 64 });
	wire_put_u8(&sig, told_flags);
	wire_put_u32(&sig, 7);
	rc = sshkey_verify(key, span_str(type), buf_span(&sig), span_str("data"));
	sshkey_free(key);
	buf_done(&blob);
	buf_done(&sig);
	buf_done(&message);
	return rc;
}

static int
sk_ecdsa_verify(const char *data)
{
	static const char type[] = "sk-ecdsa-sha2-nistp256@openssh.com";
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	uint8_t q[65], hash[32], r[32], s[32];
	struct buf blob, sig, message;
	struct sshkey *key;
	mbedtls_mpi d, mr, ms;
	size_t n, mark;
	int rc;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&d);
	mbedtls_mpi_init(&mr);
	mbedtls_mpi_init(&ms);
	assert_int_equal(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1), 0);
	assert_int_equal(mbedtls_ecp_gen_keypair(&group, &d, &point, rand_mbedtls, NULL), 0);
	mbedtls_ecp_point_write_binary(&group, &point, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, q,
	    sizeof q);
	buf_init(&blob, 1024);
	buf_init(&sig, 1024);
	buf_init(&message, 1024);
	wire_put_text(&blob, type);
	wire_put_text(&blob, "nistp256");
	wire_put_string(&blob, (struct span){ q, n });
	wire_put_text(&blob, "ssh:");
	assert_int_equal(sshkey_from_blob(&key, buf_span(&blob)), 0);
	sk_message(1, "data", &message);
	crypto_hash_sha256(hash, buf_head(&message), message.len);
	assert_int_equal(mbedtls_ecdsa_sign(&group, &mr, &ms, &d, hash, 32, rand_mbedtls, NULL),
	    0);
	mbedtls_mpi_write_binary(&mr, r, 32);
	mbedtls_mpi_write_binary(&ms, s, 32);
	wire_put_text(&sig, type);
	mark = wire_put_open(&sig);
	wire_put_mpint(&sig, (struct span){ r, 32 });
	wire_put_mpint(&sig, (struct span){ s, 32 });
	wire_put_close(&sig, mark);
	wire_put_u8(&sig, 1);
	wire_put_u32(&sig, 7);
	rc = sshkey_verify(key, span_str(type), buf_span(&sig), span_str(data));
	sshkey_free(key);
	mbedtls_ecp_group_free(&group);
	mbedtls_ecp_point_free(&point);
	mbedtls_mpi_free(&d);
	mbedtls_mpi_free(&mr);
	mbedtls_mpi_free(&ms);
	buf_done(&blob);
	buf_done(&sig);
	buf_done(&message);
	return rc;
}

static void
security_keys_need_the_touch(void **state)
{
	(void)state;
	assert_int_equal(sk_ed25519_verify(1, 1), 0);
	assert_int_equal(sk_ed25519_verify(5, 5), 0);
	assert_true(sk_ed25519_verify(0, 0) < 0);
	assert_true(sk_ed25519_verify(0, 1) < 0);
	assert_int_equal(sk_ecdsa_verify("data"), 0);
	assert_true(sk_ecdsa_verify("date") < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_key_files),
		cmocka_unit_test(refuses_key_files_it_cannot_use),
		cmocka_unit_test(refuses_public_keys_it_does_not_take),
		cmocka_unit_test(verifies_signatures_of_every_type),
		cmocka_unit_test(never_accepts_sha1),
		cmocka_unit_test(signs_and_verifies),
		cmocka_unit_test(security_keys_need_the_touch),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
