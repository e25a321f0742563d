/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is calling and whether he may: certificates of each kind and authority, the Unix socket, expiry, reload.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "rpc_world.h"

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

/* The code of one call with a certificate of that CA and URI. */
static enum rpc_code
code_for(struct world *w, struct pki_ca *ca, const char *uri, const char *method, struct err *e)
{
	struct rpc_identity *id = world_identity(w, ca, uri, -60, 3600);
	struct rpc_channel *ch = world_channel(w, id);
	enum rpc_code code = world_call(w, ch, method, NULL, NULL, e);

	rpc_channel_free(ch);
	rpc_identity_free(id);
	return code;
}

/* As gRPC writes them. */
static void
addresses_of_callers_are_read(void **state)
{
	static const struct {
		const char *text, *ip; /* ip NULL: none */
		uint16_t port;
	} rows[] = { { "ipv4:10.0.0.1:5555", "10.0.0.1", 5555 }, { "ipv6:%5B::1%5D:22", "::1", 22 },
		{ "ipv6:[2001:db8::1]:22", "2001:db8::1", 22 },
		{ "ipv6:%5B::ffff:10.0.0.1%5D:7", "10.0.0.1", 7 },
		{ "ipv6:%5Bfe80::1%252%5D:7", "fe80::1", 7 },
		{ "ipv6:[fe80::1%eth0]:7", "fe80::1", 7 }, { "unix:/run/x.sock", NULL, 0 },
		{ "unix:", NULL, 0 }, { "", NULL, 0 }, { "ipv4:10.0.0.1", NULL, 0 },
		{ "ipv4:10.0.0.1:0", NULL, 0 }, { "ipv6:%5B::1", NULL, 0 },
		{ "ipv6:%5B::1%", NULL, 0 }, { "ipv4:example.com:1", NULL, 0 } };
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rpc_peer_addr(rows[i].text, &a) != (rows[i].ip != NULL))
			fail_msg("%s", rows[i].text);
		if (!rows[i].ip)
			continue;
		assert_string_equal(a.ip, rows[i].ip);
		assert_int_equal(a.port, rows[i].port);
	}
}

static enum rpc_code
send_bytes(struct world *w, struct pki_ca *ca, const char *uri, size_t n)
{
	struct rpc_identity *id = world_identity(w, ca, uri, -60, 3600);
	struct rpc_channel *ch = world_channel(w, id);
	Echo__Msg q = ECHO__MSG__INIT;
	struct err e = { "" };
	enum rpc_code code;

	q.data = (ProtobufCBinaryData){ n, calloc(1, n) };
	code = world_call(w, ch, "Open", &q, NULL, &e);
	free(q.data.data);
	rpc_channel_free(ch);
	rpc_identity_free(id);
	return code;
}

static void
a_message_without_a_certificate_is_small(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_bytes(w, NULL, NULL, 60000), RPC_OK);
	assert_int_equal(send_bytes(w, NULL, NULL, 66000), RPC_RESOURCE_EXHAUSTED);
	assert_int_equal(send_bytes(w, w->user_ca, "sallyport://test/user/anna", 66000), RPC_OK);
}

/* Whoever does not listen to a refusal loses his connection, and not his next one: that it ends shows in the e2e tests, here
 * gRPC may be connected again before it tells. */
static void
who_is_refused_too_often_may_come_again(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, NULL, NULL, -60, 3600);
	struct rpc_channel *ch = world_channel(w, id);
	struct err e = { "" };
	int refused = 0, lost = 0;

	for (int i = 0; i < 100; i++) {
		enum rpc_code code = world_call(w, ch, "OnlyUsers", NULL, NULL, &e);

		refused += code == RPC_UNAUTHENTICATED;
		lost += code == RPC_UNAVAILABLE;
	}
	assert_true(refused > 50);
	assert_int_equal(refused + lost, 100);
	rpc_channel_free(ch);
	rpc_identity_free(id);
}

static void
each_row_lets_in_whom_it_lists(void **state)
{
	struct world *w = *state;
	const struct {
		struct pki_ca *ca;
		const char *uri;
		enum rpc_code nodes, users, local, open;
	} rows[] = {
		{ w->user_ca, "sallyport://test/user/anna", RPC_PERMISSION_DENIED, RPC_OK,
		    RPC_PERMISSION_DENIED, RPC_OK },
		{ w->host_ca, "sallyport://test/node/n1", RPC_OK, RPC_PERMISSION_DENIED,
		    RPC_PERMISSION_DENIED, RPC_OK },
		{ w->host_ca, "sallyport://test/proxy/p1", RPC_PERMISSION_DENIED,
		    RPC_PERMISSION_DENIED, RPC_PERMISSION_DENIED, RPC_OK },
		{ NULL, NULL, RPC_UNAUTHENTICATED, RPC_UNAUTHENTICATED, RPC_UNAUTHENTICATED,
		    RPC_OK },
	};
	struct err e = { "" };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(code_for(w, rows[i].ca, rows[i].uri, "OnlyNodes", &e),
		    rows[i].nodes);
		assert_int_equal(code_for(w, rows[i].ca, rows[i].uri, "OnlyUsers", &e),
		    rows[i].users);
		assert_int_equal(code_for(w, rows[i].ca, rows[i].uri, "OnlyLocal", &e),
		    rows[i].local);
		assert_int_equal(code_for(w, rows[i].ca, rows[i].uri, "Open", &e), rows[i].open);
	}
}

