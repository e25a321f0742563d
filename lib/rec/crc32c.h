/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc32c: the Castagnoli checksum (RFC 3720 appendix B.4), against damage, not against people.
 */
#ifndef REC_CRC32C_H
#define REC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Start with crc 0; the result of one piece goes into the next. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* The same on any machine: what crc32c does where the CPU has no instruction for it. */
uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t n);

#endif
