/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a stranger's connection, through net/sniff. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clienthello hello;

	(void)sniff_bytes((struct span){ p, n }, &hello);
	return 0;
}
