/* SPDX-License-Identifier: Apache-2.0 */
/* YAML that people write as a JSON value: what is taken, what is refused, and where it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/yaml.h"

/* The value as compact JSON; the caller frees. NULL: refused, with a text. */
static char *
json_of(const char *text, size_t n)
{
	struct yaml_source source = { .name = "input" };
	struct err e = { "" };
	json_t *v = NULL;
	char *json;

	if (yaml_to_json(&source, text, n, &v, &e) < 0) {
		assert_true(strstr(e.text, "input") != NULL);
		yaml_source_done(&source);
		return NULL;
	}
	yaml_source_done(&source);
	json = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	json_decref(v);
	return json;
}

static void
expect(const char *yaml, const char *want)
{
	char *json = json_of(yaml, strlen(yaml));

	assert_non_null(json);
	assert_string_equal(json, want);
	free(json);
}

static void
refuse(const char *yaml)
{
	assert_null(json_of(yaml, strlen(yaml)));
}

static void
test_mappings_lists_and_scalars(void **state)
{
	(void)state;
	expect("a: 1\nb: [x, y]\nc: {d: e}\n", "{\"a\":1,\"b\":[\"x\",\"y\"],\"c\":{\"d\":\"e\"}}");
	expect("- a\n- - b\n  - c\n- {}\n", "[\"a\",[\"b\",\"c\"],{}]");
	expect("text: |\n  one\n  two\n", "{\"text\":\"one\\ntwo\\n\"}");
}

static void
test_what_plain_scalars_look_like(void **state)
{
	(void)state;
	expect("[true, false, null, ~, 12, -3]", "[true,false,null,null,12,-3]");
	/* Of YAML's many words only these two are switches: NO is a country. */
	expect("[NO, yes, on, True, 1.5, 0x10, 1e3, 2026-11-22]",
	    "[\"NO\",\"yes\",\"on\",\"True\",\"1.5\",\"0x10\",\"1e3\",\"2026-11-22\"]");
	expect("['true', \"12\", 'null', '']", "[\"true\",\"12\",\"null\",\"\"]");
	expect("a:\n", "{\"a\":null}");
	/* A number that does not fit stays text. */
	expect("[999999999999999999, 9999999999999999999]",
	    "[999999999999999999,\"9999999999999999999\"]");
	expect("[-, '*']", "[\"-\",\"*\"]");
}

static void
test_several_documents_are_a_list(void **state)
{
	(void)state;
	expect("a: 1\n---\na: 2\n", "[{\"a\":1},{\"a\":2}]");
	expect("---\na: 1\n...\n", "{\"a\":1}");
	expect("", "[]");
	expect("# only a comment\n", "[]");
}

static void
test_refusals(void **state)
{
	(void)state;
	refuse("a: 1\na: 2\n");
	refuse("a: &x 1\nb: *x\n");
	refuse("? [a, b]\n: c\n");
	refuse("a: [1, 2\n");
	refuse("a: 1\n b: 2\n");
	refuse("\ta: 1\n");
	refuse("a: \"\\xzz\"\n");
	refuse("a: \xff\n");
	refuse("\"a\\0b\": 1\n");
}

static void
test_depth_has_an_end(void **state)
{
	char text[200];

	(void)state;
	memset(text, '[', 32);
	memset(text + 32, ']', 32);
	text[64] = '\0';
	free(json_of(text, 64));
	memset(text, '[', 80);
	memset(text + 80, ']', 80);
	assert_null(json_of(text, 160));
	/* Unclosed, and so deep that only a bound helps. */
	char *deep = malloc(1 << 20);

	assert_non_null(deep);
	memset(deep, '[', 1 << 20);
	assert_null(json_of(deep, 1 << 20));
	free(deep);
}

static void
test_size_has_an_end(void **state)
{
	char *text = malloc((1 << 20) + 1), *json;

	(void)state;
	assert_non_null(text);
	memset(text, 'a', (1 << 20) + 1);
	json = json_of(text, 1 << 20);
	assert_non_null(json);
	free(json);
	assert_null(json_of(text, (1 << 20) + 1));
	free(text);
}

static void
test_errors_name_the_line(void **state)
{
	struct yaml_source source = { .name = "role.yaml" };
	struct err e = { "" };
	json_t *v;

	(void)state;
	assert_true(yaml_to_json(&source, "a: 1\nb: 2\na: 3\n", 15, &v, &e) < 0);
	assert_non_null(strstr(e.text, "role.yaml:3: "));
	assert_non_null(strstr(e.text, "twice"));
	yaml_source_done(&source);
}

static void
test_keys_know_their_lines(void **state)
{
	static const char text[] = "a: 1\nb:\n  c: 2\n  d: [{e: 1},\n    {e: 2}]\n---\na: 3\n";
	struct yaml_source source = { .name = "x" };
	const json_t *first, *b;
	struct err e = { "" };
	json_t *v;

	(void)state;
	assert_int_equal(yaml_to_json(&source, text, sizeof text - 1, &v, &e), 0);
	first = json_array_get(v, 0);
	b = json_object_get(first, "b");
	assert_int_equal(yaml_line(&source, first, "a"), 1);
	assert_int_equal(yaml_line(&source, first, "b"), 2);
	assert_int_equal(yaml_line(&source, b, "d"), 4);
	assert_int_equal(yaml_line(&source, json_array_get(json_object_get(b, "d"), 1), "e"), 5);
	assert_int_equal(yaml_line(&source, json_array_get(v, 1), "a"), 7);
	assert_int_equal(yaml_line(&source, b, "a"), 0);
	json_decref(v);
	yaml_source_done(&source);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappings_lists_and_scalars),
		cmocka_unit_test(test_what_plain_scalars_look_like),
		cmocka_unit_test(test_several_documents_are_a_list),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_depth_has_an_end),
		cmocka_unit_test(test_size_has_an_end),
		cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_keys_know_their_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
