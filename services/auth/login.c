/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: see login.h. One struct login waits for the factors, then for the certificates.
 */
#include "auth/login.h"

#include <stdlib.h>

#include "auth/auth.h"
#include "auth/signin.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/secret.h"

struct login {
	struct auth *auth;
	login_fn done; /* NULL: nobody waits */
	void *arg;
	struct origin origin;
	int64_t ttl_s;
	struct buf ssh_key, tls_key;
	struct signin_outcome how;
};

static void
login_free(struct login *l)
{
	buf_done(&l->ssh_key);
	buf_done(&l->tls_key);
	free(l);
}

static void
end(struct login *l, int rc, const struct certify_result *result, const struct signin_outcome *how,
    const struct err *e)
{
	if (l->done)
		l->done(rc, result, how, e, l->arg);
	login_free(l);
}

void
login_abandon(struct login *l)
{
	/* Not freed: the pool or the signer still has its part, and comes back. */
	l->done = NULL;
}

static void
on_certified(int rc, const struct certify_result *result, const struct err *e, void *arg)
{
	struct login *l = arg;

	end(l, rc, result, &l->how, e);
}

static int
certify(struct login *l, const struct user *u, struct err *e)
{
	const struct certify_request q = { .user = u,
		.ssh_key = buf_span(&l->ssh_key),
		.tls_key = buf_span(&l->tls_key),
		.ttl_s = l->ttl_s,
		.origin = &l->origin };

	return certify_start(l->auth, &q, on_certified, l, e);
}

static void
on_proven(int rc, const struct user *u, const struct signin_outcome *how, const struct err *e,
    void *arg)
{
	struct login *l = arg;
	struct err why;

	if (rc != 0) {
		end(l, rc, NULL, how, e);
		return;
	}
	l->how = *how;
	rc = certify(l, u, &why);
	if (rc != 0)
		end(l, rc, NULL, how, &why);
}

/* The browser has shown who it is. */
static int
take_approval(struct login *l, const struct login_request *q, struct err *e)
{
	struct approval_answer answer = *q->approved;
	struct approval ap;
	struct user u;
	int rc;

	answer.user = q->user;
	answer.origin = q->origin;
	rc = approval_take(l->auth, &answer, &ap, &u, e);
	(void)str_copy(l->how.browser_ip, sizeof(l->how.browser_ip), ap.address);
	(void)str_copy(l->how.browser_session, sizeof(l->how.browser_session), ap.web);
	if (rc == 0)
		rc = certify(l, &u, e);
	user_done(&u);
	secret_zero(&ap, sizeof(ap));
	return rc;
}

static int
check_request(const struct login_request *q, struct err *e)
{
	int rc = values_check_keys(q->ssh_key, q->tls_key, KEY_OF_PERSON, e);

	if (rc == 0 && q->ttl_s < 0) {
		err_set(e, "the time to live is negative");
		rc = AUTH_E_INVALID;
	}
	return rc;
}

/* Copies all that the request lends: it is gone when login_start returns. */
static int
fill(struct login *l, const struct login_request *q, struct err *e)
{
	buf_init(&l->ssh_key, BROUGHT_KEY_MAX);
	buf_init(&l->tls_key, BROUGHT_KEY_MAX);
	l->ttl_s = q->ttl_s;
	l->origin = *q->origin;
	return buf_put(&l->ssh_key, q->ssh_key.p, q->ssh_key.n) &&
		buf_put(&l->tls_key, q->tls_key.p, q->tls_key.n)
	    ? 0
	    : err_memory(e);
}

int
login_start(struct login **ret, struct auth *a, const struct login_request *q, login_fn done,
    void *arg, struct err *e)
{
	const struct signin_request who = { .user = q->user,
		.password = q->password,
		.otp = q->otp,
		.origin = q->origin };
	int rc = check_request(q, e);
	struct login *l;

	if (rc != 0)
		return rc;
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_memory(e);
	l->auth = a;
	l->done = done;
	l->arg = arg;
	rc = fill(l, q, e);
	if (rc == 0)
		rc = q->approved ? take_approval(l, q, e) : signin_start(a, &who, on_proven, l, e);
	if (rc != 0) {
		login_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}
