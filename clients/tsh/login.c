/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: see login.h. The password goes to authd inside TLS that the proxy only passes through.
 */
#include "tsh/login.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "crypto/identity.h"
#include "crypto/sshcert.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"
#include "proto/auth.sync.h"
#include "rpc/bytes.h"
#include "tsh/browser.h"
#include "tsh/discover.h"

enum { PASSWORD_MAX = 256 };

/* Keys made for this login. */
struct keys {
	struct sshkey *ssh;
	struct x509_key *tls;
	struct buf spki;
};

/* New ones with each login: a key that was stolen is worth as little as its certificate when that
 * ends. */
static int
keys_make(struct keys *k, struct err *e)
{
	*k = (struct keys){ 0 };
	buf_init(&k->spki, X509_SPKI_MAX);
	if (sshkey_generate(&k->ssh) < 0 || x509_key_generate(&k->tls) < 0 ||
	    x509_key_spki(k->tls, &k->spki) < 0)
		return err_set(e, "cannot make keys");
	return 0;
}

static void
keys_done(struct keys *k)
{
	sshkey_free(k->ssh);
	x509_key_free(k->tls);
	buf_done(&k->spki);
}

/* --- asking ------------------------------------------------------------------------------------ */

/* How to reach authd before anybody is logged in. */
struct way {
	const struct login_wish *wish;
	const struct discovery *d;
};

static int
open_client(struct client **ret, void *arg, struct err *e)
{
	const struct way *w = arg;

	return client_open_anonymous(ret, w->wish->proxy, w->d->ca->cluster, w->d->ca->host_pem, e);
}

enum { USE_BROWSER = 1 };

/* Whoever reads what is printed can go to the page. A script would wait for nobody; it says --auth=browser if that is meant. */
static int
use_browser(struct err *e)
{
	if (cli_prompt_has_person())
		return USE_BROWSER;
	return err_set(e,
	    "no one-time code of an authenticator app, and no terminal: to log in with a browser, say --auth=browser");
}

/* Asks for both secrets and sends them. 0 with *ret, or negative with e; USE_BROWSER: he has no such code. */
static int
log_in_here(struct way *w, Auth__PublicKeys *keys, Auth__UserIdentity **ret, struct err *e)
{
	const struct login_wish *wish = w->wish;
	Auth__LoginRequest q = AUTH__LOGIN_REQUEST__INIT;
	char password[PASSWORD_MAX], otp[16], prompt[400];
	struct client *c = NULL;
	int rc;

	q.user = wish->user;
	q.keys = keys;
	q.ttl_s = wish->ttl_s;
	(void)str_format(prompt, sizeof prompt, "Password of the Sallyport user %s: ", wish->user);
	rc = cli_prompt_secret(prompt, password, sizeof password, e);
	if (rc == 0)
		rc = cli_prompt_otp(
		    "One-time code of your second factor (Enter: log in with a browser): ", otp,
		    sizeof otp, e);
	if (rc == 0 && !*otp) {
		rc = use_browser(e);
	} else if (rc == 0 && (rc = open_client(&c, w, e)) == 0) {
		q.password = password;
		q.otp = otp;
		rc = auth_sync_login(c, &q, ret, e);
		if (rc < 0 && client_code(c) == RPC_NOT_FOUND)
			rc = use_browser(e);
	}
	client_free(c);
	/* The code is worth nothing a minute later; the password is worth something for years. */
	explicit_bzero(password, sizeof password);
	return rc;
}

/* *by_browser: he was asked nothing here, or had no code to give. */
static int
call_login(struct way *w, const struct keys *k, Auth__UserIdentity **ret, bool *by_browser,
    struct err *e)
{
	struct span ssh = sshkey_blob(k->ssh);
	Auth__PublicKeys public = AUTH__PUBLIC_KEYS__INIT;
	const struct browser_login b = { w->wish, &public, open_client, w };
	int rc = USE_BROWSER;

	public.ssh = bytes_of(ssh);
	public.tls = bytes_of(buf_span(&k->spki));
	if (!w->wish->browser)
		rc = log_in_here(w, &public, ret, e);
	*by_browser = rc == USE_BROWSER;
	return rc == USE_BROWSER ? browser_login(&b, ret, e) : rc;
}

