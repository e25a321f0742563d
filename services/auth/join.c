/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join: the steps of join.h. What waits for the signer is one struct joining.
 */
#include "auth/join.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/hostname.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/sha256.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"
#include "net/addr.h"

enum {
	PRINCIPALS_MAX = 2 * HOST_ADDRESSES_MAX + 8,
	PRINCIPAL_SIZE = 600,
	JOIN_AGAIN_MS = 3600 * 1000
};

struct joining {
	struct auth *auth;
	join_fn done;
	void *arg;
	struct host *node; /* the row to be; ours until it is written */
	bool renewal;
	bool again; /* the answer to an earlier join got lost: the token is not used twice */
	char token_value[TOKEN_TEXT_SIZE];
	struct token token;
	struct buf ssh_key, tls_key, tls_pem, host_cert, tunnel_cert;
	int64_t valid_until_s;
	struct timer wait;
	bool signing;
	/* arguments of the requests to the signer */
	char text[PRINCIPALS_MAX][PRINCIPAL_SIZE];
	size_t n_text;
	const char *list[PRINCIPALS_MAX];
};

static void
joining_free(struct joining *j)
{
	timer_done(&j->wait);
	if (j->signing)
		signer_forget(j->auth->signer, j);
	resource_free(RESOURCE_HOST, j->node);
	token_done(&j->token);
	buf_done(&j->ssh_key);
	buf_done(&j->tls_key);
	buf_done(&j->tls_pem);
	buf_done(&j->host_cert);
	buf_done(&j->tunnel_cert);
	secret_zero(j->token_value, sizeof(j->token_value));
	free(j);
}

static void
end(struct joining *j, int rc, const struct host *node, const struct err *e)
{
	struct join_result result = { .node = node,
		.token = &j->token,
		.valid_until_s = j->valid_until_s,
		.tls_pem = buf_span(&j->tls_pem),
		.ssh_host_cert = buf_span(&j->host_cert),
		.ssh_tunnel_cert = buf_span(&j->tunnel_cert) };

	if (j->done)
		j->done(rc, &result, e, j->arg);
	joining_free(j);
}

void
join_abandon(struct joining *j)
{
	joining_free(j);
}

/* --- checks --------------------------------------------------------------------------------- */

static struct hostname_claim
claim_of(const struct host *n)
{
	return (struct hostname_claim){ .uuid = n->uuid,
		.kind = n->kind,
		.name = n->name,
		.addresses = &n->addresses,
		.allowed = &n->allowed_names };
}

/* The extra addresses, as hostname.h has them. */
static int
take_addresses(struct host *n, const struct names *given)
{
	for (size_t i = 0; i < given->n; i++) {
		char text[HOST_NAME_SIZE];

		/* Too long to be one: kept whole, so that the check sees what was given. */
		if (!str_copy(text, sizeof(text), given->v[i])) {
			if (names_add(&n->addresses, given->v[i]) < 0)
				return -1;
			continue;
		}
		hostname_normalise(text);
		if (names_add(&n->addresses, text) < 0)
			return -1;
	}
	return 0;
}

static int
check_request(const struct join_request *q, struct err *e)
{
	int rc = values_check_keys(q->ssh_key, q->tls_key, KEY_OF_DAEMON, e);

	if (rc == 0 && !q->token[0]) {
		err_set(e, "no join token was given; make one with `tctl tokens add`");
		rc = AUTH_E_INVALID;
	}
	if (rc == 0 && !token_kind_is_good(q->kind)) {
		err_set(e, "the kind of a daemon is node, proxy or audit");
		rc = AUTH_E_INVALID;
	}
	if (rc == 0 && !uuid_is_good(q->uuid)) {
		err_set(e, "the UUID of the host is not one of version 4 in lower case");
		rc = AUTH_E_INVALID;
	}
	for (size_t i = 0; rc == 0 && i < q->labels->n; i++)
		rc = label_check(q->labels->v[i].key, q->labels->v[i].value, e);
	return rc;
}

static bool
is_current(const struct joining *j, const struct host *old)
{
	return old && old->valid_until_ms > j->auth->now_ms();
}

