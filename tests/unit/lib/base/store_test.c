/* SPDX-License-Identifier: Apache-2.0 */
/* map, arena, file, log: what is kept, and what is refused. */
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
#include "base/map.h"
#include "base/mem.h"

static int values[5000];

static void
map_keeps_thousands_apart(void **state)
{
	struct map *m = map_new();
	char key[32];
	void *old;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_true(map_put(m, key, &values[i], &old));
		assert_null(old);
	}
	for (int i = 0; i < 5000; i += 2) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_ptr_equal(map_del(m, key), &values[i]);
		assert_null(map_del(m, key));
	}
	assert_int_equal(map_count(m), 2500);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		assert_ptr_equal(map_get(m, key), i % 2 ? &values[i] : NULL);
	}
	assert_true(map_put(m, "key-1", &values[0], &old));
	assert_ptr_equal(old, &values[1]);
	map_free(m);
}

static void
map_survives_endless_put_and_del(void **state)
{
	struct map *m = map_new();
	char key[32];

	(void)state;
	for (int i = 0; i < 50000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		assert_true(map_put(m, key, &values[0], NULL));
		assert_non_null(map_del(m, key));
	}
	assert_int_equal(map_count(m), 0);
	assert_null(map_get(m, "1"));
	map_free(m);
}

static void
map_visits_each_once_while_removing(void **state)
{
	struct map *m = map_new();
	const char *key;
	char name[16];
	size_t pos = 0;
	void *value;
	int seen = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "%d", i);
		map_put(m, name, &values[i], NULL);
	}
	while (map_next(m, &pos, &key, &value)) {
		seen++;
		snprintf(name, sizeof(name), "%s", key);
		assert_ptr_equal(map_del(m, name), value);
	}
	assert_int_equal(seen, 100);
	assert_int_equal(map_count(m), 0);
	map_free(m);
}

static void
arena_is_bounded_and_zeroed(void **state)
{
	struct arena a;
	char *p;

	(void)state;
	arena_init(&a, 10000);
	p = arena_alloc(&a, 6000);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
	for (int i = 0; i < 6000; i++)
		assert_int_equal(p[i], 0);
	assert_string_equal(arena_strdup(&a, "x"), "x");
	assert_null(arena_alloc(&a, 4000));
	assert_null(arena_alloc(&a, SIZE_MAX));
	arena_done(&a);
	assert_non_null(arena_alloc(&a, 4000));
	arena_done(&a);
}

static char folder[] = "/tmp/base-test-XXXXXX";

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int
remove_folder(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return chdir("/") < 0 ? -1 : system(command);
}

