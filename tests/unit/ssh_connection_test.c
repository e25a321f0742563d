/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two engines against each other: every algorithm, logins, channels, requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh_pair.h"

static void
transfer(struct pair *p, uint64_t down, uint64_t up)
{
	pair_open(p);
	p->in.to_send = down;
	p->out.to_send = up;
	p->in.eof_after = p->out.eof_after = true;
	end_push(&p->in);
	end_push(&p->out);
	pair_run(p);
	assert_int_equal(p->out.got, down);
	assert_int_equal(p->in.got, up);
	assert_true(p->out.sum == p->in.sent_sum);
	assert_true(p->in.sum == p->out.sent_sum);
	assert_true(p->in.eof && p->out.eof);
}

static void
every_cipher_and_mac(void **state)
{
	static const char *const ciphers[] = { "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr",
		"aes128-ctr" };
	static const char *const macs[] = { "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com",
		"hmac-sha2-256", "hmac-sha2-512" };

	(void)state;
	for (size_t c = 0; c < 4; c++)
		for (size_t m = 0; m < (c < 2 ? 1 : 4); m++) {
			struct pair p;

			pair_init(&p);
			p.client_config.ciphers = ciphers[c];
			p.client_config.macs = macs[m];
			p.cut = 5000;
			pair_login(&p);
			transfer(&p, 300000, 200000);
			pair_done(&p);
		}
}

static void
every_exchange_method(void **state)
{
	static const char *const kex[] = { "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct pair p;

		pair_init(&p);
		p.client_config.kex = kex[i];
		pair_login(&p);
		transfer(&p, 10, 10);
		pair_done(&p);
	}
}

static void
byte_by_byte(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	p.cut = 1;
	pair_login(&p);
	transfer(&p, 3000, 3000);
	pair_done(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(every_cipher_and_mac),
	cmocka_unit_test(every_exchange_method),
	cmocka_unit_test(byte_by_byte),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
