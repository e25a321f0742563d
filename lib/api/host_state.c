/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_state: see host_state.h.
 */
#include "api/host_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/identity.h"
#include "crypto/rand.h"
#include "crypto/sha256.h"
#include "crypto/sshcert.h"
#include "rpc/bytes.h"

static bool
path_of(const struct host_state *s, const char *name, char *dst, size_t size)
{
	return str_format(dst, size, "%s/%s", s->dir, name);
}

static int
save(const struct host_state *s, const char *name, struct span data, struct err *e)
{
	char path[1024];

	if (!path_of(s, name, path, sizeof path))
		return err_set(e, "the path of the state folder is too long");
	return file_write(path, 0600, data.p, data.n, e);
}

/* NULL: not there, or not readable (then joining again is the way out). */
static char *
load(const struct host_state *s, const char *name, size_t *ret_len)
{
	char path[1024], *text = NULL;
	size_t n = 0;

	if (!path_of(s, name, path, sizeof path) || access(path, F_OK) < 0)
		return NULL;
	if (file_read(path, HOST_STATE_FILE_MAX, &text, &n, NULL) < 0)
		return NULL;
	if (ret_len)
		*ret_len = n;
	return text;
}

/* --- what a host brings itself ---------------------------------------------------------------- */

/* What was made here once: NULL when it is not there. What is there and cannot be read is an error: made anew, it
 * would make another host of this one. */
static int
load_own(const struct host_state *s, const char *name, char **ret, struct err *e)
{
	char path[1024];

	*ret = NULL;
	if (!path_of(s, name, path, sizeof path))
		return err_set(e, "the path of the state folder is too long");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return file_read(path, HOST_STATE_FILE_MAX, ret, NULL, e);
}

/* Made once and kept for ever: authd knows the host by it, whatever its name. */
static int
own_uuid(struct host_state *s, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char line[RAND_UUID_SIZE + 1];

	if (load_own(s, "uuid", &text, e) < 0)
		return -1;
	if (text && strlen(text) >= RAND_UUID_SIZE - 1) {
		text[RAND_UUID_SIZE - 1] = '\0';
		(void)str_copy(s->uuid, sizeof s->uuid, text);
		return 0;
	}
	rand_uuid(s->uuid);
	(void)str_format(line, sizeof line, "%s\n", s->uuid);
	return save(s, "uuid", span_str(line), e);
}

static int
own_ssh_key(struct host_state *s, const struct sshkey *given, struct err *e)
{
	char path[1024];

	if (given)
		return sshkey_from_blob(&s->ssh_key, sshkey_blob(given)) < 0 ? err_memory(e) : 0;
	if (!path_of(s, "ssh_host_key", path, sizeof path))
		return err_set(e, "the path of the state folder is too long");
	if (access(path, F_OK) == 0)
		return sshkey_load(&s->ssh_key, path, e);
	if (sshkey_generate(&s->ssh_key) < 0)
		return err_memory(e);
	return sshkey_save(s->ssh_key, path, s->uuid, e);
}

int
host_state_tls_key_pem(const struct host_state *s, struct buf *ret)
{
	buf_init(ret, 4096);
	if (x509_key_to_pem(s->tls_key, ret) < 0 || !buf_put(ret, "", 1)) {
		buf_wipe(ret);
		return -1;
	}
	return 0;
}

static int
own_tls_key(struct host_state *s, struct err *e)
{
	_cleanup_free_ char *pem = NULL;
	struct buf text;
	int r;

	if (load_own(s, "tls.key", &pem, e) < 0)
		return -1;
	/* Damaged is not missing: such a key is not replaced without a word. */
	if (pem) {
		r = x509_key_from_pem(&s->tls_key, pem, e);
		explicit_bzero(pem, strlen(pem));
		return r < 0 ? err_prefix(e, "%s/tls.key", s->dir) : 0;
	}
	if (x509_key_generate(&s->tls_key) < 0 || host_state_tls_key_pem(s, &text) < 0)
		return err_memory(e);
	r = save(s, "tls.key", (struct span){ buf_head(&text), text.len - 1 }, e);
	buf_wipe(&text);
	return r;
}

/* --- what it was given ---------------------------------------------------------------------------- */

struct times {
	int64_t from_s, until_s;
};

/* The host is good for as long as the shortest of its certificates. */
static void
narrow(struct times *t, uint64_t from, uint64_t until)
{
	int64_t f = from > INT64_MAX ? INT64_MAX : (int64_t)from,
		u = until > INT64_MAX ? INT64_MAX : (int64_t)until;

	if (f > t->from_s)
		t->from_s = f;
	if (u < t->until_s)
		t->until_s = u;
}

