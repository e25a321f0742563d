/* SPDX-License-Identifier: Apache-2.0 */
/* The web app's files: all that the index names or nothing, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/sha256.h"
#include "proxy/site.h"

static char folder[64];
static char index_text[4096];

static int
setup(void **state)
{
	(void)state;
	(void)str_copy(folder, sizeof(folder), "/tmp/site-test-XXXXXX");
	index_text[0] = '\0';
	return mkdtemp(folder) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	(void)str_format(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void
put(const char *name, const char *text)
{
	char path[256];

	assert_true(str_format(path, sizeof(path), "%s/%s", folder, name));
	assert_int_equal(file_write(path, 0644, text, strlen(text), NULL), 0);
}

/* A file, and its line of the index. */
static void
add(const char *name, const char *text)
{
	uint8_t digest[SHA256_BYTES];
	char sum[SERVED_SUM_SIZE];
	size_t at = strlen(index_text);

	put(name, text);
	sha256_of(span_str(text), digest);
	str_hex(sum, digest, sizeof(digest));
	assert_true(str_format(index_text + at, sizeof(index_text) - at, "%s  %s\n", sum, name));
}

/* NULL: refused, and e says why. */
static struct site *
load(struct err *e)
{
	struct site *s = NULL;

	put("index", index_text);
	return site_load(&s, folder, e) == 0 ? s : NULL;
}

static void
add_app(void)
{
	add("app.html", "<!doctype html>");
	add("main.0123.mjs", "export {}");
	add("main.0123.mjs.gz", "packed");
	add("engine.4567.wasm", "wasm");
}

static void
test_what_the_index_names_is_there_and_nothing_else(void **state)
{
	struct err e;
	struct site *s;
	const struct site_file *f;

	(void)state;
	add_app();
	put("other.89ab.mjs", "not named");
	s = load(&e);
	assert_non_null(s);
	f = site_find(s, "main.0123.mjs");
	assert_non_null(f);
	assert_string_equal(f->plain.bytes, "export {}");
	assert_string_equal(f->packed.bytes, "packed");
	assert_string_equal(f->type, "text/javascript; charset=utf-8");
	assert_string_equal(site_find(s, "engine.4567.wasm")->type, "application/wasm");
	assert_null(site_find(s, "engine.4567.wasm")->packed.bytes);
	assert_string_equal(s->page->plain.bytes, "<!doctype html>");
	assert_null(site_find(s, "app.html"));
	assert_null(site_find(s, "other.89ab.mjs"));
	assert_null(site_find(s, "main.0123.mjs.gz"));
	assert_null(site_find(s, "index"));
	assert_null(site_find(s, "../index"));
	site_unref(s);
}

static void
test_without_folder_or_index_there_is_no_app(void **state)
{
	struct err e;
	struct site *s;

	(void)state;
	assert_int_equal(site_load(&s, folder, &e), 0);
	assert_null(s->page);
	site_unref(s);
	assert_int_equal(site_load(&s, "/tmp/nosuch-site-folder", &e), 0);
	assert_null(s->page);
	site_unref(s);
}

static void
test_a_file_that_is_not_what_the_index_says_makes_all_of_it_nothing(void **state)
{
	struct err e;

	(void)state;
	add_app();
	put("main.0123.mjs", "export { other }");
	assert_null(load(&e));
	assert_non_null(strstr(e.text, "main.0123.mjs is not what the index says"));
}

static void
test_a_file_that_is_missing_or_a_link_is_refused(void **state)
{
	char path[256];
	struct err e;

	(void)state;
	add_app();
	(void)str_format(path, sizeof(path), "%s/engine.4567.wasm", folder);
	assert_int_equal(unlink(path), 0);
	assert_null(load(&e));
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_null(load(&e));
}

static void
test_an_index_that_is_cut_or_names_odd_things_is_refused(void **state)
{
	static const char *const lines[] = { "0123  x.mjs\n", "\n", "  \n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  ../x.mjs\n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  x.exe\n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  y.mjs.gz\n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 x.mjs\n",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  x.mjs" };
	size_t whole;
	struct err e;

	(void)state;
	add_app();
	put("x.mjs", "");
	put("x.exe", "");
	put("y.mjs.gz", "");
	whole = strlen(index_text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		(void)str_copy(index_text + whole, sizeof(index_text) - whole, lines[i]);
		if (load(&e))
			fail_msg("%s", lines[i]);
	}
	/* Twice, also the page. */
	index_text[whole] = '\0';
	add("app.html", "<!doctype html>");
	assert_null(load(&e));
}

static void
test_an_index_without_the_page_is_refused(void **state)
{
	struct err e;

	(void)state;
	add("main.0123.mjs", "export {}");
	assert_null(load(&e));
	assert_non_null(strstr(e.text, "there is no app.html"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_the_index_names_is_there_and_nothing_else,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_folder_or_index_there_is_no_app, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_file_that_is_not_what_the_index_says_makes_all_of_it_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_a_file_that_is_missing_or_a_link_is_refused,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_index_that_is_cut_or_names_odd_things_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_index_without_the_page_is_refused, setup,
		    teardown),
	};

	return cmocka_run_group_tests_name("proxy/site", tests, NULL, NULL);
}
