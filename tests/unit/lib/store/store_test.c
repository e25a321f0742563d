/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/store: conditions, ranges, expiry, watches, and what a killed writer leaves behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "store/store.h"

struct fixture {
	char dir[64];
	char path[96];
	struct store *s;
	struct buf value;
	char log[512]; /* what the watch saw */
};

static int64_t fake_now = 1000;

static int64_t
now(void)
{
	return fake_now;
}

static void
open_store(struct fixture *f)
{
	struct err e;

	if (store_open_sqlite(&f->s, f->path, NULL, &e) < 0)
		fail_msg("%s", e.text);
	store_set_clock(f->s, now);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	str_copy(f->dir, sizeof(f->dir), "/tmp/store-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	str_format(f->path, sizeof(f->path), "%s/db", f->dir);
	buf_init(&f->value, STORE_VALUE_MAX);
	fake_now = 1000;
	open_store(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	struct fixture *f = *state;

	store_close(f->s);
	buf_done(&f->value);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char path[128];

		str_format(path, sizeof(path), "%s%s", f->path, ends[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0); /* nothing else is left lying about */
	free(f);
	return 0;
}

static int
put(struct fixture *f, const char *key, const char *value, uint64_t if_revision, uint64_t *rev)
{
	return store_put(f->s, key, span_str(value), 0, if_revision, rev);
}

static void
expect(struct fixture *f, const char *key, const char *value)
{
	int rc = store_get(f->s, key, &f->value, NULL, NULL);

	if (!value) {
		assert_int_equal(rc, STORE_E_NOT_FOUND);
		return;
	}
	assert_int_equal(rc, 0);
	assert_true(span_is(buf_span(&f->value), value));
}

static void
put_is_refused_unless_the_revision_fits(void **state)
{
	struct fixture *f = *state;
	uint64_t a = 0, b = 0;

	assert_int_equal(put(f, "user/a", "1", STORE_ABSENT, &a), 0);
	assert_int_equal(put(f, "user/a", "2", STORE_ABSENT, NULL), STORE_E_CONFLICT);
	assert_int_equal(put(f, "user/a", "2", a + 1, NULL), STORE_E_CONFLICT);
	assert_int_equal(put(f, "user/b", "2", a, NULL), STORE_E_CONFLICT);
	expect(f, "user/a", "1");
	assert_int_equal(put(f, "user/a", "2", a, &b), 0);
	assert_true(b > a);
	expect(f, "user/a", "2");
	assert_int_equal(store_delete(f->s, "user/a", a), STORE_E_CONFLICT);
	assert_int_equal(store_delete(f->s, "user/a", b), 0);
	assert_int_equal(store_delete(f->s, "user/a", STORE_ANY), STORE_E_NOT_FOUND);
	expect(f, "user/a", NULL);
}

static void
an_empty_value_is_a_value(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "k", "", STORE_ANY, NULL), 0);
	expect(f, "k", "");
}

static void
bad_keys_are_refused(void **state)
{
	struct fixture *f = *state;
	char longest[STORE_KEY_MAX + 2];

	memset(longest, 'k', sizeof(longest));
	longest[STORE_KEY_MAX + 1] = '\0';
	assert_true(put(f, "", "x", STORE_ANY, NULL) < 0);
	assert_true(put(f, "a b", "x", STORE_ANY, NULL) < 0);
	assert_true(put(f, "a\xc3\xa4", "x", STORE_ANY, NULL) < 0);
	assert_true(put(f, longest, "x", STORE_ANY, NULL) < 0);
	longest[STORE_KEY_MAX] = '\0';
	assert_int_equal(put(f, longest, "x", STORE_ANY, NULL), 0);
	assert_int_equal(store_get(f->s, "a b", &f->value, NULL, NULL), STORE_E_NOT_FOUND);
}

static int
collect(const struct store_item *item, void *arg)
{
	struct fixture *f = arg;
	size_t n = strlen(f->log);

	snprintf(f->log + n, sizeof(f->log) - n, "%s=%.*s ", item->key, (int)item->value.n,
	    item->value.p);
	return 0;
}

static int
stop_at_first(const struct store_item *item, void *arg)
{
	collect(item, arg);
	return 7;
}

static void
a_range_is_its_prefix_in_order_and_nothing_else(void **state)
{
	struct fixture *f = *state;

	put(f, "user/b", "2", STORE_ANY, NULL);
	put(f, "user/a", "1", STORE_ANY, NULL);
	put(f, "user/a~", "3", STORE_ANY, NULL);
	put(f, "user0", "x", STORE_ANY, NULL);
	put(f, "user.", "x", STORE_ANY, NULL);
	assert_int_equal(store_range(f->s, "user/", NULL, 10, collect, f), 0);
	assert_string_equal(f->log, "user/a=1 user/a~=3 user/b=2 ");
	f->log[0] = '\0';
	assert_int_equal(store_range(f->s, "user/", "user/a", 1, collect, f), 0);
	assert_string_equal(f->log, "user/a~=3 ");
	f->log[0] = '\0';
	assert_int_equal(store_range(f->s, "user/", NULL, 10, stop_at_first, f), 7);
	assert_string_equal(f->log, "user/a=1 ");
}

static void
a_transaction_happens_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "old", STORE_ANY, NULL);
	assert_int_equal(store_begin(f->s), 0);
	assert_true(store_begin(f->s) < 0);
	put(f, "a", "new", STORE_ANY, NULL);
	put(f, "b", "new", STORE_ANY, NULL);
	expect(f, "a", "new"); /* seen inside */
	store_rollback(f->s);
	expect(f, "a", "old");
	expect(f, "b", NULL);
	assert_int_equal(store_begin(f->s), 0);
	put(f, "a", "new", STORE_ANY, NULL);
	assert_int_equal(put(f, "a", "no", STORE_ABSENT, NULL),
	    STORE_E_CONFLICT); /* does not end it */
	put(f, "b", "new", STORE_ANY, NULL);
	assert_int_equal(store_commit(f->s), 0);
	expect(f, "a", "new");
	expect(f, "b", "new");
}

