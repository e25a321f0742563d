/* SPDX-License-Identifier: Apache-2.0 */
/*
 * totp: the second factor of people with a phone. Called by authd. Pure but for totp_new.
 */
#include "crypto/totp.h"

#include <liboath/oath.h>
#include <string.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/secret.h"

enum { DIGITS = TOTP_CODE_SIZE - 1 };

void
totp_new(uint8_t secret[TOTP_SECRET_BYTES])
{
	rand_bytes(secret, TOTP_SECRET_BYTES);
}

/* 20 bytes are exactly 32 digits: five bytes make eight. */
void
totp_base32(const uint8_t secret[TOTP_SECRET_BYTES], char *dst)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	for (int group = 0; group < TOTP_SECRET_BYTES / 5; group++) {
		uint64_t bits = 0;

		for (int i = 0; i < 5; i++)
			bits = bits << 8 | secret[group * 5 + i];
		for (int i = 0; i < 8; i++)
			*dst++ = digits[bits >> (35 - 5 * i) & 31];
	}
	*dst = '\0';
}

static void
put_escaped(struct buf *b, const char *s)
{
	static const char plain[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@";

	for (; *s; s++) {
		if (strchr(plain, *s))
			buf_put(b, s, 1);
		else
			buf_printf(b, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

int
totp_uri(const uint8_t secret[TOTP_SECRET_BYTES], const char *issuer, const char *account,
    struct buf *ret)
{
	char text[TOTP_BASE32_SIZE];

	totp_base32(secret, text);
	buf_printf(ret, "otpauth://totp/");
	put_escaped(ret, issuer);
	buf_put(ret, ":", 1);
	put_escaped(ret, account);
	buf_printf(ret, "?secret=%s&issuer=", text);
	put_escaped(ret, issuer);
	buf_printf(ret, "&algorithm=SHA1&digits=%d&period=%d", DIGITS, TOTP_STEP_S);
	secret_zero(text, sizeof text);
	return buf_ok(ret) ? 0 : -1;
}

static int
code_of_step(const uint8_t secret[TOTP_SECRET_BYTES], int64_t step, char *dst)
{
	return oath_hotp_generate((const char *)secret, TOTP_SECRET_BYTES, (uint64_t)step, DIGITS,
		   false, OATH_HOTP_DYNAMIC_TRUNCATION, dst) == OATH_OK
	    ? 0
	    : -1;
}

int
totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t now_s, char *dst)
{
	return code_of_step(secret, now_s / TOTP_STEP_S, dst);
}

int64_t
totp_verify(const uint8_t secret[TOTP_SECRET_BYTES], const char *code, int64_t now_s,
    int64_t last_step)
{
	int64_t now = now_s / TOTP_STEP_S, found = -1;
	char want[TOTP_CODE_SIZE], given[TOTP_CODE_SIZE] = { 0 };

	/* A clock before the second step has not been set; a step of -1 would be a huge counter. */
	if (now_s < TOTP_STEP_S || strlen(code) != DIGITS)
		return -1;
	memcpy(given, code, DIGITS);
	/* One step to each side, for clocks that differ (RFC 6238 section 5.2). All three are
	 * always computed, and a code that was used, or one before it, does not count again. */
	for (int64_t step = now - 1; step <= now + 1; step++)
		if (code_of_step(secret, step, want) == 0 &&
		    secret_equal((struct span){ (uint8_t *)want, DIGITS },
			(struct span){ (uint8_t *)given, DIGITS }) &&
		    step > last_step && found < 0)
			found = step;
	secret_zero(want, sizeof want);
	return found;
}
