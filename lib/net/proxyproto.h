/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxyproto: the PROXY protocol header, versions 1 and 2, by which a load
 * balancer tells whose connection it passes on. Pure. Whether the balancer is
 * to be believed is the caller's affair.
 */
#ifndef NET_PROXYPROTO_H
#define NET_PROXYPROTO_H

#include "base/buf.h"
#include "net/addr.h"

enum proxyproto_e {
	PROXYPROTO_E_MORE = 1, /* may become a header */
	PROXYPROTO_E_NONE = 2, /* the bytes are something else */
};

enum { PROXYPROTO_MAX = 2048 }; /* longest header taken, TLVs included */

struct proxyproto {
	size_t length;      /* of the header; what follows is the connection's own */
	bool has_addresses; /* false: LOCAL or UNKNOWN, the balancer speaks for itself */
	struct addr source;
};

/* 0, a PROXYPROTO_E_*, or negative: it began as a header and is malformed. */
int proxyproto_parse(struct proxyproto *ret, struct span bytes);

#endif
