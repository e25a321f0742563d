/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostkey: see hostkey.h.
 */
#include "node/monitor/hostkey.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/sshcert.h"
#include "ssh/userauth.h"

enum {
	VERSION_MAX = 255, /* RFC 4253 section 4.2 */
	INIT_MIN = 62,     /* number, cookie, ten empty lists, bool, u32 */
	INIT_MAX = 64 * 1024,
	KEXINIT = 20,
	UUID_MAX = 64,
};

/* Made once, in the monitor's own folder. There is no second key that a worker could have us use. */
int
hostkey_open(struct sshkey **ret, const char *path, struct err *e)
{
	if (access(path, F_OK) == 0)
		return sshkey_load(ret, path, e);
	if (sshkey_generate(ret))
		return err_memory(e);
	return sshkey_save(*ret, path, "noded", e);
}

bool
hostkey_is_shown(const struct sshkey *key, struct span blob)
{
	struct sshcert *cert = NULL;

	if (span_eq(blob, sshkey_blob(key)))
		return true;
	if (!sshcert_is_cert(blob) || sshcert_parse(&cert, blob, NULL))
		return false;
	/* Whose certificate it is does not matter here: what counts is that the key in it is this
	 * one. */
	bool same = cert->type == SSHCERT_HOST && sshkey_equal(cert->key, key);
	sshcert_free(cert);
	return same;
}

/* --- the exchange ----------------------------------------------------------------------- */

static bool
is_version(struct span s)
{
	if (s.n < 8 || s.n > VERSION_MAX || memcmp(s.p, "SSH-2.0-", 8) != 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

static bool
is_init(struct span s)
{
	return s.n >= INIT_MIN && s.n <= INIT_MAX && s.p[0] == KEXINIT;
}

/* X25519, or an uncompressed point of P-256. */
static bool
is_ephemeral(struct span s)
{
	return s.n == 32 || (s.n == KEX_PUBLIC_MAX && s.p[0] == 4);
}

/* A positive number as an mpint has it: no zero byte in front that is not needed. */
static bool
is_secret(struct span s)
{
	if (s.n == 0 || s.n > KEX_SECRET_LEN + 1 || (s.p[0] & 0x80))
		return false;
	return s.p[0] != 0 || (s.n > 1 && (s.p[1] & 0x80));
}

/* The worker writes the transcript. It is signed over a hash made here, so it cannot choose the
 * bytes that are signed, only the parts; these must have the form that RFC 4253 section 8 and RFC
 * 5656 section 4 give them. */
static int
check_exchange(const struct sshkey *key, const struct kex_transcript *t, struct err *e)
{
	const struct span *part = t->part;

	if (!is_version(part[KEX_V_C]) || !is_version(part[KEX_V_S]) || !is_init(part[KEX_I_C]) ||
	    !is_init(part[KEX_I_S]) || !is_ephemeral(part[KEX_Q_C]) ||
	    !is_ephemeral(part[KEX_Q_S]) || part[KEX_Q_C].n != part[KEX_Q_S].n ||
	    !is_secret(part[KEX_K]))
		return err_set(e, "what is to be signed is no key exchange");
	/* With another server's key in it this would be that server's exchange. */
	if (!hostkey_is_shown(key, part[KEX_K_S]))
		return err_set(e, "the key exchange shows another host key");
	return 0;
}

int
hostkey_sign_exchange(const struct sshkey *key, const struct kex_transcript *t,
    uint8_t hash[KEX_HASH_LEN], struct buf *ret, struct err *e)
{
	if (check_exchange(key, t, e))
		return -1;
	kex_transcript_hash(t, hash);
	return sshkey_sign(key, (struct span){ hash, KEX_HASH_LEN }, ret)
	    ? err_set(e, "the host key cannot sign")
	    : 0;
}

/* --- the tunnel -------------------------------------------------------------------------- */

/* authd gives a node one certificate of type user: signed by the host CA, for its UUID. */
static int
check_certificate(const struct sshkey *key, const struct trust *trust, const struct userauth *u,
    struct err *e)
{
	struct sshcert *cert = NULL;
	char user[UUID_MAX];

	if (!trust->bundle || u->user.n >= sizeof(user) || !sshcert_is_cert(u->blob) ||
	    sshcert_parse(&cert, u->blob, e))
		return err_set(e, "this is not the tunnel certificate of this node");
	(void)str_format(user, sizeof(user), "%.*s", (int)u->user.n, (const char *)u->user.p);
	const struct sshcert_rules rules = {
		.type = SSHCERT_USER,
		.ca = trust->bundle->host_ssh,
		.n_ca = trust->bundle->n_host_ssh,
		.principal = user,
		.now_s = (uint64_t)(clock_wall_ms() / 1000),
	};
	int r = sshkey_equal(cert->key, key)
	    ? sshcert_check(cert, &rules, e)
	    : err_set(e, "the tunnel certificate is for another key");
	sshcert_free(cert);
	return r;
}

/* Nothing that passes here is an exchange: those are signed over 32 bytes, this over a whole
 * request (RFC 4252 section 7). */
int
hostkey_sign_tunnel(const struct sshkey *key, const struct trust *trust, struct span data,
    struct buf *ret, struct err *e)
{
	struct span session_id;
	struct userauth u;

	if (userauth_read_signed(&u, &session_id, data) || session_id.n != KEX_HASH_LEN ||
	    !span_is(u.alg, "ssh-ed25519-cert-v01@openssh.com"))
		return err_set(e, "what is to be signed is no login at the proxy");
	if (check_certificate(key, trust, &u, e))
		return -1;
	return sshkey_sign(key, data, ret) ? err_set(e, "the host key cannot sign") : 0;
}
