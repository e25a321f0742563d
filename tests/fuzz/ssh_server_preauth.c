/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What anybody can send to the public port: identification, framing, KEXINIT, the exchange.
 */
#include "ssh_fuzz.h"

static const struct ssh_events events = { .auth = fuzz_auth };

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	struct ssh *ssh = fuzz_new(SSH_SERVER, &events, NULL);
	uint8_t how = take_byte(&in);

	if (how & 1)
		feed(ssh, (const uint8_t *)"SSH-2.0-x\r\n", 11, 0);
	feed_all(ssh, &in, how & 2);
	ssh_free(ssh);
	return 0;
}
