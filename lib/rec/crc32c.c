/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c: four bytes a step with tables made at first use; see crc32c.h. One thread (the loop's) uses it.
 */
#include "rec/crc32c.h"

#include <stdbool.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u /* reflected */

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
crc32c(uint32_t crc, const void *p, size_t n)
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
