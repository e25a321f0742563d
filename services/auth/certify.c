/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certify: the steps of certify.h. What waits for the signer is one struct certify.
 */
#include "auth/certify.h"

#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/cutoff.h"
#include "auth/user.h"
#include "auth/web_session.h"
#include "base/str.h"

struct certify {
	struct auth *auth;
	certify_fn done;
	void *arg;
	char name[NAME_LEN_MAX + 1];
	struct origin origin;
	struct buf ssh_key, tls_key, ssh_cert, tls_pem;
	struct certify_rights rights;
	struct names principals, extensions;
	struct timer wait;
	/* For the look at the end: */
	char web[WEB_SESSION_KEY_SIZE]; /* "": no web session asks */
	int64_t ttl_s, until_s;
	struct cutoff_mark mark;
};

static void
certify_free(struct certify *c)
{
	timer_done(&c->wait);
	buf_done(&c->ssh_key);
	buf_done(&c->tls_key);
	buf_done(&c->ssh_cert);
	buf_done(&c->tls_pem);
	certify_rights_done(&c->rights);
	names_done(&c->principals);
	names_done(&c->extensions);
	free(c);
}

/* What the result points to dies with it. */
static void
tell(struct certify *c, int rc, const struct err *e)
{
	struct certify_result result = { .user = c->name,
		.roles = &c->rights.roles,
		.logins = &c->rights.logins,
		.extensions = &c->extensions,
		.valid_until_s = c->rights.valid_until_s,
		.ssh_cert = buf_span(&c->ssh_cert),
		.tls_pem = buf_span(&c->tls_pem) };

	c->done(rc, &result, e, c->arg);
	certify_free(c);
}

/* --- the end ------------------------------------------------------------------------------ */

static bool
same_options(const struct policy_options *a, const struct policy_options *b)
{
	return a->permit_pty == b->permit_pty && a->forward_agent == b->forward_agent &&
	    a->port_forwarding == b->port_forwarding && a->pin_source_ip == b->pin_source_ip;
}

static int
rights_now(const struct certify *c, const struct user *u, struct certify_rights *ret, struct err *e)
{
	int rc = certify_rights(c->auth, u, c->ttl_s, ret, e);

	if (c->until_s > 0 && ret->valid_until_s > c->until_s)
		ret->valid_until_s = c->until_s;
	return rc;
}

/* What was signed is what he may now. Roles change without a cut-off, and are read again. */
static int
check_rights(struct certify *c, struct err *e)
{
	struct certify_rights now = { 0 };
	struct user u;
	int rc = user_load(c->auth, c->name, &u, e);

	if (rc == 0)
		rc = rights_now(c, &u, &now, e);
	if (rc == 0 &&
	    (!names_equal(&now.roles, &c->rights.roles) ||
		!names_equal(&now.logins, &c->rights.logins) ||
		!same_options(&now.options, &c->rights.options) ||
		now.valid_until_s < c->rights.valid_until_s)) {
		err_set(e, "what your roles allow was changed at this moment; try again");
		rc = AUTH_E_STATE;
	}
	certify_rights_done(&now);
	user_done(&u);
	return rc;
}

static int
check_still(struct certify *c, struct err *e)
{
	int rc = cutoff_check(c->auth, c->name, c->mark, e);

	if (rc == 0 && c->web[0] && !web_session_find(c->auth, c->web)) {
		err_set(e, "your session has ended; log in again");
		rc = AUTH_E_UNAUTHENTICATED;
	}
	return rc == 0 ? check_rights(c, e) : rc;
}

static void
end(struct certify *c, int rc, const struct err *e)
{
	struct err why;

	if (rc == 0) {
		rc = check_still(c, &why);
		e = &why;
	}
	tell(c, rc, e);
}

/* --- signing --------------------------------------------------------------------------- */

static void
on_tls_signed(void *arg, struct span result, const char *error)
{
	struct certify *c = arg;
	struct err e;

	if (error || !buf_put(&c->tls_pem, result.p, result.n)) {
		err_set(&e, "%s", error ? error : "out of memory");
		end(c, -1, &e);
		return;
	}
	end(c, 0, NULL);
}

