/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kex: the exchange of keys (RFC 4253 sections 7 and 8, RFC 5656 section 4, RFC 8731), the first
 * one and every later one, whichever side begins it.
 *
 * From our KEXINIT to our NEWKEYS nothing else is sent: messages wait in ssh->pending, writers get
 * no room. The peer's data is taken until its own KEXINIT arrives.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_priv.h"

enum { INIT_MAX = 32 * 1024, HASH_INPUT_MAX = 256 * 1024 };

void
kex_free(struct ssh_kex *kex)
{
	if (!kex)
		return;
	buf_done(&kex->my_init);
	buf_done(&kex->peer_init);
	kex_pair_free(kex->pair);
	cipher_free(kex->next_in);
	free(kex);
}

static int
send_ecdh_init(struct ssh *ssh, struct ssh_kex *kex)
{
	struct buf b;

	kex_pair_free(kex->pair);
	if (kex_pair_new(&kex->pair, kex->algs.curve) < 0)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "out of memory");
	packet_begin(&b, MSG_KEX_ECDH_INIT);
	wire_put_string(&b, kex_pair_public(kex->pair));
	return packet_send_buf(ssh, &b);
}

int
kex_start(struct ssh *ssh)
{
	struct ssh_kex *kex;

	if (ssh->kex)
		return 0;
	kex = calloc(1, sizeof(*kex));
	if (!kex)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "out of memory");
	buf_init(&kex->my_init, INIT_MAX);
	buf_init(&kex->peer_init, INIT_MAX);
	kex->since_ms = ssh->now_ms;
	kex->sent_guess = ssh->config.role == SSH_CLIENT && ssh->config.guess_kex &&
	    !ssh->have_session_id && !ssh->config.kex;
	ssh->kex = kex;
	if (kexinit_build(ssh, kex) < 0 || packet_send(ssh, buf_span(&kex->my_init)) < 0)
		return -1;
	kex->algs.curve = KEX_X25519; /* the guess: our first choice */
	return kex->sent_guess ? send_ecdh_init(ssh, kex) : 0;
}

int
kex_on_init(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_kex *kex;

	if (kex_start(ssh) < 0)
		return -1;
	kex = ssh->kex;
	if (kex->step != KEX_WAIT_INIT)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "two KEXINIT in one exchange");
	buf_put(&kex->peer_init, payload, w->left + 1);
	if (!buf_ok(&kex->peer_init))
		return ssh_fatal(ssh, REASON_KEX_FAILED, "KEXINIT is too long");
	if (kexinit_negotiate(ssh, kex) < 0)
		return -1;
	kex->step = KEX_WAIT_ECDH;
	if (ssh->config.role == SSH_CLIENT && !kex->sent_guess)
		return send_ecdh_init(ssh, kex);
	return 0;
}

/* --- the exchange hash and what is derived from it -------------------------- */

struct exchange {
	struct span host_blob, client_public, server_public;
	uint8_t secret[KEX_SECRET_LEN];
	uint8_t hash[KEX_HASH_LEN];
};

static int
hash_exchange(struct ssh *ssh, struct exchange *x)
{
	bool server = ssh->config.role == SSH_SERVER;
	const struct ssh_kex *kex = ssh->kex;
	struct buf b;
	struct span all;
	bool ok;

	buf_init(&b, HASH_INPUT_MAX);
	wire_put_text(&b, server ? ssh->peer_version : ssh->my_version);
	wire_put_text(&b, server ? ssh->my_version : ssh->peer_version);
	wire_put_string(&b, buf_span(server ? &kex->peer_init : &kex->my_init));
	wire_put_string(&b, buf_span(server ? &kex->my_init : &kex->peer_init));
	wire_put_string(&b, x->host_blob);
	wire_put_string(&b, x->client_public);
	wire_put_string(&b, x->server_public);
	wire_put_mpint(&b, (struct span){ x->secret, sizeof(x->secret) });
	ok = buf_ok(&b);
	all = buf_span(&b);
	if (ok)
		kex_hash(&all, 1, x->hash);
	buf_wipe(&b);
	if (!ok)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "out of memory");
	if (!ssh->have_session_id) {
		memcpy(ssh->session_id, x->hash, sizeof(ssh->session_id));
		ssh->have_session_id = true;
	}
	return 0;
}

