/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's query and Cookie field, through http/query. What is found is printable, and found again by its name. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "http/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct http_query q = { .rest = { p, n } };
	char value[HTTP_QUERY_VALUE_SIZE], short_one[8];
	unsigned pairs = 0;

	while (http_query_next(&q) > 0) {
		pairs++;
		if (!str_is_printable(q.name, strlen(q.name)) ||
		    !str_is_printable(q.value, strlen(q.value)) || !q.name[0] || pairs > n)
			abort();
	}
	if (http_cookie_find((struct span){ p, n }, "sid", value, sizeof(value)) &&
	    strpbrk(value, " ;,\"\r\n"))
		abort();
	(void)http_cookie_find((struct span){ p, n }, "s", short_one, sizeof(short_one));
	return 0;
}
