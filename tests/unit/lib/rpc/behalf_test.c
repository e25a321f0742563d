/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls on behalf of somebody: a proxy's call with a session's token is the person's, and everything else that says so is
 * refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "rpc_world.h"
#include "tests/echo.async.h"

#define BROWSER "203.0.113.7:4711"
static const char proxy_uri[] = "sallyport://test/proxy/p1";

/* A caller, and what came of his last call. */
struct caller {
	struct rpc_identity *id;
	struct rpc_channel *ch;
	bool done;
	enum rpc_code code;
	char why[256], name[64], address[128], web[RPC_SESSION_KEY_SIZE];
	uint64_t who;
};

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	world_start(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

static void
caller_init(struct caller *c, struct world *w, struct pki_ca *ca, const char *uri)
{
	*c = (struct caller){ .id = world_identity(w, ca, uri, -60, 3600) };
	c->ch = world_channel(w, c->id);
}

static void
caller_done(struct caller *c)
{
	rpc_channel_free(c->ch);
	rpc_identity_free(c->id);
}

static void
take(struct caller *c, const Echo__Msg *m)
{
	c->who = m->n;
	str_copy(c->name, sizeof c->name, m->text);
	if (m->n_names != 2)
		return;
	str_copy(c->address, sizeof c->address, m->names[0]);
	str_copy(c->web, sizeof c->web, m->names[1]);
}

static void
on_message(struct rpc_call *call, const void *message)
{
	if (message)
		take(rpc_data(call), message);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct caller *c = rpc_data(call);

	c->code = status->code;
	str_copy(c->why, sizeof c->why, status->message);
	c->done = true;
}

static enum rpc_code
ask(struct world *w, struct caller *c, const char *method, const char *session, const char *client)
{
	static const struct rpc_events events = { .message = on_message, .closed = on_closed };
	const struct rpc_method m = { &echo__echo__descriptor, method, RPC_UNARY };
	const struct rpc_options options = { .timeout_ms = WORLD_TIMEOUT_MS,
		.session = session,
		.client = client };
	const Echo__Msg q = ECHO__MSG__INIT;

	c->done = false;
	c->name[0] = c->address[0] = c->web[0] = '\0';
	rpc_invoke(w->rl, c->ch, &m, &q, &events, c, &options);
	rpc_loop_run(w->rl, &c->done);
	return c->code;
}

static void
a_call_with_a_sessions_token_is_the_persons(void **state)
{
	struct world *w = *state;
	char key[RPC_SESSION_KEY_SIZE];
	struct caller c;

	caller_init(&c, w, w->host_ca, proxy_uri);
	assert_true(rpc_session_key(WORLD_TOKEN, key));
	assert_int_equal(ask(w, &c, "OnlyUsers", WORLD_TOKEN, BROWSER), RPC_OK);
	assert_string_equal(c.name, "anna");
	assert_int_equal(c.who, RPC_USER);
	assert_string_equal(c.address, "ipv4:" BROWSER);
	assert_string_equal(c.web, key);
	assert_int_equal(ask(w, &c, "OnlyUsers", WORLD_TOKEN, "[2001:db8::7]:80"), RPC_OK);
	assert_string_equal(c.address, "ipv6:[2001:db8::7]:80");
	caller_done(&c);
}

static void
the_same_connection_is_the_proxys_without_it(void **state)
{
	struct world *w = *state;
	struct caller c;

	caller_init(&c, w, w->host_ca, proxy_uri);
	assert_int_equal(ask(w, &c, "OnlyUsers", WORLD_TOKEN, BROWSER), RPC_OK);
	assert_int_equal(ask(w, &c, "OnlyUsers", NULL, NULL), RPC_PERMISSION_DENIED);
	assert_int_equal(ask(w, &c, "Open", NULL, NULL), RPC_OK);
	assert_string_equal(c.name, "p1");
	assert_int_equal(c.who, RPC_PROXY);
	assert_string_equal(c.web, "");
	caller_done(&c);
}

static void
an_address_alone_leaves_the_proxy_what_it_is(void **state)
{
	struct world *w = *state;
	struct caller c;

	caller_init(&c, w, w->host_ca, proxy_uri);
	assert_int_equal(ask(w, &c, "Open", NULL, BROWSER), RPC_OK);
	assert_int_equal(c.who, RPC_PROXY);
	assert_string_equal(c.address, "ipv4:" BROWSER);
	assert_int_equal(ask(w, &c, "OnlyUsers", NULL, BROWSER), RPC_PERMISSION_DENIED);
	caller_done(&c);
}

/* It would choose where its own calls come from. */
static void
an_address_alone_is_refused_where_no_browser_logs_in(void **state)
{
	struct world *w = *state;
	char method[64];
	enum rpc_who who;
	struct caller c;
	enum rpc_code own;
	int before;

	caller_init(&c, w, w->host_ca, proxy_uri);
	own = ask(w, &c, "Fail", NULL, NULL);
	assert_int_not_equal(own, RPC_PERMISSION_DENIED);
	before = world_refusals(w, method, sizeof method, &who);
	assert_int_equal(ask(w, &c, "Fail", NULL, BROWSER), RPC_PERMISSION_DENIED);
	assert_non_null(strstr(c.why, "a proxy calls Fail for itself alone"));
	assert_int_equal(world_refusals(w, method, sizeof method, &who), before + 1);
	assert_int_equal(who, RPC_PROXY);
	/* In a session it is the person's. */
	assert_int_equal(ask(w, &c, "Fail", WORLD_TOKEN, BROWSER), own);
	caller_done(&c);
}

static void
a_person_reaches_no_row_of_proxies_or_hosts(void **state)
{
	struct world *w = *state;
	struct caller c;

	caller_init(&c, w, w->host_ca, proxy_uri);
	assert_int_equal(ask(w, &c, "OnlyNodes", WORLD_TOKEN, BROWSER), RPC_PERMISSION_DENIED);
	assert_int_equal(ask(w, &c, "OnlyLocal", WORLD_TOKEN, BROWSER), RPC_PERMISSION_DENIED);
	caller_done(&c);
}

/* Not even for calls that he might make himself, and it is told to the audit trail. */
static void
nobody_but_a_proxy_calls_for_others(void **state)
{
	struct world *w = *state;
	const struct {
		struct pki_ca *ca;
		const char *uri;
	} rows[] = { { w->user_ca, "sallyport://test/user/anna" },
		{ w->user_ca, "sallyport://test/user/bert" },
		{ w->host_ca, "sallyport://test/node/n1" },
		{ w->host_ca, "sallyport://test/auth/a1" },
		{ w->host_ca, "sallyport://test/audit/u1" }, { NULL, NULL } };
	char method[64];
	enum rpc_who who;
	struct caller c;
	int before = world_refusals(w, method, sizeof method, &who);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		caller_init(&c, w, rows[i].ca, rows[i].uri);
		assert_int_equal(ask(w, &c, "OnlyUsers", WORLD_TOKEN, BROWSER),
		    RPC_PERMISSION_DENIED);
		assert_non_null(strstr(c.why, "only a proxy"));
		assert_int_equal(ask(w, &c, "Open", NULL, BROWSER), RPC_PERMISSION_DENIED);
		assert_int_equal(ask(w, &c, "Open", "x", NULL), RPC_PERMISSION_DENIED);
		caller_done(&c);
	}
	assert_int_equal(world_refusals(w, method, sizeof method, &who), before + 3 * 6);
	assert_string_equal(method, "Open");
}

