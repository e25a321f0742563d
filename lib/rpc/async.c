/* SPDX-License-Identifier: Apache-2.0 */
/*
 * async: what one daemon asks another. A channel, and the calls under way on it, each of which is told once and all of
 * which are forgotten when the client goes. Called by the generated stubs (proto/NAME.async.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "rpc/rpc_priv.h"

enum { CALL_TIMEOUT_MS = 20000 };

struct rpc_client {
	struct rpc_loop *rl;
	struct rpc_channel *channel;
	struct list calls;      /* struct asked */
	char *session, *client; /* on whose behalf; NULL: our own */
};

/* One call. It belongs to the call and goes with it, not with the client: gRPC ends a cancelled call later. */
struct asked {
	struct list link; /* rpc_client.calls */
	struct rpc_call *call;
	struct rpc_answer answer;
	struct rpc_times *times; /* NULL: too many methods */
	int64_t began_us;
	struct rpc_client *client;
	bool answered;  /* told with the message; `closed` adds nothing */
	bool forgotten; /* the client is gone */
};

int
rpc_client_new(struct rpc_client **ret, struct rpc_loop *rl,
    const struct rpc_channel_config *config, struct err *e)
{
	struct rpc_client *c = calloc(1, sizeof *c);

	if (!c)
		return err_memory(e);
	list_init(&c->calls);
	c->rl = rl;
	if (rpc_channel_new(&c->channel, config, e) < 0) {
		free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

struct rpc_client *
rpc_client_for(const struct rpc_client *c, const char *session, const char *client)
{
	char key[RPC_SESSION_KEY_SIZE];
	struct rpc_client *p;

	/* What is no token comes from a browser: it must not become a header of ours. */
	if ((session && !rpc_session_key(session, key)) ||
	    !str_is_printable(client, strlen(client)))
		return NULL;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	list_init(&p->calls);
	p->rl = c->rl;
	p->channel = rpc_channel_ref(c->channel);
	p->session = session ? strdup(session) : NULL;
	p->client = strdup(client);
	if (p->client && (p->session || !session))
		return p;
	rpc_client_free(p);
	return NULL;
}

void
rpc_client_free(struct rpc_client *c)
{
	if (!c)
		return;
	list_each (struct asked, a, &c->calls, link) {
		list_del(&a->link);
		/* Its call ends later, on gRPC's terms; by then there is nobody to be told. */
		a->forgotten = true;
		rpc_cancel(a->call);
	}
	rpc_channel_free(c->channel);
	if (c->session)
		secret_zero(c->session, strlen(c->session));
	free(c->session);
	free(c->client);
	free(c);
}

struct loop *
rpc_client_loop(const struct rpc_client *c)
{
	return c->rl->loop;
}

/* Where the method is counted. A daemon calls a handful; without a place for more they are not timed. */
static struct rpc_times *
times_of(struct rpc_loop *rl, const struct rpc_method *method)
{
	for (size_t i = 0; i < RPC_ASKED_METHODS; i++) {
		struct rpc_times *t = &rl->asked[i];

		if (!t->method)
			t->method = method->name;
		if (strcmp(t->method, method->name) == 0)
			return t;
	}
	return NULL;
}

static void
count_answer(const struct rpc_client *c, const struct asked *a, enum rpc_code code)
{
	if (code != RPC_OK)
		c->rl->asked_failed[code]++;
	else if (a->times)
		histogram_add(&a->times->took, clock_mono_us() - a->began_us);
}

static void
tell(const struct rpc_answer *answer, enum rpc_code code, const char *why, const void *reply)
{
	if (answer->done)
		answer->tell(answer, code, why, reply);
}

static void
on_message(struct rpc_call *call, const void *message)
{
	struct asked *a = rpc_data(call);

	/* A server that sends a second message to a call of one answer is not listened to. */
	if (!message || a->forgotten || a->answered)
		return;
	a->answered = true;
	count_answer(a->client, a, RPC_OK);
	tell(&a->answer, RPC_OK, "", message);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct asked *a = rpc_data(call);

	/* Off the list first: done may free the client. */
	if (!a->forgotten) {
		enum rpc_code code = status->code == RPC_OK ? RPC_INTERNAL : status->code;

		list_del(&a->link);
		if (!a->answered) {
			count_answer(a->client, a, code);
			tell(&a->answer, code, status->message, NULL);
		}
	}
	free(a);
}

void
rpc_client_ask(struct rpc_client *c, const struct rpc_method *method, const void *request,
    const struct rpc_answer *answer)
{
	const struct rpc_options options = { .timeout_ms = CALL_TIMEOUT_MS,
		.session = c->session,
		.client = c->client };
	static const struct rpc_events events = { .message = on_message, .closed = on_closed };
	struct asked *a = calloc(1, sizeof *a);

	/* The one answer that comes from inside; callers must be ready for it. */
	if (!a) {
		tell(answer, RPC_RESOURCE_EXHAUSTED, "out of memory", NULL);
		return;
	}
	a->answer = *answer;
	a->client = c;
	a->times = times_of(c->rl, method);
	a->began_us = clock_mono_us();
	list_add(&c->calls, &a->link);
	/* Never answered from inside: what fails at once is told by the loop, too. */
	a->call = rpc_invoke(c->rl, c->channel, method, request, &events, a, &options);
}

struct rpc_call *
rpc_client_open(struct rpc_client *c, const struct rpc_method *method, const struct rpc_events *on,
    void *data)
{
	return rpc_open(c->rl, c->channel, method, on, data,
	    &(struct rpc_options){ .session = c->session, .client = c->client });
}