static void
expired_items_are_absent_at_once_and_swept_later(void **state)
{
	struct fixture *f = *state;
	uint64_t rev;

	assert_int_equal(store_put(f->s, "t/1", span_str("x"), 2000, STORE_ANY, &rev), 0);
	assert_int_equal(store_put(f->s, "t/2", span_str("y"), 3000, STORE_ANY, NULL), 0);
	assert_int_equal(store_put(f->s, "t/3", span_str("z"), 0, STORE_ANY, NULL), 0);
	expect(f, "t/1", "x");
	fake_now = 2000;
	expect(f, "t/1", NULL);
	assert_int_equal(store_range(f->s, "t/", NULL, 10, collect, f), 0);
	assert_string_equal(f->log, "t/2=y t/3=z ");
	assert_int_equal(put(f, "t/1", "late", rev, NULL), STORE_E_CONFLICT);
	assert_int_equal(store_sweep(f->s, 10), 1);
	assert_int_equal(store_sweep(f->s, 10), 0);
	fake_now = 4000;
	assert_int_equal(store_put(f->s, "t/2", span_str("again"), 9000, STORE_ABSENT, NULL), 0);
	assert_int_equal(store_sweep(f->s, 10), 0);
	expect(f, "t/2", "again");
}

static void
on_change(const struct store_item *item, void *arg)
{
	struct fixture *f = arg;
	size_t n = strlen(f->log);

	if (!item)
		snprintf(f->log + n, sizeof(f->log) - n, "lost ");
	else if (!item->value.p)
		snprintf(f->log + n, sizeof(f->log) - n, "-%s ", item->key);
	else
		collect(item, arg);
}

