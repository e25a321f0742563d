/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins and renewals against a real store and a real signer: who may, what the certificates name, what is written.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/access.h"
#include "auth/cutoff.h"
#include "auth/join.h"
#include "auth/stored.h"
#include "auth_world.h"
#include "base/str.h"
#include "policy/lock.h"

static const char uuid_a[] = "01234567-89ab-4cde-8f01-23456789abcd";
static const char uuid_b[] = "11234567-89ab-4cde-8f01-23456789abcd";

/* What came of a join. */
struct outcome {
	int rc;
	bool done;
	char error[512];
	struct sshcert *host, *tunnel;
	struct x509_cert *tls;
	int64_t valid_until_s;
	char name[HOST_NAME_SIZE];
};

static void
on_done(int rc, const struct join_result *result, const struct err *e, void *arg)
{
	struct outcome *o = arg;

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

static void
outcome_done(struct outcome *o)
{
	sshcert_free(o->host);
	sshcert_free(o->tunnel);
	x509_cert_free(o->tls);
}

/* A token for the kind, with the label env=token. */
static void
make_token(struct auth_world *w, const char *kind, uint32_t uses, char value[TOKEN_TEXT_SIZE])
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

static struct join_request
request(struct auth_world *w, const char *token, const char *kind, const char *uuid)
{
	return (struct join_request){ .token = token,
		.kind = kind,
		.name = "web-1",
		.uuid = uuid,
		.ssh_key = buf_span(&w->ssh_key),
		.tls_key = buf_span(&w->tls_key),
		.version = "0.1.0" };
}

/* address: one, or NULL; the request owns what it takes over. */
static int
begin(struct auth_world *w, struct join_request *q, const char *address, struct outcome *o,
    struct joining **ret)
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
	*o = (struct outcome){ 0 };
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

static struct outcome
join_at(struct auth_world *w, struct join_request q, const char *address)
{
	struct joining *j;
	struct outcome o;

	if (begin(w, &q, address, &o, &j) == 0)
		auth_world_run(w, &o.done);
	return o;
}

static struct outcome
join(struct auth_world *w, const char *token, const char *kind, const char *uuid)
{
	return join_at(w, request(w, token, kind, uuid), NULL);
}

static void
refused(struct outcome o, int rc, const char *why)
{
	if (o.rc != rc || !strstr(o.error, why))
		fail_msg("%d: %s", o.rc, o.error);
	outcome_done(&o);
}

static void
joined(struct outcome o)
{
	if (o.rc != 0)
		fail_msg("%d: %s", o.rc, o.error);
	outcome_done(&o);
}

/* --- what is given ----------------------------------------------------------------------------- */

static void
a_node_gets_three_certificates_and_a_row(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct identity identity;
	struct host *n;
	struct outcome o;

	make_token(w, "node", 1, token);
	o = join_at(w, request(w, token, "node", uuid_a), "web-1.internal");
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_string_equal(o.name, "web-1");
	assert_int_equal(o.host->type, SSHCERT_HOST);
	assert_string_equal(o.host->key_id, uuid_a);
	assert_int_equal(o.host->n_principals, 5);
	assert_true(auth_world_has_principal(o.host, "web-1"));
	assert_true(auth_world_has_principal(o.host, "web-1." WORLD_CLUSTER));
	assert_true(auth_world_has_principal(o.host, uuid_a));
	assert_true(auth_world_has_principal(o.host,
	    "01234567-89ab-4cde-8f01-23456789abcd." WORLD_CLUSTER));
	assert_true(auth_world_has_principal(o.host, "web-1.internal"));
	assert_non_null(o.tunnel);
	assert_int_equal(o.tunnel->type, SSHCERT_USER);
	assert_int_equal(o.tunnel->n_principals, 1);
	assert_true(auth_world_has_principal(o.tunnel, uuid_a));
	assert_int_equal(x509_cert_identity(o.tls, &identity), 0);
	assert_int_equal(identity.kind, IDENTITY_NODE);
	assert_string_equal(identity.name, uuid_a);
	assert_false(x509_cert_has_dns(o.tls, "web-1")); /* it serves nothing by TLS */
	assert_true(x509_cert_not_after(o.tls) == o.valid_until_s);
	assert_true(o.host->valid_before == (uint64_t)o.valid_until_s);
	assert_true(o.valid_until_s > w->a.now_ms() / 1000 + HOST_TTL_S - 100);
	assert_true(o.valid_until_s <= w->a.now_ms() / 1000 + HOST_TTL_S);
	n = host_find(&w->a, uuid_a);
	assert_non_null(n);
	assert_string_equal(n->kind, "node");
	assert_string_equal(n->name, "web-1");
	assert_string_equal(n->version, "0.1.0");
	assert_string_equal(labels_get(&n->token_labels, "env"), "token");
	assert_string_equal(labels_get(&n->own_labels, "team"), "own");
	assert_string_equal(n->addresses.v[0], "web-1.internal");
	assert_true(n->valid_until_ms == o.valid_until_s * 1000);
	assert_true(n->certs_from_s == x509_cert_not_before(o.tls));
	outcome_done(&o);
}

static void
a_proxy_is_known_by_its_public_names(void **state)
{
	struct auth_world *w = *state;
	struct names addresses = { 0 };
	char token[TOKEN_TEXT_SIZE];
	struct outcome o;

	make_token(w, "proxy", 1, token);
	assert_int_equal(names_add(&addresses, "proxy.example.com"), 0);
	assert_int_equal(names_add(&addresses, "192.0.2.7"), 0);
	assert_int_equal(names_add(&addresses, "2001:db8::7"), 0);
	struct join_request q = request(w, token, "proxy", uuid_a);
	q.addresses = &addresses;
	o = join_at(w, q, NULL);
	names_done(&addresses);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_null(o.tunnel);
	assert_true(auth_world_has_principal(o.host, WORLD_CLUSTER));
	assert_true(auth_world_has_principal(o.host, "proxy.example.com"));
	assert_true(auth_world_has_principal(o.host, "192.0.2.7"));
	assert_false(auth_world_has_principal(o.host, "web-1"));
	assert_true(x509_cert_has_dns(o.tls, WORLD_CLUSTER));
	assert_true(x509_cert_has_dns(o.tls, "proxy.example.com"));
	assert_true(x509_cert_has_dns(o.tls, "web-1"));
	assert_true(x509_cert_has_ip(o.tls, "192.0.2.7"));
	assert_true(x509_cert_has_ip(o.tls, "2001:db8::7"));
	assert_false(x509_cert_has_dns(o.tls, "auditd." WORLD_CLUSTER));
	assert_false(x509_cert_has_dns(o.tls, "192.0.2.7"));
	outcome_done(&o);
}

static void
auditd_is_known_by_its_one_name(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct outcome o;

	make_token(w, "audit", 1, token);
	o = join(w, token, "audit", uuid_a);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_null(o.tunnel);
	assert_true(x509_cert_has_dns(o.tls, "auditd." WORLD_CLUSTER));
	assert_false(x509_cert_has_dns(o.tls, "web-1"));
	assert_false(auth_world_has_principal(o.host, WORLD_CLUSTER));
	outcome_done(&o);
}

/* --- what is refused --------------------------------------------------------------------------- */

static void
a_request_is_whole(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE], long_token[TOKEN_TEXT_SIZE + 10];
	uint8_t big[600] = { 0 };
	struct labels bad_label = { 0 };
	struct join_request q;

	make_token(w, "node", 1, token);
	q = request(w, token, "node", uuid_a);
	q.ssh_key = span_str("garbage");
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "Ed25519");
	q.ssh_key = (struct span){ big, sizeof(big) };
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "Ed25519");
	q.ssh_key = buf_span(&w->ssh_key);
	q.tls_key = span_str("garbage");
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "P-256");
	refused(join(w, "", "node", uuid_a), AUTH_E_INVALID, "no join token");
	refused(join(w, token, "auth", uuid_a), AUTH_E_INVALID, "node, proxy or audit");
	refused(join(w, token, "node", "web-1"), AUTH_E_INVALID, "UUID");
	refused(join(w, token, "proxy", uuid_a), AUTH_E_DENIED, "is for kind node");
	refused(join(w, "not a token that anybody made", "node", uuid_a), AUTH_E_NOT_FOUND,
	    "not known here");
	memset(long_token, 'x', sizeof(long_token));
	long_token[sizeof(long_token) - 1] = '\0';
	refused(join(w, long_token, "node", uuid_a), AUTH_E_INVALID, "at most");
	assert_int_equal(labels_set(&bad_label, "a b", "c"), 0);
	q = request(w, token, "node", uuid_a);
	q.labels = &bad_label;
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "a b");
	labels_done(&bad_label);
	assert_null(host_find(&w->a, uuid_a));
	joined(join(w, token, "node", uuid_a)); /* nothing of all that took the one use */
}

