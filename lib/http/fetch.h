/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: one HTTPS GET, blocking and bounded: for clients before they have credentials (which proxy is this, what
 * are its authorities) and for daemons that join, there on a thread of the pool. HTTP/1.1 over mbedTLS (TLS 1.2).
 * Thread-safe; keeps nothing between calls. Does not follow redirects and obeys no http_proxy.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include <stddef.h>

#include "base/err.h"

enum fetch_trust {
	FETCH_SYSTEM_ROOTS, /* /etc/ssl/certs/ca-certificates.crt, or $SSL_CERT_FILE; and the host name */
	FETCH_GIVEN_ROOTS, /* ca_pem; and the host name */
	FETCH_ANYBODY,     /* encrypted only: for what is checked by other means (the CA pin) */
};

struct fetch {
	const char *url; /* https://HOST[:PORT]/PATH */
	enum fetch_trust trust;
	const char *ca_pem;      /* FETCH_GIVEN_ROOTS */
	const char *server_name; /* SNI and name to check when not the URL's host; NULL otherwise */
	int timeout_ms;          /* for all of it; 0: 10 s */
	size_t max;              /* bytes of the body; 0: 1 MiB */
};

struct fetch_reply {
	int status; /* 200, 404, ... */
	char *body; /* NUL-terminated beyond its length; freed by fetch_reply_done */
	size_t len;
};

/* Positive: the caller may have another way. */
enum { FETCH_E_UNTRUSTED = 1 /* the server's certificate does not verify; e says why */ };

/* 0 with any HTTP status; FETCH_E_UNTRUSTED; negative with e: unreachable, not HTTP, too big, too slow. */
int fetch_get(const struct fetch *f, struct fetch_reply *ret, struct err *e);
void fetch_reply_done(struct fetch_reply *reply);

#endif
