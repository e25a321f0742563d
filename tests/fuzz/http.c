/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's HTTP request head, form and path, through http/head. */
#include <stdlib.h>
#include <string.h>

#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct http_head head;
	uint8_t *copy = malloc(n + !n);
	char value[64];

	if (!copy)
		return 0;
	memcpy(copy, p, n);
	(void)http_form_value((struct span){ copy, n }, "password", value, sizeof(value));
	(void)http_unescape((struct span){ copy, n }, false, value, sizeof(value));
	if (http_head_parse(&head, copy, n) == 0 &&
	    (head.length == 0 || head.length > n || head.path.n == 0))
		abort();
	free(copy);
	return 0;
}
