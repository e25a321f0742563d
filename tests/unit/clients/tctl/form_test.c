/* SPDX-License-Identifier: Apache-2.0 */
/* A role there and back: YAML as people write it, what authd takes, and YAML again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/yaml.h"
#include "proto/auth.pb-c.h"
#include "tctl/form.h"

static const char dba[] =
    "kind: role\n"
    "version: v1\n"
    "metadata: {name: dba}\n"
    "spec:\n"
    "  options: {max_session_ttl: 8h, forward_agent: true, permit_pty: false}\n"
    "  allow:\n"
    "    logins: [postgres, '{{internal.logins}}']\n"
    "    node_labels: {env: [prod, stage], '*': '*'}\n"
    "    rules: [{resources: [session], verbs: [list, read]}]\n"
    "  deny: {logins: root}\n";

/* 0 with *ret, or negative with e: the text as authd gets it. */
static int
read_role(const char *yaml, Auth__Role **ret, struct err *e)
{
	struct yaml_source source = { .name = "role.yaml" };
	const struct form *form;
	ProtobufCMessage *m;
	json_t *v = NULL;
	int rc;

	*e = (struct err){ "" };
	assert_int_equal(yaml_to_json(&source, yaml, strlen(yaml), &v, e), 0);
	rc = form_from_json(v, &source, &form, &m, e);
	if (rc == 0) {
		assert_string_equal(form->kind, "role");
		*ret = (Auth__Role *)(void *)m;
	}
	yaml_source_done(&source);
	json_decref(v);
	return rc;
}

static void
role_free(Auth__Role *r)
{
	protobuf_c_message_free_unpacked(&r->base, NULL);
}

static void
test_every_key_arrives(void **state)
{
	struct err e;
	Auth__Role *r;

	(void)state;
	assert_int_equal(read_role(dba, &r, &e), 0);
	assert_string_equal(r->name, "dba");
	assert_int_equal(r->options->max_session_ttl_s, 8 * 3600);
	assert_true(r->options->forward_agent);
	assert_false(r->options->permit_pty);
	assert_false(r->options->port_forwarding);
	assert_int_equal(r->allow->n_logins, 2);
	assert_string_equal(r->allow->logins[1], "{{internal.logins}}");
	assert_int_equal(r->allow->n_node_labels, 2);
	assert_int_equal(r->allow->n_rules, 1);
	assert_int_equal(r->allow->rules[0]->n_verbs, 2);
	assert_int_equal(r->deny->n_logins, 1);
	assert_string_equal(r->deny->logins[0], "root");
	role_free(r);
}

static void
test_what_get_prints_create_takes(void **state)
{
	const struct form *form = form_find("role");
	json_t *first, *second;
	ProtobufCMessage *again;
	Auth__Role *r;
	struct err e;

	(void)state;
	assert_int_equal(read_role(dba, &r, &e), 0);
	first = form_to_json(form, &r->base);
	assert_non_null(first);
	assert_int_equal(form_from_json(first, NULL, &form, &again, &e), 0);
	second = form_to_json(form, again);
	assert_true(json_equal(first, second));
	assert_string_equal(json_string_value(
				json_object_get(json_object_get(json_object_get(first, "spec"),
						    "options"),
				    "max_session_ttl")),
	    "8h0m0s");
	json_decref(first);
	json_decref(second);
	protobuf_c_message_free_unpacked(again, NULL);
	role_free(r);
}

