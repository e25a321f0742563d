/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: the steps of login.h. What waits for the pool or the signer is one struct login.
 */
#include "auth/login.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/user.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/sshkey.h"
#include "crypto/totp.h"
#include "crypto/x509.h"
#include "net/rate.h"

enum { OTP_SIZE = 16 };

struct login {
	struct auth *auth;
	login_fn done; /* NULL: nobody waits */
	void *arg;
	char name[NAME_LEN_MAX + 1];
	char password[PASSWORD_MAX + 1];
	char hash[PASSWORD_HASH_SIZE]; /* "": no such user, or not yet confirmed */
	char otp[OTP_SIZE];
	struct origin origin;
	int64_t asked_ttl_s;
	bool password_fits;
	struct buf ssh_key, tls_key, ssh_cert, tls_pem;
	struct names roles, logins, principals, extensions;
	struct policy_options options;
	int64_t valid_until_s;
	struct timer wait;
	bool signing;
};

static void
login_free(struct login *l)
{
	timer_done(&l->wait);
	if (l->signing)
		signer_forget(l->auth->signer, l);
	buf_done(&l->ssh_key);
	buf_done(&l->tls_key);
	buf_done(&l->ssh_cert);
	buf_done(&l->tls_pem);
	names_done(&l->roles);
	names_done(&l->logins);
	names_done(&l->principals);
	names_done(&l->extensions);
	/* The whole struct: password, code and hash stand in it side by side. */
	secret_zero(l, sizeof(*l));
	free(l);
}

/* Once for each login that started. What result points to dies with it. */
static void
end(struct login *l, int rc, bool locked, const struct err *e)
{
	struct login_result result = { .user = l->name,
		.roles = &l->roles,
		.logins = &l->logins,
		.extensions = &l->extensions,
		.valid_until_s = l->valid_until_s,
		.ssh_cert = buf_span(&l->ssh_cert),
		.tls_pem = buf_span(&l->tls_pem),
		.locked = locked };

	if (l->done)
		l->done(rc, &result, e, l->arg);
	login_free(l);
}

void
login_abandon(struct login *l)
{
	/* Not freed: the pool or the signer still has it, and comes back. */
	l->done = NULL;
}

/* --- signing --------------------------------------------------------------------------- */

static void
on_tls_signed(void *arg, struct span result, const char *error)
{
	struct login *l = arg;
	struct err e;

	l->signing = false;
	if (error || !buf_put(&l->tls_pem, result.p, result.n)) {
		err_set(&e, "%s", error ? error : "out of memory");
		end(l, -1, false, &e);
		return;
	}
	end(l, 0, false, NULL);
}

/* One after the other: without the first the second is not asked for. */
static void
on_ssh_signed(void *arg, struct span result, const char *error)
{
	struct login *l = arg;
	struct signer_x509 q = { .kind = IDENTITY_USER,
		.name = l->name,
		.spki = buf_span(&l->tls_key),
		.valid_until_s = l->valid_until_s };
	struct err e;

	l->signing = false;
	if (error || !buf_put(&l->ssh_cert, result.p, result.n)) {
		err_set(&e, "%s", error ? error : "out of memory");
		end(l, -1, false, &e);
	} else if (signer_sign_x509(l->auth->signer, &q, on_tls_signed, l, &e) < 0) {
		end(l, AUTH_E_BUSY, false, &e);
	} else {
		l->signing = true;
	}
}

/* False: it does not fit. A role cut short would be another role, and one left out might be one that denies. */
static bool
comma_list(const struct names *l, char *dst, size_t size)
{
	size_t used = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < l->n; i++) {
		if (!str_format(dst + used, size - used, "%s%s", i ? "," : "", l->v[i]))
			return false;
		used += strlen(dst + used);
	}
	return true;
}

/* Also called by the timer, after the wait of cutoff.c: a certificate of this very second would
 * be cut off by the change that preceded it. */
