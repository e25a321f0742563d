/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_client_impl: what auth_client.c and auth_watch.c share.
 */
#ifndef API_AUTH_CLIENT_PRIV_H
#define API_AUTH_CLIENT_PRIV_H

#include "api/auth_client.h"
#include "base/list.h"

struct auth_client {
	struct loop *loop;
	struct rpc_loop *rl;
	struct rpc_channel *channel;
	struct list calls; /* struct asked */
};

#endif