/* Whether no other key has the UUID. */
static int
check_uuid_free(const struct joining *j, const struct host *old, struct err *e)
{
	/* A host whose certificate has expired may come again with new keys, by a token like everybody else. */
	if (!is_current(j, old) ||
	    (strcmp(old->kind, j->node->kind) == 0 &&
		memcmp(old->key_sha256, j->node->key_sha256, sizeof(old->key_sha256)) == 0))
		return 0;
	err_set(e,
	    "host %s is registered already with another key; if it is gone, run `tctl nodes rm %s`, else give "
	    "this host a UUID of its own (delete the file uuid in its state folder)",
	    j->node->uuid, j->node->uuid);
	return AUTH_E_EXISTS;
}

/* Also finds out whether the same join comes again. */
static int
check_uuid(struct joining *j, struct err *e)
{
	const struct host *old = host_find(j->auth, j->node->uuid);
	int rc = check_uuid_free(j, old, e);

	if (rc != 0 || !is_current(j, old))
		return rc;
	/* A used token must not let a host change its name for ever. */
	j->again = memcmp(old->token_sha256, j->node->token_sha256, sizeof(old->token_sha256)) ==
		0 &&
	    strcmp(old->name, j->node->name) == 0 &&
	    j->auth->now_ms() - old->joined_ms < JOIN_AGAIN_MS;
	/* The token is not looked at again then, so what it allowed comes from the row of the first. */
	if (j->again &&
	    names_copy(&j->node->allowed_names, old->allowed_names.v, old->allowed_names.n) < 0)
		return err_memory(e);
	return 0;
}

/* Only looks: the use is taken in commit(). */
static int
check_token(struct joining *j, struct err *e)
{
	int rc;

	if (j->again)
		return 0;
	if (resource_begin(j->auth, e) < 0)
		return -1;
	rc = token_use(j->auth, j->token_value, j->node->kind, &j->token, e);
	if (rc == 0 && names_copy(&j->node->allowed_names, j->token.names.v, j->token.names.n) < 0)
		rc = err_memory(e);
	/* Only whether it would do is asked here: a join that the signer fails afterwards must not have cost
	 * the token a use. */
	store_rollback(j->auth->store);
	return rc;
}

/* --- the end: token and row in one transaction ------------------------------------------------ */

static int
not_before(struct joining *j, int64_t *ret, struct err *e)
{
	char *pem = span_dup(buf_span(&j->tls_pem));
	struct x509_cert *cert = NULL;
	int rc = pem ? x509_cert_from_pem(&cert, pem, e) : err_memory(e);

	if (rc == 0)
		*ret = x509_cert_not_before(cert);
	x509_cert_free(cert);
	free(pem);
	return rc;
}

/* authd knows it by certs_from_s; the others by a cut-off. */
static int
end_former_life(struct joining *j, struct err *e)
{
	const struct host *old = host_find(j->auth, j->node->uuid);

	return j->renewal || !is_current(j, old)
	    ? 0
	    : cutoff_set_before(j->auth, RESOURCE_HOST_CUTOFF, j->node->uuid,
		  j->node->certs_from_s * 1000, old->valid_until_ms, e);
}

static int
write_row(struct joining *j, struct err *e)
{
	struct auth *a = j->auth;
	int rc = 0;

	if (!j->renewal && !j->again) {
		/* It was loaded in check_token already; by now another host may have used it up. */
		token_done(&j->token);
		rc = token_use(a, j->token_value, j->node->kind, &j->token, e);
		if (rc == 0 && labels_merge(&j->node->token_labels, &j->token.labels) < 0)
			rc = err_memory(e);
	}
	if (rc == 0)
		rc = end_former_life(j, e);
	return rc == 0 ? host_put(a, j->node, e) : rc;
}

/* What others write into the row (heartbeats, `tctl nodes label`), as it is by now: they went on while the signer
 * worked, and a label that somebody set is not lost to a renewal that began before. */
static int
take_over(struct host *n, const struct host *old, struct err *e)
{
	labels_done(&n->token_labels);
	labels_done(&n->server_labels);
	labels_done(&n->own_labels);
	if (labels_merge(&n->token_labels, &old->token_labels) < 0 ||
	    labels_merge(&n->server_labels, &old->server_labels) < 0 ||
	    labels_merge(&n->own_labels, &old->own_labels) < 0)
		return err_memory(e);
	str_copy(n->address, sizeof(n->address), old->address);
	str_copy(n->version, sizeof(n->version), old->version);
	str_copy(n->public_addr, sizeof(n->public_addr), old->public_addr);
	n->own_certificate = old->own_certificate;
	n->has_packages = old->has_packages;
	str_copy(n->ssh_addr, sizeof(n->ssh_addr), old->ssh_addr);
	str_copy(n->remote, sizeof(n->remote), old->remote);
	n->online = old->online;
	n->last_seen_ms = old->last_seen_ms;
	return 0;
}

