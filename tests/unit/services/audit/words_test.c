/* SPDX-License-Identifier: Apache-2.0 */
/* The filter of words: every word is found, others hardly ever. That SQL reads it likewise is in tests/e2e. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/words.h"
#include "crypto/sha256.h"

static uint32_t
number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* As words.h says it, of a word in lower case. */
static bool
has(const struct buf *filter, const char *word)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of(span_str(word), digest);
	for (uint64_t i = 0; i < 6; i++) {
		uint64_t n = (number(digest) + i * number(digest + 4)) % (8 * filter->len);

		if (!(buf_head(filter)[n / 8] >> (n % 8) & 1))
			return false;
	}
	return true;
}

static void
make(const char *text, size_t n, struct buf *filter)
{
	buf_init(filter, 16 << 20);
	assert_int_equal(words_filter((struct span){ (const uint8_t *)text, n }, filter), 0);
}

static void
words_are_found_whatever_parts_them_and_in_any_case(void **state)
{
	static const char text[] = "root@Web-1:~# CAT /root/.ssh/authorized_keys|x\ncaf\xc3\xa9 "
				   "a\xef\xbf\xbdnext\xef\xbf\xbd\xef\xbf\xbdlast "
				   "\xe2\x94\x82"
				   "cell\xe2\x94\x82"
				   "\xe2\x80\x98quoted\xe2\x80\x99"
				   "\xc2\xa0"
				   "far"
				   "\xe3\x80\x81\xe4\xb8\xad\xe3\x80\x82";
	static const char *const words[] = { "root", "web", "cat", "ssh", "authorized_keys",
		"caf\xc3\xa9", "next", "last", "cell", "quoted", "far", "\xe4\xb8\xad" };
	struct buf filter;

	(void)state;
	make(text, sizeof(text) - 1, &filter);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_true(has(&filter, words[i]));
	assert_int_equal(filter.len, (12 * WORDS_BITS_EACH + 7) / 8);
	buf_done(&filter);
}

/* Also of so many that the table of those seen grows again and again. */
static void
every_word_is_found_and_another_one_in_less_than_a_hundredth(void **state)
{
	enum { WORDS = 20000 };
	struct buf text, filter;
	char word[32];
	int wrong = 0;

	(void)state;
	buf_init(&text, 4 << 20);
	for (int twice = 0; twice < 2; twice++) {
		for (int i = 0; i < WORDS; i++)
			buf_printf(&text, "Word%d ", i);
	}
	make((const char *)buf_head(&text), text.len, &filter);
	assert_int_equal(filter.len, WORDS * WORDS_BITS_EACH / 8);
	for (int i = 0; i < WORDS; i++) {
		snprintf(word, sizeof(word), "word%d", i);
		assert_true(has(&filter, word));
		snprintf(word, sizeof(word), "other%d", i);
		wrong += has(&filter, word);
	}
	assert_true(wrong < WORDS / 100);
	buf_done(&filter);
	buf_done(&text);
}

static void
a_text_without_words_has_a_filter_that_knows_none(void **state)
{
	struct buf filter;

	(void)state;
	make("- a . b\n", 8, &filter);
	assert_int_equal(filter.len, WORDS_BYTES_MIN);
	assert_false(has(&filter, "ab"));
	buf_done(&filter);
	make("", 0, &filter);
	assert_int_equal(filter.len, WORDS_BYTES_MIN);
	buf_done(&filter);
}

static void
a_word_of_any_length_is_one(void **state)
{
	static char text[100001], lower[100001];
	struct buf filter;

	(void)state;
	memset(text, 'Q', sizeof(text) - 1);
	memset(lower, 'q', sizeof(lower) - 1);
	make(text, sizeof(text) - 1, &filter);
	assert_true(has(&filter, lower));
	assert_false(has(&filter, lower + 1));
	buf_done(&filter);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_found_whatever_parts_them_and_in_any_case),
		cmocka_unit_test(every_word_is_found_and_another_one_in_less_than_a_hundredth),
		cmocka_unit_test(a_text_without_words_has_a_filter_that_knows_none),
		cmocka_unit_test(a_word_of_any_length_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
