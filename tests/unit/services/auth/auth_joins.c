/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_joins: see auth_joins.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth_joins.h"

#include "base/str.h"

const char joins_uuid_a[] = "01234567-89ab-4cde-8f01-23456789abcd";
const char joins_uuid_b[] = "11234567-89ab-4cde-8f01-23456789abcd";

static void
on_done(int rc, const struct join_result *result, const struct err *e, void *arg)
{
	struct joins_outcome *o = arg;

	assert_false(o->done);
	o->done = true;
	o->rc = rc;
	if (rc != 0) {
		assert_null(result->node);
		str_copy(o->error, sizeof(o->error), e->text);
		return;
	}
	str_copy(o->name, sizeof(o->name), result->node->name);
	o->valid_until_s = result->valid_until_s;
	o->host = auth_world_ssh_cert(result->ssh_host_cert);
	if (result->ssh_tunnel_cert.n)
		o->tunnel = auth_world_ssh_cert(result->ssh_tunnel_cert);
	o->tls = auth_world_tls_cert(result->tls_pem);
}

void
joins_outcome_done(struct joins_outcome *o)
{
	sshcert_free(o->host);
	sshcert_free(o->tunnel);
	x509_cert_free(o->tls);
}

void
joins_token(struct auth_world *w, const char *kind, uint32_t uses, char value[TOKEN_TEXT_SIZE])
{
	struct labels labels = { 0 };
	struct token_spec spec = { .kind = kind,
		.uses = uses,
		.labels = &labels,
		.value = "",
		.by = "root" };
	struct token t;
	struct err e;

	assert_int_equal(labels_set(&labels, "env", "token"), 0);
	if (token_add(&w->a, &spec, &t, value, &e) != 0)
		fail_msg("%s", e.text);
	token_done(&t);
	labels_done(&labels);
}

struct join_request
joins_request(struct auth_world *w, const char *token, const char *kind, const char *uuid)
{
	return (struct join_request){ .token = token,
		.kind = kind,
		.name = "web-1",
		.uuid = uuid,
		.ssh_key = buf_span(&w->ssh_key),
		.tls_key = buf_span(&w->tls_key),
		.version = "0.1.0" };
}

int
joins_begin(struct auth_world *w, struct join_request *q, const char *address,
    struct joins_outcome *o, struct joining **ret)
{
	struct labels labels = { 0 };
	struct names addresses = { 0 };
	struct token token = { 0 };
	struct err e = { "" };

	assert_int_equal(labels_set(&labels, "team", "own"), 0);
	if (address)
		assert_int_equal(names_add(&addresses, address), 0);
	if (!q->labels)
		q->labels = &labels;
	if (!q->addresses)
		q->addresses = &addresses;
	*o = (struct joins_outcome){ 0 };
	o->rc = join_start(ret, &w->a, q, on_done, o, &token, &e);
	str_copy(o->error, sizeof(o->error), e.text);
	assert_false(o->done);
	token_done(&token);
	labels_done(&labels);
	names_done(&addresses);
	if (q->labels == &labels)
		q->labels = NULL;
	if (q->addresses == &addresses)
		q->addresses = NULL;
	return o->rc;
}

struct joins_outcome
joins_at(struct auth_world *w, struct join_request q, const char *address)
{
	struct joining *j;
	struct joins_outcome o;

	if (joins_begin(w, &q, address, &o, &j) == 0)
		auth_world_run(w, &o.done);
	return o;
}

struct joins_outcome
joins_plain(struct auth_world *w, const char *token, const char *kind, const char *uuid)
{
	return joins_at(w, joins_request(w, token, kind, uuid), NULL);
}

void
joins_refused(struct joins_outcome o, int rc, const char *why)
{
	if (o.rc != rc || !strstr(o.error, why))
		fail_msg("%d: %s", o.rc, o.error);
	joins_outcome_done(&o);
}

void
joins_joined(struct joins_outcome o)
{
	if (o.rc != 0)
		fail_msg("%d: %s", o.rc, o.error);
	joins_outcome_done(&o);
}

struct join_request
joins_other_request(struct auth_world *w, const char *token, const char *name)
{
	struct join_request q = joins_request(w, token, "node", joins_uuid_b);

	q.name = name;
	q.tls_key = buf_span(&w->other_tls_key);
	return q;
}