/* --- keeping ------------------------------------------------------------------------------------- */

static int
save_ssh(const struct profile *p, const struct keys *k, const Auth__UserIdentity *id, struct err *e)
{
	struct span cert = { id->ssh_cert.data, id->ssh_cert.len };
	char path[PROFILE_PATH_MAX];
	struct buf line;
	int rc;

	if (profile_path(p, PROFILE_SSH_KEY, true, path, e) < 0 ||
	    sshkey_save(k->ssh, path, p->user, e) < 0)
		return -1;
	buf_init(&line, 2 * SSHCERT_BLOB_MAX);
	rc = sshkey_blob_to_line(cert, p->user, &line);
	/* With the NUL that makes it a text. */
	buf_put(&line, "\n", 2);
	rc = rc < 0 || !buf_ok(&line)
	    ? err_set(e, "the certificate is malformed")
	    : profile_write(p, PROFILE_SSH_CERT, (char *)buf_head(&line), e);
	buf_done(&line);
	return rc;
}

static int
save_tls(const struct profile *p, const struct keys *k, const Auth__UserIdentity *id, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, X509_PEM_MAX);
	rc = x509_key_to_pem(k->tls, &pem);
	buf_put(&pem, "", 1);
	rc = rc < 0 || !buf_ok(&pem) ? err_set(e, "cannot write the TLS key")
				     : profile_write(p, PROFILE_TLS_KEY, (char *)buf_head(&pem), e);
	buf_wipe(&pem);
	return rc < 0 ? -1 : profile_write(p, PROFILE_TLS_CERT, id->tls_cert_pem, e);
}

/* Host certificates of the cluster are believed for its names, for the proxy's, and for bare node names. */
static int
save_known_hosts(const struct profile *p, const struct bundle *ca, struct err *e)
{
	const char *address = *p->ssh_addr ? p->ssh_addr : p->proxy;
	char host[256];
	uint16_t port = 0;
	struct buf b;
	int rc = 0;

	if (!str_host_port(address, 3023, host, sizeof host, &port))
		return err_set(e, "the proxy's SSH address is malformed: %s", address);
	buf_init(&b, 65536);
	for (size_t i = 0; i < ca->n_host_ssh && rc == 0; i++) {
		/* With and without the port of nodes: OpenSSH takes a star for any, Go's knownhosts wants the number. */
		buf_printf(&b, "@cert-authority *.%s,[*.%s]:3022,[*.%s]:*,%s,[%s]:%u ", p->cluster,
		    p->cluster, p->cluster, host, host, port);
		rc = sshkey_blob_to_line(ca->host_ssh[i], p->cluster, &b);
		buf_put(&b, "\n", 1);
	}
	buf_put(&b, "", 1);
	rc = rc < 0 || !buf_ok(&b) ? err_set(e, "the host CA's key is malformed")
				   : profile_write(p, PROFILE_KNOWN_HOSTS, (char *)buf_head(&b), e);
	buf_done(&b);
	return rc;
}

/* -1: no memory; what was copied is the list's. */
static int
copy_list(char ***ret, unsigned *ret_n, const char *const *items, size_t n)
{
	if (!(*ret = calloc(n + 1, sizeof **ret)))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!((*ret)[(*ret_n)++] = strdup(items[i])))
			return -1;
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NULL: no memory. */
static struct profile *
make_profile(const char *proxy, const struct discovery *d, const Auth__UserIdentity *id)
{
	struct profile *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->proxy = strdup(proxy);
	p->ssh_addr = strdup(d->ssh_addr);
	p->user = strdup(id->user);
	p->cluster = strdup(id->cluster);
	p->valid_until_s = id->valid_until / 1000;
	if (p->proxy && p->ssh_addr && p->user && p->cluster &&
	    copy_list(&p->roles, &p->roles_count, (const char *const *)id->roles, id->n_roles) ==
		0 &&
	    copy_list(&p->logins, &p->logins_count, (const char *const *)id->logins,
		id->n_logins) == 0 &&
	    copy_list(&p->extensions, &p->extensions_count, (const char *const *)id->extensions,
		id->n_extensions) == 0) {
		if (p->roles_count > 0)
			qsort(p->roles, p->roles_count, sizeof *p->roles, by_text);
		if (p->extensions_count > 0)
			qsort(p->extensions, p->extensions_count, sizeof *p->extensions, by_text);
		return p;
	}
	profile_free(p);
	return NULL;
}