static void
the_wrong_authority_for_the_kind_is_not_believed(void **state)
{
	struct world *w = *state;
	char method[64];
	enum rpc_who who;
	struct err e = { "" };

	/* A host CA must not make users, nor the user CA a node: not even for calls that are open to anyone. */
	assert_int_equal(code_for(w, w->host_ca, "sallyport://test/user/anna", "OnlyUsers", &e),
	    RPC_UNAUTHENTICATED);
	assert_non_null(strstr(e.text, "CA that is not trusted here"));
	assert_int_equal(code_for(w, w->user_ca, "sallyport://test/node/n1", "OnlyNodes", &e),
	    RPC_UNAUTHENTICATED);
	assert_int_equal(code_for(w, w->user_ca, "sallyport://test/auth/a1", "Open", &e),
	    RPC_UNAUTHENTICATED);
	assert_int_equal(world_refusals(w, method, sizeof method, &who), 3);
	assert_string_equal(method, "Open");
	assert_int_equal(who, 0);
}

static void
names_that_are_not_ours_are_not_believed(void **state)
{
	struct world *w = *state;
	static const char *const uris[] = { "sallyport://other/user/anna",
		"sallyport://test/king/anna", "sallyport://test/user/", "sallyport://test/user/a/b",
		"https://test/user/anna", "sallyport://test" };
	struct err e = { "" };

	for (size_t i = 0; i < sizeof uris / sizeof *uris; i++)
		assert_int_equal(code_for(w, w->user_ca, uris[i], "OnlyUsers", &e),
		    RPC_UNAUTHENTICATED);
}

static void
strangers_certificates_end_at_the_handshake(void **state)
{
	struct world *w = *state;
	struct err e = { "" };

	assert_int_equal(code_for(w, w->other_ca, "sallyport://test/user/anna", "Open", &e),
	    RPC_UNAVAILABLE);
}

static void
handlers_see_name_and_kind(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->user_ca, "sallyport://test/user/anna", -60,
	    3600);
	struct rpc_channel *ch = world_channel(w, id);
	Echo__Msg *a = NULL;
	struct err e = { "" };

	for (int i = 0; i < 3; i++) { /* verified, then remembered */
		assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, &a, &e), RPC_OK);
		assert_string_equal(a->text, "anna");
		assert_int_equal(a->n, RPC_USER);
		protobuf_c_message_free_unpacked(&a->base, NULL);
	}
	rpc_channel_free(ch);
	rpc_identity_free(id);
}

static void
the_unix_socket_is_for_its_owner_and_counts_as_local(void **state)
{
	struct world *w = *state;
	char target[160];
	struct rpc_channel_config config = { .target = target };
	struct rpc_channel *ch;
	struct stat st;
	struct err e = { "" };

	assert_int_equal(stat(w->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)str_format(target, sizeof target, "unix:%s", w->socket);
	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	assert_int_equal(world_call(w, ch, "OnlyLocal", NULL, NULL, &e), RPC_OK);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_PERMISSION_DENIED);
	rpc_channel_free(ch);
}

static void
an_expired_certificate_is_named_before_anything_is_sent(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->user_ca, "sallyport://test/user/anna", -7200,
	    -3600);
	struct rpc_channel_config config = { .target = w->target,
		.server_name = "authd.test",
		.identity = id };
	struct rpc_channel *ch = NULL;
	struct err e = { "" };

	assert_int_equal(rpc_channel_new(&ch, &config, &e), -1);
	assert_non_null(strstr(e.text, "the certificate expired at 20"));
	rpc_identity_free(id);
	id = world_identity(w, w->user_ca, "sallyport://test/user/anna", 3600, 7200);
	config.identity = id;
	assert_int_equal(rpc_channel_new(&ch, &config, &e), -1);
	assert_non_null(strstr(e.text, "check the clock"));
	rpc_identity_free(id);
}

/* The connection outlives the certificate: the calls do not. */
static void
calls_end_with_the_certificate_of_their_connection(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->user_ca, "sallyport://test/user/anna", -60,
	    3);
	struct rpc_channel *ch = world_channel(w, id);
	enum rpc_code code = RPC_OK;
	struct err e = { "" };

	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_OK);
	for (int i = 0; i < 1000 && code == RPC_OK; i++) {
		usleep(20000);
		code = world_call(w, ch, "OnlyUsers", NULL, NULL, &e);
	}
	assert_int_equal(code, RPC_UNAUTHENTICATED);
	assert_non_null(strstr(e.text, "expired"));
	rpc_channel_free(ch);
	rpc_identity_free(id);
}

