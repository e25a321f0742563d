/* SPDX-License-Identifier: Apache-2.0 */
/* The table of packages: an index counts as a whole or not at all, also one that is cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/sha256.h"
#include "proxy/packages.h"

static char folder[] = "/tmp/packages-test-XXXXXX";

static void
put(const char *name, const void *p, size_t n)
{
	char path[256];

	assert_true(str_format(path, sizeof(path), "%s/%s", folder, name));
	assert_int_equal(file_write(path, 0644, p, n, NULL), 0);
}

static struct packages *
load(void)
{
	struct packages *p;
	struct err e = { "" };

	if (packages_load(&p, folder, &e) < 0)
		fail_msg("%s", e.text);
	return p;
}

static size_t
count(void)
{
	struct packages *p = load();
	size_t n = p->n_files;

	packages_unref(p);
	return n;
}

/* "PACKAGE VERSION BYTES SHA256 FILE" of a file that is written now. */
static void
put_line(char *dst, size_t size, const char *name, const char *content)
{
	uint8_t digest[SHA256_BYTES];
	char sum[SERVED_SUM_SIZE];

	put(name, content, strlen(content));
	sha256_of(span_str(content), digest);
	str_hex(sum, digest, sizeof(digest));
	assert_true(str_format(dst, size, "x 1 %zu %s %s\n", strlen(content), sum, name));
}

static void
an_index_that_was_cut_is_none(void **state)
{
	char a[256], b[256], index[1024];
	size_t n;

	(void)state;
	put_line(a, sizeof(a), "a_1.deb", "first");
	put_line(b, sizeof(b), "b_1.deb", "second");
	assert_true(str_format(index, sizeof(index), "sallyport-packages 1\n%s%s", a, b));
	n = strlen(index);
	put("bookworm-amd64.index", index, n);
	assert_int_equal(count(), 3);
	/* What ends with a line is a shorter index: with no package, with one. */
	for (size_t cut = 0; cut < n; cut++) {
		put("bookworm-amd64.index", index, cut);
		assert_int_equal(count(),
		    cut == strlen("sallyport-packages 1\n")                   ? 1
			: cut == strlen("sallyport-packages 1\n") + strlen(a) ? 2
									      : 0);
	}
	/* A NUL hides what comes after it. */
	put("bookworm-amd64.index", index, n + 1);
	assert_int_equal(count(), 0);
}

static void
two_indexes_may_name_the_same_file_and_agree(void **state)
{
	char line[256], index[1024];
	struct packages *p;
	struct buf b;

	(void)state;
	put_line(line, sizeof(line), "a_1.deb", "first");
	assert_true(str_format(index, sizeof(index), "sallyport-packages 1\n%s", line));
	put("bookworm-amd64.index", index, strlen(index));
	put("trixie-amd64.index", index, strlen(index));
	p = load();
	assert_int_equal(p->n_files, 3);
	assert_int_equal(packages_find(p, "a_1.deb")->n, 5);
	assert_string_equal(packages_find(p, "a_1.deb")->bytes, "first");
	buf_init(&b, 4096);
	assert_true(packages_put_indexes(p, &b) && buf_put(&b, "", 1));
	assert_memory_equal(buf_head(&b), "bookworm-amd64:", 15);
	assert_non_null(strstr((char *)buf_head(&b), " trixie-amd64:"));
	buf_done(&b);
	packages_unref(p);
	/* And when they do not agree, the first is right. */
	index[strlen("sallyport-packages 1\nx 1 ")] = '6';
	put("trixie-amd64.index", index, strlen(index));
	p = load();
	assert_int_equal(p->n_files, 2);
	assert_null(packages_find(p, "trixie-amd64.index"));
	packages_unref(p);
}

static void
names_that_a_shell_reads_are_no_index(void **state)
{
	static const char *const names[] = { "a'b.index", "a b.index", ".index", "a;b.index",
		"A.index", "$(id).index", "a.index.index", "a_b.index" };

	(void)state;
	put("bookworm-amd64.index", "", 0);
	put("trixie-amd64.index", "", 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(names[i], "sallyport-packages 1\n", 21);
	assert_int_equal(count(), 0);
}

static void
more_than_the_table_holds_is_left_out_whole(void **state)
{
	char line[256], name[32];
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	(void)buf_printf(&b, "sallyport-packages 1\n");
	for (int i = 0; i < PACKAGES_FILES_MAX - 1; i++) {
		assert_true(str_format(name, sizeof(name), "n%d.deb", i));
		put_line(line, sizeof(line), name, name);
		(void)buf_printf(&b, "%s", line);
	}
	put("trixie-amd64.index", buf_head(&b), b.len);
	assert_int_equal(count(), PACKAGES_FILES_MAX);
	put_line(line, sizeof(line), "more.deb", "more");
	(void)buf_printf(&b, "%s", line);
	put("trixie-amd64.index", buf_head(&b), b.len);
	assert_int_equal(count(), 0);
	buf_done(&b);
}

static void
without_a_folder_there_are_none(void **state)
{
	struct packages *p;
	struct err e;

	(void)state;
	assert_int_equal(packages_load(&p, "/nosuch/folder", &e), 0);
	assert_int_equal(p->n_files, 0);
	packages_unref(p);
	assert_int_equal(packages_load(&p, "/etc/passwd", &e), -1);
}

static int
begin(void **state)
{
	(void)state;
	log_open("test", LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
	assert_non_null(
	    freopen("/dev/null", "w", stderr)); /* what is left out is said in the log */
	return mkdtemp(folder) ? 0 : -1;
}

static int
end(void **state)
{
	char command[64];

	(void)state;
	assert_true(str_format(command, sizeof(command), "rm -rf %s", folder));
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_index_that_was_cut_is_none),
		cmocka_unit_test(two_indexes_may_name_the_same_file_and_agree),
		cmocka_unit_test(names_that_a_shell_reads_are_no_index),
		cmocka_unit_test(more_than_the_table_holds_is_left_out_whole),
		cmocka_unit_test(without_a_folder_there_are_none),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
