/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_client: see auth_client.h. The calls. The watch is auth_watch.c.
 */
#include "api/auth_client_priv.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { CALL_TIMEOUT_MS = 20000 };

/* One unary call: it knows its answer's kind by the function that its owner gave. */
struct asked {
	struct list link; /* auth_client.calls */
	struct rpc_call *call;
	union {
		auth_done_fn *done;
		auth_heartbeat_fn *heartbeat;
		auth_identity_fn *identity;
		auth_invite_fn *invite;
		auth_ping_fn *ping;
	} fn;
	void (*tell)(const struct asked *a, enum rpc_code code, const char *why, const void *reply);
	void *arg;
	bool answered; /* told with the message; `closed` adds nothing */
	bool forgotten;
};

int
auth_client_new(struct auth_client **ret, const struct auth_client_config *config, struct err *e)
{
	struct rpc_channel_config channel = { .target = config->target,
		.server_name = config->server_name,
		.identity = config->identity,
		.keepalive = true };
	struct auth_client *c = calloc(1, sizeof *c);

	if (!c)
		return err_set(e, "out of memory");
	list_init(&c->calls);
	c->loop = config->loop;
	c->rl = config->rl;
	if (rpc_channel_new(&c->channel, &channel, e) < 0) {
		free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void
auth_client_free(struct auth_client *c)
{
	if (!c)
		return;
	list_each (struct asked, a, &c->calls, link) {
		list_del(&a->link);
		a->forgotten = true;
		rpc_cancel(a->call);
	}
	rpc_channel_free(c->channel);
	free(c);
}

/* --- one call ---------------------------------------------------------------------------- */

static void
on_message(struct rpc_call *call, const void *message)
{
	struct asked *a = rpc_data(call);

	if (!message || a->forgotten || a->answered)
		return;
	a->answered = true;
	a->tell(a, RPC_OK, "", message);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct asked *a = rpc_data(call);

	if (!a->forgotten) {
		list_del(&a->link);
		if (!a->answered)
			a->tell(a, status->code == RPC_OK ? RPC_INTERNAL : status->code,
			    status->message, NULL);
	}
	free(a);
}

static const struct rpc_events events = { .message = on_message, .closed = on_closed };

/* The request is packed before this returns. *a is copied. */
static void
ask(struct auth_client *c, const char *method, const void *request, const struct asked *model)
{
	static const struct rpc_options options = { .timeout_ms = CALL_TIMEOUT_MS };
	struct asked *a = malloc(sizeof *a);

	if (!a) {
		model->tell(model, RPC_RESOURCE_EXHAUSTED, "out of memory", NULL);
		return;
	}
	*a = *model;
	list_add(&c->calls, &a->link);
	a->call = rpc_invoke(c->rl, c->channel, &auth__auth__descriptor, method, request, &events,
	    a, &options);
}

static void
tell_done(const struct asked *a, enum rpc_code code, const char *why, const void *reply)
{
	(void)reply;
	if (a->fn.done)
		a->fn.done(code, why, a->arg);
}

static void
tell_heartbeat(const struct asked *a, enum rpc_code code, const char *why, const void *reply)
{
	if (a->fn.heartbeat)
		a->fn.heartbeat(code, why, reply, a->arg);
}

static void
tell_identity(const struct asked *a, enum rpc_code code, const char *why, const void *reply)
{
	a->fn.identity(code, why, reply, a->arg);
}

static void
tell_invite(const struct asked *a, enum rpc_code code, const char *why, const void *reply)
{
	a->fn.invite(code, why, reply, a->arg);
}

static void
tell_ping(const struct asked *a, enum rpc_code code, const char *why, const void *reply)
{
	a->fn.ping(code, why, reply, a->arg);
}

/* --- the methods ------------------------------------------------------------------------------- */

void
auth_heartbeat(struct auth_client *c, const Auth__HeartbeatRequest *q, auth_heartbeat_fn *done,
    void *arg)
{
	ask(c, "Heartbeat", q,
	    &(struct asked){ .fn.heartbeat = done, .tell = tell_heartbeat, .arg = arg });
}

void
auth_leave(struct auth_client *c, auth_done_fn *done, void *arg)
{
	Auth__Empty q = AUTH__EMPTY__INIT;

	ask(c, "Leave", &q, &(struct asked){ .fn.done = done, .tell = tell_done, .arg = arg });
}

void
auth_hello_proxy(struct auth_client *c, const Auth__ProxyHello *q, auth_done_fn *done, void *arg)
{
	ask(c, "HelloProxy", q, &(struct asked){ .fn.done = done, .tell = tell_done, .arg = arg });
}

void
auth_note_origin(struct auth_client *c, const Auth__Origin *q, auth_done_fn *done, void *arg)
{
	ask(c, "NoteOrigin", q, &(struct asked){ .fn.done = done, .tell = tell_done, .arg = arg });
}

void
auth_get_invite(struct auth_client *c, const char *token, auth_invite_fn *done, void *arg)
{
	Auth__Name q = AUTH__NAME__INIT;

	q.name = token;
	ask(c, "GetInvite", &q,
	    &(struct asked){ .fn.invite = done, .tell = tell_invite, .arg = arg });
}

void
auth_complete_invite(struct auth_client *c, const Auth__CompleteInviteRequest *q,
    auth_done_fn *done, void *arg)
{
	ask(c, "CompleteInvite", q,
	    &(struct asked){ .fn.done = done, .tell = tell_done, .arg = arg });
}

void
auth_ping(struct auth_client *c, auth_ping_fn *done, void *arg)
{
	Auth__Empty q = AUTH__EMPTY__INIT;

	ask(c, "Ping", &q, &(struct asked){ .fn.ping = done, .tell = tell_ping, .arg = arg });
}

void
auth_renew(struct auth_client *c, const Auth__RenewRequest *q, auth_identity_fn *done, void *arg)
{
	ask(c, "Renew", q,
	    &(struct asked){ .fn.identity = done, .tell = tell_identity, .arg = arg });
}
