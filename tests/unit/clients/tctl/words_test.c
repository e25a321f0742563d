/* SPDX-License-Identifier: Apache-2.0 */
/* tctl: lists of words on a command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "tctl/labels.h"

/* n words "00=1", "01=1" with commas behind. */
static const char *
words(size_t n)
{
	static char text[(TCTL_LABELS_MAX + 1) * 5 + 1];

	for (size_t i = 0; i < n; i++)
		(void)str_format(text + 5 * i, 6, "%02zu=1,", i);
	return text;
}

static void
a_list_is_taken_apart(void **state)
{
	struct tctl_words w;
	struct err e;

	(void)state;
	assert_int_equal(tctl_words_split(&w, "access, audit,,ops", &e), 0);
	assert_int_equal(w.n, 3);
	assert_string_equal(w.v[1], "audit");
	assert_string_equal(w.v[2], "ops");
	tctl_words_done(&w);
	assert_int_equal(tctl_words_split(&w, NULL, &e), 0);
	assert_int_equal(w.n, 0);
	tctl_words_done(&w);
}

/* A list of roles without its last word would be other rights than those that were asked for. */
static void
a_list_too_long_is_refused_and_not_cut(void **state)
{
	struct tctl_words w;
	struct labels l;
	struct err e;

	(void)state;
	assert_int_equal(tctl_words_split(&w, words(TCTL_LABELS_MAX), &e), 0);
	assert_int_equal(w.n, TCTL_LABELS_MAX);
	tctl_words_done(&w);
	assert_true(tctl_words_split(&w, words(TCTL_LABELS_MAX + 1), &e) < 0);
	assert_string_equal(e.text, "more than 64 words in one list");
	tctl_words_done(&w);

	assert_int_equal(labels_parse(&l, words(TCTL_LABELS_MAX), &e), 0);
	assert_int_equal(l.n, TCTL_LABELS_MAX);
	labels_done(&l);
	assert_true(labels_parse(&l, words(TCTL_LABELS_MAX + 1), &e) < 0);
	assert_string_equal(e.text, "more than 64 words in one list");
}

static void
labels_are_keys_and_values(void **state)
{
	static const char *const wrong[] = { "env", "=prod", "env=prod,team" };
	static const char *const twice[] = { "a=b,a=c", "a=b,c=d,a=b" };
	struct labels l;
	struct err e;

	(void)state;
	assert_int_equal(labels_parse(&l, "env=prod,empty=,a=b=c", &e), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0].key, "env");
	assert_string_equal(l.v[0].value, "prod");
	assert_string_equal(l.v[1].value, "");
	assert_string_equal(l.v[2].value, "b=c");
	labels_done(&l);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_true(labels_parse(&l, wrong[i], &e) < 0);
		assert_non_null(strstr(e.text, "is not a label; write KEY=VALUE"));
	}
	/* Which of them would count nobody could say. */
	for (size_t i = 0; i < sizeof twice / sizeof *twice; i++) {
		assert_true(labels_parse(&l, twice[i], &e) < 0);
		assert_string_equal(e.text, "the label a is given twice");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_taken_apart),
		cmocka_unit_test(a_list_too_long_is_refused_and_not_cut),
		cmocka_unit_test(labels_are_keys_and_values),
	};

	return cmocka_run_group_tests_name("tctl: lists of words", tests, NULL, NULL);
}
