/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins and renewals against a real store and a real signer: who may, what the certificates name, what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/access.h"
#include "auth/cutoff.h"
#include "auth/stored.h"
#include "auth_joins.h"
#include "base/str.h"
#include "policy/lock.h"
#include "some_keys.h"

/* --- what is given ----------------------------------------------------------------------------- */

static void
a_node_gets_three_certificates_and_a_row(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct identity identity;
	struct host *n;
	struct joins_outcome o;

	joins_token(w, "node", 1, token);
	o = joins_at(w, joins_request(w, token, "node", joins_uuid_a), "web-1.internal");
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_string_equal(o.name, "web-1");
	assert_int_equal(o.host->type, SSHCERT_HOST);
	assert_string_equal(o.host->key_id, joins_uuid_a);
	assert_int_equal(o.host->n_principals, 5);
	assert_true(auth_world_has_principal(o.host, "web-1"));
	assert_true(auth_world_has_principal(o.host, "web-1." WORLD_CLUSTER));
	assert_true(auth_world_has_principal(o.host, joins_uuid_a));
	assert_true(auth_world_has_principal(o.host,
	    "01234567-89ab-4cde-8f01-23456789abcd." WORLD_CLUSTER));
	assert_true(auth_world_has_principal(o.host, "web-1.internal"));
	assert_non_null(o.tunnel);
	assert_int_equal(o.tunnel->type, SSHCERT_USER);
	assert_int_equal(o.tunnel->n_principals, 1);
	assert_true(auth_world_has_principal(o.tunnel, joins_uuid_a));
	assert_int_equal(x509_cert_identity(o.tls, &identity), 0);
	assert_int_equal(identity.kind, IDENTITY_NODE);
	assert_string_equal(identity.name, joins_uuid_a);
	assert_false(x509_cert_has_dns(o.tls, "web-1")); /* it serves nothing by TLS */
	assert_true(x509_cert_not_after(o.tls) == o.valid_until_s);
	assert_true(o.host->valid_before == (uint64_t)o.valid_until_s);
	assert_true(o.valid_until_s > w->a.now_ms() / 1000 + HOST_TTL_S - 100);
	assert_true(o.valid_until_s <= w->a.now_ms() / 1000 + HOST_TTL_S);
	n = host_find(&w->a, joins_uuid_a);
	assert_non_null(n);
	assert_string_equal(n->kind, "node");
	assert_string_equal(n->name, "web-1");
	assert_string_equal(n->version, "0.1.0");
	assert_string_equal(labels_get(&n->token_labels, "env"), "token");
	assert_string_equal(labels_get(&n->own_labels, "team"), "own");
	assert_string_equal(n->addresses.v[0], "web-1.internal");
	assert_true(n->valid_until_ms == o.valid_until_s * 1000);
	assert_true(n->certs_from_s == x509_cert_not_before(o.tls));
	joins_outcome_done(&o);
}

static void
a_proxy_is_known_by_its_public_names(void **state)
{
	struct auth_world *w = *state;
	struct names addresses = { 0 };
	char token[TOKEN_TEXT_SIZE];
	struct joins_outcome o;

	joins_token(w, "proxy", 1, token);
	assert_int_equal(names_add(&addresses, "proxy.example.com"), 0);
	assert_int_equal(names_add(&addresses, "192.0.2.7"), 0);
	assert_int_equal(names_add(&addresses, "2001:db8::7"), 0);
	struct join_request q = joins_request(w, token, "proxy", joins_uuid_a);
	q.addresses = &addresses;
	o = joins_at(w, q, NULL);
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
	joins_outcome_done(&o);
}

