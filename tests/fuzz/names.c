/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of strangers that decide who is who: identities in certificates, pins, label selectors,
 * base64. What is accepted must come out the same when it is written again.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/b64.h"
#include "crypto/capin.h"
#include "crypto/identity.h"
#include "crypto/rand.h"
#include "crypto/x509.h"
#include "policy/policy.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return crypto_init();
}

static void
fuzz_identity(struct span s)
{
	char uri[IDENTITY_URI_MAX];
	struct identity id;

	if (!identity_parse(&id, s))
		return;
	if (!identity_format(&id, uri, sizeof uri) || !span_is(s, uri))
		abort();
}

static void
fuzz_base64(struct span s, enum b64_kind kind)
{
	struct buf bytes, text;

	buf_init(&bytes, 1 << 20);
	buf_init(&text, 1 << 20);
	if (b64_decode(s, kind, false, &bytes) && b64_put(&text, buf_span(&bytes), kind, 0) &&
	    !span_eq(buf_span(&text), s))
		abort();
	buf_done(&bytes);
	buf_done(&text);
}

static void
fuzz_text(const char *text)
{
	static const struct policy_label v[] = { { "env", "prod" }, { "team", "x" } };
	struct policy_selector s;
	struct x509_cert *cert;
	struct err e;

	if (policy_selector_parse(&s, text, &e) == 0)
		for (size_t i = 0; i < s.n; i++)
			policy_label_matches(&s.v[i], (struct policy_labels){ v, 2 });
	if (capin_ok(text) && !capin_equal(text, text))
		abort();
	policy_login_ok(text);
	if (x509_cert_from_pem(&cert, text, &e) == 0)
		x509_cert_free(cert);
}

static void
fuzz_certificate(struct span s)
{
	struct x509_cert *cert;
	struct identity id;
	struct err e;

	if (x509_cert_from_der(&cert, s, &e) < 0)
		return;
	x509_cert_identity(cert, &id);
	x509_cert_has_dns(cert, "authd.example.com");
	x509_cert_has_ip(cert, "::1");
	x509_cert_not_after(cert);
	x509_identify(cert, cert, cert, NULL, &id, &e);
	x509_cert_free(cert);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest;
	char *text;

	if (!size)
		return 0;
	rest = (struct span){ data + 1, size - 1 };
	switch (data[0] & 3) {
	case 0:
		fuzz_identity(rest);
		break;
	case 1:
		fuzz_base64(rest,
		    (enum b64_kind)(data[0] >> 2 & 3) > B64_URL
			? B64_STD
			: (enum b64_kind)(data[0] >> 2 & 3));
		break;
	case 2:
		text = span_dup(rest);
		if (text)
			fuzz_text(text);
		free(text);
		break;
	default:
		fuzz_certificate(rest);
		break;
	}
	return 0;
}