/* Of a host that joins anew with a new token: what `tctl nodes label` gave it. Rules that deny hang on such labels, so
 * that only who may remove hosts can be rid of them. */
static int
keep_labels(struct host *n, const struct host *old, struct err *e)
{
	if (!old || strcmp(old->kind, n->kind) != 0 ||
	    memcmp(old->key_sha256, n->key_sha256, sizeof(old->key_sha256)) != 0)
		return 0;
	return labels_merge(&n->server_labels, &old->server_labels) < 0 ? err_memory(e) : 0;
}

static int
commit(struct joining *j, struct err *e)
{
	struct auth *a = j->auth;
	struct host *old = host_find(a, j->node->uuid);
	struct hostname_claim claim;
	int rc = 0;

	/* One that comes again costs the token no use: without its row nothing lets it in. */
	if ((j->renewal || j->again) && !old) {
		err_set(e, "this host was removed in the meantime; join it with a new token");
		return AUTH_E_UNAUTHENTICATED;
	}
	/* Others may have been faster while the signer worked. */
	if (j->renewal ? old->certs_from_s != j->node->certs_from_s
		       : (rc = check_uuid_free(j, old, e)) != 0) {
		if (rc == 0)
			err_set(e, "this host has joined again in the meantime");
		return rc ? rc : AUTH_E_UNAUTHENTICATED;
	}
	/* Names too: of two hosts that asked for one at the same time the first has it. */
	claim = claim_of(j->node);
	if ((rc = hostname_check_owner(a, &claim, e)) != 0)
		return rc;
	if ((j->renewal || j->again ? take_over(j->node, old, e) : keep_labels(j->node, old, e)) <
	    0)
		return -1;
	if (!j->renewal && not_before(j, &j->node->certs_from_s, e) < 0)
		return -1;
	j->node->valid_until_ms = j->valid_until_s * 1000;
	if (resource_begin(a, e) < 0)
		return -1;
	rc = write_row(j, e);
	if (host_find(a, j->node->uuid) == j->node)
		j->node = NULL; /* the registry's now, whatever comes */
	return resource_end(a, rc, e);
}

static void
finish(struct joining *j)
{
	char uuid[37];
	struct err e;
	int rc;

	str_copy(uuid, sizeof(uuid), j->node->uuid);
	rc = commit(j, &e);
	end(j, rc, rc == 0 ? host_find(j->auth, uuid) : NULL, &e);
}

/* --- the signer: X.509, SSH host, SSH tunnel ------------------------------------------------------ */

static void
add_text(struct joining *j, const char *name, const char *domain)
{
	if (j->n_text == PRINCIPALS_MAX)
		return;
	if (!str_format(j->text[j->n_text], PRINCIPAL_SIZE, "%s%s%s", name, domain ? "." : "",
		domain ? domain : ""))
		return;
	for (size_t i = 0; i < j->n_text; i++)
		if (strcasecmp(j->text[i], j->text[j->n_text]) == 0)
			return;
	j->list[j->n_text] = j->text[j->n_text];
	j->n_text++;
}

static void on_tunnel_signed(void *arg, struct span result, const char *error);

static bool
took(struct joining *j, struct buf *dst, struct span result, const char *error)
{
	struct err e;

	/* Before anything else: end() frees j, and must not tell the signer to forget what it has just
	 * answered. */
	j->signing = false;
	if (!error && buf_put(dst, result.p, result.n))
		return true;
	err_set(&e, "%s", error ? error : "out of memory");
	end(j, -1, NULL, &e);
	return false;
}

static void
asked(struct joining *j, int rc, struct err *e)
{
	if (rc < 0)
		end(j, AUTH_E_BUSY, NULL, e);
	else
		j->signing = true;
}