static void
a_token_is_used_as_often_as_it_says(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];

	make_token(w, "node", 1, token);
	joined(join(w, token, "node", uuid_a));
	struct join_request q = request(w, token, "node", uuid_b);
	q.name = "web-2";
	refused(join_at(w, q, NULL), AUTH_E_STATE, "was used already");
	assert_null(host_find(&w->a, uuid_b));
}

static void
make_proxy(struct auth_world *w)
{
	char token[TOKEN_TEXT_SIZE];
	struct host *n;

	make_token(w, "proxy", 1, token);
	struct join_request q = request(w, token, "proxy", uuid_b);
	q.name = "edge";
	joined(join_at(w, q, "second.example.com"));
	n = host_find(&w->a, uuid_b);
	str_copy(n->public_addr, sizeof(n->public_addr), "public.example.com:3080");
	str_copy(n->ssh_addr, sizeof(n->ssh_addr), "ssh.example.com:3023");
}

/* Names of the cluster itself, of its proxies, and of other hosts are nobody else's. */
static void
a_node_cannot_be_called_like_the_cluster(void **state)
{
	static const char *const reserved[] = { WORLD_CLUSTER, "TELE.example.com",
		"x." WORLD_CLUSTER, "authd", "auditd", "localhost", "Localhost",
		"11234567-89ab-4cde-8f01-23456789abcd", "public.example.com", "ssh.example.com",
		"second.example.com" };
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;

	make_proxy(w);
	make_token(w, "node", 1, token);
	q = request(w, token, "node", uuid_a);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		q.name = reserved[i];
		refused(join_at(w, q, NULL), AUTH_E_INVALID, "belongs to the cluster itself");
		q.name = "web-1";
		refused(join_at(w, q, reserved[i]), AUTH_E_INVALID,
		    "belongs to the cluster itself");
	}
	q.name = "a:b";
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "");
	q.name = "::1";
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "");
	q.name = "";
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "");
	q.name = "web-1";
	refused(join_at(w, q, "a b"), AUTH_E_INVALID, "a b");
	/* What only resembles one is fine, and so is its own name as an address. */
	q.name = "xauthd";
	joined(join_at(w, q, "xauthd"));
}

