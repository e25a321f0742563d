/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str: text helpers that cannot overflow.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies src into dst[size], always NUL-terminated. False when it was cut. */
bool str_copy(char *dst, size_t size, const char *src);
/* snprintf that says whether all fitted. */
bool str_format(char *dst, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Unsigned decimal, whole string, at most max. */
bool str_u64(const char *s, uint64_t max, uint64_t *ret);
/* "90s", "30m", "12h", "7d", "1h30m" or plain seconds -> seconds. False when malformed or 0. */
bool str_duration(const char *s, int64_t *ret_s);
/* Seconds as people write them: "12h0m0s", "<1m". */
void str_duration_text(int64_t s, char *dst, size_t size);
/* HOST:PORT, [V6]:PORT or HOST with a default port; host without brackets. */
bool str_host_port(const char *s, uint16_t default_port, char *host, size_t size, uint16_t *port);
/* The way back: HOST:PORT, an IPv6 address in brackets. False when it was cut. */
bool str_put_host_port(char *dst, size_t size, const char *host, uint16_t port);
/* Bytes of a UTF-8 character (RFC 3629): of one that starts with first; and of the one at s, where n > 0 bytes are. 0: none
 * (stray, cut, overlong, a surrogate, above U+10FFFF). */
size_t str_utf8_need(uint8_t first);
size_t str_utf8_len(const uint8_t *s, size_t n);
/* Bytes of the UTF-8 character at s (1 to 4 of n, n > 0), or 0: it is no UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF), or a control character: C0, DEL, C1, or one
 * that moves the text around it (directions, line separators). */
size_t str_printable_len(const uint8_t *s, size_t n);
/* Valid UTF-8 without NUL and without control characters. */
bool str_is_printable(const char *s, size_t n);
/* Copies src into dst with every control character and every invalid UTF-8 byte replaced by '?', for text that comes
 * from a stranger and goes to a terminal or a log. What is written down as an event: base/readable.h. */
void str_clean(char *dst, size_t size, const char *src, size_t n);
/* Lower-case hexadecimal; dst holds 2n+1 bytes. */
void str_hex(char *dst, const uint8_t *p, size_t n);
/* A UUID as RFC 9562 writes it, in lower case. */
bool str_is_uuid(const char *s);
/* Hexadecimal to exactly n bytes. */
bool str_unhex(const char *s, uint8_t *dst, size_t n);
/* '*' matches any run of characters; linear time, no backtracking blow-up. */
bool str_glob(const char *pattern, const char *s);
/* Splits at sep in place into at most max parts, trimming blanks; returns how many (empty parts are dropped). */
size_t str_split(char *s, char sep, char **parts, size_t max);

#endif
