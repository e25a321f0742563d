/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_client: the client's side of RFC 4252. Keys are tried in order, each signed at once without
 * asking first. The first one goes out as soon as the server has said what signatures it takes
 * (EXT_INFO, which our servers send along with their NEWKEYS), so in the same flight as the service
 * request: one round trip to log in. A server without EXT_INFO costs one more.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ssh/ssh_priv.h"
#include "ssh/userauth.h"

enum { BANNER_MAX = 8192 };

static int
refused(struct ssh *ssh)
{
	return ssh_fatal(ssh, REASON_NO_MORE_AUTH_METHODS,
	    "permission denied (publickey) for user %s", ssh->config.user ? ssh->config.user : "");
}

/* Bound to the host where the server takes that: then the signature is worth nothing in front of
 * another host. */
static struct userauth
request(const struct ssh *ssh, const struct ssh_identity *id)
{
	struct userauth u = {
		.user = span_str(ssh->config.user ? ssh->config.user : ""),
		.blob = id->cert.n > 0 ? id->cert : sshkey_blob(id->key),
		.hostbound = ssh->auth->hostbound,
		.host_key = buf_span(&ssh->host_key),
	};
	struct wire w = wire_from(u.blob);

	u.alg = wire_string(
	    &w); /* Ed25519 and ECDSA: the algorithm is named as the type of the key, or of its certificate */
	return u;
}

/* userauth_put writes the request as it was signed; the signature goes behind it. */
static int
send_proof(struct ssh *ssh, const struct ssh_identity *id, struct span signature)
{
	struct userauth u = request(ssh, id);
	struct buf b;

	buf_init(&b, PACKET_MAX);
	userauth_put(&b, &u);
	wire_put_string(&b, signature);
	if (packet_send_buf(ssh, &b) < 0)
		return -1;
	/* With another key to come, what followed this one would be lost when it is refused. */
	if (ssh->auth->next_identity < ssh->config.n_identities)
		return 0;
	ssh->login_sent = true;
	if (ssh->config.events->login_sent)
		ssh->config.events->login_sent(ssh, ssh->config.arg);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

/* SSH_FAIL: this one is of no use. *ret_r is the result when it was sent at once. */
static enum ssh_answer
try_identity(struct ssh *ssh, const struct ssh_identity *id, int *ret_r)
{
	struct userauth u = request(ssh, id);
	struct buf data, sig;
	struct ssh_to_sign what = { .identity = id };
	enum ssh_answer answer = SSH_FAIL;

	buf_init(&data, PACKET_MAX);
	buf_init(&sig, 1024);
	userauth_put_signed(&data, ssh_session_id(ssh), &u);
	what.data = buf_span(&data);
	if (buf_ok(&data))
		answer = sign_ask(ssh, &what, &sig);
	if (answer == SSH_OK)
		*ret_r = send_proof(ssh, id, buf_span(&sig));
	buf_done(&data);
	buf_done(&sig);
	return answer;
}

/* From the identity that is next on. -1 when none is left: the connection has ended. */
static int
try_next(struct ssh *ssh)
{
	struct ssh_auth_state *auth = ssh->auth;
	int r = 0;

	/* A later EXT_INFO must not come between what is signed and what is sent. */
	auth->hostbound = ssh->peer_hostbound;
	while (auth->next_identity < ssh->config.n_identities) {
		const struct ssh_identity *id = &ssh->config.identities[auth->next_identity++];

		if (try_identity(ssh, id, &r) != SSH_FAIL)
			return r;
		if (ssh->state == STATE_DEAD)
			return -1;
	}
	return refused(ssh);
}

int
auth_signed(struct ssh *ssh, struct span signature)
{
	/* Empty: whoever has the key would not, or could not sign with it. Another key may do. */
	if (signature.n == 0)
		return try_next(ssh);
	return send_proof(ssh, &ssh->config.identities[ssh->auth->next_identity - 1], signature);
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
	return packet_send_buf(ssh, &b);
}

/* From SERVICE_ACCEPT and from EXT_INFO, whichever comes first; the second of them finds the login
 * begun. */
int
auth_go_on_client(struct ssh *ssh)
{
	return ssh->auth->next_identity > 0 ? 0 : try_next(ssh);
}

int
auth_on_service_accept(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span name = wire_string(w);

	(void)payload;
	if (!wire_end(w) || !span_is(name, "ssh-userauth"))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "the server accepted another service");
	ssh->state = STATE_AUTH;
	return auth_go_on_client(ssh);
}

int
auth_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span methods = wire_string(w);

	(void)payload;
	/* Partial success: there is no second method that we could go on with. */
	wire_bool(w);
	if (!wire_end(w) || ssh->signing)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed authentication failure");
	/* Further keys would only be counted against us. */
	if (!wire_has_name(methods, "publickey"))
		return refused(ssh);
	return try_next(ssh);
}

int
auth_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)payload;
	if (!wire_end(w) || ssh->signing)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed authentication success");
	auth_server_done(ssh);
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
