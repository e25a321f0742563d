/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extinfo: EXT_INFO (RFC 8308). A server tells which signatures it takes, so that RSA users sign
 * with SHA-2, and that a signature may name the host key it is for (OpenSSH PROTOCOL on
 * publickey-hostbound). Of what peers tell us the latter alone counts: as a client we sign with
 * Ed25519 only.
 */
#include "ssh/ssh_priv.h"

enum { EXTENSIONS_MAX = 64 };

#define SERVER_SIG_ALGS                                               \
	"ssh-ed25519,sk-ssh-ed25519@openssh.com,ecdsa-sha2-nistp256," \
	"sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,rsa-sha2-256"

int
extinfo_send(struct ssh *ssh)
{
	struct buf b;

	/* RFC 8308 section 2.1: only to those who said that they know it; others may take it for an
	 * error. */
	if (!ssh->peer_ext_info)
		return 0;
	packet_begin(&b, MSG_EXT_INFO);
	wire_put_u32(&b, 2);
	wire_put_text(&b, "server-sig-algs");
	wire_put_text(&b, SERVER_SIG_ALGS);
	wire_put_text(&b, "publickey-hostbound@openssh.com");
	wire_put_text(&b, "0"); /* its version */
	return packet_send_buf(ssh, &b);
}

int
extinfo_on(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	uint32_t count = wire_u32(w);

	(void)payload;
	/* From clients only as the first message under the new keys (section 2.4); a server may
	 * send another one before it grants the login. */
	if (ssh->config.role == SSH_SERVER && !ssh->first_after_newkeys)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "EXT_INFO out of place");
	/* The count comes before the names that back it: a loop over 2^32 of them must not begin. */
	if (count > EXTENSIONS_MAX)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "too many extensions");
	for (uint32_t i = 0; i < count; i++) {
		struct span name = wire_string(w), value = wire_string(w);

		if (span_is(name, "publickey-hostbound@openssh.com") && span_is(value, "0"))
			ssh->peer_hostbound = true;
	}
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed EXT_INFO");
	return ssh->config.role == SSH_CLIENT ? auth_go_on_client(ssh) : 0;
}
