/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_invite: the page behind the one-time link of `tctl users add`: choose a password, scan the
 * QR code, prove it with a code; that needs no script. With it (web/invite.mjs) a security key can be had instead, by the
 * JSON API.
 *
 * Security: the link is the secret (128 bits). proxyd sees the password of this one form, since a
 * browser cannot speak to authd; it passes it on and keeps nothing. Requests are counted per
 * address; forms from elsewhere are refused, and only one that says that it is ours signs in.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "crypto/identity.h"
#include "proto/auth.async.h"
#include "proxy/asset.h"
#include "proxy/web_page.h"
#include "net/rate.h"
#include "proxy/web.h"
#include "proxy/web_session.h"

enum {
	TOKEN_DIGITS = 32,
	PASSWORD_SIZE = 513,
	OTP_SIZE = 16,
	QR_MAX = 64 * 1024,
};

/* One request on its way through authd. */
struct invite {
	struct http_request *request;
	struct web *web;
	struct rpc_client *as; /* that says whose browser it is; NULL: not asked */
	struct list link;      /* web->invites */
	char token[TOKEN_DIGITS + 1];
	char problem[256]; /* said on the form; "" at first */
	char user[128];    /* as the form that was sent names him; "" at first */
	int status;
};

static void
invite_notice(struct http_request *r, const struct web *w, int status, const char *title,
    const char *text)
{
	web_notice(r, w, status, &(struct web_notice){ title, text, NULL });
}

static bool
is_token(const char *s)
{
	return strlen(s) == TOKEN_DIGITS && strspn(s, "0123456789abcdef") == TOKEN_DIGITS;
}

static void
invite_free(struct invite *i)
{
	list_del(&i->link);
	rpc_client_free(i->as);
	free(i);
}

/* NULL when the request was answered already. */
static struct invite *
invite_new(struct http_request *r, struct web *w)
{
	struct invite *i;

	if (!rate_take(w->rate, http_peer(r)->ip, 1, loop_now_ms(w->config.loop))) {
		http_set_header(r, "Retry-After", "60");
		invite_notice(r, w, 429, "Too many requests", "Wait a minute, then try again.");
		return NULL;
	}
	/* Looked at here, so that guesses of any other form cost authd nothing. */
	if (!is_token(http_param(r))) {
		invite_notice(r, w, 404, "No such link",
		    "Check that the link is complete, or ask for a new one.");
		return NULL;
	}
	i = calloc(1, sizeof(*i));
	if (!i) {
		http_reply_text(r, 503, "out of memory\n");
		return NULL;
	}
	list_add(&w->invites, &i->link);
	i->request = r;
	i->web = w;
	i->status = 200;
	(void)str_copy(i->token, sizeof(i->token), http_param(r));
	return i;
}

/* --- the form -------------------------------------------------------------------- */

static void
invite_form(const struct invite *i, const Auth__InviteInfo *info)
{
	struct buf qr;

	buf_init(&qr, QR_MAX);
	if (page_put_qr(&qr, info->totp_uri) < 0 || !buf_put(&qr, "", 1)) {
		http_reply_text(i->request, 500, "cannot make the QR code\n");
	} else {
		web_page_scripted(i->request, i->status, asset_invite_html,
		    (const char *[]){ "user", info->user, "cluster", i->web->config.cluster,
			"secret", info->totp_secret, "qr", (const char *)buf_head(&qr), "token",
			i->token, "problem", i->problem, "title",
			info->reset ? "Set a new password" : "Welcome", "problem_class",
			i->problem[0] ? "problem" : "hidden", NULL });
	}
	/* The code is the seed. */
	buf_wipe(&qr);
}

/* Owns the invite; it ends here. */
static void
on_invite(enum rpc_code code, const char *why, const Auth__InviteInfo *reply, void *arg)
{
	struct invite *i = arg;

	if (code == RPC_OK) {
		invite_form(i, reply);
	} else if (code == RPC_UNAVAILABLE || code == RPC_DEADLINE_EXCEEDED) {
		log_warn("invite page: authd does not answer", "cause", why, NULL);
		invite_notice(i->request, i->web, 503, "Not now",
		    "The cluster does not answer. Try again in a moment.");
	} else {
		invite_notice(i->request, i->web, 404, "This link is not valid",
		    "It was used already, or has expired. Ask your administrator for a new one.");
	}
	invite_free(i);
}

/* The link's secret goes to authd; what comes back is on_invite's. */
static void
invite_get(struct invite *i)
{
	Auth__Name q = AUTH__NAME__INIT;

	q.name = i->token;
	auth_get_invite(i->web->config.auth, &q, on_invite, i);
}

void
web_invite_show(struct http_request *r, void *arg)
{
	struct invite *i = invite_new(r, arg);

	if (i)
		invite_get(i);
}