/* K1 = HASH(K || H || letter || session_id), K2 = HASH(K || H || K1) (RFC 4253 section 7.2). */
static void
derive(struct ssh *ssh, const struct exchange *x, struct span k, char letter,
    uint8_t ret[CIPHER_KEY_MAX])
{
	struct span parts[4] = {
		k,
		{ x->hash, sizeof(x->hash) },
		{ (const uint8_t *)&letter, 1 },
		{ ssh->session_id, sizeof(ssh->session_id) },
	};

	_Static_assert(CIPHER_KEY_MAX == 2 * KEX_HASH_LEN, "two rounds make the longest key");
	kex_hash(parts, 4, ret);
	parts[2] = (struct span){ ret, KEX_HASH_LEN };
	kex_hash(parts, 3, ret + KEX_HASH_LEN);
}

static struct cipher *
derive_cipher(struct ssh *ssh, const struct exchange *x, struct span k, int dir)
{
	uint8_t iv[CIPHER_KEY_MAX], key[CIPHER_KEY_MAX], mac[CIPHER_KEY_MAX];
	struct cipher_keys keys = { key, iv, mac };
	struct cipher *c = NULL;

	derive(ssh, x, k, (char)('A' + dir), iv);
	derive(ssh, x, k, (char)('C' + dir), key);
	derive(ssh, x, k, (char)('E' + dir), mac);
	cipher_new(&c, ssh->kex->algs.cipher[dir], ssh->kex->algs.mac[dir], &keys);
	explicit_bzero(iv, sizeof(iv));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(mac, sizeof(mac));
	return c;
}

static void
use_cipher(struct ssh *ssh, struct ssh_stream *stream, struct cipher *cipher)
{
	cipher_free(stream->cipher);
	stream->cipher = cipher;
	stream->packets = 0;
	stream->bytes = 0;
	if (ssh->strict)
		stream->seq = 0;
}

/* Sends NEWKEYS and turns our direction over; the other waits for the peer's NEWKEYS. */
static int
switch_keys(struct ssh *ssh, struct exchange *x)
{
	struct ssh_kex *kex = ssh->kex;
	int dir_out = ssh->config.role == SSH_SERVER;
	struct cipher *out;
	struct buf k, b;

	buf_init(&k, 64);
	wire_put_mpint(&k, (struct span){ x->secret, sizeof(x->secret) });
	out = buf_ok(&k) ? derive_cipher(ssh, x, buf_span(&k), dir_out) : NULL;
	kex->next_in = buf_ok(&k) ? derive_cipher(ssh, x, buf_span(&k), !dir_out) : NULL;
	buf_wipe(&k);
	explicit_bzero(x->secret, sizeof(x->secret));
	if (!out || !kex->next_in) {
		cipher_free(out);
		return ssh_fatal(ssh, REASON_KEX_FAILED, "out of memory");
	}
	packet_begin(&b, MSG_NEWKEYS);
	if (packet_send_buf(ssh, &b) < 0) {
		cipher_free(out);
		return -1;
	}
	use_cipher(ssh, &ssh->out, out);
	kex->sent_newkeys = true;
	kex->step = KEX_WAIT_NEWKEYS;
	if (ssh->state == STATE_KEX && ssh->config.role == SSH_SERVER && extinfo_send(ssh) < 0)
		return -1;
	return packet_release_pending(ssh);
}

/* --- server --------------------------------------------------------------- */

static const struct ssh_identity *
identity_for(const struct ssh *ssh, struct span *ret_blob)
{
	bool want_cert = span_is(ssh->kex->algs.hostkey, "ssh-ed25519-cert-v01@openssh.com");

	for (size_t i = 0; i < ssh->config.n_identities; i++) {
		const struct ssh_identity *id = &ssh->config.identities[i];

		if (want_cert && id->cert.n == 0)
			continue;
		*ret_blob = want_cert ? id->cert : sshkey_blob(id->key);
		return id;
	}
	return NULL;
}

