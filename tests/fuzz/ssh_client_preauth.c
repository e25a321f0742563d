/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server that is not the right one can send to tsh or to a node: up to its host key, and
 * what it may say while the client logs in.
 */
#include "ssh_fuzz.h"

static const struct ssh_events events = { .verify_host = fuzz_host, .banner = fuzz_banner };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	struct ssh *ssh = fuzz_new(SSH_CLIENT, &events, NULL);
	uint8_t how = take_byte(&in);

	if (how & 1)
		feed(ssh, (const uint8_t *)"SSH-2.0-x\r\n", 11, 0);
	if (how & 4) {
		ssh_fuzz_enter(ssh, STATE_SERVICE);
		if (auth_begin_client(ssh) < 0)
			abort();
	}
	feed_all(ssh, &in, how & 2);
	ssh_free(ssh);
	return 0;
}
