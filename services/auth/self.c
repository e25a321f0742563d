/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self: authd's own certificate. A fresh key at every start and at every renewal: there is none on
 * disk to steal.
 */
#include "auth/self.h"

#include <stdlib.h>

#include "api/bundle.h"
#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/x509.h"
#include "rpc/tls.h"

enum { START_MS = 30000 };

struct self {
	struct rpc_identity *identity;
	struct bundle *bundle;
	struct x509_key *key; /* of the request under way */
	int64_t valid_until_s;
	bool asking, failed;
	struct err error;
};

struct rpc_identity *
self_identity(struct self *s)
{
	return s->identity;
}

const struct bundle *
self_authorities(const struct self *s)
{
	return s->bundle;
}

static int
take(struct self *s, struct span pem, struct err *e)
{
	char *chain = span_dup(pem);
	struct x509_cert *cert = NULL;
	struct buf key;
	int rc = -1;

	buf_init(&key, X509_PEM_MAX);
	if (!chain || x509_key_to_pem(s->key, &key) < 0 || !buf_put(&key, "", 1))
		err_memory(e);
	else if (x509_cert_from_pem(&cert, chain, e) == 0 &&
	    rpc_identity_set(s->identity, s->bundle->host_pem, s->bundle->user_pem, chain,
		(char *)buf_head(&key), e) == 0)
		rc = 0;
	if (rc == 0)
		s->valid_until_s = x509_cert_not_after(cert);
	x509_cert_free(cert);
	buf_wipe(&key);
	free(chain);
	return rc;
}

static void
on_signed(void *arg, struct span result, const char *error)
{
	struct auth *a = arg;
	struct self *s = a->self;

	s->asking = false;
	s->failed = error ? err_set(&s->error, "%s", error) < 0 : take(s, result, &s->error) < 0;
	if (s->failed)
		log_error("no certificate for authd itself", "cause", s->error.text, NULL);
	x509_key_free(s->key);
	s->key = NULL;
}

/* One UUID for ever: auditd knows the source of our events by it. */
static int
own_uuid(struct auth *a, char uuid[RAND_UUID_SIZE], struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, RAND_UUID_SIZE);
	rc = store_get(a->store, "self/uuid", &b, NULL, NULL);
	rand_uuid(uuid);
	if (rc == STORE_E_NOT_FOUND)
		rc = store_put(a->store, "self/uuid", span_str(uuid), 0, STORE_ABSENT, NULL);
	else if (rc == 0 && buf_put(&b, "", 1))
		str_copy(uuid, RAND_UUID_SIZE, (const char *)buf_head(&b));
	buf_done(&b);
	return rc == 0 ? 0 : err_set(e, "%s", store_error(a->store));
}

static int
ask(struct auth *a, struct err *e)
{
	struct self *s = a->self;
	char name[RAND_UUID_SIZE], dns[300];
	const char *names[] = { dns, "localhost" }, *ips[] = { "127.0.0.1", "::1" };
	struct signer_x509 q = { .kind = IDENTITY_AUTH,
		.name = name,
		.dns = names,
		.n_dns = 2,
		.ip = ips,
		.n_ip = 2 };
	struct buf spki;
	int rc = -1;

	if (own_uuid(a, name, e) < 0)
		return -1;
	str_format(dns, sizeof(dns), "authd.%s", a->cluster);
	buf_init(&spki, X509_SPKI_MAX);
	if (x509_key_generate(&s->key) < 0 || x509_key_spki(s->key, &spki) < 0) {
		err_set(e, "cannot make a key");
	} else {
		q.spki = buf_span(&spki);
		q.valid_until_s = a->now_ms() / 1000 + SELF_TTL_S;
		rc = signer_sign_x509(a->signer, &q, on_signed, a, e);
	}
	buf_done(&spki);
	s->asking = rc == 0;
	return rc;
}

/* The authorities, as everybody else sees them. */
static int
open_bundle(struct auth *a, struct err *e)
{
	struct buf b;
	int rc;

	buf_init(&b, BUNDLE_PACKED_MAX);
	rc = face_bundle_packed(a, &b) ? bundle_open(&a->self->bundle, buf_span(&b), NULL, NULL, e)
				       : err_set(e, "the set of authorities is too large");
	buf_done(&b);
	return rc;
}

int
self_new(struct auth *a, struct err *e)
{
	int64_t end = clock_mono_ms() + START_MS;
	struct self *s = calloc(1, sizeof(*s));

	a->self = s;
	if (!s || rpc_identity_new(&s->identity) < 0)
		return err_memory(e);
	if (open_bundle(a, e) < 0 || ask(a, e) < 0)
		return -1;
	while (s->asking && clock_mono_ms() < end)
		if (loop_turn(a->loop, 100) < 0)
			break;
	if (s->asking || s->failed)
		return err_set(e, "cannot issue authd's own certificate: %s",
		    s->failed ? s->error.text : "the signer does not answer");
	return 0;
}

void
self_free(struct auth *a)
{
	struct self *s = a->self;

	if (!s)
		return;
	if (a->signer)
		signer_forget(a->signer, a);
	x509_key_free(s->key);
	rpc_identity_free(s->identity);
	bundle_free(s->bundle);
	free(s);
	a->self = NULL;
}

void
self_tick(struct auth *a)
{
	struct self *s = a->self;
	struct err e;

	if (!s->asking && s->valid_until_s - a->now_ms() / 1000 < SELF_RENEW_S && ask(a, &e) < 0)
		log_error("cannot renew authd's certificate", "cause", e.text, NULL);
}
