/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: the user CA, the certificate's own rules, cut-offs, and the roles. Called by serve.c for
 * every key that a client offers and again for its proof. The monitor checks the certificate once
 * more by itself.
 */
#include "node/access.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "node/rights.h"
#include "policy/policy.h"

enum { LOGINS_SIZE = 8193 };

struct policy_labels
access_labels(struct node *n)
{
	static struct policy_label configured[NODE_LABELS_MAX];

	for (size_t i = 0; i < n->config->n_labels; i++)
		configured[i] = (struct policy_label){ n->config->labels[i].key,
			n->config->labels[i].value };
	return rights_labels(n->rights, configured, n->config->n_labels);
}

static bool
is_ours(const struct bundle *ca, const struct sshcert *cert)
{
	for (size_t i = 0; i < ca->n_user_ssh; i++)
		if (span_eq(ca->user_ssh[i], buf_span(&cert->ca_blob)))
			return true;
	return false;
}

/* The roles named in the certificate that exist. */
static size_t
find_roles(const struct node *n, const struct sshcert *cert,
    const struct policy_role *ret[POLICY_ROLES_MAX])
{
	const char *text = sshcert_extension(cert, "roles@sallyport");
	struct span list = span_str(text ? text : ""), name;
	char role[ACCESS_NAME_MAX];
	size_t count = 0;

	while (wire_next_name(&list, &name)) {
		if (count == POLICY_ROLES_MAX)
			return 0; /* one that is left out might be one that denies */
		if (!str_format(role, sizeof(role), "%.*s", (int)name.n, (const char *)name.p))
			continue;
		ret[count] = rights_role(n->rights, role);
		count += ret[count] != NULL;
	}
	return count;
}

/* The logins the user has of his own, for which {{internal.logins}} stands. ret points into
 * text. */
static size_t
find_logins(const struct sshcert *cert, char *text, size_t size,
    const char *ret[SSHCERT_PRINCIPALS_MAX])
{
	const char *traits = sshcert_extension(cert, "traits@sallyport");
	char *parts[SSHCERT_PRINCIPALS_MAX];

	if (!traits || !str_copy(text, size, traits))
		return 0;
	size_t n = str_split(text, ',', parts, SSHCERT_PRINCIPALS_MAX);
	for (size_t i = 0; i < n; i++)
		ret[i] = parts[i];
	return n;
}

static int
check_roles(struct node *n, const struct sshcert *cert, const char *login, struct err *e)
{
	const struct policy_role *roles[POLICY_ROLES_MAX];
	const char *logins[SSHCERT_PRINCIPALS_MAX];
	char text[LOGINS_SIZE];
	struct policy_decision decision;
	size_t n_logins = find_logins(cert, text, sizeof(text), logins);

	const struct policy_user user = {
		.name = cert->key_id,
		.roles = roles,
		.n_roles = find_roles(n, cert, roles),
		.logins = { logins, n_logins },
	};
	if (policy_login(&user, access_labels(n), login, &decision))
		return 0;
	err_set(e, "access to %s as %s denied: %s", conf_name(n->config), login, decision.reason);
	return ACCESS_E_DENIED;
}

/* Who a certificate names, and what it lets him do. */
static void
read_certificate(struct access *ret, const struct sshcert *cert)
{
	*ret = (struct access){ .permit_pty = sshcert_extension(cert, "permit-pty") != NULL };
	str_clean(ret->user, sizeof(ret->user), cert->key_id, strlen(cert->key_id));
	ret->issued_ms = cert->valid_after > INT64_MAX / 1000 ? INT64_MAX
							      : (int64_t)cert->valid_after * 1000;
}

/* The cut-offs and the roles: what may change while a connection lasts. */
static int
check_rights(struct node *n, const struct sshcert *cert, const char *login, const struct access *a,
    struct err *e)
{
	if (!rights_are_known(n->rights)) {
		err_set(e,
		    "this node has not yet heard from the cluster which roles there are, try "
		    "again in a moment");
		return ACCESS_E_DENIED;
	}
	if (a->issued_ms < rights_cutoff(n->rights, cert->key_id)) {
		err_set(e, "the certificate of %s is no longer valid: log in again with tsh login",
		    a->user);
		return ACCESS_E_DENIED;
	}
	return check_roles(n, cert, login, e);
}

int
access_still(struct node *n, const struct sshcert *cert, const char *login, struct access *ret,
    struct err *e)
{
	read_certificate(ret, cert);
	return check_rights(n, cert, login, ret, e);
}

int
access_check(struct node *n, const struct sshcert *cert, const char *login, const char *address,
    struct access *ret, struct err *e)
{
	const struct join_identity *self = join_identity(n->join);

	*ret = (struct access){ 0 };
	if (!self || !is_ours(self->ca, cert)) {
		err_set(e, "the certificate was not signed by the user CA of this cluster");
		return ACCESS_E_STRANGER;
	}
	read_certificate(ret, cert);
	const struct sshcert_rules rules = {
		.type = SSHCERT_USER,
		.ca = self->ca->user_ssh,
		.n_ca = self->ca->n_user_ssh,
		.principal = login,
		.source_address = address[0] ? address : NULL,
		.now_s = (uint64_t)(clock_wall_ms() / 1000),
	};
	if (sshcert_check(cert, &rules, e))
		return ACCESS_E_DENIED;
	return check_rights(n, cert, login, ret, e);
}
