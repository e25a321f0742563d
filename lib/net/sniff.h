/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sniff: finds out from its first bytes what a connection speaks.
 *
 * The bytes are read, not peeked: what was read comes with the result, for
 * whoever takes the connection over to read first.
 */
#ifndef NET_SNIFF_H
#define NET_SNIFF_H

#include "base/buf.h"
#include "event/loop.h"
#include "net/addr.h"
#include "net/clienthello.h"

enum sniff_kind {
	SNIFF_MORE,    /* cannot be told yet; never a result */
	SNIFF_SSH,     /* "SSH-", or silence: some clients wait for the server's banner */
	SNIFF_TLS,     /* a whole ClientHello */
	SNIFF_HTTP,    /* a plain HTTP request */
	SNIFF_NOTHING, /* garbage, end of file, error or too slow: close it */
};

/* Pure: what bytes of the connection (after a PROXY header) are. hello is filled for SNIFF_TLS. */
enum sniff_kind sniff_bytes(struct span bytes, struct clienthello *hello);

struct sniff_config {
	bool proxy_header;   /* this peer is a balancer that must send a PROXY header */
	bool only_ssh;       /* with proxy_header: whatever follows is SSH, do not wait for it */
	uint32_t silence_ms; /* without a byte for so long: SSH */
	uint32_t limit_ms;   /* for each of: PROXY header, first bytes */
};

struct sniff_result {
	enum sniff_kind kind;
	int fd;           /* the callee's */
	struct addr peer; /* from the PROXY header when there was one */
	struct clienthello hello;
	struct span first; /* bytes already read; valid during the callback; may be scribbled on */
	const char *why;   /* SNIFF_NOTHING: for the log */
};
typedef void sniff_done_fn(const struct sniff_result *result, void *arg);

struct sniff;
/* Owns the non-blocking fd until done is called (never from inside sniff_new). Negative: no
 * memory, and the fd stays the caller's. */
int sniff_new(struct sniff **ret, struct loop *loop, int fd, const struct addr *peer,
    const struct sniff_config *config);
/* Must be called right after sniff_new. After done the sniff is gone. */
void sniff_start(struct sniff *s, sniff_done_fn *done, void *arg);
/* Closes the connection without calling done. */
void sniff_free(struct sniff *s);

#endif
