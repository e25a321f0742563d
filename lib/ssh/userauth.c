/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userauth: see userauth.h.
 *
 * Security: a signature counts for exactly these bytes; reader and writer stand side by side so that
 * they cannot disagree.
 */
#include "ssh/userauth.h"

#define METHOD           "publickey"
#define METHOD_HOSTBOUND "publickey-hostbound-v00@openssh.com"

enum { USERAUTH_REQUEST = 50 };

void
userauth_put(struct buf *b, const struct userauth *u)
{
	wire_put_u8(b, USERAUTH_REQUEST);
	wire_put_string(b, u->user);
	wire_put_text(b, "ssh-connection");
	wire_put_text(b, u->hostbound ? METHOD_HOSTBOUND : METHOD);
	wire_put_bool(b, true);
	wire_put_string(b, u->alg);
	wire_put_string(b, u->blob);
	if (u->hostbound)
		wire_put_string(b, u->host_key);
}

void
userauth_put_signed(struct buf *b, struct span session_id, const struct userauth *u)
{
	wire_put_string(b, session_id);
	userauth_put(b, u);
}

int
userauth_read_signed(struct userauth *ret, struct span *ret_session_id, struct span data)
{
	struct wire w = wire_from(data);
	struct span service, method;
	bool is_request, has_signature;

	*ret = (struct userauth){ 0 };
	*ret_session_id = wire_string(&w);
	is_request = wire_u8(&w) == USERAUTH_REQUEST;
	ret->user = wire_string(&w);
	service = wire_string(&w);
	method = wire_string(&w);
	has_signature = wire_bool(&w);
	ret->alg = wire_string(&w);
	ret->blob = wire_string(&w);
	ret->hostbound = span_is(method, METHOD_HOSTBOUND);
	if (ret->hostbound)
		ret->host_key = wire_string(&w);
	if (!wire_end(&w) || !is_request || !has_signature || !span_is(service, "ssh-connection"))
		return -1;
	return ret->hostbound || span_is(method, METHOD) ? 0 : -1;
}

/* ssh-rsa is not among them: its signatures are made with SHA-1. */
static const struct userauth_alg algs[] = {
	{ "ssh-ed25519", "ssh-ed25519", "ssh-ed25519", false },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", false },
	{ "rsa-sha2-512", "ssh-rsa", "rsa-sha2-512", false },
	{ "rsa-sha2-256", "ssh-rsa", "rsa-sha2-256", false },
	{ "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com", "sk-ssh-ed25519@openssh.com",
	    false },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	    "sk-ecdsa-sha2-nistp256@openssh.com", false },
	{ "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519",
	    true },
	{ "ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    "ecdsa-sha2-nistp256", true },
	{ "rsa-sha2-512-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-512",
	    true },
	{ "rsa-sha2-256-cert-v01@openssh.com", "ssh-rsa-cert-v01@openssh.com", "rsa-sha2-256",
	    true },
	{ "sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519-cert-v01@openssh.com",
	    "sk-ssh-ed25519@openssh.com", true },
	{ "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
	    true },
};

const struct userauth_alg *
userauth_alg_find(struct span name)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (span_is(name, algs[i].name))
			return &algs[i];
	return NULL;
}
