/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as JSON and back: every type of field that our .proto files have, every way in which a stranger's JSON, query
 * or path can be something else, and the limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/json.h"
#include "no_memory.h"
#include "proto/audit.pb-c.h"
#include "proto/auth.pb-c.h"
#include "rpc/wire_check.h"
#include "tests/echo.pb-c.h"

/* --- helpers --------------------------------------------------------------------------------- */

/* The message as text; freed by the caller. */
static char *
written(const ProtobufCMessage *m)
{
	struct buf b;
	char *text;

	buf_init(&b, 8 * 1024 * 1024);
	assert_true(api_json_put(&b, m));
	text = span_dup(buf_span(&b));
	assert_non_null(text);
	buf_done(&b);
	return text;
}

struct source {
	const char *name, *value; /* of the path */
	const char *query, *body;
};

/* What is made of it; NULL: refused, and why. */
static ProtobufCMessage *
made_of(const ProtobufCMessageDescriptor *type, const struct source *s, struct err *e)
{
	struct api_json in;
	ProtobufCMessage *m = NULL;

	e->text[0] = '\0';
	api_json_begin(&in, type);
	if ((!s->name || api_json_take_field(&in, s->name, span_str(s->value), e) == 0) &&
	    (!s->query || api_json_take_query(&in, span_str(s->query), e) == 0) &&
	    (!s->body || api_json_take_body(&in, span_str(s->body), e) == 0))
		(void)api_json_finish(&in, &m, e);
	api_json_done(&in);
	/* Either a message or a text, never both. */
	assert_int_equal(m == NULL, e->text[0] != '\0');
	return m;
}

static void
assert_made(const ProtobufCMessageDescriptor *type, const struct source *s, const char *json)
{
	struct err e;
	ProtobufCMessage *m = made_of(type, s, &e);
	char *text;

	if (!m)
		fail_msg("refused: %s", e.text);
	text = written(m);
	assert_string_equal(text, json);
	free(text);
	api_json_free(m);
}

static void
assert_refused(const ProtobufCMessageDescriptor *type, const struct source *s, const char *why)
{
	struct err e;
	ProtobufCMessage *m = made_of(type, s, &e);

	assert_null(m);
	assert_string_equal(e.text, why);
}

static void
assert_body_refused(const ProtobufCMessageDescriptor *type, const char *body, const char *why)
{
	assert_refused(type, &(struct source){ .body = body }, why);
}

#define EMPTY_MSG \
	"{\"text\":\"\",\"n\":0,\"data\":\"\",\"names\":[],\"labels\":[],\"tree\":null,\"numbers\":[],\"leaf\":null,\"flag\":null}"

/* --- tests ----------------------------------------------------------------------------------- */

static void
every_field_is_written_also_when_it_is_empty(void **state)
{
	(void)state;
	assert_made(&echo__msg__descriptor, &(struct source){ .body = "{}" }, EMPTY_MSG);
	assert_made(&echo__msg__descriptor, &(struct source){ 0 }, EMPTY_MSG);
	/* What was read can be sent back. */
	assert_made(&echo__msg__descriptor,
	    &(struct source){
		.body = "{\"text\":\"\",\"n\":0,\"data\":\"\",\"names\":[],\"labels\":[],"
			"\"tree\":null,\"numbers\":[],\"leaf\":null}" },
	    EMPTY_MSG);
}

