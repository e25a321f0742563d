/* SPDX-License-Identifier: Apache-2.0 */
/* conf: what is read, and what the person who wrote the file is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"

struct listener {
	char *address;
	int64_t backlog;
};

struct settings {
	char *cluster;
	struct listener *ssh;
	struct listener *web;
	unsigned web_count;
	char *ttl;
	int64_t ttl_s; /* not in the file */
};

static const cyaml_schema_field_t listener_fields[] = {
	CYAML_FIELD_STRING_PTR("address", CYAML_FLAG_POINTER, struct listener, address, 1, 255),
	CYAML_FIELD_INT("backlog", CYAML_FLAG_OPTIONAL, struct listener, backlog), CYAML_FIELD_END
};
static const cyaml_schema_value_t listener_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct listener, listener_fields),
};
static const cyaml_schema_field_t fields[] = { CYAML_FIELD_STRING_PTR("cluster", CYAML_FLAG_POINTER,
						   struct settings, cluster, 1, 16),
	CYAML_FIELD_MAPPING_PTR("ssh", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings,
	    ssh, listener_fields),
	CYAML_FIELD_SEQUENCE("web", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings, web,
	    &listener_schema, 0, 2),
	CYAML_FIELD_STRING_PTR("ttl", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings,
	    ttl, 1, 16),
	CYAML_FIELD_END };
static const cyaml_schema_value_t schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, fields),
};
static const cyaml_schema_field_t loose_fields[] = { CYAML_FIELD_STRING_PTR("ttl",
							 CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
							 struct settings, ttl, 1, 16),
	CYAML_FIELD_END };
static const cyaml_schema_value_t loose_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, loose_fields),
};

static void
a_good_file_fills_the_struct(void **state)
{
	static const char text[] = "cluster: example\n"
				   "ssh:\n  address: 0.0.0.0:3023\n  backlog: 64\n"
				   "web:\n- address: '[::]:443'\n- {address: 'a:1'}\n";
	struct settings *s;
	void *conf;
	struct err e;

	(void)state;
	assert_int_equal(conf_parse("x", text, strlen(text), &schema, &conf, &e), 0);
	s = conf;
	assert_string_equal(s->cluster, "example");
	assert_string_equal(s->ssh->address, "0.0.0.0:3023");
	assert_int_equal(s->ssh->backlog, 64);
	assert_int_equal(s->web_count, 2);
	assert_string_equal(s->web[1].address, "a:1");
	assert_null(s->ttl);
	conf_free(&schema, conf);
}

static void
an_empty_file_is_an_empty_mapping(void **state)
{
	static const char *const blank[] = { "", "\n\n", "# only this\n", "---\n# and this" };
	struct err e;
	void *conf;

	(void)state;
	for (size_t i = 0; i < sizeof(blank) / sizeof(blank[0]); i++) {
		assert_int_equal(conf_parse("x", blank[i], strlen(blank[i]), &loose_schema, &conf,
				     &e),
		    0);
		assert_non_null(conf);
		conf_free(&loose_schema, conf);
		assert_true(conf_parse("x", blank[i], strlen(blank[i]), &schema, &conf, &e) < 0);
		assert_non_null(strstr(e.text, "missing key 'cluster'"));
	}
}

static void
errors_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "cluster: a\n\nclutser: b\n", "f.yaml:3: unknown key 'clutser'" },
		{ "cluster: a\nssh:\n  address: a:1\n  backlog: many\n",
		    "f.yaml:4: ssh.backlog: " },
		{ "cluster: a\nweb:\n- address: a:1\n- adress: b:2\n",
		    "f.yaml:4: web: unknown key 'adress'" },
		{ "cluster: [a, b]\n", "f.yaml:1: cluster: expected STRING, found a list" },
		{ "cluster: a\ncluster: b\n", "given twice: 'cluster'" },
		{ "cluster: a\nweb: [{address: x}, {address: x}, {address: x}]\n",
		    "f.yaml:2: web: " },
		{ "- a\n", "found a list" },
		{ "cluster: a\n\tssh: b\n", "not YAML: " },
		{ "ttl: 1h\n", "missing key 'cluster'" },
		{ "a: &x b\ncluster: *x\n", "f.yaml" },
		{ "cluster: aaaaaaaaaaaaaaaaaaaaaaaa\n", "f.yaml:1: cluster: " },
	};
	struct err e;
	void *conf;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(conf_parse("f.yaml", rows[i].text, strlen(rows[i].text), &schema, &conf,
				&e) < 0);
		assert_null(conf);
		if (!strstr(e.text, rows[i].want))
			fail_msg("row %zu: \"%s\" is not in \"%s\"", i, rows[i].want, e.text);
	}
	assert_true(conf_parse("f.yaml", "a\0b", 3, &schema, &conf, &e) < 0);
	assert_true(conf_load("/nonexistent/f.yaml", &schema, &conf, &e) < 0);
	assert_non_null(strstr(e.text, "/nonexistent/f.yaml"));
}

static void
values_have_defaults_and_bounds(void **state)
{
	int64_t s, n;
	uint64_t size;
	struct err e;

	(void)state;
	assert_int_equal(conf_duration(&s, "ttl", NULL, "12h", &e), 0);
	assert_int_equal(s, 43200);
	assert_true(conf_duration(&s, "ttl", "soon", "12h", &e) < 0);
	assert_non_null(strstr(e.text, "ttl: 'soon'"));
	assert_int_equal(conf_size(&size, "spool", "16MB", "1", &e), 0);
	assert_int_equal(size, 16 << 20);
	assert_int_equal(conf_size(&size, "spool", NULL, "512", &e), 0);
	assert_int_equal(size, 512);
	assert_true(conf_size(&size, "spool", "99999999999999999GB", "1", &e) < 0);
	assert_true(conf_size(&size, "spool", "MB", "1", &e) < 0);
	assert_int_equal(conf_address("a", "host:1", &e), 0);
	assert_true(conf_address("a", "host", &e) < 0);
	assert_true(conf_address("a", NULL, &e) < 0);
	assert_int_equal(conf_diag_addr(NULL, &e), 0);
	assert_int_equal(conf_diag_addr("", &e), 0);
	assert_int_equal(conf_diag_addr("127.0.0.1:3082", &e), 0);
	assert_int_equal(conf_diag_addr("[::1]:3082", &e), 0);
	assert_int_equal(conf_diag_addr("localhost:3082", &e), 0);
	assert_true(conf_diag_addr("tele.example.com:3082", &e) < 0);
	assert_true(conf_diag_addr("127.0.0.1", &e) < 0);
	assert_true(conf_diag_addr("off", &e) < 0);
	n = 0;
	assert_int_equal(conf_range(&n, "n", 7, 1, 10, &e), 0);
	assert_int_equal(n, 7);
	n = 11;
	assert_true(conf_range(&n, "n", 7, 1, 10, &e) < 0);
	assert_int_equal(conf_path("p", NULL, true, &e), 0);
	assert_true(conf_path("p", NULL, false, &e) < 0);
	assert_true(conf_path("p", "relative", false, &e) < 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_file_fills_the_struct),
		cmocka_unit_test(an_empty_file_is_an_empty_mapping),
		cmocka_unit_test(errors_name_file_line_and_key),
		cmocka_unit_test(values_have_defaults_and_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
