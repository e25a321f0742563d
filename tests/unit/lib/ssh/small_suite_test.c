/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine with a suite of its own: one of each, as a build for the browser has it. The tables below stand for
 * lib/crypto/suite.c, which is not linked; tools/engine-check looks at which libraries this program needs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto/suite.h"
#include "ssh_pair.h"

const struct kex_alg *const suite_kex[KEX_CURVES] = { [KEX_X25519] = &kex_x25519 };
const struct cipher_alg suite_ciphers[] = {
	{ "chacha20-poly1305@openssh.com", &cipher_chacha, 64, 0, 8, true },
};
const size_t suite_n_ciphers = 1;
const struct sshkey_kind suite_keys[] = {
	{ SSHKEY_ED25519, "ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1, false,
	    &sshkey_ed25519 },
};
const size_t suite_n_keys = 1;

static int
setup(void **state)
{
	struct pair *p = calloc(1, sizeof *p);

	*state = p;
	pair_init(p);
	return 0;
}

static int
teardown(void **state)
{
	pair_done(*state);
	free(*state);
	return 0;
}

static void
one_algorithm_of_each_is_enough_for_a_session(void **state)
{
	struct pair *p = *state;

	pair_login(p);
	pair_open(p);
	p->out.to_send = 1 << 20;
	end_push(&p->out);
	pair_run(p);
	assert_int_equal(p->in.got, 1 << 20);
	assert_int_equal(p->in.sum, p->out.sent_sum);
}

static void
what_the_suite_has_not_is_not_there(void **state)
{
	static const uint8_t rsa[] = "\0\0\0\7ssh-rsa";
	struct sshkey *key;
	struct kex_pair *pair;

	(void)state;
	assert_string_equal(cipher_default_list(), "chacha20-poly1305@openssh.com");
	assert_null(cipher_find(span_str("aes256-gcm@openssh.com")));
	assert_null(cipher_find(span_str("aes256-ctr")));
	assert_false(kex_available(KEX_P256));
	assert_int_equal(kex_pair_new(&pair, KEX_P256), -1);
	assert_false(sshkey_type_available("ssh-rsa"));
	assert_int_equal(sshkey_from_blob(&key, (struct span){ rsa, sizeof rsa - 1 }), -1);
}

static void
a_peer_that_wants_only_something_else_is_told(void **state)
{
	struct pair *p = *state;

	p->client_config.kex = "ecdh-sha2-nistp256";
	pair_start(p);
	pair_run(p);
	assert_true(p->dead_server && p->dead_client);
	assert_non_null(strstr(p->gone_server, "ecdh-sha2-nistp256"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_algorithm_of_each_is_enough_for_a_session,
		    setup, teardown),
		cmocka_unit_test(what_the_suite_has_not_is_not_there),
		cmocka_unit_test_setup_teardown(a_peer_that_wants_only_something_else_is_told,
		    setup, teardown),
	};

	pair_keys();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