/* The certificate is for our key, from a host CA, and names us. */
static int
check_tls(const struct host_state *s, const char *pem, struct times *t, struct err *e)
{
	struct x509_cert *cert = NULL, *roots = NULL;
	struct identity who;
	int r = -1;

	if (x509_cert_from_pem(&cert, pem, e) < 0 ||
	    x509_cert_from_pem(&roots, s->bundle->host_pem, e) < 0)
		goto out;
	if (!x509_cert_fits_key(cert, s->tls_key))
		err_set(e, "the certificate is not for the key of this host");
	else if (x509_identify(cert, roots, NULL, s->bundle->cluster, &who, e) < 0)
		goto out;
	else if (strcmp(who.name, s->uuid) != 0 ||
	    strcmp(identity_kind_name(who.kind), s->kind) != 0)
		err_set(e, "the certificate names somebody else: %s %s",
		    identity_kind_name(who.kind), who.name);
	else
		r = 0;
	if (r == 0)
		narrow(t, (uint64_t)x509_cert_not_before(cert),
		    (uint64_t)x509_cert_not_after(cert));
out:
	x509_cert_free(cert);
	x509_cert_free(roots);
	return r;
}

/* 0 and t narrowed, or negative with e. principal: the name that must stand in it. */
static int
check_ssh(const struct host_state *s, struct span blob, uint32_t type, const char *principal,
    struct times *t, struct err *e)
{
	struct sshcert_rules rules = { .type = type,
		.ca = s->bundle->host_ssh,
		.n_ca = s->bundle->n_host_ssh,
		.principal = principal,
		.now_s = (uint64_t)(clock_wall_ms() / 1000) };
	struct sshcert *cert = NULL;
	int r = -1;

	if (sshcert_parse(&cert, blob, e) < 0)
		return -1;
	if (rules.now_s < cert->valid_after && cert->valid_after - rules.now_s < 300)
		rules.now_s = cert->valid_after; /* our clock is a little behind */
	if (!sshkey_equal(cert->key, s->ssh_key))
		err_set(e, "the SSH certificate is not for the key of this host");
	else
		r = sshcert_check(cert, &rules, e);
	if (r == 0)
		narrow(t, cert->valid_after, cert->valid_before);
	sshcert_free(cert);
	return r;
}

static int
check_all(const struct host_state *s, const char *tls, struct span host, struct span tunnel,
    struct times *t, struct err *e)
{
	bool node = strcmp(s->kind, "node") == 0;

	*t = (struct times){ 0, INT64_MAX };
	if (!s->bundle)
		return err_set(e, "the authorities of the cluster are not known");
	if (check_tls(s, tls, t, e) < 0 || check_ssh(s, host, SSHCERT_HOST, s->uuid, t, e) < 0)
		return -1;
	return node ? check_ssh(s, tunnel, SSHCERT_USER, s->uuid, t, e) : 0;
}

/* As in *-cert.pub. */
static bool
load_cert(const struct host_state *s, const char *name, struct buf *ret)
{
	_cleanup_free_ char *line = load(s, name, NULL);

	return line && sshkey_line_to_blob(line, ret) == 0;
}

static int
save_cert(const struct host_state *s, const char *name, struct span blob, struct err *e)
{
	struct buf line;
	int r;

	buf_init(&line, 2 * HOST_STATE_CERT_MAX);
	if (sshkey_blob_to_line(blob, s->uuid, &line) < 0 || !buf_put(&line, "\n", 1))
		r = err_set(e, "the SSH certificate is too large");
	else
		r = save(s, name, buf_span(&line), e);
	buf_done(&line);
	return r;
}

/* Silent when something is missing or does not fit: the host joins again then. */
static void
load_given(struct host_state *s)
{
	_cleanup_free_ char *bundle = NULL, *tls = load(s, "tls.crt", NULL);
	struct err e = { "" };
	struct times t;
	size_t n = 0;

	bundle = load(s, "ca_bundle", &n);
	if (bundle &&
	    bundle_open(&s->bundle, (struct span){ (const uint8_t *)bundle, n }, NULL, NULL, &e) <
		0) {
		log_warn("the stored CA bundle cannot be used", "cause", e.text, NULL);
		return;
	}
	(void)load_cert(s, "ssh_host_cert", &s->ssh_host_cert);
	(void)load_cert(s, "tunnel_cert", &s->tunnel_cert);
	if (!bundle || !tls)
		return;
	if (check_all(s, tls, buf_span(&s->ssh_host_cert), buf_span(&s->tunnel_cert), &t, &e) < 0) {
		log_warn("the stored certificates cannot be used", "cause", e.text, NULL);
		return;
	}
	s->valid_from_s = t.from_s;
	s->valid_until_s = t.until_s;
	s->tls_cert_pem = strdup(tls);
}