/* A proxy may be called like the cluster: it is its door. */
static void
a_proxy_may_be_called_like_the_cluster(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];

	make_token(w, "proxy", 1, token);
	struct join_request q = request(w, token, "proxy", uuid_a);
	q.name = WORLD_CLUSTER;
	joined(join_at(w, q, WORLD_CLUSTER));
}

static void
a_host_has_so_many_addresses(void **state)
{
	struct auth_world *w = *state;
	struct names addresses = { 0 };
	char token[TOKEN_TEXT_SIZE], text[32];
	struct join_request q;

	make_token(w, "node", 2, token);
	q = request(w, token, "node", uuid_a);
	q.addresses = &addresses;
	for (int i = 0; i <= HOST_ADDRESSES_MAX; i++) {
		str_format(text, sizeof(text), "a%d.example.com", i);
		assert_int_equal(names_add(&addresses, text), 0);
	}
	refused(join_at(w, q, NULL), AUTH_E_INVALID, "at most 16 extra addresses");
	names_done(&addresses);
	addresses = (struct names){ 0 };
	for (int i = 0; i < HOST_ADDRESSES_MAX; i++) {
		str_format(text, sizeof(text), "a%d.example.com", i);
		assert_int_equal(names_add(&addresses, text), 0);
	}
	struct outcome o = join_at(w, q, NULL);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_int_equal(o.host->n_principals, 4 + HOST_ADDRESSES_MAX);
	outcome_done(&o);
	names_done(&addresses);
}