static void
what_is_no_session_is_refused(void **state)
{
	struct world *w = *state;
	char key[RPC_SESSION_KEY_SIZE];
	struct caller c;

	caller_init(&c, w, w->host_ca, proxy_uri);
	assert_true(rpc_session_key(WORLD_TOKEN, key));
	/* What everybody may know of it. */
	assert_int_equal(ask(w, &c, "OnlyUsers", key, BROWSER), RPC_UNAUTHENTICATED);
	assert_string_equal(c.why, "no such session");
	/* Nor does the call go on as the proxy's. */
	assert_int_equal(ask(w, &c, "Open", key, BROWSER), RPC_UNAUTHENTICATED);
	caller_done(&c);
}

static void
malformed_metadata_is_refused(void **state)
{
	static const struct {
		const char *session, *client;
	} rows[] = {
		{ WORLD_TOKEN, NULL },
		{ "", BROWSER },
		{ "0123", BROWSER },
		{ WORLD_TOKEN "0", BROWSER },
		{ "0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", BROWSER },
		{ "g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", BROWSER },
		{ WORLD_TOKEN, "" },
		{ WORLD_TOKEN, "203.0.113.7" },
		{ WORLD_TOKEN, "203.0.113.7:0" },
		{ WORLD_TOKEN, "203.0.113.7:65536" },
		{ WORLD_TOKEN, "example.com:80" },
		{ WORLD_TOKEN, "[::1:80" },
		{ WORLD_TOKEN, "203.0.113.7:80,203.0.113.8:80" },
		{ NULL, "nowhere" },
	};
	struct world *w = *state;
	struct caller c;

	caller_init(&c, w, w->host_ca, proxy_uri);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (ask(w, &c, "Open", rows[i].session, rows[i].client) != RPC_INVALID_ARGUMENT)
			fail_msg("row %zu: %d %s", i, c.code, c.why);
	caller_done(&c);
}