static void
test_a_time_of_less_than_a_minute_is_written_as_it_is_read(void **state)
{
	const struct form *form = form_find("role");
	Auth__RoleOptions options = AUTH__ROLE_OPTIONS__INIT;
	Auth__Role role = AUTH__ROLE__INIT;
	ProtobufCMessage *again;
	json_t *value;
	struct err e;

	(void)state;
	role.name = "x";
	role.options = &options;
	options.max_session_ttl_s = 30;
	value = form_to_json(form, &role.base);
	if (form_from_json(value, NULL, &form, &again, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(((Auth__Role *)again)->options->max_session_ttl_s, 30);
	json_decref(value);
	protobuf_c_message_free_unpacked(again, NULL);
}

static void
test_what_is_left_out_allows_little(void **state)
{
	struct err e;
	Auth__Role *r;

	(void)state;
	assert_int_equal(read_role("{kind: role, metadata: {name: x}, spec: {}}", &r, &e), 0);
	assert_null(r->allow);
	assert_null(r->deny);
	assert_false(r->options->forward_agent);
	assert_false(r->options->port_forwarding);
	assert_true(r->options->permit_pty);
	assert_int_equal(r->options->max_session_ttl_s, 30 * 3600);
	role_free(r);
}

static void
refuse(const char *yaml, const char *why)
{
	struct err e;
	Auth__Role *r = NULL;

	assert_true(read_role(yaml, &r, &e) < 0);
	assert_null(r);
	if (!strstr(e.text, why))
		print_error("%s: %s\n", yaml, e.text);
	assert_non_null(strstr(e.text, why));
}

#define SPEC(text) "{kind: role, metadata: {name: x}, spec: {" text "}}"

static void
test_refusals(void **state)
{
	(void)state;
	refuse("[a]", "must be a mapping");
	refuse("{kind: user, metadata: {name: x}, spec: {}}", "kind must be role");
	refuse("{kind: role, spec: {}}", "metadata.name");
	refuse("{kind: role, metadata: {name: ''}, spec: {}}", "metadata.name");
	refuse("{kind: role, metadata: {name: x}}", "spec must be a mapping");
	refuse("{kind: role, metadata: {name: x}, spec: {}, allow: {}}", "unknown key allow");
	refuse("{kind: role, metadata: {name: x, owner: me}, spec: {}}", "unknown key owner");
	refuse("{kind: role, version: v9, metadata: {name: x}, spec: {}}", "version");
	refuse(SPEC("alow: {}"), "unknown key alow");
	refuse(SPEC("allow: {login: [root]}"), "unknown key login");
	refuse(SPEC("allow: [root]"), "allow must be a mapping");
	refuse(SPEC("allow: {logins: {a: b}}"), "logins must be text");
	refuse(SPEC("allow: {logins: [1]}"), "logins must be text");
	refuse(SPEC("allow: {logins: [\"root\\0x\"]}"), "logins must be text");
	refuse(SPEC("allow: {node_labels: [env]}"), "node_labels must be a mapping");
	refuse(SPEC("allow: {node_labels: {env: [[a]]}}"), "env must be text");
	refuse(SPEC("allow: {rules: {resources: [a]}}"), "rules must be a list");
	refuse(SPEC("allow: {rules: [{resource: [a]}]}"), "unknown key resource");
	refuse(SPEC("options: {permit_pty: 'yes'}"), "permit_pty must be true or false");
	refuse(SPEC("options: {max_session_ttl: soon}"), "max_session_ttl must be a duration");
	refuse(SPEC("options: {max_session_ttl: [8h]}"), "max_session_ttl must be a duration");
	refuse(SPEC("options: {max_session_ttl: 8hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh}"),
	    "max_session_ttl must be a duration");
	refuse(SPEC("options: {ttl: 8h}"), "unknown key ttl");
}

/* The order in which people read it, and what is not set. */
static void
test_a_role_is_printed_as_the_manual_has_it(void **state)
{
	static const char want[] =
	    "{\"kind\":\"role\",\"version\":\"v1\",\"metadata\":{\"name\":\"x\"},\"spec\":{"
	    "\"options\":{\"max_session_ttl\":\"30h0m0s\",\"forward_agent\":false,\"port_forwarding\":false,"
	    "\"pin_source_ip\":false,\"permit_pty\":true,\"omit_input\":false,\"record_limit\":0,\"client_idle_timeout\":\"0\"},"
	    "\"allow\":{\"logins\":[],\"node_labels\":{},\"rules\":[]},"
	    "\"deny\":{\"logins\":[\"root\"],\"node_labels\":{},\"rules\":[]}}}";
	struct err e;
	Auth__Role *r;
	json_t *v;
	char *text;

	(void)state;
	assert_int_equal(
	    read_role("{kind: role, metadata: {name: x}, spec: {deny: {logins: root}}}", &r, &e),
	    0);
	v = form_to_json(form_find("roles"), &r->base);
	text = json_dumps(v, JSON_COMPACT);
	assert_string_equal(text, want);
	free(text);
	json_decref(v);
	role_free(r);
}

static void
test_errors_name_the_line(void **state)
{
	static const char text[] =
	    "kind: role\nmetadata: {name: x}\nspec:\n  allow:\n    logins: [a]\n"
	    "    logns: [b]\n";

	(void)state;
	refuse(text, "role.yaml:6: allow: unknown key logns");
	refuse("kind: role\nmetadata: {name: x}\nspec:\n  options:\n    permit_pty: 1\n",
	    "role.yaml:5: permit_pty must be true or false");
	refuse("kind: role\nmetadata: {name: x}\nspec: {preset: true}\n",
	    "role.yaml:3: spec: unknown key preset");
}

static void
test_lists_have_an_end(void **state)
{
	struct buf b;
	struct err e;
	Auth__Role *r = NULL;

	(void)state;
	buf_init(&b, 65536);
	buf_printf(&b, "{kind: role, metadata: {name: x}, spec: {allow: {logins: [");
	for (int i = 0; i < 257; i++)
		buf_printf(&b, "a%d, ", i);
	buf_printf(&b, "]}}}");
	buf_put(&b, "", 1);
	assert_true(read_role((char *)buf_head(&b), &r, &e) < 0);
	assert_non_null(strstr(e.text, "more than 256"));
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_arrives),
		cmocka_unit_test(test_what_get_prints_create_takes),
		cmocka_unit_test(test_a_time_of_less_than_a_minute_is_written_as_it_is_read),
		cmocka_unit_test(test_what_is_left_out_allows_little),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_a_role_is_printed_as_the_manual_has_it),
		cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_lists_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