/* --- the same host again ------------------------------------------------------------------------- */

static void
an_identity_belongs_to_its_key(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;

	make_token(w, "node", 3, token);
	joined(join(w, token, "node", uuid_a));
	q = request(w, token, "node", uuid_a);
	q.tls_key = buf_span(&w->other_tls_key);
	refused(join_at(w, q, NULL), AUTH_E_EXISTS, "registered already with another key");
	make_token(w, "proxy", 1, token);
	refused(join(w, token, "proxy", uuid_a), AUTH_E_EXISTS, "registered already");
	/* When its certificates have run out, the place is free. */
	host_find(&w->a, uuid_a)->valid_until_ms = w->a.now_ms() - 1;
	make_token(w, "node", 1, token);
	q.token = token;
	joined(join_at(w, q, NULL));
}

/* The answer to a join can get lost: for an hour the same host may ask again with the token it used. */
static void
the_same_join_again_costs_no_use(void **state)
{
	struct auth_world *w = *state;
	struct labels set = { 0 };
	char token[TOKEN_TEXT_SIZE];
	struct host *n;
	struct err e;

	make_token(w, "node", 1, token);
	joined(join(w, token, "node", uuid_a));
	n = host_find(&w->a, uuid_a);
	assert_int_equal(labels_set(&set, "tier", "server"), 0);
	assert_int_equal(host_label(&w->a, n, &set, NULL, 0, &e), 0);
	labels_done(&set);
	joined(join(w, token, "node", uuid_a));
	n = host_find(&w->a, uuid_a);
	assert_string_equal(labels_get(&n->token_labels, "env"), "token");
	assert_string_equal(labels_get(&n->server_labels, "tier"), "server");
	struct join_request q = request(w, token, "node", uuid_a);
	q.name = "another-name";
	refused(join_at(w, q, NULL), AUTH_E_STATE, "was used already");
	n->joined_ms -= 3600 * 1000;
	refused(join(w, token, "node", uuid_a), AUTH_E_STATE, "was used already");
}

/* Not even with a token that is good; and the token is not used up by it. */
static void
a_host_that_is_locked_does_not_join(void **state)
{
	struct auth_world *w = *state;
	struct {
		struct policy_lock policy;
		uint64_t revision;
	} object = { .policy = { .node = "01234567-89ab-4cde-8f01-23456789abcd",
			 .message = "stolen" } };
	const struct access_person root = { .local = true };
	struct resource_file file = { .kind = RESOURCE_LOCK,
		.name = "",
		.revision = STORE_ABSENT,
		.by = &root };
	char token[TOKEN_TEXT_SIZE];
	struct buf b;
	struct err e;

	make_token(w, "node", 1, token);
	buf_init(&b, STORE_VALUE_MAX);
	assert_true(stored_pack(&lock_form, &object, &b));
	file.value = buf_span(&b);
	if (resource_put(&w->a, &file, &e) != 0)
		fail_msg("%s", e.text);
	buf_done(&b);
	refused(join(w, token, "node", uuid_a), AUTH_E_DENIED, "stolen");
	assert_null(host_find(&w->a, uuid_a));
	joined(join(w, token, "node", uuid_b));
}