static void
on_host_signed(void *arg, struct span result, const char *error)
{
	struct joining *j = arg;
	struct signer_ssh_host q = { .tunnel = true,
		.uuid = j->node->uuid,
		.key = buf_span(&j->ssh_key),
		.valid_until_s = j->valid_until_s };
	struct err e;

	if (!took(j, &j->host_cert, result, error))
		return;
	if (strcmp(j->node->kind, "node") == 0)
		asked(j, signer_sign_ssh_host(j->auth->signer, &q, on_tunnel_signed, j, &e), &e);
	else
		finish(j);
}

static void
on_tunnel_signed(void *arg, struct span result, const char *error)
{
	struct joining *j = arg;

	if (took(j, &j->tunnel_cert, result, error))
		finish(j);
}

static void
on_tls_signed(void *arg, struct span result, const char *error)
{
	struct joining *j = arg;
	const struct host *n = j->node;
	struct signer_ssh_host q = { .uuid = n->uuid,
		.key = buf_span(&j->ssh_key),
		.principals = j->list,
		.valid_until_s = j->valid_until_s };
	struct err e;

	if (!took(j, &j->tls_pem, result, error))
		return;
	/* The SSH certificate has other names than the TLS certificate before it. */
	j->n_text = 0;
	/* Only nodes have their names to themselves (hostname.h). A proxy that had a node's name in its certificate
	 * could answer for the node whose sessions it relays. */
	if (strcmp(n->kind, "node") == 0) {
		add_text(j, n->name, NULL);
		add_text(j, n->name, j->auth->cluster);
	}
	add_text(j, n->uuid, NULL);
	add_text(j, n->uuid, j->auth->cluster);
	if (strcmp(n->kind, "proxy") == 0)
		add_text(j, j->auth->cluster, NULL);
	for (size_t i = 0; i < n->addresses.n; i++)
		add_text(j, n->addresses.v[i], NULL);
	q.n_principals = j->n_text;
	asked(j, signer_sign_ssh_host(j->auth->signer, &q, on_host_signed, j, &e), &e);
}

/* Names that clients check: proxies by their public names, auditd by its one. Nodes serve
 * nothing by TLS. */
static size_t
tls_names(struct joining *j, const char **ips)
{
	const struct host *n = j->node;
	size_t n_ips = 0;

	j->n_text = 0;
	if (strcmp(n->kind, "node") == 0)
		return 0;
	/* A host of one kind may be called as the public name of another is: auditd is asked for by its own. */
	if (strcmp(n->kind, "proxy") == 0) {
		add_text(j, j->auth->cluster, NULL);
		add_text(j, n->name, NULL);
	} else {
		add_text(j, "auditd", j->auth->cluster);
	}
	for (size_t i = 0; i < n->addresses.n; i++) {
		if (addr_is_ip(n->addresses.v[i]))
			ips[n_ips++] = n->addresses.v[i];
		else
			add_text(j, n->addresses.v[i], NULL);
	}
	return n_ips;
}

static void
sign(void *arg)
{
	struct joining *j = arg;
	const char *ips[HOST_ADDRESSES_MAX];
	struct signer_x509 q = { .name = j->node->uuid,
		.spki = buf_span(&j->tls_key),
		.dns = j->list,
		.ip = ips };
	struct err e;
	int64_t wait = cutoff_wait_ms(j->auth,
	    cutoff_get(j->auth, RESOURCE_HOST_CUTOFF, j->node->uuid));

	/* Certificates count in whole seconds: one made in the same second as a cut-off would fall under it. */
	if (wait > 0) {
		timer_start(&j->wait, wait + 1);
		return;
	}
	j->valid_until_s = j->auth->now_ms() / 1000 + HOST_TTL_S;
	if (!identity_kind_from(span_str(j->node->kind), &q.kind))
		q.kind = IDENTITY_NODE;
	q.n_ip = tls_names(j, ips);
	q.n_dns = j->n_text;
	q.valid_until_s = j->valid_until_s;
	asked(j, signer_sign_x509(j->auth->signer, &q, on_tls_signed, j, &e), &e);
}

/* --- start -------------------------------------------------------------------------------------- */