static void
sign(void *arg)
{
	struct login *l = arg;
	char roles[8192], traits[8192], cidr[160];
	struct signer_ssh_user q = { .user = l->name,
		.key = buf_span(&l->ssh_key),
		.logins = (const char *const *)(void *)l->principals.v,
		.n_logins = l->principals.n,
		.valid_until_s = l->valid_until_s,
		.permit_pty = l->options.permit_pty,
		.forward_agent = l->options.forward_agent,
		.port_forwarding = l->options.port_forwarding,
		.roles = roles,
		.traits = traits };
	struct err e;
	int64_t wait = cutoff_wait_ms(l->auth, cutoff_get(l->auth, RESOURCE_CUTOFF, l->name));

	if (wait > 0) { /* timers may come a little early */
		timer_start(&l->wait, wait + 1);
		return;
	}
	if (!comma_list(&l->roles, roles, sizeof(roles)) ||
	    !comma_list(&l->logins, traits, sizeof(traits))) {
		err_set(&e, "you have more roles or logins than fit into a certificate");
		end(l, AUTH_E_DENIED, false, &e);
		return;
	}
	if (l->options.pin_source_ip) {
		if (!l->origin.at.ip[0] || l->origin.hidden) {
			err_set(&e,
			    "your roles pin the address you come from, and it is not known here");
			end(l, AUTH_E_DENIED, false, &e);
			return;
		}
		str_format(cidr, sizeof(cidr), "%s/%d", l->origin.at.ip,
		    strchr(l->origin.at.ip, ':') ? 128 : 32);
		q.source_address = cidr;
	}
	if (signer_sign_ssh_user(l->auth->signer, &q, on_ssh_signed, l, &e) < 0)
		end(l, AUTH_E_BUSY, false, &e);
	else
		l->signing = true;
}

/* --- rights -------------------------------------------------------------------------------- */

static int
decide_extensions(struct login *l)
{
	if (l->options.forward_agent && names_add(&l->extensions, "permit-agent-forwarding") < 0)
		return -1;
	if (l->options.port_forwarding && names_add(&l->extensions, "permit-port-forwarding") < 0)
		return -1;
	return l->options.permit_pty ? names_add(&l->extensions, "permit-pty") : 0;
}

/* What the certificates will say. Rights are read here, after the proof: those of now count, not those
 * of when the password was sent. */
static int
decide(struct login *l, const struct user *u, struct err *e)
{
	const char *logins[POLICY_LOGINS_MAX];
	struct subject_view view;
	size_t n;

	if (resource_denies(l->auth,
		&(struct policy_identity){ .user = u->name, .roles = names_view(&u->roles) },
		e) != 0 ||
	    role_view(l->auth, u, &view, e) < 0)
		return AUTH_E_DENIED;
	n = policy_logins(&view.user, logins);
	if (view.user.n_roles == 0) {
		err_set(e,
		    "you have no role that exists, so no certificate makes sense; an administrator must give you one");
		return AUTH_E_DENIED;
	}
	for (size_t i = 0; i < view.user.n_roles; i++)
		if (names_add(&l->roles, view.roles[i]->name) < 0)
			return err_set(e, "too many roles");
	for (size_t i = 0; i < n; i++)
		if (names_add(&l->logins, logins[i]) < 0 ||
		    names_add(&l->principals, logins[i]) < 0)
			return err_set(e, "your roles allow more than %d logins", NAMES_MAX);
	if (n == 0 && !policy_verb(&view.user, "cluster", "read", NULL)) {
		err_set(e,
		    "your roles allow no login on any host, so no certificate makes sense; an administrator must add "
		    "logins (tctl users update --set-logins) or a role that allows some");
		return AUTH_E_DENIED;
	}
	/* A certificate without principals would be good for every login (OpenSSH, PROTOCOL.certkeys); this one
	 * names none that exists. */
	if (n == 0 && names_add(&l->principals, LOGIN_NOWHERE) < 0)
		return err_memory(e);
	l->options = policy_options(&view.user);
	l->valid_until_s = l->auth->now_ms() / 1000 +
	    policy_session_ttl(&view.user, l->asked_ttl_s);
	return decide_extensions(l) < 0 ? err_memory(e) : 0;
}

/* --- proof --------------------------------------------------------------------------------- */

/* Before the password too: a closed account costs no Argon2id. */
static int
is_locked(struct auth *a, const char *name, struct err *e)
{
	int64_t until = lockout_until(a, name);

	if (until == 0)
		return 0;
	err_set(e,
	    "too many failed logins: closed for %d more minutes; `tctl users update --unlock` opens it before",
	    (int)((until - a->now_ms() + 59999) / 60000));
	return AUTH_E_STATE;
}

