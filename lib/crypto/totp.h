/* SPDX-License-Identifier: Apache-2.0 */
/*
 * totp: one-time codes (RFC 6238: SHA-1, 6 digits, 30 s), by liboath.
 */
#ifndef CRYPTO_TOTP_H
#define CRYPTO_TOTP_H

#include "base/buf.h"

enum { TOTP_SECRET_BYTES = 20, TOTP_BASE32_SIZE = 33, TOTP_STEP_S = 30, TOTP_CODE_SIZE = 7 };

void totp_new(uint8_t secret[TOTP_SECRET_BYTES]);
/* Upper-case base32 without padding into dst of TOTP_BASE32_SIZE bytes, as people type it. */
void totp_base32(const uint8_t secret[TOTP_SECRET_BYTES], char *dst);
/* "otpauth://totp/ISSUER:ACCOUNT?secret=...&issuer=...", escaped, appended. */
int totp_uri(const uint8_t secret[TOTP_SECRET_BYTES], const char *issuer, const char *account,
    struct buf *ret);
/* The code of the step that now_s (seconds since 1970) lies in; dst holds TOTP_CODE_SIZE bytes. */
int totp_code(const uint8_t secret[TOTP_SECRET_BYTES], int64_t now_s, char *dst);
/* The step that the code fits: the present one, the one before or the one after, and later than
 * last_step, so that a code is good once. -1: none. The caller stores what is returned as the
 * user's last_step (0 at first). Always computes all three. */
int64_t totp_verify(const uint8_t secret[TOTP_SECRET_BYTES], const char *code, int64_t now_s,
    int64_t last_step);

#endif
