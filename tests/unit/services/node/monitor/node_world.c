/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/cutoffs.h"
#include "base/str.h"
#include "crypto/capin.h"
#include "crypto/rand.h"
#include "node_world.h"
#include "proto/auth.pb-c.h"
#include "ssh/userauth.h"

/* /etc/passwd with another line for root. Negative: it cannot be written. */
static int
write_passwd(FILE *to)
{
	FILE *from = fopen("/etc/passwd", "re");
	char line[4096];
	int rc = from ? 0 : -1;

	while (rc >= 0 && fgets(line, sizeof(line), from))
		rc = fputs(strncmp(line, "root:", 5) == 0 ? "root:x:0:0:root:/:/bin/sh\n" : line,
		    to);
	if (from)
		fclose(from);
	return fclose(to) != 0 || rc < 0 ? -1 : 0;
}

int
world_plain_root(void **state)
{
	char passwd[] = "/tmp/node-passwd.XXXXXX";
	int fd = geteuid() == 0 ? mkstemp(passwd) : -1;
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;

	(void)state;
	if (!to)
		return 0;
	if (write_passwd(to) == 0 && unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		(void)mount(passwd, "/etc/passwd", NULL, MS_BIND, NULL);
	(void)unlink(passwd); /* what is bound needs no name */
	return 0;
}

struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct x509_cert *cert = NULL;
	int64_t now = time(NULL);
	struct err e = { "" };
	struct buf pem;

	assert_non_null(w);
	assert_int_equal(crypto_init(), 0);
	str_copy(w->dir, sizeof(w->dir), "/tmp/node-world.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(x509_key_generate(&w->host_x509), 0);
	buf_init(&pem, X509_PEM_MAX);
	assert_int_equal(x509_ca_new(w->host_x509, "host", now - 60, now + 3600, &pem, &e), 0);
	w->host_pem = span_dup(buf_span(&pem));
	buf_done(&pem);
	assert_int_equal(x509_cert_from_pem(&cert, w->host_pem, &e), 0);
	assert_int_equal(capin_of_cert(cert, w->pin), 0);
	x509_cert_free(cert);
	assert_int_equal(sshkey_generate(&w->host_ca), 0);
	assert_int_equal(sshkey_generate(&w->user_ca), 0);
	assert_int_equal(sshkey_generate(&w->user), 0);
	return w;
}

void
world_free(struct world *w)
{
	char command[128];

	if (!w)
		return;
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	if (system(command) != 0)
		fail_msg("%s", command);
	x509_key_free(w->host_x509);
	free(w->host_pem);
	sshkey_free(w->host_ca);
	sshkey_free(w->user_ca);
	sshkey_free(w->user);
	free(w);
}

static void
pack(const ProtobufCMessage *m, struct buf *ret)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *p = buf_reserve(ret, n);

	assert_non_null(p);
	buf_commit(ret, protobuf_c_message_pack(m, p));
}

void
world_bundle(const struct world *w, const struct world *signer, uint64_t generation,
    struct buf *ret)
{
	const char *pems[2] = { w->host_pem, signer ? signer->host_pem : NULL };
	struct span host = sshkey_blob(w->host_ca), user = sshkey_blob(w->user_ca);
	ProtobufCBinaryData host_blob = { host.n, (uint8_t *)(uintptr_t)host.p };
	ProtobufCBinaryData user_blob = { user.n, (uint8_t *)(uintptr_t)user.p };
	Auth__CaSet set = AUTH__CA_SET__INIT;
	Auth__CaBundle bundle = AUTH__CA_BUNDLE__INIT;
	struct buf data, sig;

	set.cluster = "test.cluster";
	set.host_x509_pem = pems;
	set.n_host_x509_pem = signer ? 2 : 1;
	set.host_ssh = &host_blob;
	set.n_host_ssh = 1;
	set.user_ssh = &user_blob;
	set.n_user_ssh = 1;
	set.generation = generation;
	buf_init(&data, 65536);
	buf_init(&sig, 256);
	pack(&set.base, &data);
	assert_int_equal(x509_sign_data(signer ? signer->host_x509 : w->host_x509, buf_span(&data),
			     &sig),
	    0);
	bundle.ca_set = (ProtobufCBinaryData){ data.len, buf_head(&data) };
	bundle.signature = (ProtobufCBinaryData){ sig.len, buf_head(&sig) };
	buf_init(ret, 131072);
	pack(&bundle.base, ret);
	buf_done(&data);
	buf_done(&sig);
}

void
world_proof_default(const struct world *w, struct world_proof *p)
{
	uint64_t now = (uint64_t)time(NULL);

	*p = (struct world_proof){ .type = SSHCERT_USER,
		.ca = w->user_ca,
		.signer = w->user,
		.principal = "root",
		.login = "root",
		.valid_after = now - 60,
		.valid_before = now + 600,
		.permit_pty = true };
	rand_bytes(p->session_id, sizeof(p->session_id));
}

