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
#include "crypto/x509.h"
#include "net/addr.h"
#include "net/ceiling.h"
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
	char source
	    [ADDR_TEXT_SIZE]; /* what counts as one address of the origin; "": not known, or hidden */
	bool known;           /* he logged in from there before */
	bool verifying;       /* counted in auth->verifying */
	int64_t asked_ttl_s;
	bool password_fits;
	struct buf ssh_key, tls_key, ssh_cert, tls_pem;
	struct names roles, logins, principals, extensions;
	struct policy_options options;
	int64_t valid_until_s;
	struct timer wait;
	bool signing;
	enum lockout_scope closed; /* by this failure */
};

static void verifying_drop(struct login *l);

static void
login_free(struct login *l)
{
	timer_done(&l->wait);
	verifying_drop(l);
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
end(struct login *l, int rc, const struct err *e)
{
	struct login_result result = { .user = l->name,
		.roles = &l->roles,
		.logins = &l->logins,
		.extensions = &l->extensions,
		.valid_until_s = l->valid_until_s,
		.ssh_cert = buf_span(&l->ssh_cert),
		.tls_pem = buf_span(&l->tls_pem),
		.closed = l->closed };

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
		end(l, -1, &e);
		return;
	}
	end(l, 0, NULL);
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
		end(l, -1, &e);
	} else if (signer_sign_x509(l->auth->signer, &q, on_tls_signed, l, &e) < 0) {
		end(l, AUTH_E_BUSY, &e);
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
		end(l, AUTH_E_DENIED, &e);
		return;
	}
	if (l->options.pin_source_ip) {
		if (!l->origin.at.ip[0] || l->origin.hidden) {
			err_set(&e,
			    "your roles pin the address you come from, and it is not known here");
			end(l, AUTH_E_DENIED, &e);
			return;
		}
		str_format(cidr, sizeof(cidr), "%s/%d", l->origin.at.ip,
		    strchr(l->origin.at.ip, ':') ? 128 : 32);
		q.source_address = cidr;
	}
	if (signer_sign_ssh_user(l->auth->signer, &q, on_ssh_signed, l, &e) < 0)
		end(l, AUTH_E_BUSY, &e);
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