static void
auditd_is_known_by_its_one_name(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct joins_outcome o;

	joins_token(w, "audit", 1, token);
	o = joins_plain(w, token, "audit", joins_uuid_a);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_null(o.tunnel);
	assert_true(x509_cert_has_dns(o.tls, "auditd." WORLD_CLUSTER));
	assert_false(x509_cert_has_dns(o.tls, "web-1"));
	assert_false(auth_world_has_principal(o.host, WORLD_CLUSTER));
	joins_outcome_done(&o);
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
	struct buf p256;

	joins_token(w, "node", 1, token);
	q = joins_request(w, token, "node", joins_uuid_a);
	q.ssh_key = span_str("garbage");
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "Ed25519");
	q.ssh_key = (struct span){ big, sizeof(big) };
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "Ed25519");
	buf_init(&p256, 1024);
	assert_int_equal(sshkey_line_to_blob(SOME_P256, &p256), 0); /* a person's may be */
	q.ssh_key = buf_span(&p256);
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "Ed25519");
	buf_done(&p256);
	q.ssh_key = buf_span(&w->ssh_key);
	q.tls_key = span_str("garbage");
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "P-256");
	joins_refused(joins_plain(w, "", "node", joins_uuid_a), AUTH_E_INVALID, "no join token");
	joins_refused(joins_plain(w, token, "auth", joins_uuid_a), AUTH_E_INVALID,
	    "node, proxy or audit");
	joins_refused(joins_plain(w, token, "node", "web-1"), AUTH_E_INVALID, "UUID");
	joins_refused(joins_plain(w, token, "proxy", joins_uuid_a), AUTH_E_DENIED,
	    "is for kind node");
	joins_refused(joins_plain(w, "not a token that anybody made", "node", joins_uuid_a),
	    AUTH_E_NOT_FOUND, "not known here");
	memset(long_token, 'x', sizeof(long_token));
	long_token[sizeof(long_token) - 1] = '\0';
	joins_refused(joins_plain(w, long_token, "node", joins_uuid_a), AUTH_E_INVALID, "at most");
	assert_int_equal(labels_set(&bad_label, "a b", "c"), 0);
	q = joins_request(w, token, "node", joins_uuid_a);
	q.labels = &bad_label;
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "a b");
	labels_done(&bad_label);
	assert_null(host_find(&w->a, joins_uuid_a));
	joins_joined(
	    joins_plain(w, token, "node", joins_uuid_a)); /* nothing of all that took the one use */
}

static void
a_token_is_used_as_often_as_it_says(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];

	joins_token(w, "node", 1, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	struct join_request q = joins_request(w, token, "node", joins_uuid_b);
	q.name = "web-2";
	joins_refused(joins_at(w, q, NULL), AUTH_E_STATE, "was used already");
	assert_null(host_find(&w->a, joins_uuid_b));
}

static void
make_proxy(struct auth_world *w)
{
	char token[TOKEN_TEXT_SIZE];
	struct host *n;

	joins_token(w, "proxy", 1, token);
	struct join_request q = joins_request(w, token, "proxy", joins_uuid_b);
	q.name = "edge";
	joins_joined(joins_at(w, q, "second.example.com"));
	n = host_find(&w->a, joins_uuid_b);
	str_copy(n->public_addr, sizeof(n->public_addr), "public.example.com:3080");
	str_copy(n->ssh_addr, sizeof(n->ssh_addr), "ssh.example.com:3023");
}

/* Below the cluster's name: what a node's certificate makes of "gate". */
static void
make_gate(struct auth_world *w)
{
	struct host *n;
	size_t pos = 0;

	while (host_next(&w->a, &pos, &n))
		if (strcmp(n->kind, "proxy") == 0)
			str_copy(n->ssh_addr, sizeof(n->ssh_addr), "gate." WORLD_CLUSTER ":3023");
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
	joins_token(w, "node", 1, token);
	q = joins_request(w, token, "node", joins_uuid_a);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		q.name = reserved[i];
		joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID,
		    "belongs to the cluster itself");
		q.name = "web-1";
		joins_refused(joins_at(w, q, reserved[i]), AUTH_E_INVALID,
		    "belongs to the cluster itself");
	}
	make_gate(w);
	q.name = "Gate";
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "belongs to the cluster itself");
	q.name = "a:b";
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "");
	q.name = "::1";
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "");
	q.name = "";
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "");
	q.name = "web-1";
	joins_refused(joins_at(w, q, "a b"), AUTH_E_INVALID, "a b");
	/* What only resembles one is fine, and so is its own name as an address. */
	q.name = "xauthd";
	joins_joined(joins_at(w, q, "xauthd"));
}

/* A proxy may be called like the cluster: it is its door. */
static void
a_proxy_may_be_called_like_the_cluster(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];

	joins_token(w, "proxy", 1, token);
	struct join_request q = joins_request(w, token, "proxy", joins_uuid_a);
	q.name = WORLD_CLUSTER;
	joins_joined(joins_at(w, q, WORLD_CLUSTER));
}

static void
a_host_has_so_many_addresses(void **state)
{
	struct auth_world *w = *state;
	struct names addresses = { 0 };
	char token[TOKEN_TEXT_SIZE], text[32];
	struct join_request q;

	joins_token(w, "node", 2, token);
	q = joins_request(w, token, "node", joins_uuid_a);
	q.addresses = &addresses;
	for (int i = 0; i <= HOST_ADDRESSES_MAX; i++) {
		str_format(text, sizeof(text), "a%d.example.com", i);
		assert_int_equal(names_add(&addresses, text), 0);
	}
	joins_refused(joins_at(w, q, NULL), AUTH_E_INVALID, "at most 16 extra addresses");
	names_done(&addresses);
	addresses = (struct names){ 0 };
	for (int i = 0; i < HOST_ADDRESSES_MAX; i++) {
		str_format(text, sizeof(text), "a%d.example.com", i);
		assert_int_equal(names_add(&addresses, text), 0);
	}
	struct joins_outcome o = joins_at(w, q, NULL);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_int_equal(o.host->n_principals, 4 + HOST_ADDRESSES_MAX);
	joins_outcome_done(&o);
	names_done(&addresses);
}

