/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, public keys and key files from strangers. The first byte chooses the parser.
 * Whatever parses must answer every question without harm.
 */
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "crypto/rand.h"
#include "crypto/sshcert.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return crypto_init();
}

static void
fuzz_cert(struct span s)
{
	struct sshcert_rules rules = { SSHCERT_USER, NULL, 1, NULL, "192.0.2.1", 1800000000 };
	struct sshcert *cert;
	struct span ca;
	struct err e;

	sshcert_is_cert(s);
	if (sshcert_parse(&cert, s, &e) < 0)
		return;
	ca = buf_span(&cert->ca_blob);
	rules.ca = &ca;
	rules.type = cert->type;
	sshcert_check(cert, &rules, &e);
	sshcert_extension(cert, "permit-pty");
	sshcert_free(cert);
}

static void
fuzz_key(struct span s)
{
	struct sshkey *key;
	char print[64];

	if (sshkey_from_blob(&key, s) < 0)
		return;
	if (sshkey_is_private(key))
		abort();
	sshkey_free(key);
}

/* The input is a public key and a signature. */
static void
fuzz_signature(struct span s)
{
	struct wire w = wire_from(s);
	struct span blob = wire_string(&w), sig = wire_string(&w), alg = wire_string(&w);
	struct sshkey *key;

	if (w.bad || sshkey_from_blob(&key, blob) < 0)
		return;
	sshkey_verify(key, alg, sig, span_str("data"));
	sshkey_free(key);
}

static void
fuzz_text(struct span s)
{
	char *text = span_dup(s);
	struct sshkey *key;
	struct buf blob;
	struct err e;

	if (!text)
		return;
	if (sshkey_from_file_text(&key, text, &e) == 0)
		sshkey_free(key);
	buf_init(&blob, 1 << 16);
	sshkey_line_to_blob(text, &blob);
	buf_done(&blob);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest;

	if (!size)
		return 0;
	rest = (struct span){ data + 1, size - 1 };
	switch (data[0] & 3) {
	case 0:
		fuzz_cert(rest);
		break;
	case 1:
		fuzz_key(rest);
		break;
	case 2:
		fuzz_signature(rest);
		break;
	case 3:
		fuzz_text(rest);
		break;
	}
	return 0;
}
