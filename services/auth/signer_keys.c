/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_keys: CA keys at rest and in memory. Called by signer.c at its start; touches the state
 * file and the key file.
 *
 * Inside the seal (crypto/sealed.h), in the types of base/wire.h: text "sallyport CA 1", text
 * cluster, u64 generation, u32 sets, and for each: PEM of host key, host certificate, user key,
 * user certificate (X.509), then the OpenSSH files of the host CA and the user CA.
 */
#include "auth/signer_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/ca_pack.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "base/wire.h"
#include "crypto/capin.h"
#include "crypto/hmac.h"
#include "crypto/sealed.h"
#include "crypto/secret_key.h"

/* A form of the state that changes gets another number, and is not read by what does not know it. */
static const char format[] = "sallyport CA 1";
static const char label[] = "authd CA keys";
enum { STATE_MAX = 256 * 1024, CA_YEARS = 10, DAY_S = 86400 };

static void
set_done(struct signer_ca_set *s)
{
	sshkey_free(s->host_ssh);
	sshkey_free(s->user_ssh);
	x509_key_free(s->host_key);
	x509_key_free(s->user_key);
	x509_cert_free(s->host_cert);
	x509_cert_free(s->user_cert);
	memset(s, 0, sizeof *s);
}

void
signer_keys_done(struct signer_keys *keys)
{
	for (size_t i = 0; i < SIGNER_SETS_MAX; i++)
		set_done(&keys->sets[i]);
	keys->n_sets = 0;
	secret_free(keys->file_key);
	keys->file_key = NULL;
	free(keys->state);
	keys->state = NULL;
}

/* --- making ------------------------------------------------------------------------- */

static int
make_x509(struct x509_key **key, struct x509_cert **cert, const char *purpose, struct err *e)
{
	int64_t now = clock_wall_ms() / 1000;
	struct buf pem;
	int rc = -1;

	buf_init(&pem, X509_PEM_MAX);
	if (x509_key_generate(key) < 0)
		err_set(e, "cannot make a CA key: no randomness or memory");
	else if (x509_ca_new(*key, purpose, now - SIGNER_BACKDATE_S, now + CA_YEARS * 365LL * DAY_S,
		     &pem, e) == 0 &&
	    buf_put(&pem, "", 1))
		rc = x509_cert_from_pem(cert, (const char *)buf_head(&pem), e);
	buf_done(&pem);
	return rc;
}

static int
set_make(struct signer_ca_set *s, struct err *e)
{
	if (sshkey_generate(&s->host_ssh) < 0 || sshkey_generate(&s->user_ssh) < 0)
		return err_set(e, "cannot make a CA key: no randomness or memory");
	if (make_x509(&s->host_key, &s->host_cert, "host", e) < 0)
		return -1;
	return make_x509(&s->user_key, &s->user_cert, "user", e);
}

/* --- writing ---------------------------------------------------------------------------- */

static bool
put_x509(struct buf *b, const struct x509_key *key, const struct x509_cert *cert)
{
	size_t mark = wire_put_open(b);
	bool ok = x509_key_to_pem(key, b) == 0;

	wire_put_close(b, mark);
	mark = wire_put_open(b);
	ok = x509_cert_pem(cert, b) == 0 && ok;
	wire_put_close(b, mark);
	return ok;
}

static bool
put_ssh(struct buf *b, const struct sshkey *key)
{
	size_t mark = wire_put_open(b);
	bool ok = sshkey_to_file_text(key, "", b) == 0;

	wire_put_close(b, mark);
	return ok;
}

static int
save(const struct signer_keys *keys, const char *path, const struct secret *key, struct err *e)
{
	struct buf plain, sealed;
	bool ok = true;
	int rc;

	buf_init(&plain, STATE_MAX);
	buf_init(&sealed, 2 * STATE_MAX);
	wire_put_text(&plain, format);
	wire_put_text(&plain, keys->cluster);
	wire_put_u64(&plain, keys->generation);
	wire_put_u32(&plain, (uint32_t)keys->n_sets);
	for (size_t i = 0; i < keys->n_sets; i++) {
		const struct signer_ca_set *s = &keys->sets[i];

		ok = ok && put_x509(&plain, s->host_key, s->host_cert) &&
		    put_x509(&plain, s->user_key, s->user_cert) && put_ssh(&plain, s->host_ssh) &&
		    put_ssh(&plain, s->user_ssh);
	}
	/* The label ties what is sealed to its use: another file sealed with this key does not
	 * open here. */
	if (!ok || !buf_ok(&plain) || sealed_close(key, label, buf_span(&plain), &sealed) < 0)
		rc = err_memory(e);
	else
		rc = file_write(path, 0600, buf_head(&sealed), sealed.len, e);
	buf_wipe(&plain);
	buf_done(&sealed);
	return rc;
}

