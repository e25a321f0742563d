/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_server: the server's side of RFC 4252, public keys and certificates only.
 *
 * There is no state that a change of the name could carry over: every request is judged by itself,
 * the offer and the proof alike, and only a proof whose signature covers exactly what it claims can
 * log in.
 *
 * Security: decides who is logged in; the owner's auth() decides who may be.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "ssh/ssh_priv.h"
#include "ssh/userauth.h"

enum { SIGNED_MAX = 128 * 1024 };

int
auth_on_service_request(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span name = wire_string(w);
	struct buf b;

	(void)payload;
	if (!wire_end(w) || !span_is(name, "ssh-userauth"))
		return ssh_fatal(ssh, REASON_SERVICE_NOT_AVAILABLE,
		    "only ssh-userauth can be asked for");
	/* Once only: dispatch lets a second SERVICE_REQUEST through in no state, so the counters in it cannot
	 * be reset. */
	ssh->auth = calloc(1, sizeof(*ssh->auth));
	if (!ssh->auth)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "out of memory");
	ssh->state = STATE_AUTH;
	packet_begin(&b, MSG_SERVICE_ACCEPT);
	wire_put_text(&b, "ssh-userauth");
	return packet_send_buf(ssh, &b);
}

/* RFC 4252 section 5.1: what may go on, and that nothing was achieved. */
static int
deny(struct ssh *ssh)
{
	struct buf b;

	packet_begin(&b, MSG_USERAUTH_FAILURE);
	wire_put_text(&b, "publickey");
	wire_put_bool(&b, false);
	return packet_send_buf(ssh, &b);
}

/* A key that was refused counts; asking for "none" first, as clients do, does not. */
static int
deny_counted(struct ssh *ssh)
{
	if (++ssh->auth->tries >= ssh->config.max_auth_tries)
		return ssh_fatal(ssh, REASON_NO_MORE_AUTH_METHODS,
		    "too many authentication failures");
	return deny(ssh);
}

void
auth_server_done(struct ssh *ssh)
{
	free(ssh->auth);
	ssh->auth = NULL;
	/* Was kept for host-bound signatures, and a connection may last for weeks. */
	buf_done(&ssh->host_key);
	ssh->state = STATE_OPEN;
	if (ssh->config.events && ssh->config.events->authenticated)
		ssh->config.events->authenticated(ssh, ssh->config.arg);
}

/* The bytes that the user signed. */
static void
put_signed(struct buf *b, const struct ssh *ssh, const struct ssh_auth *a)
{
	const struct userauth u = { span_str(a->user), a->alg, a->blob, a->hostbound,
		buf_span(&ssh->host_key) };

	userauth_put_signed(b, ssh_session_id(ssh), &u);
}

/* False as well when the owner has ended the connection from inside. */
static bool
owner_allows(struct ssh *ssh, const struct ssh_auth *a)
{
	const struct ssh_events *ev = ssh->config.events;

	return ev && ev->auth && ev->auth(ssh, a, ssh->config.arg) == SSH_ALLOW &&
	    ssh->state == STATE_AUTH;
}

static int
answer_offer(struct ssh *ssh, const struct ssh_auth *a)
{
	struct buf b;

	/* Asked for offers too, so that a client with many keys does not sign, and touch a token, for one that
	 * cannot log in. */
	if (!owner_allows(ssh, a))
		return deny_counted(ssh);
	packet_begin(&b, MSG_USERAUTH_PK_OK);
	wire_put_string(&b, a->alg);
	wire_put_string(&b, a->blob);
	return packet_send_buf(ssh, &b);
}

