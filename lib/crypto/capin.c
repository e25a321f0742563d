/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capin: CA pins. Called by tctl, noded and tsh. Pure.
 */
#include "crypto/capin.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"

static const char prefix[] = "sha256:";
enum { PREFIX = sizeof prefix - 1 };

/* The pin of a SubjectPublicKeyInfo; dst holds CAPIN_SIZE bytes. */
static void
capin_of_spki(struct span spki, char *dst)
{
	memcpy(dst, prefix, PREFIX);
	sha256_hex(spki, dst + PREFIX);
}

int
capin_of_cert(const struct x509_cert *cert, char *dst)
{
	struct buf spki;
	int rc;

	buf_init(&spki, 4096);
	rc = x509_cert_spki(cert, &spki);
	if (rc == 0)
		capin_of_spki(buf_span(&spki), dst);
	buf_done(&spki);
	return rc;
}

static bool
decode(const char *text, uint8_t digest[SHA256_BYTES])
{
	char lower[SHA256_HEX_SIZE];

	if (!text || strlen(text) != CAPIN_SIZE - 1 || memcmp(text, prefix, PREFIX) != 0)
		return false;
	for (size_t i = 0; i < sizeof lower - 1; i++)
		/* People copy pins out of other programs, some of which write capitals. */
		lower[i] = (char)tolower((unsigned char)text[PREFIX + i]);
	lower[sizeof lower - 1] = '\0';
	return str_unhex(lower, digest, SHA256_BYTES);
}

bool
capin_ok(const char *text)
{
	uint8_t digest[SHA256_BYTES];

	return decode(text, digest);
}

bool
capin_equal(const char *a, const char *b)
{
	uint8_t x[SHA256_BYTES], y[SHA256_BYTES];

	return decode(a, x) && decode(b, y) &&
	    secret_equal((struct span){ x, sizeof x }, (struct span){ y, sizeof y });
}
