/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of the web app's files: which headers belong to which, and what is no list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tsh/webhashes.h"

#define SUM  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "sallyport-web 1\nversion 1.2\n"
#define PAGE "file " SUM " 10 /web text/html; charset=utf-8\n"

static void
headers_belong_to_the_files_behind_them(void **state)
{
	struct webhashes *l = NULL;
	struct err e = { "" };
	const struct webhashes_file *f;

	(void)state;
	assert_int_equal(webhashes_parse(&l,
			     strdup(HEAD "header A: 1\nheader B: x: y\n" PAGE "file " SUM
					 " 11 /web/a.mjs t\nheader C: 2\nfile " SUM
					 " 0 /web/site/b t\n"),
			     &e),
	    0);
	assert_string_equal(l->version, "1.2");
	assert_int_equal(l->n_files, 3);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(l->files[i].first_header, 0);
		assert_int_equal(l->files[i].n_headers, 2);
	}
	assert_string_equal(l->headers[1].name, "B");
	assert_string_equal(l->headers[1].value, "x: y");
	f = webhashes_find(l, "/web/site/b", 11);
	assert_ptr_equal(f, &l->files[2]);
	assert_int_equal(f->first_header, 2);
	assert_int_equal(f->n_headers, 1);
	assert_int_equal(f->sum[1], 0x11);
	assert_string_equal(l->files[0].type, "text/html; charset=utf-8");
	assert_int_equal(l->files[1].size, 11);
	assert_null(webhashes_find(l, "/web/site/b", 10));
	webhashes_free(l);
}

static void
what_is_no_list_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"sallyport-web 2\nversion 1\n" PAGE,
		HEAD,
		"sallyport-web 1\n" PAGE,
		HEAD "version 2\n" PAGE,
		HEAD "other x\n" PAGE,
		HEAD "\n" PAGE,
		HEAD "header A\n" PAGE,
		HEAD "header : x\n" PAGE,
		HEAD PAGE PAGE,
		HEAD "file " SUM " 10 /web t",     /* cut */
		HEAD "file " SUM " 10 /web/a t\n", /* the page is not first */
		HEAD PAGE "file " SUM " 10 /web/../x t\n",
		HEAD PAGE "file " SUM " 10 /web//x t\n",
		HEAD PAGE "file " SUM " 10 /webapi/find t\n",
		HEAD PAGE "file " SUM " 10 https://elsewhere.example/ t\n",
		HEAD PAGE "file " SUM " 10 /web/x?y t\n",
		HEAD PAGE "file " SUM " 10 /web/x\n",
		HEAD PAGE "file " SUM " -1 /web/x t\n",
		HEAD PAGE "file " SUM " 33554433 /web/x t\n",
		HEAD PAGE "file " SUM "00 10 /web/x t\n",
		HEAD PAGE "file 0011 10 /web/x t\n",
		HEAD "header A: \x1b[2J\n" PAGE,
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct webhashes *l = NULL;
		struct err e = { "" };

		if (webhashes_parse(&l, strdup(bad[i]), &e) == 0 || !e.text[0])
			fail_msg("row %zu is taken for a list", i);
	}
}

static void
there_is_an_end_to_files_and_headers(void **state)
{
	char *text = calloc(1, 256 * 1024);
	struct webhashes *l = NULL;
	struct err e;
	size_t n = (size_t)snprintf(text, 256 * 1024, "%s%s", HEAD, PAGE);

	(void)state;
	for (unsigned i = 1; i <= WEBHASHES_FILES_MAX; i++)
		n += (size_t)snprintf(text + n, 256 * 1024 - n, "file " SUM " 1 /web/%u t\n", i);
	assert_int_equal(webhashes_parse(&l, text, &e), -1);
	text = calloc(1, 256 * 1024);
	n = (size_t)snprintf(text, 256 * 1024, "%s", HEAD);
	for (unsigned i = 0; i <= WEBHASHES_HEADERS_MAX; i++)
		n += (size_t)snprintf(text + n, 256 * 1024 - n, "header A: %u\n", i);
	(void)snprintf(text + n, 256 * 1024 - n, "%s", PAGE);
	assert_int_equal(webhashes_parse(&l, text, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_belong_to_the_files_behind_them),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(there_is_an_end_to_files_and_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
