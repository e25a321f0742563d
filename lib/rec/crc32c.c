/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c: by the CPU's own instruction where there is one (x86-64 since 2008), else four bytes a step with tables made
 * at first use; see crc32c.h. One thread (the loop's) uses it.
 *
 * The tables take seven times as long, which was a third of what recording bulk output cost a node.
 */
#include "rec/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u /* reflected */

/* --- by tables ---------------------------------------------------------------------------------- */

static uint32_t table[4][256];

static void
make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ CRC32C_POLYNOMIAL : crc >> 1;
		table[0][i] = crc;
	}
	for (uint32_t i = 0; i < 256; i++) {
		for (int t = 1; t < 4; t++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 0xff];
	}
}

uint32_t
crc32c_by_table(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *at = p;

	if (!table[0][1])
		make_tables();
	crc = ~crc;
	for (; n >= 4; n -= 4, at += 4) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
		    (uint32_t)at[3] << 24;
		crc = table[3][crc & 0xff] ^ table[2][crc >> 8 & 0xff] ^
		    table[1][crc >> 16 & 0xff] ^ table[0][crc >> 24];
	}
	for (; n; n--, at++)
		crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
	return ~crc;
}

/* --- by the CPU --------------------------------------------------------------------------------- */

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = ~crc;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; n; n--, p++)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return ~(uint32_t)c;
}

#endif

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return by_instruction(crc, p, n);
#endif
	return crc32c_by_table(crc, p, n);
}
