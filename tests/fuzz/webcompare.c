/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile proxy answers, beside a list: whatever is said of it is printable, and nothing but the file of the list, with
 * its headers, has nothing said of it. The input: head, an empty line, body.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tsh/webcompare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
on_difference(const char *address, const char *what, void *arg)
{
	++*(unsigned *)arg;
	if (!str_is_printable(address, strlen(address)) || !str_is_printable(what, strlen(what)))
		abort();
}

/* Its file is "hello". */
static struct webhashes *
list(void)
{
	static const char text[] =
	    "sallyport-web 1\nversion 1\nheader Content-Security-Policy: default-src 'self'\n"
	    "file 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 5 /web text/html\n";
	struct webhashes *l = NULL;

	if (webhashes_parse(&l, strdup(text), NULL) < 0)
		abort();
	return l;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct webhashes *l = list(), *other = NULL;
	char *text = span_dup((struct span){ data, size }), *end;
	unsigned differences = 0;

	if (text && (end = strstr(text, "\r\n\r\n"))) {
		struct fetch_reply r = { .status = 200, .head = text, .body = end + 4 };

		*end = '\0';
		r.len = strlen(r.body);
		webcompare_file(l, l->files, &r, on_difference, &differences);
		if (differences == 0 && (!strstr(text, ": default-src 'self'") || r.len < 5))
			abort();
		webcompare_page(l, &r, on_difference, &differences);
		*end = '\r';
	}
	/* The same bytes as a list. */
	if (text && webhashes_parse(&other, text, NULL) == 0)
		webhashes_free(other);
	webhashes_free(l);
	return 0;
}
