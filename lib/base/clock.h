/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock: the two times there are, in milliseconds.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void); /* never goes back; for timeouts */
int64_t clock_wall_ms(void); /* since 1970-01-01 UTC; for what people read */
int64_t clock_mono_us(void);
/* "2026-11-22T23:00:00.123Z" from wall milliseconds; dst holds at least 32 bytes. */
void clock_rfc3339(int64_t wall_ms, char *dst, size_t size);
/* The other way; accepts a fraction and Z or +hh:mm. 0 done, -1 malformed. */
int clock_parse_rfc3339(const char *s, int64_t *ret_wall_ms);
/* As people write it: that, or a day alone ("2026-11-22"), which means its first moment. */
int clock_parse_time(const char *s, int64_t *ret_wall_ms);

#endif
