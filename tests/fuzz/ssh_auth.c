/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication requests, keys and certificates, as a client sends them after the key exchange.
 */
#include "ssh_fuzz.h"

static const struct ssh_events events = { .auth = fuzz_auth };

/* A request with well-formed fields in front of a fuzzed key: otherwise few inputs get that far. */
static int
feed_request(struct ssh *ssh, struct input *in)
{
	static const char *const algs[] = { "ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512",
		"rsa-sha2-256", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
		"ssh-ed25519-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
		"rsa-sha2-512-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
		"sk-ecdsa-sha2-nistp256-cert-v01@openssh.com" };
	uint8_t what = take_byte(in);
	bool hostbound = what & 0x40;
	struct buf b;
	int r;

	packet_begin(&b, MSG_USERAUTH_REQUEST);
	wire_put_text(&b, "root");
	wire_put_text(&b, "ssh-connection");
	wire_put_text(&b, hostbound ? "publickey-hostbound-v00@openssh.com" : "publickey");
	wire_put_bool(&b, what & 0x80);
	wire_put_text(&b, algs[(what & 0x3f) % (sizeof(algs) / sizeof(algs[0]))]);
	wire_put_string(&b, take_block(in));
	if (hostbound) {
		struct span other = take_block(in);

		/* An empty one stands for the right one, which few inputs would guess. */
		wire_put_string(&b, other.n ? other : span_str("host key"));
	}
	if (what & 0x80)
		wire_put_string(&b, take_block(in));
	r = buf_ok(&b) ? feed_payload(ssh, buf_span(&b), 0) : 0;
	buf_done(&b);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n };
	struct ssh *ssh = fuzz_new(SSH_SERVER, &events, NULL);
	uint8_t how = take_byte(&in);
	int r = 0;

	ssh_fuzz_enter(ssh, how & 1 ? STATE_SERVICE : STATE_AUTH);
	if (how & 2) {
		while (in.left > 0 && r == 0) {
			r = feed_request(ssh, &in);
			drain(ssh);
		}
	} else {
		feed_all(ssh, &in, false);
	}
	ssh_free(ssh);
	return 0;
}