static void
a_renewal_keeps_the_row(void **state)
{
	struct auth_world *w = *state;
	struct labels set = { 0 };
	char token[TOKEN_TEXT_SIZE];
	struct join_request q = request(w, NULL, "", uuid_a);
	struct outcome o;
	struct host *n;
	struct err e;
	int64_t from;

	refused(join_at(w, q, NULL), AUTH_E_UNAUTHENTICATED, "not registered");
	make_token(w, "node", 1, token);
	joined(join(w, token, "node", uuid_a));
	n = host_find(&w->a, uuid_a);
	assert_int_equal(labels_set(&set, "tier", "server"), 0);
	assert_int_equal(host_label(&w->a, n, &set, NULL, 0, &e), 0);
	labels_done(&set);
	from = n->certs_from_s;
	n->valid_until_ms -= 1000000;
	refused(join_at(w, q, "authd"), AUTH_E_INVALID, "belongs to the cluster itself");
	q.tls_key = buf_span(&w->other_tls_key);
	o = join_at(w, q, "new.example.com");
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_non_null(o.tunnel);
	assert_true(auth_world_has_principal(o.host, "web-1"));
	assert_true(auth_world_has_principal(o.host, "new.example.com"));
	outcome_done(&o);
	n = host_find(&w->a, uuid_a);
	assert_true(n->certs_from_s == from);
	assert_true(n->valid_until_ms > w->a.now_ms() + (HOST_TTL_S - 100) * 1000LL);
	assert_string_equal(labels_get(&n->token_labels, "env"), "token");
	assert_string_equal(labels_get(&n->server_labels, "tier"), "server");
	assert_string_equal(labels_get(&n->own_labels, "team"), "own");
	assert_string_equal(n->addresses.v[0], "new.example.com");
}

/* --- meanwhile ------------------------------------------------------------------------------------- */

static void
what_happened_meanwhile_counts(void **state)
{
	struct auth_world *w = *state;
	struct join_request q = request(w, NULL, "", uuid_a);
	char token[TOKEN_TEXT_SIZE];
	struct joining *j;
	struct outcome o;
	struct err e;

	make_token(w, "node", 2, token);
	joined(join(w, token, "node", uuid_a));
	/* It joined anew while the signer worked on its renewal. */
	assert_int_equal(begin(w, &q, NULL, &o, &j), 0);
	host_find(&w->a, uuid_a)->certs_from_s++;
	auth_world_run(w, &o.done);
	refused(o, AUTH_E_UNAUTHENTICATED, "joined again in the meantime");
	/* It was removed. */
	assert_int_equal(begin(w, &q, NULL, &o, &j), 0);
	assert_int_equal(host_remove(&w->a, host_find(&w->a, uuid_a), &e), 0);
	auth_world_run(w, &o.done);
	refused(o, AUTH_E_UNAUTHENTICATED, "removed in the meantime");
	assert_null(host_find(&w->a, uuid_a));
}

static void
what_others_write_while_it_is_signed_stays(void **state)
{
	struct auth_world *w = *state;
	struct labels own = { 0 }, set = { 0 };
	struct host_seen seen = { .labels = &own, .address = "", .version = "2.0" };
	struct join_request renewal = request(w, NULL, "", uuid_a), again;
	char token[TOKEN_TEXT_SIZE];
	struct joining *j;
	struct outcome o;
	struct host *n;
	struct err e;

	make_token(w, "node", 1, token);
	again = request(w, token, "node", uuid_a);
	joined(join(w, token, "node", uuid_a));
	for (int round = 0; round < 2; round++) {
		assert_int_equal(begin(w, round ? &again : &renewal, NULL, &o, &j), 0);
		n = host_find(&w->a, uuid_a);
		n->online = false;
		assert_int_equal(labels_set(&own, "team", round ? "night" : "day"), 0);
		assert_int_equal(host_heartbeat(&w->a, n, &seen, &e), 0);
		assert_int_equal(labels_set(&set, "tier", round ? "second" : "first"), 0);
		assert_int_equal(host_label(&w->a, n, &set, NULL, 0, &e), 0);
		labels_done(&set);
		auth_world_run(w, &o.done);
		joined(o);
		n = host_find(&w->a, uuid_a);
		assert_true(n->online);
		assert_string_equal(n->version, "2.0");
		assert_string_equal(labels_get(&n->labels, "team"), round ? "night" : "day");
		assert_string_equal(labels_get(&n->labels, "tier"), round ? "second" : "first");
		assert_string_equal(labels_get(&n->labels, "env"), "token");
	}
}

