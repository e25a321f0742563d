/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_hello: tells authd under which addresses people reach this proxy. Called by proxy.c whenever
 * authd is there again.
 */
#ifndef PROXY_RPC_HELLO_H
#define PROXY_RPC_HELLO_H

#include "rpc/rpc.h"

/* Both "HOST:PORT"; ssh_addr "" when there is no second port. own_certificate: of HTTPS, not issued by the cluster. */
void hello_send(struct rpc_client *auth, const char *public_addr, const char *ssh_addr,
    bool own_certificate);

#endif
