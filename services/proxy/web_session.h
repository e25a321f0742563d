/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_session: what a browser shows of itself with a request: the cookie of its session, and where the request comes
 * from. Called by everything of proxyd that acts for whoever is logged in.
 *
 * Security: the cookie's value is the session: it goes to authd and auditd with the calls made for it, and nowhere else.
 * That the browser sends it says nothing about who made the request (any page can): so what changes something must come
 * from a page of ours, by what the browser itself says, in headers that no script can set.
 */
#ifndef PROXY_WEB_SESSION_H
#define PROXY_WEB_SESSION_H

#include "http/server.h"
#include "rpc/rpc.h"

enum { WEB_BROWSER_SIZE = 201 };

/* The token of the cookie; the caller wipes it. False: there is none, or two, or no token. */
bool web_session_token(const struct http_request *r, char dst[RPC_SESSION_TOKEN_SIZE]);
/* The token of a program: the header "Authorization: Bearer TOKEN" (RFC 6750). No browser sends it by itself, so that no
 * page can make one do so. *ret_any: there is such a header, of whatever kind, and a cookie counts no more. */
bool
web_session_bearer(const struct http_request *r, char dst[RPC_SESSION_TOKEN_SIZE], bool *ret_any);
/* Before the answer: the browser keeps this one, or none any more. */
void web_session_keep(struct http_request *r, const char *token);
void web_session_forget(struct http_request *r);

/* What it calls itself, cleaned and cut; "": nothing. */
void web_browser(const struct http_request *r, char dst[WEB_BROWSER_SIZE]);

/* The browser names our own origin, and nothing else, as the request's (Origin, RFC 6454; Sec-Fetch-Site). False also
 * when it names none. */
bool web_from_own_page(const struct http_request *r);
/* Another site made the browser ask. False also when nothing says so. */
bool web_from_elsewhere(const struct http_request *r);

#endif