/* Whether there may be anything to do in the cluster itself. */
static bool
has_rules(const struct policy_user *user)
{
	for (size_t i = 0; i < user->n_roles; i++)
		if (user->roles[i]->allow.n_rules > 0)
			return true;
	return false;
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
	if (n == 0 && !has_rules(&view.user)) {
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
	/* Whatever the roles allow: today's nodes forward nothing (services/node/channel.c), and a certificate promises
	 * nothing that no node grants. */
	l->options.forward_agent = l->options.port_forwarding = false;
	l->valid_until_s = l->auth->now_ms() / 1000 +
	    policy_session_ttl(&view.user, l->asked_ttl_s);
	return decide_extensions(l) < 0 ? err_memory(e) : 0;
}

/* --- proof --------------------------------------------------------------------------------- */

static struct lockout_try
try_of(const struct login *l)
{
	return (struct lockout_try){ .user = l->name, .source = l->source, .known = l->known };
}

/* "3 minutes", "20 seconds": never shorter than it is. */
static void
wait_text(int64_t ms, char *dst, size_t size)
{
	if (ms > 60 * 1000)
		str_format(dst, size, "%lld minutes", (long long)((ms + 59999) / 60000));
	else
		str_format(dst, size, "%lld seconds", (long long)((ms + 999) / 1000));
}

/* Before the password too: a closed door costs no Argon2id. */
static int
check_open(struct login *l, struct err *e)
{
	struct lockout_try who = try_of(l);
	char wait[48];
	int64_t until;

	switch (lockout_closed(l->auth, &who, &until)) {
	case LOCKOUT_OPEN:
		return 0;
	case LOCKOUT_SOURCE:
		wait_text(until - l->auth->now_ms(), wait, sizeof(wait));
		err_set(e,
		    "too many failed logins of this user from your address: try again in %s; `tctl users update "
		    "--unlock` opens it before",
		    wait);
		break;
	case LOCKOUT_NAME:
		wait_text(until - l->auth->now_ms(), wait, sizeof(wait));
		err_set(e,
		    "too many failed logins of this user from many addresses: try again in %s, or from where you "
		    "logged in before; `tctl users update --unlock` opens it before",
		    wait);
		break;
	}
	return AUTH_E_STATE;
}

/* --- what a try costs ------------------------------------------------------------------------ */

static unsigned
factor_of(const struct login *l)
{
	return l->origin.hidden ? LOGIN_PROXY_FACTOR : 1;
}

/* Argon2id is what an attacker would make us compute: everybody has a small share of the queue, and strangers together not
 * all of it. A proxy that hides its people is not one address. */
static bool
verifying_take(struct login *l)
{
	struct auth *a = l->auth;
	const char *who = l->origin.hidden ? l->name : l->source;

	if (!l->known && ceiling_count(a->verifying) >= LOGIN_VERIFYING_STRANGERS)
		return false;
	l->verifying = ceiling_take(a->verifying, who);
	return l->verifying;
}

static void
verifying_drop(struct login *l)
{
	if (l->verifying)
		ceiling_drop(l->auth->verifying, l->origin.hidden ? l->name : l->source);
	l->verifying = false;
}

/* What others at his address did is not his fault: who is known there does not wait for them. */
static int
take_rate(struct login *l, struct err *e)
{
	struct auth *a = l->auth;

	if (l->known || rate_take(a->logins, l->origin.at.ip, factor_of(l), a->now_ms()))
		return 0;
	err_set(e, "too many logins from your address; wait %lld seconds",
	    (long long)(rate_wait_ms(a->logins, l->origin.at.ip, factor_of(l), a->now_ms()) / 1000 +
		1));
	return AUTH_E_BUSY;
}

static void
charge(struct login *l)
{
	struct lockout_try who = try_of(l);

	l->closed = lockout_fail(l->auth, &who);
	/* Not behind a proxy that hides its people: there it would be the penalty of all of them. */
	if (!l->known && !l->origin.hidden)
		rate_fail(l->auth->logins, l->origin.at.ip, factor_of(l), l->auth->now_ms());
}

/* On the loop again: everything that must be looked at together. */
static int
prove(struct login *l, struct user *u, struct err *e)
{
	struct auth *a = l->auth;
	struct lockout_try who = try_of(l);
	struct factor *factor = NULL;
	int rc = check_open(l, e); /* guesses that ran beside the fifth count as well */

	if (rc != 0)
		return rc;
	rc = user_load(a, l->name, u, e);
	if (rc < 0)
		return rc;
	/* The hash again: the password may have been changed while the pool computed with the old one. Only who has it
	 * learns that a seed does not open. */
	if (rc == 0 && u->confirmed && l->password_fits && strcmp(u->password, l->hash) == 0 &&
	    factor_take_code(a, u->name, &u->factors, l->otp, &factor, e) < 0)
		return -1;
	/* One text for a wrong name, password or code, and no earlier answer for any of them: which one it was
	 * is nobody's business who cannot log in. */
	if (!factor) {
		charge(l);
		err_set(e, "wrong user name, password or one-time code; a code is good once");
		return AUTH_E_UNAUTHENTICATED;
	}
	/* What was used is written before the certificates are made, under the revision that was read: of two logins with
	 * one code that run side by side one fails. */
	if (l->source[0])
		user_note_source(u, l->source, a->now_ms());
	rc = user_save(a, u, e);
	if (rc == 0)
		lockout_forgive(a, &who);
	return rc;
}

/* ran false: the pool was too full, or ends. */
static void
on_verified(void *arg, bool ran)
{
	struct login *l = arg;
	struct user u = { 0 };
	struct err e;
	int rc;

	verifying_drop(l);
	if (!ran) {
		err_set(&e, "the server is busy; try again");
		rc = AUTH_E_BUSY;
	} else if ((rc = prove(l, &u, &e)) == 0) {
		rc = decide(l, &u, &e);
	}
	user_done(&u);
	if (rc != 0) {
		end(l, rc, &e);
		return;
	}
	sign(l);
}

/* On a thread of the pool: touches l, and what never changes while authd runs. While it runs login_abandon does not free l. */
static void
work_verify(void *arg)
{
	struct login *l = arg;

	/* Without a hash it computes as long as with one: how long it takes says nothing about
	 * who exists. */
	l->password_fits = password_verify(l->hash, l->auth->hash_passes, l->password);
	secret_zero(l->password, sizeof(l->password));
}

/* --- start ---------------------------------------------------------------------------------- */

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
	/* A proxy that hides its people is nobody's address: what one of them fails is not the others' fault. */
	if (l->origin.at.ip[0] && !l->origin.hidden)
		addr_prefix(l->source, l->origin.at.ip, 32, 64);
	rc = user_load(l->auth, l->name, &u, e);
	if (rc == 0 && u.confirmed) {
		str_copy(l->hash, sizeof(l->hash), u.password);
		l->known = l->source[0] && user_knows(&u, l->source, l->auth->now_ms());
	}
	user_done(&u);
	return rc < 0 ? rc : 0;
}

int
login_start(struct login **ret, struct auth *a, const struct login_request *q, login_fn done,
    void *arg, struct err *e)
{
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
	if (rc == 0 && timer_init(&l->wait, a->loop, sign, l) < 0)
		rc = err_memory(e);
	/* Before the password is looked at. */
	if (rc == 0)
		rc = take_rate(l, e);
	if (rc == 0)
		rc = check_open(l, e);
	if (rc == 0 &&
	    (!verifying_take(l) || pool_submit(a->pool, work_verify, on_verified, l) < 0)) {
		err_set(e, "too many logins are being looked at; try again in a moment");
		rc = AUTH_E_BUSY;
	}
	if (rc != 0) {
		login_free(l);
		return rc;
	}
	*ret = l;
	return 0;
}
