/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_check: the one place that decides whether an identity is still good; proxyd, noded and
 * auditd ask here when somebody comes and again when something changes. Reads the replica only.
 *
 * Security: whatever takes an identity away (cut-offs today) belongs here, so that it counts in all
 * three programs.
 */
#include "replica/replica.h"

/* A lost cut-off (INT64_MAX) cuts every certificate, also those that begin in the far future. */
static bool
is_cut(int64_t issued_ms, int64_t cutoff_ms)
{
	return cutoff_ms == INT64_MAX || issued_ms < cutoff_ms;
}

int
replica_check_user(const struct replica *r, const struct subject *who, const char *login,
    int64_t issued_ms, struct err *e)
{
	(void)login; /* no cut-off is for one login */
	if (!replica_is_known(r)) {
		err_set(e,
		    "it is not known here yet which roles the cluster has; try again in a moment");
		return REPLICA_E_UNKNOWN;
	}
	if (is_cut(issued_ms, replica_user_cutoff(r, who->name))) {
		err_set(e,
		    "user %s was removed or changed after this certificate was made; log in again "
		    "with tsh login",
		    who->name);
		return REPLICA_E_CUT;
	}
	return 0;
}

int
replica_check_host(const struct replica *r, const char *uuid, int64_t issued_ms, struct err *e)
{
	if (!replica_is_known(r)) {
		err_set(e,
		    "it is not known here yet which hosts the cluster has; try again in a moment");
		return REPLICA_E_UNKNOWN;
	}
	if (is_cut(issued_ms, replica_host_cutoff(r, uuid))) {
		err_set(e,
		    "this host was removed from the cluster; join it again with a new token");
		return REPLICA_E_CUT;
	}
	return 0;
}

int
replica_subject(struct subject **ret, const struct sshcert *cert)
{
	return subject_parse(ret, cert->key_id, sshcert_extension(cert, "roles@sallyport"),
	    sshcert_extension(cert, "traits@sallyport"));
}

int64_t
replica_issued_ms(const struct sshcert *cert)
{
	return cert->valid_after > INT64_MAX / 1000 ? INT64_MAX : (int64_t)cert->valid_after * 1000;
}