static void
a_watch_sees_what_was_committed_in_order(void **state)
{
	struct fixture *f = *state;
	struct store_watch w = { .prefix = "u/", .fn = on_change, .arg = f };

	store_watch_start(f->s, &w);
	put(f, "u/1", "a", STORE_ANY, NULL);
	put(f, "v/1", "a", STORE_ANY, NULL);
	store_begin(f->s);
	put(f, "u/2", "never", STORE_ANY, NULL);
	store_rollback(f->s);
	store_begin(f->s);
	put(f, "u/2", "b", STORE_ANY, NULL);
	store_delete(f->s, "u/1", STORE_ANY);
	store_deliver(f->s);
	assert_string_equal(f->log, "u/1=a "); /* the open transaction is nobody's business */
	store_commit(f->s);
	store_deliver(f->s);
	assert_string_equal(f->log, "u/1=a u/2=b -u/1 ");
	store_put(f->s, "u/3", span_str(""), 1500, STORE_ANY, NULL);
	fake_now = 1500;
	store_sweep(f->s, 5);
	store_deliver(f->s);
	assert_string_equal(f->log, "u/1=a u/2=b -u/1 u/3= -u/3 ");
	store_watch_stop(&w);
	put(f, "u/4", "a", STORE_ANY, NULL);
	store_deliver(f->s);
	assert_string_equal(f->log, "u/1=a u/2=b -u/1 u/3= -u/3 ");
}

static void
a_second_opener_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *other = NULL;
	struct err e;

	assert_true(store_open_sqlite(&other, f->path, NULL, &e) < 0);
	assert_non_null(strstr(e.text, "in use"));
	store_close(f->s);
	open_store(f);
}

static void
content_and_revisions_survive_reopening(void **state)
{
	struct fixture *f = *state;
	uint64_t a = 0, b = 0;

	put(f, "k", "v", STORE_ANY, &a);
	store_close(f->s);
	open_store(f);
	expect(f, "k", "v");
	put(f, "k", "w", a, &b);
	assert_true(b > a);
}

/* Writes pairs until killed; says each that is committed into the pipe. */
static void
write_pairs(struct fixture *f, int fd)
{
	struct store *s;
	struct err e;

	if (store_open_sqlite(&s, f->path, NULL, &e) < 0)
		_exit(1);
	for (uint32_t i = 0;; i++) {
		char key[32], text[32];

		str_format(text, sizeof(text), "%u", i);
		if (store_begin(s) < 0)
			_exit(1);
		str_format(key, sizeof(key), "a/%08u", i);
		if (store_put(s, key, span_str(text), 0, STORE_ABSENT, NULL) != 0)
			_exit(1);
		str_format(key, sizeof(key), "b/%08u", i);
		if (store_put(s, key, span_str(text), 0, STORE_ABSENT, NULL) != 0 ||
		    store_commit(s) < 0)
			_exit(1);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static int
count(const struct store_item *item, void *arg)
{
	uint32_t *n = arg;
	uint64_t number;

	assert_true(str_u64(item->key + 2, UINT32_MAX, &number));
	assert_int_equal(number, *n); /* no holes */
	(*n)++;
	return 0;
}

static void
a_killed_writer_loses_nothing_it_was_told_is_done(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 5; round++) {
		uint32_t last = 0, a = 0, b = 0;
		int fds[2], status;
		pid_t pid;

		store_close(f->s);
		unlink(f->path);
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(fds[0]);
			write_pairs(f, fds[1]);
		}
		close(fds[1]);
		for (int i = 0; i < 20 + round * 7; i++)
			assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &last, sizeof(last)) == sizeof(last))
			;
		close(fds[0]);
		open_store(f);
		assert_int_equal(store_range(f->s, "a/", NULL, SIZE_MAX, count, &a), 0);
		assert_int_equal(store_range(f->s, "b/", NULL, SIZE_MAX, count, &b), 0);
		assert_int_equal(a, b);
		assert_true(a > last);
		assert_true(a <= last + 2);
	}
}

static void
next_is(struct store_snapshot *n, const char *key, const char *value)
{
	struct store_item item;
	struct err e;

	assert_int_equal(store_snapshot_next(n, &item, &e), 0);
	assert_string_equal(item.key, key);
	assert_true(span_is(item.value, value));
}

