/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_session: see web_session.h.
 */
#include "proxy/web_session.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

/* A name with this prefix is believed by browsers only from this host itself, over TLS, for all of its paths: a page of
 * another host of the same domain cannot plant a session (RFC 6265bis section 4.1.3.2). */
#define COOKIE     "__Host-sallyport"
#define ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict"

bool
web_session_token(const struct http_request *r, char dst[RPC_SESSION_TOKEN_SIZE])
{
	return http_cookie(r, COOKIE, dst, RPC_SESSION_TOKEN_SIZE) && rpc_is_session_token(dst);
}

bool
web_session_bearer(const struct http_request *r, char dst[RPC_SESSION_TOKEN_SIZE], bool *ret_any)
{
	static const char scheme[] = "Bearer ";
	struct span auth = http_header(r, "authorization");
	const size_t n = sizeof(scheme) - 1;

	*ret_any = auth.p != NULL;
	if (auth.n != n + RPC_SESSION_TOKEN_SIZE - 1 ||
	    strncasecmp((const char *)auth.p, scheme, n) != 0)
		return false;
	memcpy(dst, auth.p + n, RPC_SESSION_TOKEN_SIZE - 1);
	dst[RPC_SESSION_TOKEN_SIZE - 1] = '\0';
	return rpc_is_session_token(dst);
}

void
web_session_keep(struct http_request *r, const char *token)
{
	char cookie[256];

	if (str_format(cookie, sizeof(cookie), COOKIE "=%s" ATTRIBUTES, token))
		http_set_header(r, "Set-Cookie", cookie);
	explicit_bzero(cookie, sizeof(cookie));
}

void
web_session_forget(struct http_request *r)
{
	http_set_header(r, "Set-Cookie", COOKIE "=" ATTRIBUTES "; Max-Age=0");
}

void
web_browser(const struct http_request *r, char dst[WEB_BROWSER_SIZE])
{
	struct span agent = http_header(r, "user-agent");

	str_clean(dst, WEB_BROWSER_SIZE, (const char *)agent.p, agent.n);
}

/* What the browser says of where a request comes from. */
enum says { SAYS_NOTHING, SAYS_OURS, SAYS_OTHERS };

/* Its Origin: of all requests that change something, and of WebSockets. */
static enum says
origin_says(const struct http_request *r)
{
	struct span origin = http_header(r, "origin"), host = http_header(r, "host");

	if (!origin.p)
		return SAYS_NOTHING;
	return host.n > 0 && origin.n == host.n + 8 && memcmp(origin.p, "https://", 8) == 0 &&
		memcmp(origin.p + 8, host.p, host.n) == 0
	    ? SAYS_OURS
	    : SAYS_OTHERS;
}

/* Who made it ask (Fetch Metadata): of all requests, in browsers since 2023. "none": somebody typed the address. */
static enum says
site_says(const struct http_request *r)
{
	struct span site = http_header(r, "sec-fetch-site");

	if (!site.p || span_is(site, "none"))
		return SAYS_NOTHING;
	return span_is(site, "same-origin") ? SAYS_OURS : SAYS_OTHERS;
}

bool
web_from_elsewhere(const struct http_request *r)
{
	return origin_says(r) == SAYS_OTHERS || site_says(r) == SAYS_OTHERS;
}

bool
web_from_own_page(const struct http_request *r)
{
	return !web_from_elsewhere(r) && (origin_says(r) == SAYS_OURS || site_says(r) == SAYS_OURS);
}