static void
every_type_of_field_goes_there_and_back(void **state)
{
	static const char all[] =
	    "{\"text\":\"a\\\"b\\\\c\\u000a\\u007f\\u009b\\u202e\\u2069\xc3\xa4\xf0\x9f\x98\x80\",\"n\":9223372036854775807,"
	    "\"data\":\"AP8=\",\"names\":[\"x\",\"\",\"y\"],"
	    "\"labels\":[{\"key\":\"k\",\"value\":\"<b>\"}],"
	    "\"tree\":{\"leaf\":{\"text\":\"t\"},\"children\":[{\"leaf\":null,\"children\":[]}]},"
	    "\"numbers\":[0,1,4294967295],\"leaf\":null,\"flag\":true}";
	static const char recording[] =
	    "{\"session\":\"\",\"kind\":\"\",\"user\":\"\",\"login\":\"\",\"node\":\"\",\"node_name\":\"\","
	    "\"started_us\":-9223372036854775807,\"ended_us\":0,\"command\":\"\",\"bytes\":9223372036854775807,"
	    "\"exit_status\":-2147483648,\"interactive\":true,\"cols\":80,\"rows\":0,\"producer_kind\":\"\","
	    "\"producer\":\"\",\"backed\":\"\",\"remote_addr\":\"\",\"heard_us\":0,\"producer_online\":false}";

	(void)state;
	assert_made(&echo__msg__descriptor, &(struct source){ .body = all }, all);
	assert_made(&audit__recording__descriptor, &(struct source){ .body = recording },
	    recording);
	/* Order and blanks are the sender's. */
	assert_made(&echo__leaf__descriptor,
	    &(struct source){ .body = " {\t\"text\" :\n\"x\" } \r\n" }, "{\"text\":\"x\"}");
}

