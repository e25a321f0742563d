/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tctl: the way to authd and auditd, and small things that verbs share.
 */
#include "tctl/tctl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/client.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/out.h"

static const char default_socket[] = "/run/sallyport/authd/authd.sock";

struct tctl_globals tctl_globals = {
	.auth_socket = default_socket,
	.audit_socket = "/run/sallyport/auditd/auditd.sock",
};

/* NULL: why was said. */
static struct client *
open_profile(void)
{
	struct profile *p = NULL;
	struct client *c = NULL;
	struct err e;

	if (profile_load_valid(&p, tctl_globals.proxy, tctl_globals.as, &e) < 0 ||
	    client_open(&c, p, &e) < 0)
		(void)cli_fail_err(&e);
	profile_free(p);
	return c;
}

/* A socket that somebody named is the one he means, also when it is not there: the profile may be another cluster's. */
static bool
is_local(void)
{
	/* Whoever names a proxy or a login means to go that way, also on authd's own host. */
	if (tctl_globals.proxy || tctl_globals.as)
		return false;
	return tctl_globals.auth_socket != default_socket ||
	    access(default_socket, R_OK | W_OK) == 0;
}

struct client *
tctl_client(void)
{
	struct client *c = NULL;
	struct err e;

	if (!is_local())
		return open_profile();
	if (client_open_local(&c, tctl_globals.auth_socket, tctl_globals.audit_socket, &e) < 0)
		(void)cli_fail_err(&e);
	return c;
}

int
tctl_run(tctl_verb *verb, void *arg)
{
	struct client *c = tctl_client();
	struct err e;
	int rc;

	if (!c)
		return 1;
	rc = verb(c, arg, &e) < 0 ? cli_fail_err(&e) : 0;
	client_free(c);
	return rc;
}

struct named {
	tctl_named_fn *method;
	const char *name;
};

/* The many calls whose request is a name and whose answer is that it is done. */
static int
call_named(struct client *c, void *arg, struct err *e)
{
	const struct named *n = arg;
	Auth__Name q = AUTH__NAME__INIT;

	q.name = n->name;
	return n->method(c, &q, NULL, e);
}

int
tctl_by_name(tctl_named_fn *method, const char *name)
{
	return tctl_run(call_named, &(struct named){ method, name });
}

int
tctl_put(struct client *c, Auth__PutResourceRequest *q, const ProtobufCMessage *m,
    Auth__Resource **ret, struct err *e)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	_cleanup_free_ uint8_t *packed = malloc(n + 1); /* an empty message has no bytes */
	int rc;

	if (!packed)
		return err_set(e, "out of memory");
	protobuf_c_message_pack(m, packed);
	q->resource->value = (ProtobufCBinaryData){ n, packed };
	rc = auth_sync_put_resource(c, q, ret, e);
	q->resource->value = (ProtobufCBinaryData){ 0 };
	return rc;
}

void
tctl_print(json_t *value, const char *format)
{
	cli_print_value(value, cli_format_from(format), stdout);
	json_decref(value);
}

int
tctl_words_split(struct tctl_words *w, const char *text, struct err *e)
{
	w->n = 0;
	w->copy = strdup(text ? text : "");
	if (!w->copy)
		return err_memory(e);
	/* Room for one more than may be: a list that is too long is refused, not shortened to other rights. */
	w->n = str_split(w->copy, ',', w->v, TCTL_LABELS_MAX + 1);
	if (w->n > TCTL_LABELS_MAX)
		return err_set(e, "more than %d words in one list", TCTL_LABELS_MAX);
	return 0;
}

void
tctl_words_done(struct tctl_words *w)
{
	free(w->copy);
	w->copy = NULL;
}
