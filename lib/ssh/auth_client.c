/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_client: the client's side of RFC 4252. Keys are tried in order, each signed at once without
 * asking first, the first one in the same flight as the service request: one round trip to log in.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ssh/ssh_priv.h"

enum { BANNER_MAX = 8192 };

static int
refused(struct ssh *ssh)
{
	return ssh_fatal(ssh, REASON_NO_MORE_AUTH_METHODS,
	    "permission denied (publickey) for user %s", ssh->config.user ? ssh->config.user : "");
}

/* The request from the user's name up to the key: what is sent, and most of what is signed. */
static void
put_request(struct buf *b, const struct ssh *ssh, const struct ssh_identity *id)
{
	bool cert = id->cert.n > 0;

	wire_put_u8(b, MSG_USERAUTH_REQUEST);
	wire_put_text(b, ssh->config.user ? ssh->config.user : "");
	wire_put_text(b, "ssh-connection");
	wire_put_text(b, "publickey");
	wire_put_bool(b, true);
	wire_put_text(b, cert ? "ssh-ed25519-cert-v01@openssh.com" : "ssh-ed25519");
	wire_put_string(b, cert ? id->cert : sshkey_blob(id->key));
}

static int
try_identity(struct ssh *ssh, const struct ssh_identity *id)
{
	struct buf to_sign, sig, b;
	int r;

	buf_init(&to_sign, PACKET_MAX);
	buf_init(&sig, 1024);
	wire_put_string(&to_sign, ssh_session_id(ssh));
	put_request(&to_sign, ssh, id);
	if (!buf_ok(&to_sign) || sshkey_sign(id->key, buf_span(&to_sign), &sig) < 0) {
		r = ssh_fatal(ssh, REASON_BY_APPLICATION, "cannot sign with the key");
	} else {
		buf_init(&b, PACKET_MAX);
		put_request(&b, ssh, id);
		wire_put_string(&b, buf_span(&sig));
		r = packet_send_buf(ssh, &b);
	}
	buf_done(&to_sign);
	buf_done(&sig);
	return r;
}

static int
try_next(struct ssh *ssh)
{
	if (ssh->auth->next_identity >= ssh->config.n_identities)
		return refused(ssh);
	return try_identity(ssh, &ssh->config.identities[ssh->auth->next_identity++]);
}

int
auth_begin_client(struct ssh *ssh)
{
	struct buf b;

	ssh->auth = calloc(1, sizeof(*ssh->auth));
	if (!ssh->auth)
		return ssh_fatal(ssh, REASON_BY_APPLICATION, "out of memory");
	packet_begin(&b, MSG_SERVICE_REQUEST);
	wire_put_text(&b, "ssh-userauth");
	if (packet_send_buf(ssh, &b) < 0)
		return -1;
	return try_next(ssh);
}

int
auth_on_service_accept(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span name = wire_string(w);

	(void)payload;
	if (!wire_end(w) || !span_is(name, "ssh-userauth"))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "the server accepted another service");
	ssh->state = STATE_AUTH;
	return 0;
}

int
auth_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span methods = wire_string(w);

	(void)payload;
	wire_bool(w);
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed authentication failure");
	if (!wire_has_name(methods, "publickey"))
		return refused(ssh);
	return try_next(ssh);
}

int
auth_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)payload;
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed authentication success");
	auth_done(ssh);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

/* We sign at once and never ask, so nobody has reason to send this. */
int
auth_on_pk_ok(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)w;
	(void)payload;
	return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
	    "the server accepts a key that was not offered");
}

int
auth_on_banner(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span text = wire_string(w);
	size_t n = 0;
	char *clean;

	(void)payload;
	wire_string(w);
	if (!wire_end(w) || text.n > BANNER_MAX)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed banner");
	if (!ssh->config.events->banner)
		return 0;
	clean = malloc(text.n + 1);
	if (!clean)
		return ssh_fatal(ssh, REASON_BY_APPLICATION, "out of memory");
	/* Line by line, since a banner may have several. */
	for (size_t i = 0; i < text.n; i++) {
		char c = (char)text.p[i];

		if (c == '\n' || (c >= 0x20 && c < 0x7f))
			clean[n++] = c;
		else if (c != '\r')
			clean[n++] = '?';
	}
	clean[n] = 0;
	ssh->config.events->banner(ssh, clean, ssh->config.arg);
	free(clean);
	return 0;
}
