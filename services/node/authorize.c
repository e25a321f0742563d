/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorize: the user CA, the certificate's own rules, cut-offs, and the roles. Called by serve.c
 * for every key that a client offers and again for its proof, and whenever something changed. The
 * monitor checks the certificate once more by itself.
 */
#include "node/authorize.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

/* Configured ones, with the server's on top. */
static struct policy_labels
merge_labels(const struct node *n, struct policy_labels server)
{
	/* static: valid until the next call, which is as long as a decision takes. */
	static struct policy_label all[2 * NODE_LABELS_MAX];
	size_t count = 0;

	for (; count < server.n && count < NODE_LABELS_MAX; count++)
		all[count] = server.v[count];
	for (size_t i = 0; i < n->config->n_labels; i++) {
		const struct policy_label *own = &n->config->labels[i];
		bool given = false;

		for (size_t j = 0; j < server.n && !given; j++)
			given = strcmp(server.v[j].key, own->key) == 0;
		/* The server's labels win: a node's owner must not be able to label it out of a deny rule. */
		if (!given)
			all[count++] = *own;
	}
	return (struct policy_labels){ all, count };
}

int
authorize_labels(const struct node *n, struct policy_labels *ret)
{
	struct policy_labels server;
	int rc = replica_own_labels(n->replica, &server);

	/* More than can be looked at: some of them might be what a deny rule is about. */
	if (server.n > NODE_LABELS_MAX)
		rc = -1;
	*ret = merge_labels(n, rc < 0 ? (struct policy_labels){ NULL, 0 } : server);
	return rc;
}

/* Compared as bytes, before anything in it is believed: the signature is checked by
 * sshcert_check. */
static bool
is_ours(const struct bundle *ca, const struct sshcert *cert)
{
	for (size_t i = 0; i < ca->n_user_ssh; i++)
		if (span_eq(ca->user_ssh[i], buf_span(&cert->ca_blob)))
			return true;
	return false;
}

/* What the roles say now, as far as the certificate has them. 0, or AUTHORIZE_E_DENIED and why; only
 * ever takes away from *ret. */
static int
check_roles(struct node *n, const struct subject *who, const char *login, struct authorized *ret,
    struct err *e)
{
	struct policy_decision decision;
	struct policy_labels labels;
	struct subject_view view;

	if (subject_view(who, replica_role, n->replica, &view, e) < 0)
		return AUTHORIZE_E_DENIED;
	/* A deny rule may be about a label that is not known. */
	if (authorize_labels(n, &labels) < 0) {
		err_set(e, "the labels of this node cannot be read, so nobody may sign in");
		return AUTHORIZE_E_DENIED;
	}
	if (!policy_login(&view.user, labels, login, &decision)) {
		err_set(e, "access to %s as %s denied: %s", conf_name(n->config), login,
		    decision.reason);
		return AUTHORIZE_E_DENIED;
	}
	const struct policy_options options = policy_options(&view.user);
	/* The certificate had it; the roles may have lost it since. */
	ret->permit_pty = ret->permit_pty && options.permit_pty;
	ret->omit_input = options.omit_input;
	ret->record_limit = options.record_limit;
	ret->client_idle_timeout_s = options.client_idle_timeout_s;
	return 0;
}

/* Who a certificate names, and what it lets him do. */
static void
read_certificate(struct authorized *ret, const struct sshcert *cert)
{
	*ret = (struct authorized){ .permit_pty = sshcert_extension(cert, "permit-pty") != NULL };
	str_clean(ret->user, sizeof(ret->user), cert->key_id, strlen(cert->key_id));
}

static int
check_subject(struct node *n, const struct subject *who, const char *login, int64_t issued_ms,
    struct authorized *ret, struct err *e)
{
	const struct join_identity *self = join_identity(n->join);
	const struct policy_identity use = { .login = login,
		.host = self ? self->uuid : NULL,
		.host_name = self ? self->name : NULL };

	if (replica_check_user(n->replica, who, &use, issued_ms, e) != 0)
		return AUTHORIZE_E_DENIED;
	/* A node that was removed is nobody's to enter. */
	if (self && replica_check_host(n->replica, self->uuid, self->name, n->issued_ms, e) != 0)
		return AUTHORIZE_E_DENIED;
	return check_roles(n, who, login, ret, e);
}

/* Not asked here: dates, signature, address. They were right at sign-in, and a certificate that
 * runs out ends nothing that is open. */
int
authorize_still(struct node *n, const struct sshcert *cert, const char *login,
    struct authorized *ret, struct err *e)
{
	struct subject *who;
	int rc;

	read_certificate(ret, cert);
	if (replica_subject(&who, cert) < 0) {
		err_memory(e);
		return AUTHORIZE_E_DENIED;
	}
	rc = check_subject(n, who, login, replica_issued_ms(cert), ret, e);
	subject_free(who);
	return rc;
}

/* Roles, login and node are the connection's affair (authorize_still); a lock of a session names none. */
int
authorize_session(const struct node *n, const char *user, const char *session, struct err *e)
{
	const struct policy_identity who = { .user = user, .session = session };

	return replica_denies(n->replica, &who, e) != 0 ? AUTHORIZE_E_DENIED : 0;
}

int
authorize_check(struct node *n, const struct sshcert *cert, const char *login, const char *address,
    struct authorized *ret, struct err *e)
{
	const struct join_identity *self = join_identity(n->join);

	*ret = (struct authorized){ .permit_pty = false };
	/* Before anything else, since only whoever has a certificate of ours is told why it does not do. */
	if (!self || !is_ours(self->ca, cert)) {
		err_set(e, "the certificate was not signed by the user CA of this cluster");
		return AUTHORIZE_E_STRANGER;
	}
	read_certificate(ret, cert);
	const struct sshcert_rules rules = {
		.type = SSHCERT_USER,
		.ca = self->ca->user_ssh,
		.n_ca = self->ca->n_user_ssh,
		.principal = login,
		/* Without an address (it is not known) a certificate that is pinned to one is
		 * refused. */
		.source_address = address[0] ? address : NULL,
		.now_s = (uint64_t)(clock_wall_ms() / 1000),
	};
	if (sshcert_check(cert, &rules, e))
		return AUTHORIZE_E_DENIED;
	return authorize_still(n, cert, login, ret, e);
}
