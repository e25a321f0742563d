/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a browser brings of a security key: JSON, and CBOR that the authenticator made. The first byte says whether a key is
 * registered or signs, and of which algorithm it is; then come two lengths, the client data and the authenticator's
 * data, and the signature is the rest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/webauthn.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct webauthn_site site = { "localhost", "http://localhost:18181" };
static uint8_t challenge[WEBAUTHN_CHALLENGE_BYTES];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	memset(challenge, 7, sizeof(challenge));
	return crypto_init();
}

static struct span
take(const uint8_t **data, size_t *size, size_t n)
{
	struct span s = { *data, n < *size ? n : *size };

	*data += s.n;
	*size -= s.n;
	return s;
}

static size_t
take_length(const uint8_t **data, size_t *size)
{
	struct span s = take(data, size, 2);

	return s.n == 2 ? (size_t)s.p[0] << 8 | s.p[1] : 0;
}

/* What is taken is within its bounds, and of an algorithm that we know. */
static void
check(const struct webauthn_credential *c)
{
	const int *a = webauthn_algorithms;

	while (*a && *a != c->algorithm)
		a++;
	if (!*a || c->n_id == 0 || c->n_id > sizeof(c->id) || c->n_key == 0 ||
	    c->n_key > sizeof(c->key))
		abort();
}

/* Of the signature of ECDSA in the corpus; of the others any bytes are a key. */
static void
known_key(struct webauthn_credential *c, unsigned which)
{
	static const char es256[] =
	    "4ee3e9379406f139f6881b296c97cd432ac63099496438106c058464b60825e2"
	    "06a596d568a114014782d63c918969eee159d515ef61c119d2d1b6fa87ae77a3";
	static const size_t lengths[] = { 32, 64, 259 };

	*c = (struct webauthn_credential){ .n_id = 32,
		.algorithm = webauthn_algorithms[which % 3],
		.n_key = lengths[which % 3],
		.counter = 1 };
	(void)str_unhex(es256, c->key, 64);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct webauthn_credential c; /* large */
	struct span first = take(&data, &size, 1);
	size_t n_client = take_length(&data, &size), n_auth = take_length(&data, &size);
	struct webauthn_answer answer;
	uint32_t counter;
	struct err e;

	if (first.n == 0)
		return 0;
	answer.client_data = take(&data, &size, n_client);
	answer.auth_data = take(&data, &size, n_auth);
	answer.signature = (struct span){ data, size };
	if (first.p[0] & 1) {
		if (webauthn_register(&site, challenge, &answer, &c, &e) == 0)
			check(&c);
		return 0;
	}
	known_key(&c, first.p[0] >> 1);
	(void)webauthn_verify(&site, challenge, &answer, &c, &counter, &e);
	return 0;
}