/* --- reading -------------------------------------------------------------------------------- */

/* The parsers want text with an end; the copy is guarded like the rest. */
static struct secret *
get_text(struct wire *w)
{
	struct span s = wire_string(w);
	struct secret *copy = w->bad ? NULL : secret_new(s.n + 1);

	if (copy && s.n)
		memcpy(copy->p, s.p, s.n);
	return copy;
}

static int
get_x509(struct wire *w, struct x509_key **key, struct x509_cert **cert, struct err *e)
{
	struct secret *k = get_text(w), *c = get_text(w);
	int rc = -1;

	if (!k || !c)
		err_set(e, "the state is damaged");
	else if (x509_key_from_pem(key, (const char *)k->p, e) == 0 &&
	    x509_cert_from_pem(cert, (const char *)c->p, e) == 0)
		rc = x509_cert_fits_key(*cert, *key)
		    ? 0
		    : err_set(e, "a CA's key and certificate do not belong together");
	secret_free(k);
	secret_free(c);
	return rc;
}

static int
get_ssh(struct wire *w, struct sshkey **key, struct err *e)
{
	struct secret *k = get_text(w);
	int rc = k ? sshkey_from_file_text(key, (const char *)k->p, e)
		   : err_set(e, "the state is damaged");

	secret_free(k);
	return rc;
}

static int
read_sets(struct signer_keys *keys, struct wire *w, struct err *e)
{
	uint32_t n = wire_u32(w);

	if (w->bad || !n || n > SIGNER_SETS_MAX)
		return err_set(e, "the state is damaged or of a newer version");
	for (; keys->n_sets < n; keys->n_sets++) {
		/* Counted after it is read: signer_keys_done clears all places in any case. */
		struct signer_ca_set *s = &keys->sets[keys->n_sets];

		if (get_x509(w, &s->host_key, &s->host_cert, e) < 0 ||
		    get_x509(w, &s->user_key, &s->user_cert, e) < 0 ||
		    get_ssh(w, &s->host_ssh, e) < 0 || get_ssh(w, &s->user_ssh, e) < 0)
			return -1;
	}
	return wire_end(w) ? 0 : err_set(e, "the state is damaged");
}

static int
read_state(struct signer_keys *keys, struct span plain, const char *cluster, struct err *e)
{
	struct wire w = wire_from(plain);

	if (!span_is(wire_string(&w), format))
		return err_set(e, "the state is of another version");
	wire_text(&w, keys->cluster, sizeof keys->cluster);
	keys->generation = wire_u64(&w);
	/* The name stands in every certificate that was ever issued; with another one all of them would be
	 * strangers'. */
	if (!w.bad && strcmp(keys->cluster, cluster) != 0)
		return err_set(e,
		    "the CAs were made for the cluster %s, but the configuration says %s; "
		    "a cluster keeps its name",
		    keys->cluster, cluster);
	return read_sets(keys, &w, e);
}

static int
load(struct signer_keys *keys, const struct signer_options *o, const struct secret *key,
    struct err *e)
{
	struct secret *plain;
	char *sealed;
	size_t n;
	int rc;

	if (file_read(o->state_path, 2 * STATE_MAX, &sealed, &n, e) < 0)
		return -1;
	rc = sealed_open(key, label, (struct span){ (uint8_t *)sealed, n }, &plain);
	free(sealed);
	if (rc < 0)
		return err_set(e,
		    "%s does not open with the key in %s; restore the two together from a backup",
		    o->state_path, o->key_path);
	rc = read_state(keys, secret_span(plain), o->cluster, e);
	secret_free(plain);
	return rc < 0 ? err_prefix(e, "%s", o->state_path) : 0;
}

static int
create(struct signer_keys *keys, const struct signer_options *o, const struct secret *key,
    struct err *e)
{
	if (!str_copy(keys->cluster, sizeof keys->cluster, o->cluster))
		return err_set(e, "the name of the cluster is too long");
	keys->generation = 1;
	if (set_make(&keys->sets[0], e) < 0)
		return -1;
	keys->n_sets = 1;
	/* Before the first use: a certificate of a CA that was never written would be worth
	 * nothing tomorrow. */
	if (save(keys, o->state_path, key, e) < 0)
		return -1;
	/* Worth a warning: on a cluster that is not new it means that the state was lost. */
	log_warn("made new certificate authorities", "cluster", o->cluster, "state", o->state_path,
	    NULL);
	return 0;
}