int
kex_on_ecdh_init(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_kex *kex = ssh->kex;
	const struct ssh_identity *id;
	struct exchange x = { 0 };
	struct buf sig, b;
	int r;

	(void)payload;
	x.client_public = wire_string(w);
	id = identity_for(ssh, &x.host_blob);
	if (!wire_end(w) || !id || kex_pair_new(&kex->pair, kex->algs.curve) < 0 ||
	    kex_pair_secret(kex->pair, x.client_public, x.secret) < 0)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "bad key exchange value");
	x.server_public = kex_pair_public(kex->pair);
	if (hash_exchange(ssh, &x) < 0)
		return -1;
	buf_init(&sig, 1024);
	if (sshkey_sign(id->key, (struct span){ x.hash, sizeof(x.hash) }, &sig) < 0) {
		buf_done(&sig);
		return ssh_fatal(ssh, REASON_KEX_FAILED, "cannot sign with the host key");
	}
	packet_begin(&b, MSG_KEX_ECDH_REPLY);
	wire_put_string(&b, x.host_blob);
	wire_put_string(&b, x.server_public);
	wire_put_string(&b, buf_span(&sig));
	r = packet_send_buf(ssh, &b);
	buf_done(&sig);
	return r < 0 ? r : switch_keys(ssh, &x);
}

/* --- client --------------------------------------------------------------- */

/* Checks the server's signature, then asks the owner whether to believe the key. */
static int
verify_host(struct ssh *ssh, const struct exchange *x, struct span sig)
{
	struct span alg = ssh->kex->algs.hostkey;
	struct sshcert *cert = NULL;
	struct sshkey *plain = NULL;
	struct ssh_host host = { 0 };
	struct err e = { "the host key is malformed" };
	int r = -1;

	if (span_is(alg, "ssh-ed25519-cert-v01@openssh.com")) {
		alg = span_str("ssh-ed25519");
		if (sshcert_is_cert(x->host_blob) && sshcert_parse(&cert, x->host_blob, &e) == 0)
			host = (struct ssh_host){ cert->key, cert };
	} else if (sshkey_from_blob(&plain, x->host_blob) == 0) {
		host.key = plain;
	}
	if (!host.key)
		ssh_fatal(ssh, REASON_HOST_KEY_NOT_VERIFIABLE, "bad host key: %s", e.text);
	else if (sshkey_verify(host.key, alg, sig, (struct span){ x->hash, sizeof(x->hash) }) < 0)
		ssh_fatal(ssh, REASON_HOST_KEY_NOT_VERIFIABLE,
		    "the host's signature is wrong: somebody may be in between");
	else if (!ssh->config.events->verify_host ||
	    ssh->config.events->verify_host(ssh, &host, &e, ssh->config.arg) < 0)
		ssh_fatal(ssh, REASON_HOST_KEY_NOT_VERIFIABLE, "host not believed: %s", e.text);
	else
		r = ssh->state == STATE_DEAD ? -1 : 0;
	sshcert_free(cert);
	sshkey_free(plain);
	return r;
}

int
kex_on_ecdh_reply(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_kex *kex = ssh->kex;
	struct exchange x = { 0 };
	struct span sig;

	(void)payload;
	x.host_blob = wire_string(w);
	x.server_public = wire_string(w);
	sig = wire_string(w);
	if (!wire_end(w) || !kex->pair || kex_pair_secret(kex->pair, x.server_public, x.secret) < 0)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "bad key exchange value");
	x.client_public = kex_pair_public(kex->pair);
	if (hash_exchange(ssh, &x) < 0 || verify_host(ssh, &x, sig) < 0)
		return -1;
	return switch_keys(ssh, &x);
}

/* --- both ------------------------------------------------------------------- */

int
kex_on_newkeys(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_kex *kex = ssh->kex;

	(void)payload;
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_KEX_FAILED, "malformed NEWKEYS");
	use_cipher(ssh, &ssh->in, kex->next_in);
	kex->next_in = NULL;
	kex_free(kex);
	ssh->kex = NULL;
	ssh->keyed_ms = ssh->now_ms;
	if (ssh->state == STATE_KEX) {
		ssh->state = STATE_SERVICE;
		ssh->first_after_newkeys = true;
		return ssh->config.role == SSH_CLIENT ? auth_begin_client(ssh) : 0;
	}
	chan_grant_all(ssh);
	chan_tell_writable(ssh);
	return ssh->state == STATE_DEAD ? -1 : 0;
}
