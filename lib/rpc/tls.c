/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: identities and the gRPC credentials made from them. rpc_identity_set() is called by daemons after a renewal;
 * gRPC asks on_fetch() on threads of its own at every handshake of a server.
 *
 * Security: the private key of a daemon is in struct rpc_identity (zeroed when replaced) and, from there, in gRPC.
 * Servers ask for a client certificate and verify it when one comes (REQUEST_AND_VERIFY), or want one
 * (REQUIRE_AND_VERIFY): of gRPC's five modes only these two check anything.
 */
#include <pthread.h>
#include <string.h>

#include <grpc/support/alloc.h>
#include <grpc/support/string_util.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/x509.h"
#include "rpc/rpc_priv.h"

enum { PEM_MAX = 256 * 1024 };

struct rpc_identity {
	pthread_mutex_t lock;
	char *host_roots, *user_roots, *chain, *key; /* each may be NULL */
	int64_t not_before_s, not_after_s;
	int64_t host_ca_end_s, user_ca_end_s; /* of the one that signs now; 0: none */
	unsigned generation;                  /* counts changes; 0: nothing set yet */
};

struct rpc_listener {
	struct rpc_identity *id;
	unsigned generation; /* that this listener was given last; under id->lock */
};

int
rpc_identity_new(struct rpc_identity **ret)
{
	struct rpc_identity *id = gpr_zalloc(sizeof *id);

	pthread_mutex_init(&id->lock, NULL);
	*ret = id;
	return 0;
}

/* The private key; the other texts are public. */
static void
wipe(char **secret)
{
	if (*secret)
		explicit_bzero(*secret, strlen(*secret));
	gpr_free(*secret);
	*secret = NULL;
}

static void
drop_texts(struct rpc_identity *id)
{
	gpr_free(id->host_roots);
	gpr_free(id->user_roots);
	gpr_free(id->chain);
	wipe(&id->key);
}

struct dates {
	int64_t not_before_s, not_after_s;
};

static int
check_roots(const char *pem, const char *whose, int64_t *ret_end_s, struct err *e)
{
	struct x509_cert *cert = NULL;

	*ret_end_s = 0;
	if (pem && x509_cert_from_pem(&cert, pem, e) < 0)
		return err_prefix(e, "certificates of the %s CA", whose);
	if (cert)
		*ret_end_s = x509_cert_not_after(cert);
	x509_cert_free(cert);
	return 0;
}

/* They parse and belong together. */
static int
check_own(const char *chain, const char *key, struct dates *ret, struct err *e)
{
	struct x509_cert *cert = NULL;
	struct x509_key *k = NULL;
	int r = -1;

	if (!chain != !key)
		return err_set(e, "a certificate needs its key, and a key its certificate");
	if (!chain)
		return 0;
	if (x509_cert_from_pem(&cert, chain, e) == 0 && x509_key_from_pem(&k, key, e) == 0)
		r = x509_cert_fits_key(cert, k)
		    ? 0
		    : err_set(e, "the private key is not that of the certificate");
	if (r == 0)
		*ret = (struct dates){ x509_cert_not_before(cert), x509_cert_not_after(cert) };
	x509_cert_free(cert);
	x509_key_free(k);
	return r;
}

int
rpc_identity_set(struct rpc_identity *id, const char *host_roots, const char *user_roots,
    const char *chain, const char *key, struct err *e)
{
	struct dates dates = { 0, 0 };
	int64_t host_ca_end_s, user_ca_end_s;

	if (check_roots(host_roots, "host", &host_ca_end_s, e) < 0 ||
	    check_roots(user_roots, "user", &user_ca_end_s, e) < 0 ||
	    check_own(chain, key, &dates, e) < 0)
		return -1;
	pthread_mutex_lock(&id->lock);
	drop_texts(id);
	id->host_roots = gpr_strdup(host_roots);
	id->user_roots = gpr_strdup(user_roots);
	id->chain = gpr_strdup(chain);
	id->key = gpr_strdup(key);
	id->not_before_s = dates.not_before_s;
	id->not_after_s = dates.not_after_s;
	id->host_ca_end_s = host_ca_end_s;
	id->user_ca_end_s = user_ca_end_s;
	/* Listeners and channels compare it with what they were given, and fetch the rest when it
	 * differs. */
	id->generation++;
	pthread_mutex_unlock(&id->lock);
	return 0;
}

void
rpc_identity_free(struct rpc_identity *id)
{
	if (!id)
		return;
	drop_texts(id);
	pthread_mutex_destroy(&id->lock);
	gpr_free(id);
}

void
rpc_identity_ends(struct rpc_identity *id, int64_t *ret_own_s, int64_t *ret_host_ca_s,
    int64_t *ret_user_ca_s)
{
	pthread_mutex_lock(&id->lock);
	*ret_own_s = id->not_after_s;
	*ret_host_ca_s = id->host_ca_end_s;
	*ret_user_ca_s = id->user_ca_end_s;
	pthread_mutex_unlock(&id->lock);
}

unsigned
rpc_identity_generation(struct rpc_identity *id)
{
	unsigned generation;

	pthread_mutex_lock(&id->lock);
	generation = id->generation;
	pthread_mutex_unlock(&id->lock);
	return generation;
}