static void
wrong_types_are_refused_by_name(void **state)
{
	static const struct {
		const char *body, *why;
	} row[] = {
		{ "{\"text\":1}", "text: this must be a text" },
		{ "{\"text\":null}", "text: this must be a text" },
		{ "{\"text\":[\"x\"]}", "text: this must be a text" },
		{ "{\"text\":{}}", "text: this must be a text" },
		{ "{\"n\":\"1\"}", "n: this must be a whole number" },
		{ "{\"n\":1.0}", "n: this must be a whole number" },
		{ "{\"n\":1e3}", "n: this must be a whole number" },
		{ "{\"n\":true}", "n: this must be a whole number" },
		{ "{\"n\":null}", "n: this must be a whole number" },
		{ "{\"n\":-1}", "n: the number is too small" },
		{ "{\"numbers\":[1,4294967296]}", "numbers[1]: the number is too large" },
		{ "{\"numbers\":[-1]}", "numbers[0]: the number is too small" },
		{ "{\"numbers\":1}", "numbers: this must be a list" },
		{ "{\"numbers\":null}", "numbers: this must be a list" },
		{ "{\"numbers\":{\"0\":1}}", "numbers: this must be a list" },
		{ "{\"names\":[\"a\",[\"b\"]]}", "names[1]: this must be a text" },
		{ "{\"names\":[null]}", "names[0]: this must be a text" },
		{ "{\"data\":\"AP8\"}", "data: the bytes are not base64" },
		{ "{\"data\":\"A_8=\"}", "data: the bytes are not base64" },
		{ "{\"data\":\"AP8=\\n\"}", "data: the bytes are not base64" },
		{ "{\"data\":7}", "data: this must be a text of base64" },
		{ "{\"flag\":1}", "flag: this must be true or false" },
		{ "{\"flag\":\"true\"}", "flag: this must be true or false" },
		{ "{\"tree\":[]}", "tree: this must be an object" },
		{ "{\"tree\":\"\"}", "tree: this must be an object" },
		{ "{\"tree\":{\"children\":[{},{\"leaf\":{\"text\":7}}]}}",
		    "tree.children[1].leaf.text: this must be a text" },
		{ "{\"tree\":{\"children\":[null]}}", "tree.children[0]: this must be an object" },
		{ "{\"leaf\":{},\"flag\":true}", "flag: only one of its kind can be given" },
		{ "{\"flag\":false,\"leaf\":{}}", "leaf: only one of its kind can be given" },
		{ "[]", "this must be a JSON object" },
		{ "null", "this must be a JSON object" },
		{ "7", "this must be a JSON object" },
		{ "\"text\"", "this must be a JSON object" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_body_refused(&echo__msg__descriptor, row[i].body, row[i].why);
	assert_body_refused(&audit__recording__descriptor, "{\"exit_status\":2147483648}",
	    "exit_status: the number is too large");
	assert_body_refused(&audit__recording__descriptor, "{\"exit_status\":-2147483649}",
	    "exit_status: the number is too small");
}

static void
unknown_names_are_refused_wherever_they_stand(void **state)
{
	(void)state;
	assert_body_refused(&echo__msg__descriptor, "{\"texts\":1}",
	    "texts: there is no field of this name");
	assert_body_refused(&echo__msg__descriptor, "{\"Text\":\"\"}",
	    "Text: there is no field of this name");
	assert_body_refused(&echo__msg__descriptor, "{\"\":1}", ": there is no field of this name");
	assert_body_refused(&echo__msg__descriptor, "{\"tree\":{\"leaf\":{\"x\":null}}}",
	    "tree.leaf.x: there is no field of this name");
	/* A name is shown to people; it is not theirs to move the cursor, nor long. */
	assert_body_refused(&echo__msg__descriptor, "{\"\\u001b[2J\":1}",
	    "?[2J: there is no field of this name");
	assert_refused(&echo__msg__descriptor, &(struct source){ .query = "texts=1" },
	    "texts: there is no field of this name");
	assert_refused(&echo__msg__descriptor, &(struct source){ .name = "nom", .value = "x" },
	    "nom: there is no field of this name");
}

static void
what_is_no_json_is_refused_without_quoting_it(void **state)
{
	static const char *const bodies[] = { "", " ", "{", "{]", "{\"text\":}",
		"{\"text\":\"secret}", "{\"text\":'secret'}", "{text:1}", "{\"text\":\"a\",}",
		"{\"text\":\"secret\"} x", "{}{}", "\xef\xbb\xbf{}", "{\"n\":9223372036854775808}",
		"{\"n\":01}", "{\"n\":+1}", "{\"n\":0x1}", "{\"n\":1e999}", "{\"n\":NaN}", "/**/{}",
		/* twice the same name */
		"{\"text\":\"a\",\"text\":\"b\"}", "{\"tree\":{\"leaf\":{},\"leaf\":{}}}",
		/* no UTF-8: cut, overlong, half of a pair; a NUL */
		"{\"text\":\"\xc3\"}", "{\"text\":\"\xc0\x80\"}", "{\"text\":\"\xed\xa0\x80\"}",
		"{\"text\":\"\\ud800\"}", "{\"text\":\"\\u0000\"}", "{\"te\\u0000xt\":\"\"}",
		"{\"text\":\"a\nb\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct err e;

		assert_null(
		    made_of(&echo__msg__descriptor, &(struct source){ .body = bodies[i] }, &e));
		assert_non_null(strstr(e.text, "this is no JSON: line "));
		assert_null(strstr(e.text, "secret"));
	}
}

/* {"tree":{"children":[{"children":[ ... ]}]}}: n messages below the first. */
static char *
nested(size_t n)
{
	struct buf b;
	char *text;

	buf_init(&b, 4 * 1024 * 1024);
	(void)buf_printf(&b, "{\"tree\":");
	for (size_t i = 1; i < n; i++)
		(void)buf_printf(&b, "{\"children\":[");
	(void)buf_printf(&b, "{}");
	for (size_t i = 1; i < n; i++)
		(void)buf_printf(&b, "]}");
	(void)buf_printf(&b, "}");
	assert_true(buf_ok(&b));
	text = span_dup(buf_span(&b));
	buf_done(&b);
	return text;
}

static void
depth_has_a_limit(void **state)
{
	struct err e;
	char *fits = nested(WIRE_CHECK_DEPTH - 1), *deep = nested(WIRE_CHECK_DEPTH),
	     *deepest = nested(100000), *again;
	ProtobufCMessage *m = made_of(&echo__msg__descriptor, &(struct source){ .body = fits }, &e);

	(void)state;
	assert_non_null(m);
	again = written(m);
	assert_non_null(again);
	api_json_free(m);
	assert_null(made_of(&echo__msg__descriptor, &(struct source){ .body = deep }, &e));
	assert_non_null(strstr(e.text, ": too deep"));
	/* Deeper than jansson goes itself. */
	assert_null(made_of(&echo__msg__descriptor, &(struct source){ .body = deepest }, &e));
	assert_non_null(strstr(e.text, "this is no JSON"));
	free(fits);
	free(deep);
	free(deepest);
	free(again);
}

/* {"numbers":[0,0,...]} */
static char *
many_numbers(size_t n)
{
	struct buf b;
	char *text;

	buf_init(&b, 1024 * 1024);
	(void)buf_printf(&b, "{\"numbers\":[0");
	for (size_t i = 1; i < n; i++)
		(void)buf_put(&b, ",0", 2);
	(void)buf_put(&b, "]}", 2);
	assert_true(buf_ok(&b));
	text = span_dup(buf_span(&b));
	buf_done(&b);
	return text;
}

static void
lists_have_the_limit_of_the_wire(void **state)
{
	struct err e;
	char *fits = many_numbers(WIRE_CHECK_ITEMS), *more = many_numbers(WIRE_CHECK_ITEMS + 1);
	ProtobufCMessage *m = made_of(&echo__msg__descriptor, &(struct source){ .body = fits }, &e);

	(void)state;
	assert_non_null(m);
	assert_int_equal(((const Echo__Msg *)m)->n_numbers, WIRE_CHECK_ITEMS);
	api_json_free(m);
	assert_null(made_of(&echo__msg__descriptor, &(struct source){ .body = more }, &e));
	assert_string_equal(e.text, "numbers[100000]: too many values");
	free(fits);
	free(more);
}

static void
a_query_names_fields(void **state)
{
	(void)state;
	assert_made(&auth__list_nodes_request__descriptor,
	    &(struct source){
		.query =
		    "selector=env%3Dprod&limit=20&selector=note=a%26b+c=d&search=x%25y&offline=true&after=" },
	    "{\"selector\":[{\"key\":\"env\",\"value\":\"prod\"},{\"key\":\"note\",\"value\":\"a&b c=d\"}],"
	    "\"search\":\"x%y\",\"after\":\"\",\"limit\":20,\"offline\":true}");
	assert_made(&echo__msg__descriptor,
	    &(struct source){ .query = "names=a&numbers=1&names=&numbers=2&data=AP8%3D&labels=k=" },
	    "{\"text\":\"\",\"n\":0,\"data\":\"AP8=\",\"names\":[\"a\",\"\"],\"labels\":[{\"key\":\"k\",\"value\":\"\"}],"
	    "\"tree\":null,\"numbers\":[1,2],\"leaf\":null,\"flag\":null}");
	assert_made(&audit__search_request__descriptor,
	    &(struct source){
		.query = "from_us=-5&types=session.*&types=user.login&failed_only=false" },
	    "{\"from_us\":-5,\"to_us\":0,\"types\":[\"session.*\",\"user.login\"],\"user\":\"\",\"node\":\"\","
	    "\"session\":\"\",\"limit\":0,\"failed_only\":false,\"after\":\"\",\"ok_only\":false}");
}

static void
a_query_that_means_something_else_is_refused(void **state)
{
	static const struct {
		const char *query, *why;
	} row[] = {
		{ "n=", "n: this must be a whole number" },
		{ "n=-", "n: this must be a whole number" },
		{ "n=--1", "n: this must be a whole number" },
		{ "n=1x", "n: this must be a whole number" },
		{ "n=+1", "n: this must be a whole number" },
		{ "n=0x10", "n: this must be a whole number" },
		{ "n=1.0", "n: this must be a whole number" },
		{ "n=9223372036854775808", "n: this must be a whole number" },
		{ "n=00000000000000000000000000000001", "n: this must be a whole number" },
		{ "n=-1", "n: the number is too small" },
		{ "numbers=4294967296", "numbers: the number is too large" },
		{ "flag=1", "flag: this must be true or false" },
		{ "flag=TRUE", "flag: this must be true or false" },
		{ "flag=", "flag: this must be true or false" },
		{ "data=A", "data: the bytes are not base64" },
		{ "text=%ff", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
		{ "text=%c0%80", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
		{ "labels=%ff=x", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
		{ "labels=k", "labels: this must be KEY=VALUE" },
		{ "labels=", "labels: this must be KEY=VALUE" },
		{ "tree=x=y", "tree: this cannot be given in a query" },
		{ "leaf=x", "leaf: this cannot be given in a query" },
		{ "text=a&text=b", "text: this is given twice" },
		{ "text=a&te%78t=a", "text: this is given twice" },
		{ "text", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
		{ "text=%", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
		{ "text=%00", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
		{ "text=a%0", "the query is not NAME=VALUE&NAME=VALUE, encoded" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_refused(&echo__msg__descriptor, &(struct source){ .query = row[i].query },
		    row[i].why);
}

static void
what_the_path_says_nothing_else_says(void **state)
{
	static const struct {
		struct source from;
		const char *why;
	} row[] = {
		{ { "name", "alice", NULL, "{\"name\":\"bob\"}" }, "name: this is given twice" },
		{ { "name", "alice", NULL, "{\"name\":\"\"}" }, "name: this is given twice" },
		{ { "name", "alice", "name=bob", NULL }, "name: this is given twice" },
		{ { NULL, NULL, "roles=a", "{\"roles\":[\"b\"]}" }, "roles: this is given twice" },
		{ { "roles", "a", "roles=b", NULL }, "roles: this is given twice" },
		{ { "name", "\xff", NULL, NULL }, "name: the text is not UTF-8, or has a NUL" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		assert_refused(&auth__add_user_request__descriptor, &row[i].from, row[i].why);
	assert_made(&auth__add_user_request__descriptor,
	    &(struct source){ "name", "a<b>&\"'", "ttl_s=60",
		"{\"roles\":[\"dev\"],\"logins\":[\"root\"]}" },
	    "{\"name\":\"a<b>&\\\"'\",\"roles\":[\"dev\"],\"logins\":[\"root\"],\"ttl_s\":60}");
}

static void
a_resource_has_its_kinds_message_as_value(void **state)
{
	static const char role[] =
	    "{\"resource\":{\"kind\":\"role\",\"name\":\"\",\"revision\":3,\"value\":"
	    "{\"name\":\"dba\",\"allow\":{\"logins\":[\"root\"],\"node_labels\":[{\"key\":\"env\",\"values\":[\"prod\"]}],"
	    "\"rules\":[]},\"deny\":null,\"options\":null,\"preset\":false}},\"replace\":true}";
	struct err e;
	ProtobufCMessage *m = made_of(&auth__put_resource_request__descriptor,
	    &(struct source){ .body = role }, &e);
	const Auth__Resource *resource;
	Auth__Role *value;

	(void)state;
	assert_non_null(m);
	resource = ((const Auth__PutResourceRequest *)m)->resource;
	value = (Auth__Role *)protobuf_c_message_unpack(&auth__role__descriptor, NULL,
	    resource->value.len, resource->value.data);
	assert_non_null(value);
	assert_string_equal(value->allow->node_labels[0]->values[0], "prod");
	protobuf_c_message_free_unpacked(&value->base, NULL);
	api_json_free(m);
	assert_made(&auth__put_resource_request__descriptor, &(struct source){ .body = role },
	    role);
	/* The order of members is the sender's. */
	assert_made(&auth__resource__descriptor,
	    &(struct source){ .body = "{\"value\":{\"user\":\"mallory\"},\"kind\":\"lock\"}" },
	    "{\"kind\":\"lock\",\"name\":\"\",\"revision\":0,\"value\":{\"name\":\"\",\"user\":\"mallory\",\"role\":\"\","
	    "\"login\":\"\",\"node\":\"\",\"access_request\":\"\",\"message\":\"\",\"expires\":0,"
	    "\"session\":\"\",\"created_by\":\"\",\"session_user\":\"\"}}");
	assert_made(&auth__resource__descriptor,
	    &(struct source){ .body = "{\"kind\":\"role\",\"value\":null}" },
	    "{\"kind\":\"role\",\"name\":\"\",\"revision\":0,\"value\":null}");
	/* Of a kind that is not known here it is bytes, and authd decides. */
	assert_made(&auth__resource__descriptor,
	    &(struct source){ .body = "{\"kind\":\"new\",\"value\":\"AP8=\"}" },
	    "{\"kind\":\"new\",\"name\":\"\",\"revision\":0,\"value\":\"AP8=\"}");
	assert_body_refused(&auth__resource__descriptor, "{\"kind\":\"role\",\"value\":\"AP8=\"}",
	    "value: this must be an object");
	assert_body_refused(&auth__resource__descriptor,
	    "{\"kind\":\"role\",\"value\":{\"allow\":{\"rules\":[{\"verb\":[]}]}}}",
	    "value.allow.rules[0].verb: there is no field of this name");
}

static void
a_resource_that_is_not_what_its_kind_says_is_not_written(void **state)
{
	Auth__Resource r = AUTH__RESOURCE__INIT;
	uint8_t bytes[] = { 0x0a, 0xff };
	struct buf b;

	(void)state;
	r.kind = "role";
	r.value = (ProtobufCBinaryData){ sizeof(bytes), bytes };
	buf_init(&b, 1024);
	assert_false(api_json_put(&b, &r.base));
	buf_done(&b);
}

static void
an_answer_has_the_ceiling_of_its_buffer(void **state)
{
	Echo__Msg m = ECHO__MSG__INIT;
	struct buf b;

	(void)state;
	buf_init(&b, sizeof(EMPTY_MSG) - 1);
	assert_true(api_json_put(&b, &m.base));
	buf_reset(&b);
	m.text = "x";
	assert_false(api_json_put(&b, &m.base));
	buf_done(&b);
}

/* So that no answer and no request of our services meets a type that has no form. */
static void
assert_has_forms(const ProtobufCMessageDescriptor *type, int depth)
{
	assert_true(type->n_fields <= 64);
	for (unsigned i = 0; depth > 0 && i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		switch (f->type) {
		case PROTOBUF_C_TYPE_MESSAGE:
			assert_has_forms(f->descriptor, depth - 1);
			break;
		case PROTOBUF_C_TYPE_BOOL:
		case PROTOBUF_C_TYPE_INT32:
		case PROTOBUF_C_TYPE_UINT32:
		case PROTOBUF_C_TYPE_INT64:
		case PROTOBUF_C_TYPE_UINT64:
		case PROTOBUF_C_TYPE_STRING:
		case PROTOBUF_C_TYPE_BYTES:
			break;
		default:
			fail_msg("%s.%s has a type without a form in JSON", type->name, f->name);
		}
	}
}

static void
every_method_has_forms(void **state)
{
	const ProtobufCServiceDescriptor *const services[] = { &auth__auth__descriptor,
		&audit__audit__descriptor };

	(void)state;
	for (size_t s = 0; s < 2; s++)
		for (unsigned i = 0; i < services[s]->n_methods; i++) {
			assert_has_forms(services[s]->methods[i].input, 8);
			assert_has_forms(services[s]->methods[i].output, 8);
		}
}

static int
read_and_write(void *arg, struct err *e)
{
	static const struct source from = { "text", "t", "names=a&labels=k=v",
		"{\"tree\":{\"leaf\":{\"text\":\"x\"},\"children\":[{}]},\"data\":\"AP8=\"}" };
	struct api_json in;
	ProtobufCMessage *m = NULL;
	struct buf b;
	int done = -1;

	(void)arg;
	api_json_begin(&in, &echo__msg__descriptor);
	buf_init(&b, 4096);
	if (api_json_take_field(&in, from.name, span_str(from.value), e) == 0 &&
	    api_json_take_query(&in, span_str(from.query), e) == 0 &&
	    api_json_take_body(&in, span_str(from.body), e) == 0 &&
	    api_json_finish(&in, &m, e) == 0)
		done = api_json_put(&b, m) ? 0 : err_memory(e);
	/* A sender is not told that he was wrong. */
	if (done < 0)
		assert_string_equal(e->text, "out of memory");
	api_json_free(m);
	buf_done(&b);
	api_json_done(&in);
	return done;
}

static void
without_memory_there_is_an_error_and_nothing_left(void **state)
{
	(void)state;
	memory_runs_out(read_and_write, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_is_written_also_when_it_is_empty),
		cmocka_unit_test(every_type_of_field_goes_there_and_back),
		cmocka_unit_test(wrong_types_are_refused_by_name),
		cmocka_unit_test(unknown_names_are_refused_wherever_they_stand),
		cmocka_unit_test(what_is_no_json_is_refused_without_quoting_it),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(lists_have_the_limit_of_the_wire),
		cmocka_unit_test(a_query_names_fields),
		cmocka_unit_test(a_query_that_means_something_else_is_refused),
		cmocka_unit_test(what_the_path_says_nothing_else_says),
		cmocka_unit_test(a_resource_has_its_kinds_message_as_value),
		cmocka_unit_test(a_resource_that_is_not_what_its_kind_says_is_not_written),
		cmocka_unit_test(an_answer_has_the_ceiling_of_its_buffer),
		cmocka_unit_test(every_method_has_forms),
		cmocka_unit_test(without_memory_there_is_an_error_and_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
