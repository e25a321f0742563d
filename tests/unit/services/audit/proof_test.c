/* SPDX-License-Identifier: Apache-2.0 */
/* What auditd believes about who signed in on a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit/proof.h"
#include "audit_world.h"

static struct proof_world world;

static int
check(const struct proof_spec *spec, struct proof *ret)
{
	struct buf data, signature;
	struct err e = { "" };
	int done;

	proof_make(&world, spec, &data, &signature);
	done = proof_check(ret, &world.bundle, NODE, buf_span(&data), buf_span(&signature), &e);
	if (done < 0)
		assert_true(*e.text != 0);
	buf_done(&data);
	buf_done(&signature);
	return done;
}

static void
a_signature_by_a_certified_user_names_him_and_his_login(void **state)
{
	struct proof p;
	uint8_t id[SHA256_BYTES];

	(void)state;
	assert_int_equal(check(&(struct proof_spec){ 0 }, &p), 0);
	assert_string_equal(p.user, "alice");
	assert_string_equal(p.login, "root");
	assert_int_equal(p.from_us, (NOW_S - 3600) * 1000000);
	assert_int_equal(p.until_us, (NOW_S + 3600) * 1000000);
	sha256_of(span_str("a session identifier of 32 byte"), id);
	assert_memory_equal(p.session_id, id, sizeof(id));
}

static void
everything_that_is_signed_must_fit(void **state)
{
	const struct proof_spec bad[] = {
		{ .ca = world.stranger },                /* another cluster's user */
		{ .ca = world.host_ca },                 /* a host is no user */
		{ .type = SSHCERT_HOST },                /* nor is a host certificate */
		{ .signer = world.stranger },            /* not the certificate's key */
		{ .login = "dave" },                     /* no login of this user */
		{ .principal = "dave" },                 /* the same, from the other side */
		{ .service = "ssh-userauth" },           /* another service */
		{ .method = "password" },                /* another method */
		{ .message = 51 },                       /* another message */
		{ .session_id = "too short to be one" }, /* no hash */
		{ .login = "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct proof p;

		assert_int_equal(check(&bad[i], &p), -1);
	}
}

static void
a_signature_bound_to_a_host_is_good_for_that_host_alone(void **state)
{
	struct proof p;

	(void)state;
	assert_int_equal(check(&(struct proof_spec){ .host = NODE }, &p), 0);
	assert_int_equal(check(&(struct proof_spec){ .host = OTHER }, &p), -1);
	assert_int_equal(check(&(struct proof_spec){ .host = NODE, .host_ca = world.stranger }, &p),
	    -1);
	/* The registry has no keys of hosts: one without certificate says nothing. */
	assert_int_equal(check(&(struct proof_spec){ .plain_host_key = true }, &p), 0);
	/* The method says what is signed. */
	assert_int_equal(check(&(struct proof_spec){ .host = NODE, .method = "publickey" }, &p),
	    -1);
	assert_int_equal(check(&(struct proof_spec){ .method =
							 "publickey-hostbound-v00@openssh.com" },
			     &p),
	    -1);
}

static void
a_pinned_certificate_proves_as_well(void **state)
{
	struct proof p;

	(void)state;
	assert_int_equal(check(&(struct proof_spec){ .pinned = "192.0.2.1/32,192.0.2.2/32" }, &p),
	    0);
}

static void
every_changed_byte_is_noticed(void **state)
{
	struct buf data, signature;
	struct proof p;
	struct err e;

	(void)state;
	proof_make(&world, &(struct proof_spec){ .host = NODE }, &data, &signature);
	for (size_t i = 0; i < data.len; i++) {
		buf_head(&data)[i] ^= 1;
		assert_int_equal(proof_check(&p, &world.bundle, NODE, buf_span(&data),
				     buf_span(&signature), &e),
		    -1);
		buf_head(&data)[i] ^= 1;
		/* Cut off here: no longer what was signed. */
		assert_int_equal(proof_check(&p, &world.bundle, NODE,
				     (struct span){ buf_head(&data), i }, buf_span(&signature), &e),
		    -1);
	}
	for (size_t i = 0; i < signature.len; i++) {
		buf_head(&signature)[i] ^= 1;
		assert_int_equal(proof_check(&p, &world.bundle, NODE, buf_span(&data),
				     buf_span(&signature), &e),
		    -1);
		buf_head(&signature)[i] ^= 1;
	}
	assert_int_equal(proof_check(&p, &world.bundle, NODE, buf_span(&data), buf_span(&signature),
			     &e),
	    0);
	buf_done(&data);
	buf_done(&signature);
}

static int
set_up(void **state)
{
	(void)state;
	proof_world_init(&world);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	proof_world_done(&world);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_by_a_certified_user_names_him_and_his_login),
		cmocka_unit_test(everything_that_is_signed_must_fit),
		cmocka_unit_test(a_signature_bound_to_a_host_is_good_for_that_host_alone),
		cmocka_unit_test(a_pinned_certificate_proves_as_well),
		cmocka_unit_test(every_changed_byte_is_noticed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
