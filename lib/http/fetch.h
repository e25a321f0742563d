/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: one HTTPS GET, blocking and bounded: for clients before they have credentials (which proxy is this, what
 * are its authorities) and for daemons that join, there on a thread of the pool. HTTP/1.1 over mbedTLS (TLS 1.2).
 * Thread-safe; keeps nothing between calls but what it is told to. Does not follow redirects and obeys no http_proxy.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum fetch_trust {
	FETCH_SYSTEM_ROOTS, /* /etc/ssl/certs/ca-certificates.crt, or $SSL_CERT_FILE; and the host name */
	FETCH_GIVEN_ROOTS, /* ca_pem; and the host name */
	FETCH_ANYBODY,     /* encrypted only: for what is checked by other means (the CA pin) */
};

/* A connection that stays for the next fetch, as browsers have it; at first empty, ended by fetch_kept_done. */
struct fetch_kept {
	struct tls_client *connection; /* NULL: none, or it ended */
};

struct fetch {
	const char *url; /* https://HOST[:PORT]/PATH */
	enum fetch_trust trust;
	const char *ca_pem;      /* FETCH_GIVEN_ROOTS */
	const char *server_name; /* SNI and name to check when not the URL's host; NULL otherwise */
	int timeout_ms; /* for all of it, and all that goes over a kept connection; 0: 10 s */
	size_t max;     /* bytes of the body; 0: 1 MiB */
	const char *
	    ask; /* header lines of the request besides Host and Connection, each ended by CR LF; NULL: tsh's own */
	struct fetch_kept *
	    keep; /* of fetches from one host, with one trust; then answers must say their length. NULL: none */
};

struct fetch_reply {
	int status; /* 200, 404, ... */
	char *body; /* NUL-terminated beyond its length; freed by fetch_reply_done */
	size_t len;
	char *
	    head; /* the lines of headers as they came, CR LF between them; freed by fetch_reply_done */
};

/* Positive: the caller may have another way. */
enum { FETCH_E_UNTRUSTED = 1 /* the server's certificate does not verify; e says why */ };

/* 0 with any HTTP status; FETCH_E_UNTRUSTED; negative with e: unreachable, not HTTP, too big, too slow. */
int fetch_get(const struct fetch *f, struct fetch_reply *ret, struct err *e);
void fetch_reply_done(struct fetch_reply *reply);
void fetch_kept_done(struct fetch_kept *keep);

/* The next line of a head, which *pos (at first the head) is moved over; false at the end. Blanks around the value are cut; a
 * line without a colon is a name without a value. */
bool fetch_header_next(const char **pos, struct span *ret_name, struct span *ret_value);

#endif
