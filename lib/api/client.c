/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: blocking calls for tsh and tctl. Owns the channels; knows no method.
 */
#include "api/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "proto/audit.pb-c.h"
#include "rpc/tls.h"

enum { CALL_TIMEOUT_MS = 30000, REPLY_MAX = 16 << 20, LIST_MAX = 2000000 };

struct client {
	struct rpc_loop *rl;
	struct rpc_identity *identity;
	struct rpc_channel *auth, *audit;
	char *auth_target, *audit_target;     /* "HOST:PORT" or "unix:PATH" */
	enum rpc_code code;                   /* of the last call */
	char auth_name[300], audit_name[300]; /* expected in the certificate; "" for Unix sockets */
};

static int
client_new(struct client **ret, struct err *e)
{
	struct client *c = calloc(1, sizeof *c);

	if (!c || rpc_loop_new(&c->rl, NULL) < 0) {
		free(c);
		return err_memory(e);
	}
	*ret = c;
	return 0;
}

void
client_free(struct client *c)
{
	if (!c)
		return;
	if (c->auth)
		rpc_channel_free(c->auth);
	if (c->audit)
		rpc_channel_free(c->audit);
	rpc_loop_free(c->rl);
	if (c->identity)
		rpc_identity_free(c->identity);
	free(c->auth_target);
	free(c->audit_target);
	free(c);
}

static int
set_remote(struct client *c, const char *proxy, const char *cluster, struct err *e)
{
	c->auth_target = strdup(proxy);
	c->audit_target = strdup(proxy);
	if (!c->auth_target || !c->audit_target ||
	    !str_format(c->auth_name, sizeof c->auth_name, "authd.%s", cluster) ||
	    !str_format(c->audit_name, sizeof c->audit_name, "auditd.%s", cluster))
		return err_set(e, "the cluster's name is too long");
	return rpc_identity_new(&c->identity) < 0 ? err_memory(e) : 0;
}

