/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server believes of the tables that it is given: every method has one row, and every row is of the service.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/rpc.h"
#include "tests/echo.server.h"

enum { ECHO_METHODS = 11 };

static void
on_any(struct rpc_call *call, const Echo__Msg *q)
{
	echo_unary_reply(call, q);
}

static const struct rpc_row whole[ECHO_METHODS] = {
	ECHO_METHOD(Unary, RPC_USER, on_any),
	ECHO_METHOD(Fail, RPC_USER, on_any),
	ECHO_METHOD(Wait, RPC_USER, on_any),
	ECHO_METHOD(Later, RPC_USER, on_any),
	ECHO_METHOD(Download, RPC_USER, on_any),
	ECHO_METHOD(Upload, RPC_USER, on_any),
	ECHO_METHOD(Both, RPC_USER, on_any),
	ECHO_METHOD(OnlyNodes, RPC_NODE, on_any),
	ECHO_METHOD(OnlyUsers, RPC_USER, on_any),
	ECHO_METHOD(OnlyLocal, RPC_LOCAL, on_any),
	ECHO_METHOD(Open, RPC_ANYONE, on_any),
};

struct fixture {
	struct loop *loop;
	struct rpc_loop *rl;
	struct rpc_server *server;
	struct rpc_row rows[ECHO_METHODS + 1];
};

static int
setup(void **state)
{
	struct rpc_server_config config = { .cluster = "test" };
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	memcpy(f->rows, whole, sizeof whole);
	return loop_new(&f->loop) == 0 && rpc_loop_new(&f->rl, f->loop) == 0 &&
		rpc_server_new(&f->server, f->rl, &config) == 0
	    ? 0
	    : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rpc_server_free(f->server);
	rpc_loop_free(f->rl);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void
a_table_with_one_row_for_each_method_is_served(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(echo__echo__descriptor.n_methods, ECHO_METHODS);
	assert_int_equal(echo_serve_rows(f->server, f->rows, ECHO_METHODS, f), 0);
}

static void
a_method_without_a_row_is_refused_at_the_start(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(echo_serve_rows(f->server, f->rows, ECHO_METHODS - 1, f), -1);
}

/* The second row could open a method that the first one closes. */
static void
a_method_with_two_rows_is_refused_at_the_start(void **state)
{
	struct fixture *f = *state;

	f->rows[ECHO_METHODS] = (struct rpc_row)ECHO_METHOD(OnlyLocal, RPC_ANYONE, on_any);
	assert_int_equal(echo_serve_rows(f->server, f->rows, ECHO_METHODS + 1, f), -1);
}

static void
a_row_of_another_service_is_refused_at_the_start(void **state)
{
	static ProtobufCServiceDescriptor other;
	struct fixture *f = *state;
	struct rpc_method method = { &other, "Unary", RPC_UNARY };

	other = echo__echo__descriptor;
	f->rows[0].method = &method;
	assert_int_equal(echo_serve_rows(f->server, f->rows, ECHO_METHODS, f), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_table_with_one_row_for_each_method_is_served,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_method_without_a_row_is_refused_at_the_start,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_method_with_two_rows_is_refused_at_the_start,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_of_another_service_is_refused_at_the_start,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