static int
answer_proof(struct ssh *ssh, struct ssh_auth *a, const struct userauth_alg *alg)
{
	struct buf signed_data, b;
	bool ok;

	buf_init(&signed_data, SIGNED_MAX);
	put_signed(&signed_data, ssh, a);
	a->signed_data = buf_span(&signed_data);
	a->proven = buf_ok(&signed_data) &&
	    sshkey_verify(a->key, span_str(alg->sig_alg), a->signature, a->signed_data) == 0;
	ok = a->proven && owner_allows(ssh, a);
	buf_done(&signed_data);
	if (!ok)
		return deny_counted(ssh);
	/* Under the state STATE_AUTH still: what the owner sends from authenticated() must come behind it. */
	packet_begin(&b, MSG_USERAUTH_SUCCESS);
	if (packet_send_buf(ssh, &b) < 0)
		return -1;
	auth_server_done(ssh);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

/* Parses the key or certificate; false when it is not what the algorithm says. */
static bool
parse_key(struct ssh_auth *a, const struct userauth_alg *alg, struct sshkey **ret_plain,
    struct sshcert **ret_cert)
{
	struct wire w = wire_from(a->blob);

	/* The blob says its type again. A certificate under a plain algorithm's name, or the
	 * reverse, would be judged as what it is not. */
	if (!span_is(wire_string(&w), alg->blob_type))
		return false;
	if (!alg->cert) {
		if (sshkey_from_blob(ret_plain, a->blob) < 0)
			return false;
		a->key = *ret_plain;
		return true;
	}
	if (sshcert_parse(ret_cert, a->blob, NULL) < 0)
		return false;
	a->cert = *ret_cert;
	a->key = a->cert->key;
	return true;
}

/* The client says which host key it believed. Another than ours: somebody passes on to us what was
 * signed for him. */
static bool
is_our_host_key(const struct ssh *ssh, struct span host_key)
{
	return ssh->host_key.len > 0 && span_eq(host_key, buf_span(&ssh->host_key));
}

static int
on_publickey(struct ssh *ssh, struct wire *w, bool hostbound)
{
	struct ssh_auth a = { .user = ssh->auth->user, .hostbound = hostbound };
	bool has_signature = wire_bool(w);
	struct span host_key = { NULL, 0 };
	const struct userauth_alg *alg;
	struct sshkey *plain = NULL;
	struct sshcert *cert = NULL;
	int r;

	a.alg = wire_string(w);
	a.blob = wire_string(w);
	if (hostbound)
		host_key = wire_string(w);
	if (has_signature)
		a.signature = wire_string(w);
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed authentication request");
	alg = userauth_alg_find(a.alg);
	if ((hostbound && !is_our_host_key(ssh, host_key)) || !alg ||
	    !parse_key(&a, alg, &plain, &cert))
		r = deny_counted(ssh);
	else if (has_signature)
		r = answer_proof(ssh, &a, alg);
	else
		r = answer_offer(ssh, &a);
	sshcert_free(cert);
	sshkey_free(plain);
	return r;
}

int
auth_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct span service, method;
	char user[USER_MAX];

	(void)payload;
	if (ssh->state == STATE_OPEN) /* after success they are to be ignored (section 5.1) */
		return 0;
	wire_text(w, user, sizeof(user));
	service = wire_string(w);
	method = wire_string(w);
	if (w->bad)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed authentication request");
	/* Also those that cost no try ("none", unknown methods): each of them is work for us, and
	 * the login's time is long. */
	if (++ssh->auth->requests > AUTH_REQUESTS_MAX)
		return ssh_fatal(ssh, REASON_NO_MORE_AUTH_METHODS,
		    "too many authentication requests");
	if (!span_is(service, "ssh-connection"))
		return ssh_fatal(ssh, REASON_SERVICE_NOT_AVAILABLE,
		    "only ssh-connection can be logged in to");
	str_copy(ssh->auth->user, sizeof(ssh->auth->user), user);
	if (span_is(method, "publickey"))
		return on_publickey(ssh, w, false);
	if (span_is(method, "publickey-hostbound-v00@openssh.com"))
		return on_publickey(ssh, w, true);
	return deny(ssh);
}