static void
of_two_joins_at_once_one_has_the_identity(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request first, second;
	struct joining *j;
	struct outcome a, b;

	make_token(w, "node", 5, token);
	first = second = request(w, token, "node", uuid_a);
	second.tls_key = buf_span(&w->other_tls_key);
	assert_int_equal(begin(w, &first, NULL, &a, &j), 0);
	assert_int_equal(begin(w, &second, NULL, &b, &j), 0);
	auth_world_run(w, &a.done);
	auth_world_run(w, &b.done);
	joined(a);
	refused(b, AUTH_E_EXISTS, "registered already with another key");
}

static void
of_two_joins_with_one_use_one_has_it(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request first, second;
	struct joining *j;
	struct outcome a, b;

	make_token(w, "node", 1, token);
	first = request(w, token, "node", uuid_a);
	second = request(w, token, "node", uuid_b);
	second.name = "web-2";
	assert_int_equal(begin(w, &first, NULL, &a, &j), 0);
	assert_int_equal(begin(w, &second, NULL, &b, &j), 0);
	auth_world_run(w, &a.done);
	auth_world_run(w, &b.done);
	joined(a);
	refused(b, AUTH_E_STATE, "was used already");
	assert_null(host_find(&w->a, uuid_b));
}

static void
an_abandoned_join_writes_nothing(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct joining *j;
	struct outcome o;

	make_token(w, "node", 1, token);
	q = request(w, token, "node", uuid_a);
	assert_int_equal(begin(w, &q, NULL, &o, &j), 0);
	(void)loop_turn(w->a.loop, 10); /* the signer has been asked */
	join_abandon(j);
	for (int i = 0; i < 20; i++)
		(void)loop_turn(w->a.loop, 10);
	assert_false(o.done);
	assert_null(host_find(&w->a, uuid_a));
	joined(join(w, token, "node", uuid_a));
}

static void
without_the_signer_nobody_joins(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct joining *j;
	struct outcome o;

	make_token(w, "node", 1, token);
	q = request(w, token, "node", uuid_a);
	assert_true(w->signer > 1);
	kill(w->signer, SIGSTOP); /* asked, and dies before it answers */
	assert_int_equal(begin(w, &q, NULL, &o, &j), 0);
	(void)loop_turn(w->a.loop, 10);
	kill(w->signer, SIGKILL);
	auth_world_run(w, &o.done);
	refused(o, -1, "the signer is gone");
	refused(join(w, token, "node", uuid_a), AUTH_E_BUSY, "the signer is gone");
	assert_null(host_find(&w->a, uuid_a));
}

static void
a_join_waits_for_the_second_of_the_cutoff(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct outcome o;
	struct err e;

	make_token(w, "node", 2, token);
	joined(join(w, token, "node", uuid_a));
	assert_int_equal(host_remove(&w->a, host_find(&w->a, uuid_a), &e), 0);
	o = join(w, token, "node", uuid_a);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_true(
	    (int64_t)o.host->valid_after * 1000 >= cutoff_get(&w->a, RESOURCE_HOST_CUTOFF, uuid_a));
	assert_true(
	    x509_cert_not_before(o.tls) * 1000 >= cutoff_get(&w->a, RESOURCE_HOST_CUTOFF, uuid_a));
	outcome_done(&o);
}

static struct join_request
other_request(struct auth_world *w, const char *token, const char *name)
{
	struct join_request q = request(w, token, "node", uuid_b);

	q.name = name;
	q.tls_key = buf_span(&w->other_tls_key);
	return q;
}

