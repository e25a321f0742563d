/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clienthello: finds the server name in the first bytes of a TLS connection
 * (RFC 8446 4.1.2, RFC 6066 3), without being a party to it. Pure.
 */
#ifndef NET_CLIENTHELLO_H
#define NET_CLIENTHELLO_H

#include "base/buf.h"

enum clienthello_e {
	CLIENTHELLO_E_MORE = 1, /* so far it is one, but not all of it is here */
};

enum { CLIENTHELLO_MAX = 16384 }; /* bytes of handshake message; what is longer is refused */
/* Raw bytes to collect at most: the message in the smallest records anybody sends, with room. */
enum { CLIENTHELLO_RAW_MAX = CLIENTHELLO_MAX + 4096 };

struct clienthello {
	char server_name[256]; /* lower case; "" when the client named none */
};

/* 0, CLIENTHELLO_E_MORE, or negative: not a ClientHello, malformed, or too long. The message may
 * be spread over several TLS records. */
int clienthello_parse(struct clienthello *ret, struct span bytes);

#endif