static struct joining *
joining_new(struct auth *a, const struct join_request *q, join_fn done, void *arg)
{
	struct joining *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->auth = a;
	j->done = done;
	j->arg = arg;
	buf_init(&j->ssh_key, BROUGHT_KEY_MAX);
	buf_init(&j->tls_key, BROUGHT_KEY_MAX);
	buf_init(&j->tls_pem, 65536);
	buf_init(&j->host_cert, 65536);
	buf_init(&j->tunnel_cert, 65536);
	j->node = resource_new(RESOURCE_HOST);
	if (j->node && timer_init(&j->wait, a->loop, sign, j) == 0 &&
	    buf_put(&j->ssh_key, q->ssh_key.p, q->ssh_key.n) &&
	    buf_put(&j->tls_key, q->tls_key.p, q->tls_key.n))
		return j;
	joining_free(j);
	return NULL;
}

/* Takes the name and the addresses over, as far as they may be any. */
static int
take_names(struct joining *j, const char *name, const struct names *addresses, struct err *e)
{
	struct host *n = j->node;
	struct hostname_claim claim;

	/* One that is too long has the message of its form. */
	if (!str_copy(n->name, sizeof(n->name), name))
		return host_check(name, e);
	hostname_normalise(n->name);
	if (take_addresses(n, addresses) < 0)
		return err_memory(e);
	claim = claim_of(n);
	return hostname_check(j->auth, &claim, e);
}

static int
fill_new(struct joining *j, const struct join_request *q, struct err *e)
{
	struct hostname_claim claim;
	struct host *n = j->node;
	int rc;

	str_copy(n->uuid, sizeof(n->uuid), q->uuid);
	str_copy(n->kind, sizeof(n->kind), q->kind);
	n->joined_ms = j->auth->now_ms();
	sha256_of(q->tls_key, n->key_sha256);
	sha256_of(span_str(q->token), n->token_sha256);
	n->own_labels = *q->labels;
	*q->labels = (struct labels){ 0 };
	if (!str_copy(j->token_value, sizeof(j->token_value), q->token)) {
		err_set(e, "a join token has at most %d characters", TOKEN_TEXT_SIZE - 1);
		return AUTH_E_INVALID;
	}
	if (str_is_printable(q->version, strlen(q->version)))
		str_copy(n->version, sizeof(n->version), q->version);
	rc = take_names(j, q->name, q->addresses, e);
	if (rc == 0)
		rc = resource_denies(j->auth,
		    &(struct policy_identity){ .host = n->uuid, .host_name = n->name }, e);
	if (rc == 0)
		rc = check_uuid(j, e);
	if (rc == 0)
		rc = check_token(j, e);
	if (rc != 0)
		return rc;
	/* After the token: who has none does not learn which names there are. */
	claim = claim_of(n);
	return hostname_check_owner(j->auth, &claim, e);
}

/* The row as it is, with new keys and addresses. */
static int
fill_renewal(struct joining *j, const struct join_request *q, struct err *e)
{
	const struct host *old = host_find(j->auth, q->uuid);
	struct hostname_claim claim;
	struct host *n = j->node;
	int rc;

	j->renewal = true;
	if (!old) {
		err_set(e, "this host is not registered; join it with a token");
		return AUTH_E_UNAUTHENTICATED;
	}
	/* Everything but the keys and addresses is as authd knows it: a renewal must not change name, kind or
	 * labels. */
	*n = *old;
	n->token_labels = n->server_labels = n->own_labels = n->labels = (struct labels){ 0 };
	n->addresses = n->allowed_names = (struct names){ 0 };
	sha256_of(q->tls_key, n->key_sha256);
	if (names_copy(&n->allowed_names, old->allowed_names.v, old->allowed_names.n) < 0)
		return err_memory(e);
	rc = take_names(j, old->name, q->addresses, e);
	claim = claim_of(n);
	return rc == 0 ? hostname_check_owner(j->auth, &claim, e) : rc;
}

int
join_start(struct joining **ret, struct auth *a, const struct join_request *q, join_fn done,
    void *arg, struct token *token, struct err *e)
{
	struct joining *j;
	int rc = q->token ? check_request(q, e)
			  : values_check_keys(q->ssh_key, q->tls_key, KEY_OF_DAEMON, e);

	if (rc != 0)
		return rc;
	j = joining_new(a, q, done, arg);
	if (!j)
		return err_memory(e);
	rc = q->token ? fill_new(j, q, e) : fill_renewal(j, q, e);
	if (rc != 0) {
		*token = j->token;
		j->token = (struct token){ 0 };
		joining_free(j);
		return rc;
	}
	*ret = j;
	/* Never from inside this call: the caller does not have *ret yet. */
	timer_start(&j->wait, 0);
	return 0;
}