void
rpc_identity_roots(struct rpc_identity *id, char **ret_host, char **ret_user)
{
	pthread_mutex_lock(&id->lock);
	*ret_host = gpr_strdup(id->host_roots);
	*ret_user = gpr_strdup(id->user_roots);
	pthread_mutex_unlock(&id->lock);
}

/* Under the lock. A server refuses a certificate out of its dates without a word that reaches the client, so
 * clients look at their own first. */
static int
dates_now(const struct rpc_identity *id, struct err *e)
{
	int64_t now_s = clock_wall_ms() / 1000;
	char when[32];

	if (!id->chain)
		return 0;
	if (now_s >= id->not_after_s) {
		clock_rfc3339(id->not_after_s * 1000, when, sizeof when);
		return err_set(e,
		    "the certificate expired at %s: log in again (people) or join again (daemons)",
		    when);
	}
	if (now_s < id->not_before_s) {
		clock_rfc3339(id->not_before_s * 1000, when, sizeof when);
		return err_set(e,
		    "the certificate is valid from %s on: check the clock of this host", when);
	}
	return 0;
}

int
rpc_identity_check_dates(struct rpc_identity *id, struct err *e)
{
	int r;

	pthread_mutex_lock(&id->lock);
	r = dates_now(id, e);
	pthread_mutex_unlock(&id->lock);
	return r;
}

/* --- servers --------------------------------------------------------------------------------- */

/* Both kinds of roots in one text. Which of them vouched for a caller is found out by peer.c. */
static char *
all_roots(const struct rpc_identity *id)
{
	const char *host = id->host_roots ? id->host_roots : "",
		   *user = id->user_roots ? id->user_roots : "";
	size_t n = strlen(host) + strlen(user) + 2;
	char *all = gpr_malloc(n);

	(void)str_format(all, n, "%s\n%s", host, user);
	return all;
}

/* On a thread of gRPC: touches the identity and the listener alone, under the lock. */
static grpc_ssl_certificate_config_reload_status
on_fetch(void *arg, grpc_ssl_server_certificate_config **ret)
{
	struct rpc_listener *l = arg;
	struct rpc_identity *id = l->id;
	grpc_ssl_certificate_config_reload_status status =
	    GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;

	pthread_mutex_lock(&id->lock);
	/* Before the first identity no handshake succeeds; one without roots would let nobody be
	 * verified. */
	if (!id->chain || !id->host_roots) {
		status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
	} else if (l->generation != id->generation) {
		grpc_ssl_pem_key_cert_pair pair = { id->key, id->chain };
		char *roots = all_roots(id);

		*ret = grpc_ssl_server_certificate_config_create(roots, &pair, 1);
		gpr_free(roots);
		l->generation = id->generation;
		status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
	}
	pthread_mutex_unlock(&id->lock);
	return status;
}

grpc_server_credentials *
rpc_tls_server(struct rpc_identity *id, bool must, struct rpc_listener **ret_listener)
{
	struct rpc_listener *l = gpr_zalloc(sizeof *l);

	l->id = id;
	*ret_listener = l;
	return grpc_ssl_server_credentials_create_with_options(
	    grpc_ssl_server_credentials_create_options_using_config_fetcher(must
		    ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
		    : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY,
		on_fetch, l));
}

void
rpc_tls_listener_free(struct rpc_listener *listener)
{
	gpr_free(listener);
}

/* --- clients ----------------------------------------------------------------------------------- */

grpc_channel_credentials *
rpc_tls_client(struct rpc_identity *id, unsigned *ret_generation, struct err *e)
{
	grpc_channel_credentials *creds = NULL;

	pthread_mutex_lock(&id->lock);
	*ret_generation = id->generation;
	if (!id->host_roots) { /* gRPC would fall back to the system's roots */
		err_set(e, "no certificate of the cluster's host CA is known");
	} else if (dates_now(id, e) == 0) {
		grpc_ssl_pem_key_cert_pair pair = { id->key, id->chain };

		creds = grpc_ssl_credentials_create_ex(id->host_roots, id->chain ? &pair : NULL,
		    NULL, NULL);
	}
	pthread_mutex_unlock(&id->lock);
	return creds;
}

static int
accept_anybody(void *arg, grpc_tls_custom_verification_check_request *request,
    grpc_tls_on_custom_verification_check_done_cb done, void *done_arg, grpc_status_code *status,
    char **details)
{
	(void)arg, (void)request, (void)done, (void)done_arg, (void)details;
	*status = GRPC_STATUS_OK;
	return 1;
}

static void
cancel_nothing(void *arg, grpc_tls_custom_verification_check_request *request)
{
	(void)arg, (void)request;
}

static void
destroy_nothing(void *arg)
{
	(void)arg;
}

grpc_channel_credentials *
rpc_tls_anybody(void)
{
	static grpc_tls_certificate_verifier_external anybody = { NULL, accept_anybody,
		cancel_nothing, destroy_nothing };
	grpc_tls_credentials_options *o = grpc_tls_credentials_options_create();
	grpc_tls_certificate_verifier *verifier = grpc_tls_certificate_verifier_external_create(
	    &anybody);
	grpc_channel_credentials *creds;

	grpc_tls_credentials_options_set_certificate_verifier(o, verifier);
	grpc_tls_credentials_options_set_verify_server_cert(o, 0);
	grpc_tls_credentials_options_set_check_call_host(o, 0);
	creds = grpc_tls_credentials_create(o);
	grpc_tls_certificate_verifier_release(verifier);
	return creds;
}