int
client_open(struct client **ret, const struct profile *profile, struct err *e)
{
	_cleanup_free_ char *ca = NULL, *crt = NULL, *key = NULL;
	struct client *c = NULL;

	if (client_new(&c, e) < 0)
		return -1;
	if (set_remote(c, profile->proxy, profile->cluster, e) < 0 ||
	    profile_read(profile, PROFILE_CA, &ca, e) < 0 ||
	    profile_read(profile, PROFILE_TLS_CERT, &crt, e) < 0 ||
	    profile_read(profile, PROFILE_TLS_KEY, &key, e) < 0 ||
	    rpc_identity_set(c->identity, ca, NULL, crt, key, e) < 0) {
		client_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

int
client_open_anonymous(struct client **ret, const char *proxy, const char *cluster,
    const char *ca_pem, struct err *e)
{
	struct client *c = NULL;

	if (client_new(&c, e) < 0)
		return -1;
	if (set_remote(c, proxy, cluster, e) < 0 ||
	    rpc_identity_set(c->identity, ca_pem, NULL, NULL, NULL, e) < 0) {
		client_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

static char *
unix_target(const char *path)
{
	size_t n = path ? strlen(path) + 6 : 0;
	char *t = n ? malloc(n) : NULL;

	if (t)
		(void)str_format(t, n, "unix:%s", path);
	return t;
}

int
client_open_local(struct client **ret, const char *auth_socket, const char *audit_socket,
    struct err *e)
{
	struct client *c = NULL;

	if (client_new(&c, e) < 0)
		return -1;
	c->auth_target = unix_target(auth_socket);
	c->audit_target = unix_target(audit_socket);
	*ret = c;
	return 0;
}

/* The channel to the daemon that serves the method, made at its first use. */
static int
reach(struct client *c, const struct rpc_method *method, struct rpc_channel **ret, struct err *e)
{
	/* The service says which daemon: callers need not know that there are two. */
	bool audit = method->service == &audit__audit__descriptor;
	struct rpc_channel **channel = audit ? &c->audit : &c->auth;
	const char *name = audit ? c->audit_name : c->auth_name;
	struct rpc_channel_config config = {
		.target = audit ? c->audit_target : c->auth_target,
		.server_name = *name ? name : NULL,
		.identity = c->identity,
		.max_message = REPLY_MAX,
	};

	if (!config.target)
		return err_set(e, "that daemon cannot be reached from here");
	if (!*channel && rpc_channel_new(channel, &config, e) < 0)
		return -1;
	*ret = *channel;
	return 0;
}

int
client_call(struct client *c, const struct rpc_method *method, const void *request, void *ret_reply,
    struct err *e)
{
	struct rpc_channel *channel;

	if (reach(c, method, &channel, e) < 0)
		return -1;
	return rpc_call_sync(c->rl, channel, method, request, CALL_TIMEOUT_MS, ret_reply, &c->code,
	    e);
}

enum rpc_code
client_code(const struct client *c)
{
	return c->code;
}

void
client_free_reply(void *reply)
{
	if (reply)
		protobuf_c_message_free_unpacked(reply, NULL);
}

/* --- lists that come in pages ------------------------------------------------------------ */

/* A list's messages by their descriptors, so that one function serves them all. */
struct pages {
	const ProtobufCFieldDescriptor *items, *next; /* of the reply */
	const ProtobufCFieldDescriptor *after;        /* of the request */
};

/* False: the method is no such list (a bug). */
static bool
pages_of(const struct rpc_method *method, struct pages *ret)
{
	const ProtobufCMethodDescriptor *m =
	    protobuf_c_service_descriptor_get_method_by_name(method->service, method->name);

	*ret = (struct pages){ 0 };
	if (!m)
		return false;
	ret->after = protobuf_c_message_descriptor_get_field_by_name(m->input, "after");
	ret->next = protobuf_c_message_descriptor_get_field_by_name(m->output, "next");
	for (unsigned i = 0; i < m->output->n_fields; i++)
		if (m->output->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
			ret->items = &m->output->fields[i];
	return ret->after && ret->next && ret->items && ret->items->type == PROTOBUF_C_TYPE_MESSAGE;
}

static void *
member(const void *message, unsigned at)
{
	return (uint8_t *)(uintptr_t)message + at;
}

/* The items of page behind those of whole, which owns them then; page is freed. */
static int
pages_join(const struct pages *p, void *whole, void *page, struct err *e)
{
	size_t *n = member(whole, p->items->quantifier_offset);
	size_t *more = member(page, p->items->quantifier_offset);
	void ***v = member(whole, p->items->offset), ***from = member(page, p->items->offset);
	void **grown = NULL;
	int rc = 0;

	/* A server that has no end to it, or says "there is more" of nothing. */
	if (*more == 0 || *n + *more > LIST_MAX)
		rc = err_set(e, "the list has no end");
	else if (!(grown = realloc(*v, (*n + *more) * sizeof(*grown))))
		rc = err_memory(e);
	if (grown) {
		memcpy(grown + *n, *from, *more * sizeof(*grown));
		*v = grown;
		*n += *more;
		*more = 0;
	}
	client_free_reply(page);
	return rc;
}

/* The page that `request` asks for and all behind it, into whole. */
static int
pages_fetch(struct client *c, const struct rpc_method *method, const struct pages *p,
    ProtobufCMessage *request, void *whole, struct err *e)
{
	const char **next = member(whole, p->next->offset);
	const char **after = member(request, p->after->offset), **newest, *old;
	_cleanup_free_ char *place = NULL;
	void *page;
	int rc = 0;

	while (rc == 0 && **next) {
		free(place);
		*after = place = strdup(*next);
		if (!place)
			return err_memory(e);
		rc = client_call(c, method, request, &page, e);
		if (rc < 0)
			break;
		/* Where to go on is the newest page's word: the two swap theirs, and the page is freed with the old. */
		newest = member(page, p->next->offset);
		old = *next;
		*next = *newest;
		*newest = old;
		rc = pages_join(p, whole, page, e);
	}
	return rc;
}

int
client_call_all(struct client *c, const struct rpc_method *method, const void *request,
    void *ret_reply, struct err *e)
{
	const ProtobufCMessageDescriptor *type = ((const ProtobufCMessage *)request)->descriptor;
	_cleanup_free_ ProtobufCMessage *copy = malloc(type->sizeof_message);
	struct pages pages;
	void *whole = NULL;

	if (!copy)
		return err_memory(e);
	if (!pages_of(method, &pages))
		return err_set(e, "%s is no list of pages (a bug)", method->name);
	/* Borrows everything but the place. */
	memcpy(copy, request, type->sizeof_message);
	if (client_call(c, method, request, &whole, e) < 0)
		return -1;
	if (pages_fetch(c, method, &pages, copy, whole, e) < 0) {
		client_free_reply(whole);
		return -1;
	}
	memcpy(ret_reply, &whole, sizeof whole);
	return 0;
}

/* --- streams ---------------------------------------------------------------------------- */

struct stream {
	bool (*part)(const void *message, void *arg);
	void *arg;
	struct err *e;
	bool stopped, done;
	int result;
};

static void
on_message(struct rpc_call *call, const void *message)
{
	struct stream *s = rpc_data(call);

	/* Messages that were on their way when the caller had enough are dropped. */
	if (!message || s->stopped || s->part(message, s->arg))
		return;
	s->stopped = true;
	rpc_cancel(call);
}

static void
on_closed(struct rpc_call *call, const struct rpc_status *status)
{
	struct stream *s = rpc_data(call);

	s->done = true;
	if (status->code != RPC_OK && !s->stopped)
		s->result = err_set(s->e, "%s", status->message);
}

int
client_stream(struct client *c, const struct rpc_method *method, const void *request,
    bool (*part)(const void *message, void *arg), void *arg, struct err *e)
{
	static const struct rpc_events events = { .message = on_message, .closed = on_closed };
	struct stream s = { .part = part, .arg = arg, .e = e };
	struct rpc_channel *channel;
	struct rpc_call *call;

	if (reach(c, method, &channel, e) < 0)
		return -1;
	call = rpc_open(c->rl, channel, method, &events, &s, NULL);
	rpc_send(call, request);
	rpc_half_close(call);
	rpc_loop_run(c->rl, &s.done);
	return s.result;
}
