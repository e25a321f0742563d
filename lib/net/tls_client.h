/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_client: a blocking TLS connection with one deadline for everything (mbedTLS, TLS 1.2). Called by lib/http's
 * fetch, on the thread of a client program or of a pool; keeps nothing between connections.
 */
#ifndef NET_TLS_CLIENT_H
#define NET_TLS_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tls_client;

enum { TLS_CLIENT_E_UNTRUSTED = 1 };

struct tls_client_config {
	const char *host; /* name or address, without brackets */
	uint16_t port;
	const char *server_name; /* SNI and the name checked; NULL: host */
	const char *roots_pem;   /* NULL and roots_file NULL: whoever answers is accepted */
	const char *roots_file;
	int64_t deadline_ms; /* clock_mono_ms() */
};

/* 0; TLS_CLIENT_E_UNTRUSTED with e: the certificate does not verify; negative with e. */
int tls_client_open(struct tls_client **ret, const struct tls_client_config *config, struct err *e);
int tls_client_write(struct tls_client *c, const void *p, size_t n, struct err *e);
/* Bytes read, 0 at the end of the stream, negative with e. */
long tls_client_read(struct tls_client *c, void *p, size_t n, struct err *e);
void tls_client_close(struct tls_client *c); /* NULL is fine */

#endif
