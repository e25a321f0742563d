/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pki DIR CLUSTER KIND:NAME...: authorities and certificates for tests that need no authd.
 * Writes host_ca.pem, user_ca.pem and, for each identity, NAME.crt and NAME.key (KIND "auditd" and "authd" get the
 * DNS names of those daemons).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/x509.h"

struct authority {
	struct x509_key *key;
	struct x509_cert *cert;
};

static const char *dir;
static int64_t now;

static void
die(const char *what)
{
	fprintf(stderr, "pki: %s\n", what);
	exit(1);
}

static void
save(const char *name, const char *suffix, const struct buf *b)
{
	char path[512];
	struct err e = { "" };

	(void)str_format(path, sizeof(path), "%s/%s%s", dir, name, suffix);
	if (file_write(path, 0600, buf_head(b), b->len, &e) < 0)
		die(e.text);
}

static void
make_authority(struct authority *a, const char *purpose, const char *file)
{
	struct err e = { "" };
	struct buf pem;

	buf_init(&pem, X509_PEM_MAX);
	if (x509_key_generate(&a->key) < 0 ||
	    x509_ca_new(a->key, purpose, now - 3600, now + 86400, &pem, &e) < 0)
		die(e.text);
	save(file, "", &pem);
	buf_put(&pem, "", 1);
	if (x509_cert_from_pem(&a->cert, (const char *)buf_head(&pem), &e) < 0)
		die(e.text);
	buf_done(&pem);
}

static void
issue(const struct authority *ca, const char *cluster, const char *kind_text, const char *name)
{
	enum identity_kind kind;
	struct identity id;
	char dns[300];
	const char *names[] = { dns };
	struct x509_request q = { .identity = &id,
		.not_before_s = now - 60,
		.not_after_s = now + 86400,
		.usage = X509_SERVER | X509_CLIENT };
	struct x509_key *key;
	struct buf spki, pem;
	struct err e = { "" };

	if (!identity_kind_from(span_str(kind_text), &kind) ||
	    !identity_set(&id, cluster, kind, name))
		die("not an identity");
	if (kind == IDENTITY_AUDIT || kind == IDENTITY_AUTH) {
		(void)str_format(dns, sizeof(dns), "%sd.%s", kind_text, cluster);
		q.dns = names;
		q.n_dns = 1;
	}
	buf_init(&spki, X509_SPKI_MAX);
	buf_init(&pem, X509_PEM_MAX);
	if (x509_key_generate(&key) < 0 || x509_key_spki(key, &spki) < 0)
		die("no key");
	q.spki = buf_span(&spki);
	if (x509_issue(&q, ca->cert, ca->key, &pem, &e) < 0)
		die(e.text);
	save(name, ".crt", &pem);
	buf_reset(&pem);
	if (x509_key_to_pem(key, &pem) < 0)
		die("no key");
	save(name, ".key", &pem);
	buf_done(&pem);
	buf_done(&spki);
	x509_key_free(key);
}

int
main(int argc, char **argv)
{
	struct authority host, user;

	if (argc < 3 || crypto_init() < 0)
		die("usage: pki DIR CLUSTER KIND:NAME...");
	dir = argv[1];
	now = time(NULL);
	make_authority(&host, "host", "host_ca.pem");
	make_authority(&user, "user", "user_ca.pem");
	for (int i = 3; i < argc; i++) {
		char *colon = strchr(argv[i], ':');

		if (!colon)
			die("not KIND:NAME");
		*colon = 0;
		issue(strcmp(argv[i], "user") == 0 ? &user : &host, argv[2], argv[i], colon + 1);
	}
	x509_cert_free(host.cert);
	x509_key_free(host.key);
	x509_cert_free(user.cert);
	x509_key_free(user.key);
	return 0;
}