static void
servers_of_other_names_or_authorities_are_refused(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->user_ca, "sallyport://test/user/anna", -60,
	    3600);
	struct rpc_channel_config config = { .target = w->target,
		.server_name = "auditd.test",
		.identity = id };
	struct rpc_channel *ch;
	struct err e = { "" };

	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_UNAVAILABLE);
	assert_non_null(strstr(e.text, "cannot reach"));
	rpc_channel_free(ch);
	assert_int_equal(rpc_identity_set(id, pki_ca_pem(w->other_ca), NULL, NULL, NULL, &e), 0);
	config.server_name = "authd.test";
	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	assert_int_equal(world_call(w, ch, "Open", NULL, NULL, &e), RPC_UNAVAILABLE);
	assert_non_null(strstr(e.text, "certificate verify failed"));
	rpc_channel_free(ch);
	rpc_identity_free(id);
}

static void
first_contact_reaches_open_calls_without_trust(void **state)
{
	struct world *w = *state;
	struct rpc_channel_config config = { .target = w->target, .any_server = true };
	struct rpc_channel *ch;
	struct err e = { "" };

	assert_int_equal(rpc_channel_new(&ch, &config, &e), 0);
	assert_int_equal(world_call(w, ch, "Open", NULL, NULL, &e), RPC_OK);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_UNAUTHENTICATED);
	rpc_channel_free(ch);
}

/* Rotation: new roots and a new certificate on both sides, while a stream is open. */
static void
both_sides_take_new_certificates_without_a_restart(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->user_ca, "sallyport://test/user/anna", -60,
	    3600);
	struct rpc_channel *ch = world_channel(w, id);
	struct pki_cert server, client;
	char host_roots[2 * PKI_PEM_MAX];
	struct err e = { "" };

	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_OK);
	/* The server moves to the other CA; the client still trusts the old one only. */
	pki_issue(w->other_ca, "sallyport://test/auth/a1", "authd.test", -60, 3600, &server);
	(void)str_format(host_roots, sizeof host_roots, "%s%s", pki_ca_pem(w->host_ca),
	    pki_ca_pem(w->other_ca));
	assert_int_equal(rpc_identity_set(w->server_id, host_roots, pki_ca_pem(w->user_ca),
			     server.pem, server.key, &e),
	    0);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e),
	    RPC_OK); /* the old connection lives */
	pki_issue(w->user_ca, "sallyport://test/user/bert", NULL, -60, 3600, &client);
	assert_int_equal(rpc_identity_set(id, pki_ca_pem(w->host_ca), NULL, client.pem, client.key,
			     &e),
	    0);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_UNAVAILABLE);
	assert_int_equal(rpc_identity_set(id, host_roots, NULL, client.pem, client.key, &e), 0);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_OK);
	/* A node of the new host CA is believed, too. */
	pki_issue(w->other_ca, "sallyport://test/node/n2", NULL, -60, 3600, &client);
	assert_int_equal(rpc_identity_set(id, host_roots, NULL, client.pem, client.key, &e), 0);
	assert_int_equal(world_call(w, ch, "OnlyNodes", NULL, NULL, &e), RPC_OK);
	rpc_channel_free(ch);
	rpc_identity_free(id);
}

static void
bad_identities_are_refused_and_the_old_one_stays(void **state)
{
	struct world *w = *state;
	struct rpc_identity *id = world_identity(w, w->user_ca, "sallyport://test/user/anna", -60,
	    3600);
	struct pki_cert a, b;
	struct rpc_channel *ch;
	struct err e = { "" };

	pki_issue(w->user_ca, "sallyport://test/user/anna", NULL, -60, 3600, &a);
	pki_issue(w->user_ca, "sallyport://test/user/anna", NULL, -60, 3600, &b);
	assert_int_equal(rpc_identity_set(id, pki_ca_pem(w->host_ca), NULL, a.pem, b.key, &e), -1);
	assert_non_null(strstr(e.text, "private key"));
	assert_int_equal(rpc_identity_set(id, "nonsense", NULL, NULL, NULL, &e), -1);
	assert_int_equal(rpc_identity_set(id, pki_ca_pem(w->host_ca), NULL, a.pem, NULL, &e), -1);
	ch = world_channel(w, id);
	assert_int_equal(world_call(w, ch, "OnlyUsers", NULL, NULL, &e), RPC_OK);
	rpc_channel_free(ch);
	rpc_identity_free(id);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_row_lets_in_whom_it_lists, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_of_callers_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(a_message_without_a_certificate_is_small, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(who_is_refused_too_often_may_come_again, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(the_wrong_authority_for_the_kind_is_not_believed,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_are_not_ours_are_not_believed, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(strangers_certificates_end_at_the_handshake, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(handlers_see_name_and_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_unix_socket_is_for_its_owner_and_counts_as_local, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_expired_certificate_is_named_before_anything_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_end_with_the_certificate_of_their_connection,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(servers_of_other_names_or_authorities_are_refused,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(first_contact_reaches_open_calls_without_trust,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(both_sides_take_new_certificates_without_a_restart,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(bad_identities_are_refused_and_the_old_one_stays,
		    setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
