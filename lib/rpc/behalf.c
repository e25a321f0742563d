/* SPDX-License-Identifier: Apache-2.0 */
/*
 * behalf: for whom a proxy calls. A browser has no certificate: the proxy that serves its pages makes its calls, and
 * brings in their metadata what the browser brought it, the token of a web session. Called by server.c once a call, before
 * anything of the request is read, and by client.c.
 *
 *	sallyport-session   the token: 64 hexadecimal digits
 *	sallyport-client    "IP:PORT" of the browser; alone where it has no session yet (rows with RPC_BROWSER)
 *
 * Security: with a good token the peer IS the person: rows, limits and handlers never see the proxy, so that nothing can
 * be reached this way that the person could not do himself. Nobody but a proxy may speak for others, and whoever tries is
 * refused, also where his own rights would do. What begins with "sallyport-" and is not understood is refused as well: it
 * might be meant to limit the call. An address without a session is believed by the few rows alone that browsers log in
 * by: elsewhere a proxy that somebody took would choose where its own calls come from.
 * The token goes no further than this file; the daemon is asked with its SHA-256.
 */
#include <string.h>

#include <grpc/slice.h>
#include <grpc/support/alloc.h>

#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "rpc/rpc_priv.h"

#define PREFIX       "sallyport-"
#define SESSION_NAME PREFIX "session"
#define CLIENT_NAME  PREFIX "client"

bool
rpc_is_session_token(const char *text)
{
	const size_t n = RPC_SESSION_TOKEN_SIZE - 1;

	return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

bool
rpc_session_key(const char *token, char ret[RPC_SESSION_KEY_SIZE])
{
	if (!rpc_is_session_token(token))
		return false;
	sha256_hex(span_str(token), ret);
	return true;
}

const char rpc_pinned_text[] =
    "your roles pin a session to the address that it began at, and this is another; log in again";

bool
rpc_peer_is_at(const struct rpc_peer *peer, const char *ip)
{
	struct addr at;

	return rpc_peer_addr(peer->address, &at) && strcmp(at.ip, ip) == 0;
}

/* --- a server's calls ---------------------------------------------------------------------------- */

/* What a call brings; what points to nothing it does not bring. */
struct behalf {
	bool any;
	const grpc_slice *session, *client;
};

static bool
slice_is(const grpc_slice *s, const char *text)
{
	return grpc_slice_str_cmp(*s, text) == 0;
}

/* False: something that is not understood, or one thing twice. */
static bool
find(const grpc_metadata_array *all, struct behalf *ret)
{
	*ret = (struct behalf){ 0 };
	for (size_t i = 0; i < all->count; i++) {
		const grpc_metadata *m = &all->metadata[i];
		const grpc_slice **to = NULL;

		if (GRPC_SLICE_LENGTH(m->key) < strlen(PREFIX) ||
		    memcmp(GRPC_SLICE_START_PTR(m->key), PREFIX, strlen(PREFIX)) != 0)
			continue;
		ret->any = true;
		if (slice_is(&m->key, SESSION_NAME))
			to = &ret->session;
		else if (slice_is(&m->key, CLIENT_NAME))
			to = &ret->client;
		if (!to || *to)
			return false;
		*to = &m->value;
	}
	return true;
}

/* False: too long, or with a NUL, behind which it would be another text. */
static bool
text_of(const grpc_slice *s, char *dst, size_t size)
{
	size_t n = GRPC_SLICE_LENGTH(*s);

	if (n >= size || memchr(GRPC_SLICE_START_PTR(*s), '\0', n))
		return false;
	memcpy(dst, GRPC_SLICE_START_PTR(*s), n);
	dst[n] = '\0';
	return true;
}

/* As gRPC would write it of a connection from there: whoever reads addresses of peers reads this one. */
static bool
take_address(const grpc_slice *s, struct rpc_peer *peer)
{
	char text[ADDR_TEXT_SIZE + 8], host[ADDR_TEXT_SIZE];
	struct addr at;
	uint16_t port;

	if (!text_of(s, text, sizeof text) || !str_host_port(text, 0, host, sizeof host, &port) ||
	    port == 0 || !addr_parse(&at, host, port))
		return false;
	addr_text(&at, text, sizeof text);
	peer->told = true;
	return str_format(peer->address, sizeof peer->address, "%s:%s",
	    strchr(at.ip, ':') ? "ipv6" : "ipv4", text);
}

static enum rpc_code
malformed(struct err *e)
{
	err_set(e, "the call's metadata does not say on whose behalf it is");
	return RPC_INVALID_ARGUMENT;
}

/* The peer becomes whoever the session is of. */
static enum rpc_code
take_session(struct rpc_call *call, const grpc_slice *s, struct err *e)
{
	const struct rpc_server_config *config = &call->server->config;
	char token[RPC_SESSION_TOKEN_SIZE], key[RPC_SESSION_KEY_SIZE];
	struct rpc_peer person = call->peer;
	bool ok = text_of(s, token, sizeof token) && rpc_session_key(token, key);
	enum rpc_code code;

	secret_zero(token, sizeof token);
	if (!ok)
		return malformed(e);
	(void)str_copy(person.via, sizeof person.via, call->peer.name);
	code = config->session(key, &person, config->arg, e);
	if (code == RPC_OK) {
		(void)str_copy(person.web, sizeof person.web, key);
		call->peer = person;
	}
	return code;
}

enum rpc_code
rpc_behalf_read(struct rpc_call *call, bool *ret_denied, struct err *e)
{
	struct behalf b;
	bool understood = find(&call->initial, &b);

	*ret_denied = b.any && (call->peer.who != RPC_PROXY || !call->server->config.session);
	if (*ret_denied) {
		err_set(e, "only a proxy calls on behalf of others, and only where that is known");
		return RPC_PERMISSION_DENIED;
	}
	if (!b.any)
		return RPC_OK;
	if (understood && !b.session && b.client && !(call->row->who & RPC_BROWSER)) {
		*ret_denied = true;
		err_set(e, "a proxy calls %s for itself alone, or in somebody's session",
		    rpc_method_name(call));
		return RPC_PERMISSION_DENIED;
	}
	/* A session without the address that it is used from would be used from the proxy's. */
	if (!understood || !b.client || !take_address(b.client, &call->peer))
		return malformed(e);
	return b.session ? take_session(call, b.session, e) : RPC_OK;
}

/* --- a client's ------------------------------------------------------------------------------- */

static void
tell(struct rpc_call *call, const char *name, const char *value)
{
	grpc_metadata *m = &call->told[call->n_told++];

	m->key = grpc_slice_from_static_string(name);
	m->value = grpc_slice_from_copied_string(value);
}

void
rpc_behalf_tell(struct rpc_call *call, const struct rpc_options *options)
{
	if (options && options->session)
		tell(call, SESSION_NAME, options->session);
	if (options && options->client)
		tell(call, CLIENT_NAME, options->client);
}

void
rpc_behalf_done(struct rpc_call *call)
{
	for (size_t i = 0; i < call->n_told; i++)
		grpc_slice_unref(call->told[i].value);
	call->n_told = 0;
}