/* --- the form, filled in --------------------------------------------------------- */

/* The form again, with what is wrong. */
static void
invite_again(struct invite *i, int status, const char *problem)
{
	i->status = status;
	(void)str_copy(i->problem, sizeof(i->problem), problem);
	if (i->problem[0] >= 'a' &&
	    i->problem[0] <= 'z') /* authd's texts are made to stand behind "ERROR: " */
		i->problem[0] = (char)(i->problem[0] - ('a' - 'A'));
	invite_get(i);
}

static void
invite_done(const struct invite *i, bool signed_in)
{
	char command[WEB_COMMAND_MAX];

	/* It is to be pasted into a shell: a form that names somebody else names nobody. */
	web_login_command(i->web, identity_name_ok(span_str(i->user)) ? i->user : "NAME", command,
	    sizeof(command));
	web_notice(i->request, i->web, 200,
	    &(struct web_notice){ "All set",
		"Your password and second factor are stored. Log in from a terminal:", command,
		signed_in });
}

static void
on_completed(enum rpc_code code, const char *why, const Auth__WebLoginReply *reply, void *arg)
{
	struct invite *i = arg;

	/* Its only call is over. */
	rpc_client_free(i->as);
	i->as = NULL;
	if (code == RPC_OK) {
		log_info("invitation completed", "peer", http_peer(i->request)->ip, NULL);
		if (*reply->token)
			web_session_keep(i->request, reply->token);
		invite_done(i, *reply->token != '\0');
	} else if (code == RPC_NOT_FOUND || code == RPC_UNAVAILABLE ||
	    code == RPC_DEADLINE_EXCEEDED) {
		/* The link is used up or authd is away: the form would not help, and on_invite has
		 * the words. It frees i. */
		on_invite(code, why, NULL, i);
		return;
	} else {
		invite_again(i, 400, why);
		return;
	}
	invite_free(i);
}

struct filled {
	char password[PASSWORD_SIZE], again[PASSWORD_SIZE], otp[OTP_SIZE];
};

/* What is wrong with the form, or NULL. */
static const char *
filled_read(struct filled *f, const struct http_request *r)
{
	struct span form = http_body(r);
	size_t n = 0;

	if (!http_form_value(form, "password", f->password, sizeof(f->password)) ||
	    f->password[0] == '\0')
		return "Choose a password.";
	if (!http_form_value(form, "password2", f->again, sizeof(f->again)) ||
	    strcmp(f->password, f->again) != 0)
		return "The two passwords are not the same.";
	if (!http_form_value(form, "otp", f->otp, sizeof(f->otp)))
		return "Type the six digits that your authenticator shows.";
	for (size_t i = 0; f->otp[i]; i++)
		if (f->otp[i] != ' ')
			f->otp[n++] = f->otp[i];
	f->otp[n] = '\0';
	if (n != 6 || strspn(f->otp, "0123456789") != n)
		return "Type the six digits that your authenticator shows.";
	return NULL;
}

static void
invite_send(struct invite *i, Auth__CompleteInviteRequest *q)
{
	char client[ADDR_TEXT_SIZE + 8], browser[WEB_BROWSER_SIZE];

	addr_text(http_peer(i->request), client, sizeof(client));
	web_browser(i->request, browser);
	q->browser = browser;
	/* A form that says not where it comes from sets the password of whoever has the link, which is its secret; but a page of
	 * somebody else's must not make a browser his. */
	q->no_session = !web_from_own_page(i->request);
	i->as = rpc_client_for(i->web->config.auth, NULL, client);
	if (i->as) {
		auth_complete_invite(i->as, q, on_completed, i);
		return;
	}
	http_reply_text(i->request, 503, "out of memory\n");
	invite_free(i);
}

void
web_invites_done(struct web *w)
{
	list_each (struct invite, i, &w->invites, link) {
		http_reply_error(i->request, 503, "this proxy stops");
		invite_free(i);
	}
}

void
web_invite_complete(struct http_request *r, void *arg)
{
	struct invite *i = invite_new(r, arg);
	Auth__CompleteInviteRequest q = AUTH__COMPLETE_INVITE_REQUEST__INIT;
	struct filled f = { "", "", "" };
	const char *problem;

	if (!i)
		return;
	if (web_from_elsewhere(r)) {
		invite_notice(r, i->web, 403, "Refused",
		    "This form came from another site. Open the link itself.");
		invite_free(i);
		return;
	}
	(void)http_form_value(http_body(r), "username", i->user, sizeof(i->user));
	problem = filled_read(&f, r);
	if (problem) {
		invite_again(i, 400, problem);
	} else {
		q.token = i->token;
		q.password = f.password;
		q.otp = f.otp;
		invite_send(i, &q);
	}
	/* The call has packed its own copy by now. */
	explicit_bzero(&f, sizeof(f));
}