/* One after the other: without the first the second is not asked for. */
static void
on_ssh_signed(void *arg, struct span result, const char *error)
{
	struct certify *c = arg;
	struct signer_x509 q = { .kind = IDENTITY_USER,
		.name = c->name,
		.spki = buf_span(&c->tls_key),
		.valid_until_s = c->rights.valid_until_s };
	struct err e;

	if (error || !buf_put(&c->ssh_cert, result.p, result.n)) {
		err_set(&e, "%s", error ? error : "out of memory");
		end(c, -1, &e);
	} else if (q.spki.n == 0) {
		end(c, 0, NULL);
	} else if (signer_sign_x509(c->auth->signer, &q, on_tls_signed, c, &e) < 0) {
		end(c, AUTH_E_BUSY, &e);
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

/* The one address that the certificate is good from, in cidr. */
static int
pin(const struct certify *c, char *cidr, size_t size, struct err *e)
{
	const struct web_session *s = c->web[0] ? web_session_find(c->auth, c->web) : NULL;
	const struct origin *o = &c->origin;

	/* Whoever took the cookie elsewhere gets none that is good there. */
	if (c->web[0] && (!s || strcmp(s->address, o->at.ip) != 0)) {
		err_set(e,
		    "your roles pin the address that you logged in from, and this is another; log in again from here");
		return AUTH_E_DENIED;
	}
	if (!o->at.ip[0] || o->hidden) {
		err_set(e, "your roles pin the address you come from, and it is not known here");
		return AUTH_E_DENIED;
	}
	(void)str_format(cidr, size, "%s/%d", o->at.ip, strchr(o->at.ip, ':') ? 128 : 32);
	return 0;
}

static int
sign_ssh(struct certify *c, struct err *e)
{
	const struct policy_options *options = &c->rights.options;
	char roles[8192], traits[8192], cidr[160];
	struct signer_ssh_user q = { .user = c->name,
		.key = buf_span(&c->ssh_key),
		.logins = (const char *const *)(void *)c->principals.v,
		.n_logins = c->principals.n,
		.valid_until_s = c->rights.valid_until_s,
		.permit_pty = options->permit_pty,
		.forward_agent = options->forward_agent,
		.port_forwarding = options->port_forwarding,
		.roles = roles,
		.traits = traits,
		.web_session = c->web[0] ? c->web : NULL };

	if (!comma_list(&c->rights.roles, roles, sizeof(roles)) ||
	    !comma_list(&c->rights.logins, traits, sizeof(traits))) {
		err_set(e, "you have more roles or logins than fit into a certificate");
		return AUTH_E_DENIED;
	}
	if (options->pin_source_ip) {
		if (pin(c, cidr, sizeof(cidr), e) != 0)
			return AUTH_E_DENIED;
		q.source_address = cidr;
	}
	return signer_sign_ssh_user(c->auth->signer, &q, on_ssh_signed, c, e) < 0 ? AUTH_E_BUSY : 0;
}

/* Always by the timer: a certificate of this very second would be cut off by the change that preceded it (cutoff.c). */
static void
sign(void *arg)
{
	struct certify *c = arg;
	struct err e;
	int64_t wait = cutoff_wait_ms(c->auth, cutoff_get(c->auth, RESOURCE_CUTOFF, c->name));
	int rc;

	if (wait > 0) { /* timers may come a little early */
		timer_start(&c->wait, wait + 1);
		return;
	}
	rc = sign_ssh(c, &e);
	if (rc != 0)
		end(c, rc, &e);
}

/* --- rights -------------------------------------------------------------------------------- */

/* Whether there may be anything to do in the cluster itself. */
static bool
has_rules(const struct policy_user *user)
{
	for (size_t i = 0; i < user->n_roles; i++)
		if (user->roles[i]->allow.n_rules > 0)
			return true;
	return false;
}

static int
take_rights(const struct policy_user *user, struct certify_rights *ret, struct err *e)
{
	const char *logins[POLICY_LOGINS_MAX];
	size_t n = policy_logins(user, logins);

	if (user->n_roles == 0) {
		err_set(e,
		    "you have no role that exists, so no certificate makes sense; an administrator must give you one");
		return AUTH_E_DENIED;
	}
	for (size_t i = 0; i < user->n_roles; i++)
		if (names_add(&ret->roles, user->roles[i]->name) < 0)
			return err_set(e, "too many roles");
	for (size_t i = 0; i < n; i++)
		if (names_add(&ret->logins, logins[i]) < 0)
			return err_set(e, "your roles allow more than %d logins", NAMES_MAX);
	if (n == 0 && !has_rules(user)) {
		err_set(e,
		    "your roles allow no login on any host, so no certificate makes sense; an administrator must add "
		    "logins (tctl users update --set-logins) or a role that allows some");
		return AUTH_E_DENIED;
	}
	return 0;
}

/* Read after the proof: those of now count, not those of when the password was sent. */
int
certify_rights(struct auth *a, const struct user *u, int64_t asked_ttl_s,
    struct certify_rights *ret, struct err *e)
{
	struct subject_view view;
	int rc;

	*ret = (struct certify_rights){ 0 };
	if (resource_denies(a,
		&(struct policy_identity){ .user = u->name, .roles = names_view(&u->roles) },
		e) != 0 ||
	    role_view(a, u, &view, e) < 0)
		return AUTH_E_DENIED;
	rc = take_rights(&view.user, ret, e);
	ret->options = policy_options(&view.user);
	/* Whatever the roles allow: today's nodes forward nothing (services/node/channel.c), and a certificate promises
	 * nothing that no node grants. */
	ret->options.forward_agent = ret->options.port_forwarding = false;
	ret->valid_until_s = a->now_ms() / 1000 + policy_session_ttl(&view.user, asked_ttl_s);
	return rc;
}

void
certify_rights_done(struct certify_rights *r)
{
	names_done(&r->roles);
	names_done(&r->logins);
}

/* What the certificate says of them besides. */
static int
derive(struct certify *c, struct err *e)
{
	const struct policy_options *options = &c->rights.options;
	const struct names *logins = &c->rights.logins;

	/* A certificate without principals would be good for every login (OpenSSH, PROTOCOL.certkeys); this one
	 * names none that exists. */
	if (logins->n == 0 && names_add(&c->principals, CERTIFY_NOWHERE) < 0)
		return err_memory(e);
	for (size_t i = 0; i < logins->n; i++)
		if (names_add(&c->principals, logins->v[i]) < 0)
			return err_memory(e);
	if ((options->forward_agent && names_add(&c->extensions, "permit-agent-forwarding") < 0) ||
	    (options->port_forwarding && names_add(&c->extensions, "permit-port-forwarding") < 0) ||
	    (options->permit_pty && names_add(&c->extensions, "permit-pty") < 0))
		return err_memory(e);
	return 0;
}

/* --- start ---------------------------------------------------------------------------------- */

/* Copies all that the request lends. */
static int
fill(struct certify *c, const struct certify_request *q, struct err *e)
{
	int rc;

	buf_init(&c->ssh_key, BROUGHT_KEY_MAX);
	buf_init(&c->tls_key, BROUGHT_KEY_MAX);
	buf_init(&c->ssh_cert, 65536);
	buf_init(&c->tls_pem, 65536);
	c->origin = *q->origin;
	(void)str_copy(c->name, sizeof(c->name), q->user->name);
	(void)str_copy(c->web, sizeof(c->web), q->web ? q->web : "");
	c->ttl_s = q->ttl_s;
	c->until_s = q->until_s;
	c->mark = cutoff_mark(c->auth, c->name);
	rc = rights_now(c, q->user, &c->rights, e);
	if (rc != 0)
		return rc;
	if (!buf_put(&c->ssh_key, q->ssh_key.p, q->ssh_key.n) ||
	    !buf_put(&c->tls_key, q->tls_key.p, q->tls_key.n) ||
	    timer_init(&c->wait, c->auth->loop, sign, c) < 0)
		return err_memory(e);
	return derive(c, e);
}

int
certify_start(struct auth *a, const struct certify_request *q, certify_fn done, void *arg,
    struct err *e)
{
	struct certify *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_memory(e);
	c->auth = a;
	c->done = done;
	c->arg = arg;
	rc = fill(c, q, e);
	if (rc != 0) {
		certify_free(c);
		return rc;
	}
	timer_start(&c->wait, 0);
	return 0;
}
