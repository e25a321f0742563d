/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: the server's end of TLS over a connected socket, on the loop (mbedTLS).
 *
 * For HTTPS only: gRPC has its own TLS, and SSH needs none. Servers make no
 * demand for client certificates.
 *
 * Without a server a stream is the bytes as they are, with the same events: for what is served on loopback.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"
#include "base/err.h"
#include "event/loop.h"

struct tls_server;
struct tls_stream;

int tls_server_new(struct tls_server **ret);
void tls_server_free(struct tls_server *server); /* live streams keep what they need */
/* The certificate chain and its key as PEM texts. New connections use them at once. Negative:
 * they do not parse or do not belong together; what was there before stays. */
int tls_server_set(struct tls_server *server, const char *chain_pem, const char *key_pem,
    struct err *e);

struct tls_events {
	/* Decrypted bytes; valid until it returns. */
	void (*data)(struct tls_stream *s, const uint8_t *p, size_t n, void *arg);
	/* Everything written so far is with the kernel. */
	void (*drained)(struct tls_stream *s, void *arg);
	/* Over: closed by the peer, broken, or tls_stream_close has finished. Once; the stream is
	 * gone when it returns. */
	void (*closed)(struct tls_stream *s, void *arg);
};

/* Over a connected non-blocking socket, which the stream owns from now on. server NULL: without TLS. first: bytes already
 * read, copied. No callback comes from inside this function. Negative: no memory or no
 * certificate; fd is the caller's still. */
int tls_stream_new(struct tls_stream **ret, struct tls_server *server, struct loop *loop, int fd,
    struct span first);
/* Call right after tls_stream_new. */
void tls_stream_start(struct tls_stream *s, const struct tls_events *events, void *arg);
/* Queues bytes; at most TLS_OUTPUT_MAX wait: negative over that, and the stream is broken then. */
enum { TLS_OUTPUT_MAX = 1024 * 1024 };
int tls_stream_write(struct tls_stream *s, const void *p, size_t n);
void tls_stream_pause(struct tls_stream *s, bool paused); /* stop reading */
/* Nothing has happened for a while: gives back of TLS's buffers (33 KiB) what a stream without a record under way does not
 * need. Works on as ever. */
void tls_stream_rest(struct tls_stream *s);
/* Sends what is queued, then close_notify and FIN, waits shortly for the peer's, then closed. No
 * more data comes. */
void tls_stream_close(struct tls_stream *s);
/* At once: closed is called at the end of the turn. */
void tls_stream_abort(struct tls_stream *s);
/* As abort, at once: closed is called from inside. Not from inside a callback of the stream. */
void tls_stream_free(struct tls_stream *s);

#endif