static void
files_are_replaced_as_a_whole(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(file_write("a", 0600, "old", 3, &e), 0);
	assert_int_equal(file_write("a", 0640, "new text", 8, &e), 0);
	assert_int_equal(file_read("a", 8, &text, &n, &e), 0);
	assert_int_equal(n, 8);
	assert_string_equal(text, "new text");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void
large_missing_and_odd_files_are_refused(void **state)
{
	char *text;
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(file_write("b", 0600, "123456789", 9, &e), 0);
	assert_true(file_read("b", 8, &text, &n, &e) < 0);
	assert_non_null(strstr(e.text, "larger than 8 bytes"));
	assert_true(file_read("missing", 8, &text, &n, &e) < 0);
	assert_non_null(strstr(e.text, "No such file"));
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_true(file_read("fifo", 8, &text, &n, &e) < 0);
	assert_true(file_read(".", 8, &text, &n, &e) < 0);
}

static void
secrets_others_can_read_are_refused(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct err e;

	(void)state;
	assert_int_equal(file_write("s", 0644, "pass\n", 5, &e), 0);
	assert_true(file_read_secret("s", 100, &text, &e) < 0);
	assert_non_null(strstr(e.text, "chmod 600"));
	assert_int_equal(chmod("s", 0600), 0);
	assert_int_equal(file_read_secret("s", 100, &text, &e), 0);
	assert_string_equal(text, "pass");
}

/* Debian 13: root's, and the bits of the group are the mask of an ACL. Elsewhere such a file is refused. */
static void
a_credential_of_the_service_manager_is_a_secret(void **state)
{
	static const struct {
		const char *folder;
		mode_t mode;
		bool good;
	} rows[] = { { ".", 0440, true }, { ".", 0400, true }, { ".", 0444, false },
		{ ".", 0460, false }, { "elsewhere", 0440, false }, { "", 0440, false } };
	char *text = NULL;
	struct err e;

	(void)state;
	if (geteuid() != 0)
		skip(); /* the file must be root's */
	assert_int_equal(file_write("c", 0600, "secret\n", 7, &e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(chmod("c", rows[i].mode), 0);
		assert_int_equal(setenv("CREDENTIALS_DIRECTORY", rows[i].folder, 1), 0);
		assert_int_equal(file_read_secret("./c", 100, &text, &e) == 0, rows[i].good);
		free(text);
	}
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	assert_int_equal(chmod("c", 0440), 0);
	assert_true(file_read_secret("./c", 100, &text, &e) < 0);
}

static void
folders_are_made_with_parents(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(file_mkdir("x/y/z", 0700, &e), 0);
	assert_int_equal(file_mkdir("x/y/z", 0700, &e), 0);
	assert_int_equal(stat("x/y/z", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_write("plain", 0600, "", 0, &e), 0);
	assert_true(file_mkdir("plain", 0700, &e) < 0);
}

/* Runs fn with stderr in a file and returns what was written. */
static char *
stderr_of(void (*fn)(void))
{
	int saved = dup(2);
	FILE *f = fopen("stderr", "w");
	char *text;
	struct err e;
	size_t n;

	dup2(fileno(f), 2);
	fn();
	dup2(saved, 2);
	close(saved);
	fclose(f);
	assert_int_equal(file_read("stderr", 100000, &text, &n, &e), 0);
	return text;
}

static void
log_hostile(void)
{
	log_open("proxyd", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	log_info("login", "user", "a\x1b[31m\nfake=1", "empty", "", NULL);
	log_debug("not seen", NULL);
}

static void
log_lines_cannot_be_forged(void **state)
{
	_cleanup_free_ char *text = stderr_of(log_hostile);

	(void)state;
	assert_non_null(strstr(text, "proxyd info: login user=\"a?[31m?fake=1\" empty=\"\"\n"));
	assert_null(strstr(text, "not seen"));
	assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
}

static char long_text[20000];

static void
log_long(void)
{
	memset(long_text, 'x', sizeof(long_text) - 1);
	log_open("authd", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	log_warn("long \"quoted\"", "a", long_text, "b", long_text, "c", long_text, "d", long_text,
	    "e", long_text, NULL);
}

static void
json_lines_end_well_when_cut(void **state)
{
	_cleanup_free_ char *text = stderr_of(log_long);
	size_t n = strlen(text);

	(void)state;
	assert_true(n > 10 && n < 9000);
	assert_int_equal(text[0], '{');
	assert_string_equal(text + n - 2, "}\n");
	assert_non_null(strstr(text, "\"msg\":\"long \\\"quoted\\\"\""));
	assert_non_null(strstr(text, "\"cut\":\"true\""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_keeps_thousands_apart),
		cmocka_unit_test(map_survives_endless_put_and_del),
		cmocka_unit_test(map_visits_each_once_while_removing),
		cmocka_unit_test(arena_is_bounded_and_zeroed),
		cmocka_unit_test(files_are_replaced_as_a_whole),
		cmocka_unit_test(large_missing_and_odd_files_are_refused),
		cmocka_unit_test(secrets_others_can_read_are_refused),
		cmocka_unit_test(a_credential_of_the_service_manager_is_a_secret),
		cmocka_unit_test(folders_are_made_with_parents),
		cmocka_unit_test(log_lines_cannot_be_forged),
		cmocka_unit_test(json_lines_end_well_when_cut),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
