/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_leave: tells authd at a clean stop that this proxy goes, so that it is not listed any more. Called by proxy.c.
 */
#ifndef PROXY_RPC_LEAVE_H
#define PROXY_RPC_LEAVE_H

#include "rpc/rpc.h"

/* The caller's; it stays until done, or until the client is freed. */
struct leave {
	void (*done)(void *arg); /* told or not: authd may be gone as well */
	void *arg;
};

void leave_send(struct leave *l, struct rpc_client *auth);

#endif
