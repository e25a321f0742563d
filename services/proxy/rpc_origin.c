/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_origin: NoteOrigin, one call for each connection that is passed on to authd.
 */
#include "proxy/rpc_origin.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "proto/auth.async.h"

struct origins {
	struct rpc_client *auth;
	struct list calls;
};

struct origin_call {
	struct list link;
	void (*done)(void *arg); /* NULL: nobody waits */
	void *arg;
	bool inside, ended; /* the answer came from inside the call: no memory */
};

int
origins_new(struct origins **ret, struct rpc_client *auth)
{
	struct origins *o = calloc(1, sizeof(*o));

	if (!o)
		return -1;
	o->auth = auth;
	list_init(&o->calls);
	*ret = o;
	return 0;
}

void
origins_free(struct origins *o)
{
	if (!o)
		return;
	list_each (struct origin_call, c, &o->calls, link) {
		list_del(&c->link);
		free(c);
	}
	free(o);
}

static void
on_told(enum rpc_code code, const char *why, const Auth__Empty *reply, void *arg)
{
	struct origin_call *c = arg;
	void (*done)(void *) = c->done;
	void *done_arg = c->arg;

	(void)reply;
	if (code != RPC_OK)
		log_debug("authd was not told where a connection comes from", "cause", why, NULL);
	c->ended = true;
	if (c->inside)
		return;
	list_del(&c->link);
	free(c);
	if (done)
		done(done_arg);
}

struct origin_call *
origin_tell(struct origins *o, int fd, const struct addr *client, void (*done)(void *arg),
    void *arg)
{
	char via_text[ADDR_TEXT_SIZE + 8], client_text[ADDR_TEXT_SIZE + 8];
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof(ss);
	Auth__Origin q = AUTH__ORIGIN__INIT;
	struct origin_call *c = calloc(1, sizeof(*c));
	struct addr via;

	if (!c)
		return NULL;
	c->done = done;
	c->arg = arg;
	list_add(&o->calls, &c->link);
	/* Our end of the connection is the caller's address as authd sees it; that is how it finds
	 * which one is meant. */
	(void)getsockname(fd, (struct sockaddr *)&ss, &n);
	addr_from_sockaddr(&via, (struct sockaddr *)&ss);
	addr_text(&via, via_text, sizeof(via_text));
	addr_text(client, client_text, sizeof(client_text));
	q.via = via_text;
	q.client = client_text;
	/* done must not come before the caller has our handle: whoever is called back from inside
	 * would free what is still being set up. */
	c->inside = true;
	auth_note_origin(o->auth, &q, on_told, c);
	c->inside = false;
	if (!c->ended)
		return c;
	list_del(&c->link);
	free(c);
	return NULL;
}

void
origin_forget(struct origin_call *c)
{
	if (c)
		c->done = NULL;
}
