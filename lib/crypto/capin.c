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

void
capin_of_spki(struct span spki, char *dst)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(spki, digest);
	memcpy(dst, prefix, PREFIX);
	str_hex(dst + PREFIX, digest, sizeof digest);
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
	char lower[2 * SHA256_BYTES + 1];

	if (!text || strlen(text) != CAPIN_SIZE - 1 || memcmp(text, prefix, PREFIX) != 0)
		return false;
	for (size_t i = 0; i < sizeof lower - 1; i++)
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

int
capin_check(const struct x509_cert *cert, const char *const *pins, size_t n, struct err *e)
{
	char have[CAPIN_SIZE];

	if (capin_of_cert(cert, have) < 0)
		return err_set(e, "out of memory");
	for (size_t i = 0; i < n; i++) {
		if (!capin_ok(pins[i]))
			return err_set(e,
			    "a CA pin is \"sha256:\" and 64 hexadecimal digits, as tctl status prints it");
		if (capin_equal(pins[i], have))
			return 0;
	}
	return err_set(e,
	    "the cluster's CA has the pin %s, which is not the one given; check the pin with "
	    "tctl status, and who answers at this address",
	    have);
}