/* --- the same host again ------------------------------------------------------------------------- */

static void
an_identity_belongs_to_its_key(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;

	joins_token(w, "node", 3, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	q = joins_request(w, token, "node", joins_uuid_a);
	q.tls_key = buf_span(&w->other_tls_key);
	joins_refused(joins_at(w, q, NULL), AUTH_E_EXISTS, "registered already with another key");
	joins_token(w, "proxy", 1, token);
	joins_refused(joins_plain(w, token, "proxy", joins_uuid_a), AUTH_E_EXISTS,
	    "registered already");
	/* When its certificates have run out, the place is free. */
	host_find(&w->a, joins_uuid_a)->valid_until_ms = w->a.now_ms() - 1;
	joins_token(w, "node", 1, token);
	q.token = token;
	joins_joined(joins_at(w, q, NULL));
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

	joins_token(w, "node", 1, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	n = host_find(&w->a, joins_uuid_a);
	assert_int_equal(labels_set(&set, "tier", "server"), 0);
	assert_int_equal(host_label(&w->a, n, &set, NULL, 0, &e), 0);
	labels_done(&set);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	n = host_find(&w->a, joins_uuid_a);
	assert_string_equal(labels_get(&n->token_labels, "env"), "token");
	assert_string_equal(labels_get(&n->server_labels, "tier"), "server");
	struct join_request q = joins_request(w, token, "node", joins_uuid_a);
	q.name = "another-name";
	joins_refused(joins_at(w, q, NULL), AUTH_E_STATE, "was used already");
	n->joined_ms -= 3600 * 1000;
	joins_refused(joins_plain(w, token, "node", joins_uuid_a), AUTH_E_STATE,
	    "was used already");
}

static void
a_new_token_leaves_the_servers_labels(void **state)
{
	struct auth_world *w = *state;
	struct labels set = { 0 };
	char token[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct host *n;
	struct err e;

	joins_token(w, "node", 1, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	assert_int_equal(labels_set(&set, "tier", "server"), 0);
	assert_int_equal(host_label(&w->a, host_find(&w->a, joins_uuid_a), &set, NULL, 0, &e), 0);
	labels_done(&set);
	joins_token(w, "node", 1, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	n = host_find(&w->a, joins_uuid_a);
	assert_string_equal(labels_get(&n->server_labels, "tier"), "server");
	assert_string_equal(labels_get(&n->labels, "tier"), "server");
	/* Who comes with another key, when it has run out, is another host. */
	n->valid_until_ms = w->a.now_ms() - 1;
	joins_token(w, "node", 1, token);
	q = joins_request(w, token, "node", joins_uuid_a);
	q.tls_key = buf_span(&w->other_tls_key);
	joins_joined(joins_at(w, q, NULL));
	assert_null(labels_get(&host_find(&w->a, joins_uuid_a)->server_labels, "tier"));
}

/* By authd, who looks at the row, and by those who only hear of cut-offs. */
static void
certificates_from_before_a_new_join_are_worth_nothing(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE];
	struct joins_outcome o;

	joins_token(w, "node", 1, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	joins_joined(joins_plain(w, NULL, "", joins_uuid_a));
	assert_int_equal(cutoff_get(&w->a, RESOURCE_HOST_CUTOFF, joins_uuid_a), 0);
	joins_token(w, "node", 1, token);
	o = joins_at(w, joins_request(w, token, "node", joins_uuid_a), NULL);
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_int_equal(cutoff_get(&w->a, RESOURCE_HOST_CUTOFF, joins_uuid_a),
	    x509_cert_not_before(o.tls) * 1000);
	assert_true(o.host->valid_after >= (uint64_t)x509_cert_not_before(o.tls));
	assert_true(o.tunnel->valid_after >= (uint64_t)x509_cert_not_before(o.tls));
	joins_outcome_done(&o);
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

	joins_token(w, "node", 1, token);
	buf_init(&b, STORE_VALUE_MAX);
	assert_true(stored_pack(&lock_form, &object, &b));
	file.value = buf_span(&b);
	if (resource_put(&w->a, &file, &e) != 0)
		fail_msg("%s", e.text);
	buf_done(&b);
	joins_refused(joins_plain(w, token, "node", joins_uuid_a), AUTH_E_DENIED, "stolen");
	assert_null(host_find(&w->a, joins_uuid_a));
	joins_joined(joins_plain(w, token, "node", joins_uuid_b));
}

static void
a_renewal_keeps_the_row(void **state)
{
	struct auth_world *w = *state;
	struct labels set = { 0 };
	char token[TOKEN_TEXT_SIZE];
	struct join_request q = joins_request(w, NULL, "", joins_uuid_a);
	struct joins_outcome o;
	struct host *n;
	struct err e;
	int64_t from;

	joins_refused(joins_at(w, q, NULL), AUTH_E_UNAUTHENTICATED, "not registered");
	joins_token(w, "node", 1, token);
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	n = host_find(&w->a, joins_uuid_a);
	assert_int_equal(labels_set(&set, "tier", "server"), 0);
	assert_int_equal(host_label(&w->a, n, &set, NULL, 0, &e), 0);
	labels_done(&set);
	from = n->certs_from_s;
	n->valid_until_ms -= 1000000;
	joins_refused(joins_at(w, q, "authd"), AUTH_E_INVALID, "belongs to the cluster itself");
	q.tls_key = buf_span(&w->other_tls_key);
	o = joins_at(w, q, "new.example.com");
	if (o.rc != 0)
		fail_msg("%s", o.error);
	assert_non_null(o.tunnel);
	assert_true(auth_world_has_principal(o.host, "web-1"));
	assert_true(auth_world_has_principal(o.host, "new.example.com"));
	joins_outcome_done(&o);
	n = host_find(&w->a, joins_uuid_a);
	assert_true(n->certs_from_s == from);
	assert_true(n->valid_until_ms > w->a.now_ms() + (HOST_TTL_S - 100) * 1000LL);
	assert_string_equal(labels_get(&n->token_labels, "env"), "token");
	assert_string_equal(labels_get(&n->server_labels, "tier"), "server");
	assert_string_equal(labels_get(&n->own_labels, "team"), "own");
	assert_string_equal(n->addresses.v[0], "new.example.com");
}

static void
a_name_belongs_to_the_first_host(void **state)
{
	struct auth_world *w = *state;
	char token[TOKEN_TEXT_SIZE], proxy[TOKEN_TEXT_SIZE];
	struct join_request q;
	struct err e;

	joins_token(w, "node", 9, token);
	joins_token(w, "proxy", 9, proxy);
	joins_joined(joins_at(w, joins_request(w, token, "node", joins_uuid_a), "db.internal"));
	host_leave(&w->a, host_find(&w->a, joins_uuid_a));
	q = joins_other_request(w, token, "web-1");
	joins_refused(joins_at(w, q, NULL), AUTH_E_EXISTS,
	    "`tctl nodes rm "
	    "01234567");
	q.name = "web-2";
	joins_refused(joins_at(w, q, "Web-1"), AUTH_E_EXISTS, "belongs to host");
	q.kind = "proxy";
	q.token = proxy;
	joins_refused(joins_at(w, q, "web-1"), AUTH_E_EXISTS, "belongs to host");
	q = joins_other_request(w, "not a token that anybody made", "web-1");
	joins_refused(joins_at(w, q, NULL), AUTH_E_NOT_FOUND, "not known here");
	q = joins_other_request(w, token, "web-2");
	joins_joined(joins_at(w, q, NULL));
	q.token = NULL;
	joins_refused(joins_at(w, q, "web-1"), AUTH_E_EXISTS, "belongs to host");
	joins_joined(joins_plain(w, token, "node", joins_uuid_a));
	assert_int_equal(host_remove(&w->a, host_find(&w->a, joins_uuid_a), &e), 0);
	joins_joined(joins_at(w, joins_other_request(w, token, "web-1"), NULL));
	joins_refused(joins_plain(w, token, "node", joins_uuid_a), AUTH_E_EXISTS,
	    "belongs to host");
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
	q = joins_request(w, token, "node", joins_uuid_a);
	q.name = "db-2";
	joins_refused(joins_at(w, q, NULL), AUTH_E_DENIED, "does not allow the name db-2");
	q.name = "web-1";
	joins_refused(joins_at(w, q, "db-2"), AUTH_E_DENIED, "does not allow");
	q.name = "WEB-1";
	joins_joined(joins_at(w, q, "web-1.internal"));
	q = joins_request(w, NULL, "", joins_uuid_a);
	joins_joined(joins_at(w, q, "web-1.internal"));
	joins_refused(joins_at(w, q, "db-2"), AUTH_E_DENIED, "does not allow");
	joins_joined(joins_at(w, joins_other_request(w, token, "db-1"), NULL));
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
		T(a_new_token_leaves_the_servers_labels),
		T(certificates_from_before_a_new_join_are_worth_nothing),
		T(a_host_that_is_locked_does_not_join),
		T(a_renewal_keeps_the_row),
		T(a_name_belongs_to_the_first_host),
		T(a_token_says_what_may_join_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
