/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_hello: see rpc_hello.h.
 */
#include "proxy/rpc_hello.h"

#include "base/log.h"
#include "base/version.h"
#include "proto/auth.async.h"

static void
on_hello(enum rpc_code code, const char *why, const Auth__Empty *reply, void *arg)
{
	(void)reply, (void)arg;
	/* Not tried again: the next stream says hello anew. */
	if (code != RPC_OK)
		log_warn("cannot tell authd the public address", "cause", why, NULL);
}

void
hello_send(struct rpc_client *auth, const struct hello *what)
{
	Auth__ProxyHello hello = AUTH__PROXY_HELLO__INIT;

	hello.public_addr = what->public_addr;
	hello.ssh_addr = what->ssh_addr;
	hello.version = SALLYPORT_VERSION;
	hello.own_certificate = what->own_certificate;
	hello.has_packages = what->has_packages;
	auth_hello_proxy(auth, &hello, on_hello, NULL);
}
