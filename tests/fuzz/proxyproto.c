/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a stranger's connection, through net/proxyproto. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/proxyproto.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct proxyproto header;

	if (proxyproto_parse(&header, (struct span){ p, n }) == 0 &&
	    (header.length == 0 || header.length > n))
		abort();
	return 0;
}