/* One key for one use: what authd gets does not open the CAs. */
static void
derive_seed_key(struct signer_keys *keys, const struct secret *key)
{
	const struct span use = span_str("sallyport seeds of second factors 1");
	struct hmac h;

	hmac_init(&h, HMAC_SHA256, secret_span(key));
	hmac_tag(&h, &use, 1, keys->seed_key);
	secret_zero(&h, sizeof h);
}

int
signer_keys_open(struct signer_keys *keys, const struct signer_options *options, struct err *e)
{
	struct secret *key;
	bool first;
	int rc;

	memset(keys, 0, sizeof *keys);
	if (!identity_name_ok(span_str(options->cluster)))
		return err_set(e,
		    "the name of a cluster is letters, digits, dots, dashes and underscores");
	if (access(options->state_path, F_OK) < 0 && errno != ENOENT)
		return err_errno(e, "cannot look at %s", options->state_path);
	first = access(options->state_path, F_OK) < 0;
	if (!first && access(options->key_path, F_OK) < 0 && errno == ENOENT)
		return err_set(e,
		    "the key file %s is not there, and nothing else opens %s; restore it from its backup, or say with ca_key "
		    "where it is",
		    options->key_path, options->state_path);
	/* A key is made only together with a state: with a state there, a missing key means it was
	 * lost. */
	if (secret_key_load(&key, options->key_path, first, e) < 0)
		return -1;
	rc = first ? create(keys, options, key, e) : load(keys, options, key, e);
	derive_seed_key(keys, key);
	keys->file_key = key;
	if (options->backup_recipient)
		keys->backup_recipient = *options->backup_recipient;
	/* Once more, as whatever is to be opened again later is on the disk. */
	if (rc == 0)
		rc = file_read(options->state_path, 2 * STATE_MAX, &keys->state, &keys->state_len,
		    e);
	if (rc < 0)
		signer_keys_done(keys);
	return rc;
}

int
signer_keys_try(struct span state, const struct secret *key, const char *cluster, char *pin,
    struct err *e)
{
	struct signer_keys keys = { 0 };
	struct secret *plain;
	int rc;

	if (sealed_open(key, label, state, &plain) < 0)
		return err_set(e,
		    "the authorities do not open with the key that was saved with them");
	rc = read_state(&keys, secret_span(plain), cluster, e);
	secret_free(plain);
	if (rc == 0 && capin_of_cert(keys.sets[0].host_cert, pin) < 0)
		rc = err_set(e, "the authorities have no fingerprint");
	signer_keys_done(&keys);
	return rc;
}

/* --- the public halves --------------------------------------------------------------------------
 */

static bool
pem_text(const struct x509_cert *cert, char **ret)
{
	struct buf b;
	bool ok;

	buf_init(&b, X509_PEM_MAX);
	ok = x509_cert_pem(cert, &b) == 0 && (*ret = span_dup(buf_span(&b))) != NULL;
	buf_done(&b);
	return ok;
}

/* Public halves only: this leaves the signer. */
int
signer_keys_ca_set(const struct signer_keys *keys, struct buf *ret)
{
	char *host_pem[SIGNER_SETS_MAX] = { 0 }, *user_pem[SIGNER_SETS_MAX] = { 0 };
	struct ca_pack set = { .cluster = keys->cluster, .generation = keys->generation };
	bool ok = true;

	for (; set.n < keys->n_sets; set.n++) {
		const struct signer_ca_set *s = &keys->sets[set.n];

		ok = ok && pem_text(s->host_cert, &host_pem[set.n]) &&
		    pem_text(s->user_cert, &user_pem[set.n]);
		set.host_pem[set.n] = host_pem[set.n];
		set.user_pem[set.n] = user_pem[set.n];
		set.host_ssh[set.n] = sshkey_blob(s->host_ssh);
		set.user_ssh[set.n] = sshkey_blob(s->user_ssh);
	}
	ok = ok && ca_pack(&set, ret) == 0;
	for (size_t i = 0; i < SIGNER_SETS_MAX; i++) {
		free(host_pem[i]);
		free(user_pem[i]);
	}
	return ok ? 0 : -1;
}
