/* SPDX-License-Identifier: Apache-2.0 */
/*
 * principal: see principal.h. Pure but for memory.
 */
#include "proxy/principal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { LOGINS_MAX = POLICY_LOGINS_MAX };

static const char *
text_or_empty(const char *s)
{
	return s ? s : "";
}

static size_t
count_char(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

int
principal_from_cert(struct principal **ret, const struct sshcert *cert)
{
	struct principal *v = calloc(1, sizeof(*v));

	if (!v)
		return -1;
	v->user = strdup(cert->key_id);
	v->roles_text = strdup(text_or_empty(sshcert_extension(cert, "roles@sallyport")));
	v->traits_text = strdup(text_or_empty(sshcert_extension(cert, "traits@sallyport")));
	v->logins = calloc(LOGINS_MAX, sizeof(*v->logins));
	if (!v->user || !v->roles_text || !v->traits_text || !v->logins) {
		principal_free(v);
		return -1;
	}
	/* One that is left out might be one that denies. */
	if (count_char(v->roles_text, ',') < POLICY_ROLES_MAX)
		v->n_roles = str_split(v->roles_text, ',', v->roles, POLICY_ROLES_MAX);
	v->n_logins = str_split(v->traits_text, ',', v->logins, LOGINS_MAX);
	v->expires_ms = cert->valid_before > INT64_MAX / 1000 ? INT64_MAX
							      : (int64_t)cert->valid_before * 1000;
	*ret = v;
	return 0;
}

void
principal_free(struct principal *v)
{
	if (!v)
		return;
	free(v->user);
	free(v->roles_text);
	free(v->traits_text);
	free(v->logins);
	free(v);
}

bool
principal_sees(const struct principal *v, const struct roster *roster,
    const struct roster_node *node, struct policy_decision *d)
{
	const struct policy_role *roles[POLICY_ROLES_MAX];
	struct policy_user user = { .name = v->user,
		.roles = roles,
		.logins = { (const char *const *)v->logins, v->n_logins } };

	for (size_t i = 0; i < v->n_roles; i++) {
		const struct policy_role *role = roster_role(roster, v->roles[i]);

		if (role)
			roles[user.n_roles++] = role;
	}
	return policy_see_node(&user, node->labels, d);
}