int
host_state_open(struct host_state **ret, const char *dir, const char *kind,
    const struct sshkey *host_key, struct err *e)
{
	struct host_state *s = calloc(1, sizeof *s);

	if (!s || crypto_init() < 0 || !(s->dir = strdup(dir))) {
		free(s);
		return err_memory(e);
	}
	buf_init(&s->ssh_host_cert, HOST_STATE_CERT_MAX);
	buf_init(&s->tunnel_cert, HOST_STATE_CERT_MAX);
	(void)str_copy(s->kind, sizeof s->kind, kind);
	if (file_mkdir(dir, 0700, e) < 0 || own_uuid(s, e) < 0 || own_ssh_key(s, host_key, e) < 0 ||
	    own_tls_key(s, e) < 0) {
		host_state_free(s);
		return -1;
	}
	load_given(s);
	*ret = s;
	return 0;
}

void
host_state_free(struct host_state *s)
{
	if (!s)
		return;
	sshkey_free(s->ssh_key);
	x509_key_free(s->tls_key);
	bundle_free(s->bundle);
	buf_done(&s->ssh_host_cert);
	buf_done(&s->tunnel_cert);
	free(s->tls_cert_pem);
	free(s->dir);
	free(s);
}

bool
host_state_is_valid(const struct host_state *s)
{
	return s->tls_cert_pem && clock_wall_ms() / 1000 < s->valid_until_s;
}

void
host_state_forget(struct host_state *s)
{
	free(s->tls_cert_pem);
	s->tls_cert_pem = NULL;
	s->valid_from_s = s->valid_until_s = 0;
}

int
host_state_take_bundle(struct host_state *s, struct bundle *bundle, struct err *e)
{
	/* On disk first: what was believed once must not be forgotten by a restart. */
	if (save(s, "ca_bundle", buf_span(&bundle->packed), e) < 0) {
		bundle_free(bundle);
		return -1;
	}
	bundle_free(s->bundle);
	s->bundle = bundle;
	return 0;
}

/* Into memory first, then the files. After a crash in between the next start finds certificates of
 * two dates, and goes by the earlier end. */
static int
store_identity(struct host_state *s, const Auth__HostIdentity *id, struct err *e)
{
	struct span host = { id->ssh_host_cert.data, id->ssh_host_cert.len };
	struct span tunnel = { id->ssh_tunnel_cert.data, id->ssh_tunnel_cert.len };
	char *pem = strdup(id->tls_cert_pem);

	if (!pem)
		return err_memory(e);
	buf_reset(&s->ssh_host_cert);
	buf_reset(&s->tunnel_cert);
	if (!buf_put(&s->ssh_host_cert, host.p, host.n) ||
	    (tunnel.n && !buf_put(&s->tunnel_cert, tunnel.p, tunnel.n))) {
		free(pem);
		return err_set(e, "the SSH certificate is too large");
	}
	free(s->tls_cert_pem);
	s->tls_cert_pem = pem;
	if (save(s, "tls.crt", span_str(pem), e) < 0 || save_cert(s, "ssh_host_cert", host, e) < 0)
		return -1;
	return tunnel.n ? save_cert(s, "tunnel_cert", tunnel, e) : 0;
}

int
host_state_take_identity(struct host_state *s, const Auth__HostIdentity *id, struct err *e)
{
	struct times t;

	if (check_all(s, id->tls_cert_pem, bytes_span(id->ssh_host_cert),
		bytes_span(id->ssh_tunnel_cert), &t, e) < 0)
		return err_prefix(e, "authd's answer cannot be used");
	s->valid_from_s = t.from_s;
	s->valid_until_s = t.until_s;
	return store_identity(s, id, e);
}

/* --- the token ---------------------------------------------------------------------------------- */

int
host_state_note_token(const struct host_state *s, const char *token, struct err *e)
{
	char text[SHA256_HEX_SIZE];

	sha256_hex(span_str(token), text);
	return save(s, "token_used", span_str(text), e);
}

bool
host_state_is_other_token(const struct host_state *s, const char *token)
{
	_cleanup_free_ char *known = load(s, "token_used", NULL);
	char text[SHA256_HEX_SIZE];

	sha256_hex(span_str(token), text);
	return known && strcmp(known, text) != 0;
}