void
world_certify(const struct sshkey *key, const struct sshkey *ca, uint32_t type, const char *name,
    struct buf *ret)
{
	char *principals[1] = { (char *)(uintptr_t)name };
	struct sshcert cert = { .key = (struct sshkey *)(uintptr_t)key,
		.type = type,
		.key_id = principals[0],
		.principals = principals,
		.n_principals = 1,
		.valid_before = UINT64_MAX };
	struct err e = { "" };

	buf_init(&cert.blob, SSHCERT_BLOB_MAX);
	buf_init(&cert.ca_blob, 4096);
	if (sshcert_sign(&cert, ca, &e))
		fail_msg("%s", e.text);
	buf_init(ret, SSHCERT_BLOB_MAX);
	buf_put(ret, buf_head(&cert.blob), cert.blob.len);
	buf_done(&cert.blob);
	buf_done(&cert.ca_blob);
}

void
world_exchange(struct world *w, struct span host_key, struct kex_transcript *ret)
{
	rand_bytes(w->init, sizeof(w->init));
	rand_bytes(w->ephemeral, sizeof(w->ephemeral));
	rand_bytes(w->secret, sizeof(w->secret));
	w->init[0][0] = w->init[1][0] = 20;
	w->secret[0] = 0x42;
	*ret = (struct kex_transcript){ {
	    [KEX_V_C] = span_str("SSH-2.0-client"),
	    [KEX_V_S] = span_str("SSH-2.0-server"),
	    [KEX_I_C] = { w->init[0], sizeof(w->init[0]) },
	    [KEX_I_S] = { w->init[1], sizeof(w->init[1]) },
	    [KEX_K_S] = host_key,
	    [KEX_Q_C] = { w->ephemeral[0], 32 },
	    [KEX_Q_S] = { w->ephemeral[1], 32 },
	    [KEX_K] = { w->secret, 32 },
	} };
}

void
world_cutoffs(const struct world *w, int64_t issued_ms, const char *user, int64_t before_ms,
    struct buf *ret)
{
	struct buf entries;
	struct cutoffs list = { .cluster = span_str("test.cluster"), .issued_ms = issued_ms };

	buf_init(&entries, 4096);
	if (user)
		cutoffs_put(&entries, user, before_ms);
	list.n = user != NULL;
	list.entries = buf_span(&entries);
	buf_init(ret, CUTOFFS_MAX);
	assert_int_equal(cutoffs_sign(&list, w->host_ca, ret), 0);
	buf_done(&entries);
}

static void
certify(const struct world *w, const struct world_proof *p, struct buf *blob)
{
	char *principals[1] = { (char *)(uintptr_t)p->principal };
	struct sshcert_option critical = { (char *)(uintptr_t) "source-address",
		(char *)(uintptr_t)p->source_address };
	struct sshcert_option extensions[2] = { { (char *)(uintptr_t) "permit-pty",
	    (char *)(uintptr_t) "" } };
	struct sshcert cert = { .key = w->user,
		.serial = 1,
		.type = p->type,
		.key_id = (char *)(uintptr_t) "alice",
		.principals = principals,
		.n_principals = 1,
		.valid_after = p->valid_after,
		.valid_before = p->valid_before,
		.critical = &critical,
		.n_critical = p->source_address ? 1 : 0,
		.extensions = extensions,
		.n_extensions = p->permit_pty ? 1 : 0 };
	struct err e = { "" };

	buf_init(&cert.blob, SSHCERT_BLOB_MAX);
	buf_init(&cert.ca_blob, 4096);
	if (sshcert_sign(&cert, p->ca, &e))
		fail_msg("%s", e.text);
	buf_init(blob, SSHCERT_BLOB_MAX);
	buf_put(blob, buf_head(&cert.blob), cert.blob.len);
	buf_done(&cert.blob);
	buf_done(&cert.ca_blob);
}

void
world_prove(const struct world *w, const struct world_proof *p, struct buf *signed_data,
    struct buf *signature)
{
	struct buf blob;

	certify(w, p, &blob);
	buf_init(signed_data, 65536);
	const struct userauth u = { span_str(p->login),
		span_str("ssh-ed25519-cert-v01@openssh.com"), buf_span(&blob), p->host_key.n > 0,
		p->host_key };
	userauth_put_signed(signed_data, (struct span){ p->session_id, sizeof(p->session_id) }, &u);
	buf_init(signature, 1024);
	assert_int_equal(sshkey_sign(p->signer, buf_span(signed_data), signature), 0);
	buf_done(&blob);
}
