/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_hello: tells authd under which addresses people reach this proxy, and what it has for them. Called by proxy.c whenever
 * authd is there again, or something of it is different.
 */
#ifndef PROXY_RPC_HELLO_H
#define PROXY_RPC_HELLO_H

#include "rpc/rpc.h"

struct hello {
	const char *public_addr,
	    *ssh_addr;        /* "HOST:PORT"; ssh_addr "" when there is no second port */
	bool own_certificate; /* of HTTPS, not issued by the cluster */
	bool has_packages;
};

void hello_send(struct rpc_client *auth, const struct hello *what);

#endif