/* On the loop again: everything that must be looked at together. */
static int
prove(struct login *l, struct user *u, bool *locked, struct err *e)
{
	struct auth *a = l->auth;
	int64_t step = -1;
	int rc = is_locked(a, l->name, e); /* guesses that ran beside the fifth count as well */

	if (rc != 0)
		return rc;
	rc = user_load(a, l->name, u, e);
	if (rc < 0)
		return rc;
	/* The hash again: the password may have been changed while the pool computed with the old one. */
	if (rc == 0 && u->confirmed && strcmp(u->password, l->hash) == 0)
		step = totp_verify(u->totp, l->otp, a->now_ms() / 1000, u->totp_last_step);
	/* One text for a wrong name, password or code, and no earlier answer for any of them: which one it was
	 * is nobody's business who cannot log in. */
	if (!l->password_fits || step < 0) {
		*locked = lockout_fail(a, l->name);
		err_set(e, "wrong user name, password or one-time code; a code is good once");
		return AUTH_E_UNAUTHENTICATED;
	}
	/* Written before the certificates are made, under the revision that was read: of two logins with one
	 * code that run side by side one fails. */
	u->totp_last_step = step;
	rc = user_save(a, u, e);
	if (rc == 0)
		lockout_clear(a, l->name);
	return rc;
}

/* ran false: the pool was too full, or ends. */
static void
on_verified(void *arg, bool ran)
{
	struct login *l = arg;
	struct user u = { 0 };
	bool locked = false;
	struct err e;
	int rc;

	if (!ran) {
		err_set(&e, "the server is busy; try again");
		rc = AUTH_E_BUSY;
	} else if ((rc = prove(l, &u, &locked, &e)) == 0) {
		rc = decide(l, &u, &e);
	}
	user_done(&u);
	if (rc != 0) {
		end(l, rc, locked, &e);
		return;
	}
	sign(l);
}

/* On a thread of the pool: touches l alone. While it runs login_abandon does not free l. */
static void
work_verify(void *arg)
{
	struct login *l = arg;

	/* Without a hash it computes as long as with one: how long it takes says nothing about
	 * who exists. */
	l->password_fits = password_verify(l->hash, l->password);
	secret_zero(l->password, sizeof(l->password));
}

/* --- start ---------------------------------------------------------------------------------- */

static int
check_request(struct auth *a, const struct login_request *q, struct err *e)
{
	unsigned factor = q->origin->hidden ? LOGIN_PROXY_FACTOR : 1;
	int rc = values_check_keys(q->ssh_key, q->tls_key, "a login", e);

	if (rc != 0)
		return rc;
	if (q->ttl_s < 0) {
		err_set(e, "the time to live is negative");
		return AUTH_E_INVALID;
	}
	/* Before the password is looked at: Argon2id is what an attacker would make us compute. */
	if (!rate_take(a->logins, q->origin->at.ip, factor, a->now_ms())) {
		err_set(e, "too many logins from your address; wait a minute");
		return AUTH_E_BUSY;
	}
	return is_locked(a, q->user, e);
}

/* Copies all that the request lends: it is gone when login_start returns. */
static int
fill(struct login *l, const struct login_request *q, struct err *e)
{
	struct user u;
	int rc;

	buf_init(&l->ssh_key, BROUGHT_KEY_MAX);
	buf_init(&l->tls_key, BROUGHT_KEY_MAX);
	buf_init(&l->ssh_cert, 65536);
	buf_init(&l->tls_pem, 65536);
	l->asked_ttl_s = q->ttl_s;
	l->origin = *q->origin;
	/* What is too long cannot be right; it costs the same as anything wrong. */
	if (!str_copy(l->name, sizeof(l->name), q->user))
		l->name[0] = '\0';
	if (!str_copy(l->password, sizeof(l->password), q->password))
		l->password[0] = '\0';
	if (!str_copy(l->otp, sizeof(l->otp), q->otp))
		l->otp[0] = '\0';
	if (!buf_put(&l->ssh_key, q->ssh_key.p, q->ssh_key.n) ||
	    !buf_put(&l->tls_key, q->tls_key.p, q->tls_key.n))
		return err_memory(e);
	rc = user_load(l->auth, l->name, &u, e);
	if (rc == 0 && u.confirmed)
		str_copy(l->hash, sizeof(l->hash), u.password);
	user_done(&u);
	return rc < 0 ? rc : 0;
}

int
login_start(struct login **ret, struct auth *a, const struct login_request *q, login_fn done,
    void *arg, struct err *e)
{
	int rc = check_request(a, q, e);
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
	if (rc == 0 && timer_init(&l->wait, a->loop, sign, l) < 0)
		rc = err_memory(e);
	if (rc == 0 && pool_submit(a->pool, work_verify, on_verified, l) < 0) {
		err_set(e, "the server is busy; try again");
		rc = AUTH_E_BUSY;
	}
	if (rc != 0) {
		login_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}