/* What is shown on terminals and written into lines. */
static bool
are_printable(const char *const *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		/* The profile's file has them as "[a, b]": these would be read back as something
		 * else. */
		if (!str_is_printable(items[i], strlen(items[i])) || strpbrk(items[i], ",[]"))
			return false;
	return true;
}

/* Into the profile. Negative: something of it may be written; the next login writes all of it
 * again. */
static int
keep(struct profile *p, const struct keys *k, const struct discovery *d,
    const Auth__UserIdentity *id, struct err *e)
{
	/* The name becomes that of files, and it came over the network. */
	if (!identity_name_ok(span_str(id->user)) || strcmp(id->cluster, d->ca->cluster) != 0)
		return err_set(e, "authd answered for another user or cluster");
	if (!are_printable((const char *const *)id->roles, id->n_roles) ||
	    !are_printable((const char *const *)id->logins, id->n_logins) ||
	    !are_printable((const char *const *)id->extensions, id->n_extensions))
		return err_set(e, "authd answered with names that cannot be");
	if (save_ssh(p, k, id, e) < 0 || save_tls(p, k, id, e) < 0 ||
	    save_known_hosts(p, d->ca, e) < 0 ||
	    profile_write(p, PROFILE_CA, d->ca->host_pem, e) < 0 ||
	    profile_write(p, PROFILE_USER_CA, d->ca->user_pem, e) < 0)
		return -1;
	/* Last: what names the new login is written when its keys and certificates are there. */
	return profile_save(p, e);
}

/* --- the whole of it ------------------------------------------------------------------------------- */

/* The host CAs that a login through this proxy left here, its own user's first; NULL: nobody has logged in. */
static char *
known_authorities(const struct login_wish *wish)
{
	struct profile_list l;
	char *pem = NULL;

	if (profile_list(&l, NULL) < 0)
		return NULL;
	for (int own = 1; own >= 0 && !pem; own--)
		for (size_t i = 0; i < l.n && !pem; i++)
			if (strcmp(l.all[i]->proxy, wish->proxy) == 0 &&
			    (strcmp(l.all[i]->user, wish->user) == 0) == (own == 1))
				(void)profile_read(l.all[i], PROFILE_CA, &pem, NULL);
	profile_list_done(&l);
	return pem;
}

int
login_run(const struct login_wish *wish, struct profile **ret, struct err *e)
{
	_cleanup_free_ char *known = known_authorities(wish);
	struct discovery d = { 0 };
	struct way way = { wish, &d };
	Auth__UserIdentity *id = NULL;
	struct keys k = { 0 };
	bool by_browser;
	int rc = -1;

	*ret = NULL;
	if (discover(&d, wish->proxy, wish->ca_pin, known, e) == 0 && keys_make(&k, e) == 0 &&
	    call_login(&way, &k, &id, &by_browser, e) == 0) {
		*ret = make_profile(wish->proxy, &d, id);
		if (*ret)
			(*ret)->browser = by_browser;
		rc = *ret ? keep(*ret, &k, &d, id, e) : err_memory(e);
	}
	client_free_reply(id);
	keys_done(&k);
	discover_done(&d);
	return rc;
}

bool
login_is_withdrawn(const struct profile *p)
{
	Auth__Empty q = AUTH__EMPTY__INIT;
	struct client *c;
	struct err e;
	bool withdrawn;

	/* The profile is damaged: only a login mends that. */
	if (client_open(&c, p, &e) < 0)
		return true;
	withdrawn = auth_sync_get_status(c, &q, NULL, &e) < 0 &&
	    client_code(c) == RPC_UNAUTHENTICATED;
	client_free(c);
	return withdrawn;
}