static void
a_name_belongs_to_the_first_host(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE], proxy[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct err e;

	make_token(w, "node", 9, token);
	make_token(w, "proxy", 9, proxy);
	joined(join_at(w, request(w, token, "node", uuid_a), "db.internal"));
	host_leave(&w->a, host_find(&w->a, uuid_a));
	q = other_request(w, token, "web-1");
	refused(join_at(w, q, NULL), AUTH_E_EXISTS,
	    "`tctl nodes rm "
	    "01234567");
	q.name = "web-2";
	refused(join_at(w, q, "Web-1"), AUTH_E_EXISTS, "belongs to host");
	q.kind = "proxy";
	q.token = proxy;
	refused(join_at(w, q, "web-1"), AUTH_E_EXISTS, "belongs to host");
	q = other_request(w, "not a token that anybody made", "web-1");
	refused(join_at(w, q, NULL), AUTH_E_NOT_FOUND, "not known here");
	q = other_request(w, token, "web-2");
	joined(join_at(w, q, NULL));
	q.token = NULL;
	refused(join_at(w, q, "web-1"), AUTH_E_EXISTS, "belongs to host");
	joined(join(w, token, "node", uuid_a));
	assert_int_equal(host_remove(&w->a, host_find(&w->a, uuid_a), &e), 0);
	joined(join_at(w, other_request(w, token, "web-1"), NULL));
	refused(join(w, token, "node", uuid_a), AUTH_E_EXISTS, "belongs to host");
}

static void
of_two_joins_with_one_name_one_has_it(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request first, second;
	struct joining *j;
	struct outcome a, b;

	make_token(w, "node", 5, token);
	first = request(w, token, "node", uuid_a);
	second = other_request(w, token, "Web-1");
	assert_int_equal(begin(w, &first, NULL, &a, &j), 0);
	assert_int_equal(begin(w, &second, NULL, &b, &j), 0);
	auth_world_run(w, &a.done);
	auth_world_run(w, &b.done);
	joined(a);
	refused(b, AUTH_E_EXISTS, "belongs to host");
	assert_null(host_find(&w->a, uuid_b));
}

static void
make_token_for(struct auth_world *w, const char *name, const char *other,
    char value[TOKEN_TEXT_SIZE])
{
	struct labels labels = { 0 };
	struct names names = { 0 };
	struct token_spec spec = { .kind = "node",
		.uses = 9,
		.labels = &labels,
		.names = &names,
		.value = "",
		.by = "root" };
	struct token t;
	struct err e;

	assert_int_equal(names_add(&names, name), 0);
	assert_int_equal(names_add(&names, other), 0);
	if (token_add(&w->a, &spec, &t, value, &e) != 0)
		fail_msg("%s", e.text);
	assert_string_equal(t.names.v[0], "web-*");
	token_done(&t);
	names_done(&names);
}

static void
a_token_says_what_may_join_with_it(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;

	make_token_for(w, "Web-*", "db-1", token);
	q = request(w, token, "node", uuid_a);
	q.name = "db-2";
	refused(join_at(w, q, NULL), AUTH_E_DENIED, "does not allow the name db-2");
	q.name = "web-1";
	refused(join_at(w, q, "db-2"), AUTH_E_DENIED, "does not allow");
	q.name = "WEB-1";
	joined(join_at(w, q, "web-1.internal"));
	q = request(w, NULL, "", uuid_a);
	joined(join_at(w, q, "web-1.internal"));
	refused(join_at(w, q, "db-2"), AUTH_E_DENIED, "does not allow");
	joined(join_at(w, other_request(w, token, "db-1"), NULL));
}

#define T(name) cmocka_unit_test_setup_teardown(name, auth_world_setup, auth_world_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_node_gets_three_certificates_and_a_row),
		T(a_proxy_is_known_by_its_public_names),
		T(auditd_is_known_by_its_one_name),
		T(a_request_is_whole),
		T(a_token_is_used_as_often_as_it_says),
		T(a_node_cannot_be_called_like_the_cluster),
		T(a_proxy_may_be_called_like_the_cluster),
		T(a_host_has_so_many_addresses),
		T(an_identity_belongs_to_its_key),
		T(the_same_join_again_costs_no_use),
		T(a_host_that_is_locked_does_not_join),
		T(a_renewal_keeps_the_row),
		T(what_others_write_while_it_is_signed_stays),
		T(what_happened_meanwhile_counts),
		T(of_two_joins_at_once_one_has_the_identity),
		T(of_two_joins_with_one_use_one_has_it),
		T(an_abandoned_join_writes_nothing),
		T(without_the_signer_nobody_joins),
		T(a_join_waits_for_the_second_of_the_cutoff),
		T(a_name_belongs_to_the_first_host),
		T(of_two_joins_with_one_name_one_has_it),
		T(a_token_says_what_may_join_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
