/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a stranger's connection, through net/clienthello. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/clienthello.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct clienthello hello;

	(void)clienthello_parse(&hello, (struct span){ p, n });
	if (memchr(hello.server_name, 0, sizeof(hello.server_name)) == NULL)
		abort();
	return 0;
}
