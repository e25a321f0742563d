/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of cut-offs as a hostile worker brings them to noded's monitor, which reads them as root. What was read, signed
 * again, must read the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/cutoffs.h"
#include "crypto/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sshkey *
key(void)
{
	static const uint8_t seed[32] = { 1 };
	static struct sshkey *made;

	if (!made && (crypto_init() < 0 || sshkey_from_seed(&made, seed) < 0))
		abort();
	return made;
}

static void
sign_again(const struct cutoffs *c)
{
	struct cutoffs again;
	struct buf b;

	buf_init(&b, CUTOFFS_MAX + 4096);
	if (c->entries.n <= CUTOFFS_ENTRIES_MAX && cutoffs_sign(c, key(), &b) == 0 &&
	    b.len <= CUTOFFS_MAX &&
	    (cutoffs_read(&again, buf_span(&b)) < 0 || again.n != c->n ||
		!span_eq(again.entries, c->entries) || again.issued_ms != c->issued_ms))
		abort();
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(
	    size ? size : 1); /* of exactly this size, so that an over-read is seen */
	struct cutoffs c;

	if (size)
		memcpy(copy, data, size);
	if (cutoffs_read(&c, (struct span){ copy, size }) == 0) {
		if (cutoffs_of(&c, "alice") < c.everybody_ms)
			abort();
		sign_again(&c);
	}
	free(copy);
	return 0;
}
