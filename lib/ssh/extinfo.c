/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extinfo: EXT_INFO (RFC 8308). A server tells which signatures it takes, so that RSA users sign
 * with SHA-2. What peers tell us changes nothing: as a client we sign with Ed25519 only.
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

	if (!ssh->peer_ext_info)
		return 0;
	packet_begin(&b, MSG_EXT_INFO);
	wire_put_u32(&b, 1);
	wire_put_text(&b, "server-sig-algs");
	wire_put_text(&b, SERVER_SIG_ALGS);
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
	if (count > EXTENSIONS_MAX)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "too many extensions");
	for (uint32_t i = 0; i < count; i++) {
		wire_string(w);
		wire_string(w);
	}
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed EXT_INFO");
	return 0;
}
