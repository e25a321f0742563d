/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-1 against known answers. Not beside the other digests: what browsers run has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/sha1.h"

static void
is_hex(struct span text, const char *expect)
{
	uint8_t digest[SHA1_BYTES];
	char hex[2 * SHA1_BYTES + 1];

	sha1_of(text, digest);
	str_hex(hex, digest, sizeof digest);
	assert_string_equal(hex, expect);
}

static void
fips_180(void **state)
{
	(void)state;
	is_hex(span_str(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	is_hex(span_str("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* RFC 6455 section 1.3: key and GUID of the handshake. */
static void
handshake_of_a_websocket(void **state)
{
	(void)state;
	is_hex(span_str("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
	       "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fips_180),
		cmocka_unit_test(handshake_of_a_websocket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