static void
a_snapshot_is_of_one_moment(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *n;
	struct store_item item;
	uint64_t revision;
	struct err e;

	assert_int_equal(store_put(f->s, "a/1", span_str("one"), 0, STORE_ANY, NULL), 0);
	assert_int_equal(store_put(f->s, "a/2", span_str("two"), 1, STORE_ANY, NULL), 0);
	assert_int_equal(store_put(f->s, "b/1", span_str(""), 0, STORE_ANY, &revision), 0);
	assert_int_equal(store_snapshot_open(f->s, &n, &e), 0);
	next_is(n, "a/1", "one");
	assert_int_equal(store_put(f->s, "a/2", span_str("changed"), 0, STORE_ANY, NULL), 0);
	assert_int_equal(store_delete(f->s, "b/1", STORE_ANY), 0);
	assert_int_equal(store_put(f->s, "c/1", span_str("new"), 0, STORE_ANY, NULL), 0);
	next_is(n, "a/2", "two"); /* expired ones too */
	next_is(n, "b/1", "");
	assert_int_equal(store_snapshot_next(n, &item, &e), STORE_E_NOT_FOUND);
	assert_int_equal(store_snapshot_revision(n), revision);
	store_snapshot_close(n);
	assert_int_equal(store_get(f->s, "b/1", &f->value, NULL, NULL), STORE_E_NOT_FOUND);
}

static void
a_filled_store_has_the_revisions_of_its_copy(void **state)
{
	struct fixture *f = *state;
	const struct store_item item = { "a/1", span_str("one"), 41, 0 };
	uint64_t revision;

	/* Only as a whole. */
	assert_int_equal(store_fill(f->s, &item), -1);
	assert_int_equal(store_set_revision(f->s, 99), -1);
	assert_int_equal(store_begin(f->s), 0);
	assert_int_equal(store_fill(f->s, &item), 0);
	assert_int_equal(store_fill(f->s, &(struct store_item){ "not a key", span_str(""), 1, 0 }),
	    -1);
	assert_int_equal(store_set_revision(f->s, 99), 0);
	assert_int_equal(store_commit(f->s), 0);
	assert_int_equal(store_get(f->s, "a/1", &f->value, &revision, NULL), 0);
	assert_int_equal(revision, 41);
	assert_int_equal(store_put(f->s, "a/2", span_str("two"), 0, STORE_ABSENT, &revision), 0);
	assert_int_equal(revision, 100);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void
a_store_that_is_settled_is_one_file_or_says_so(void **state)
{
	struct fixture *f = *state;
	struct store_snapshot *n;
	char path[128];
	struct err e;

	str_format(path, sizeof(path), "%s-wal", f->path);
	assert_int_equal(store_put(f->s, "a/1", span_str("one"), 0, STORE_ANY, NULL), 0);
	assert_int_equal(store_snapshot_open(f->s, &n, &e), 0);
	/* What a reader still needs stays beside it. */
	assert_int_equal(store_put(f->s, "a/1", span_str("two"), 0, STORE_ANY, NULL), 0);
	assert_true(store_settle(f->s) < 0);
	assert_non_null(strstr(store_error(f->s), "checkpoint"));
	assert_true(size_of(path) > 0);
	store_snapshot_close(n);
	assert_int_equal(store_settle(f->s), 0);
	assert_int_equal(size_of(path), 0);
	assert_int_equal(store_begin(f->s), 0);
	assert_true(store_settle(f->s) < 0);
	store_rollback(f->s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(put_is_refused_unless_the_revision_fits, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(an_empty_value_is_a_value, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_keys_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_range_is_its_prefix_in_order_and_nothing_else,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_transaction_happens_whole_or_not_at_all, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(expired_items_are_absent_at_once_and_swept_later,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_watch_sees_what_was_committed_in_order, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_second_opener_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(content_and_revisions_survive_reopening, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_of_one_moment, setup, teardown),
		cmocka_unit_test_setup_teardown(a_store_that_is_settled_is_one_file_or_says_so,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_filled_store_has_the_revisions_of_its_copy, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(a_killed_writer_loses_nothing_it_was_told_is_done,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