/* What they do not read is in the server's memory: each of them has so much of it, and the proxy is nobody. */
static void
the_calls_of_a_session_count_as_the_persons(void **state)
{
	static const struct rpc_events events = { .closed = on_closed };
	static const struct rpc_method wait = { &echo__echo__descriptor, "Wait", RPC_UNARY };
	const struct rpc_options hers = { .session = WORLD_TOKEN, .client = BROWSER };
	struct caller waiting[WORLD_CALLS_OF_ONE] = { 0 }, c;
	struct rpc_call *calls[WORLD_CALLS_OF_ONE];
	const Echo__Msg q = ECHO__MSG__INIT;
	struct world *w = *state;

	caller_init(&c, w, w->host_ca, proxy_uri);
	for (int i = 0; i < WORLD_CALLS_OF_ONE; i++)
		calls[i] = rpc_invoke(w->rl, c.ch, &wait, &q, &events, &waiting[i], &hers);
	for (int i = 0; i < 2000 && world_waiting(w) < WORLD_CALLS_OF_ONE; i++)
		usleep(10000);
	assert_int_equal(world_waiting(w), WORLD_CALLS_OF_ONE);
	assert_int_equal(ask(w, &c, "OnlyUsers", WORLD_TOKEN, BROWSER), RPC_RESOURCE_EXHAUSTED);
	assert_int_equal(ask(w, &c, "Open", NULL, NULL), RPC_OK);
	for (int i = 0; i < WORLD_CALLS_OF_ONE; i++) {
		rpc_cancel(calls[i]);
		rpc_loop_run(w->rl, &waiting[i].done);
	}
	for (int i = 0; i < 2000 && world_waiting(w) > 0; i++)
		usleep(10000);
	assert_int_equal(ask(w, &c, "OnlyUsers", WORLD_TOKEN, BROWSER), RPC_OK);
	caller_done(&c);
}

/* --- the client's handle ---------------------------------------------------------------------- */

static void
on_who(enum rpc_code code, const char *why, const Echo__Msg *reply, void *arg)
{
	struct caller *c = arg;

	(void)why;
	c->code = code;
	if (reply)
		take(c, reply);
	c->done = true;
}

static void
a_handle_calls_for_one_person_and_its_maker_for_itself(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->host_ca, proxy_uri, -60, 3600);
	const struct rpc_channel_config config = { .target = w->target,
		.server_name = "authd.test",
		.identity = id };
	const Echo__Msg q = ECHO__MSG__INIT;
	struct rpc_client *own, *hers;
	struct caller c = { 0 };
	struct err e;

	assert_int_equal(rpc_client_new(&own, w->rl, &config, &e), 0);
	hers = rpc_client_for(own, WORLD_TOKEN, BROWSER);
	assert_non_null(hers);
	echo_only_users(hers, &q, on_who, &c);
	rpc_loop_run(w->rl, &c.done);
	assert_int_equal(c.code, RPC_OK);
	assert_string_equal(c.name, "anna");
	c.done = false;
	echo_open(own, &q, on_who, &c);
	rpc_loop_run(w->rl, &c.done);
	assert_string_equal(c.name, "p1");
	/* It has the channel for itself, too. */
	rpc_client_free(own);
	c.done = false;
	echo_only_users(hers, &q, on_who, &c);
	rpc_loop_run(w->rl, &c.done);
	assert_int_equal(c.code, RPC_OK);
	rpc_client_free(hers);
	rpc_identity_free(id);
}

/* What a browser sent as its cookie never becomes part of a request. */
static void
no_handle_is_made_of_what_is_no_token(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->host_ca, proxy_uri, -60, 3600);
	const struct rpc_channel_config config = { .target = w->target,
		.server_name = "authd.test",
		.identity = id };
	struct rpc_client *own;
	struct err e;

	assert_int_equal(rpc_client_new(&own, w->rl, &config, &e), 0);
	assert_null(rpc_client_for(own, "", BROWSER));
	assert_null(rpc_client_for(own, "x\r\nsallyport-client: 10.0.0.1:1", BROWSER));
	assert_null(rpc_client_for(own, WORLD_TOKEN, "10.0.0.1:1\r\nx: y"));
	rpc_client_free(own);
	rpc_identity_free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_with_a_sessions_token_is_the_persons),
		cmocka_unit_test(the_same_connection_is_the_proxys_without_it),
		cmocka_unit_test(an_address_alone_leaves_the_proxy_what_it_is),
		cmocka_unit_test(an_address_alone_is_refused_where_no_browser_logs_in),
		cmocka_unit_test(a_person_reaches_no_row_of_proxies_or_hosts),
		cmocka_unit_test(nobody_but_a_proxy_calls_for_others),
		cmocka_unit_test(what_is_no_session_is_refused),
		cmocka_unit_test(malformed_metadata_is_refused),
		cmocka_unit_test(the_calls_of_a_session_count_as_the_persons),
		cmocka_unit_test(a_handle_calls_for_one_person_and_its_maker_for_itself),
		cmocka_unit_test(no_handle_is_made_of_what_is_no_token),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
