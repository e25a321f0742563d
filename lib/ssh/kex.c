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

enum { INIT_MAX = 32 * 1024, TRIP_MAX_MS = 1000 };

void
kex_free(struct ssh_kex *kex)
{
	if (!kex)
		return;
	buf_done(&kex->my_init);
	buf_done(&kex->peer_init);
	buf_wipe(&kex->result.secret);
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
	kex->asked_ms = ssh->now_ms;
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
	/* Only the first exchange: later ones are not on anybody's way to a prompt, and a wrong guess costs a
	 * key pair. */
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
	/* Each one costs us a negotiation and a key pair; a peer must not get them for 20 bytes each. */
	if (kex->step != KEX_WAIT_INIT)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "two KEXINIT in one exchange");
	/* With the type's byte, which the exchange hash takes too (RFC 4253 section 8: "the payload
	 * of the SSH_MSG_KEXINIT"). */
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

/* The shared secret, from the peer's ephemeral key. */
static int
make_secret(struct ssh_kex *kex, struct span peer_public)
{
	uint8_t secret[KEX_SECRET_LEN];
	int r = kex_pair_secret(kex->pair, peer_public, secret);

	/* Kept as the mpint that every hash over it takes; the bare bytes live no longer than this call. */
	buf_init(&kex->result.secret, 64);
	if (r == 0)
		wire_put_mpint(&kex->result.secret, (struct span){ secret, sizeof(secret) });
	explicit_bzero(secret, sizeof(secret));
	return r == 0 && buf_ok(&kex->result.secret) ? 0 : -1;
}

/* What was said, out of what both sides keep; peer_public is the other one's ephemeral key. */
static struct kex_transcript
transcript(const struct ssh *ssh, struct span peer_public)
{
	const struct ssh_kex *kex = ssh->kex;
	int me = ssh->config.role == SSH_SERVER; /* by which a part of ours stands behind theirs */
	struct kex_transcript t = { 0 };

	t.part[KEX_V_C + me] = span_str(ssh->my_version);
	t.part[KEX_V_S - me] = span_str(ssh->peer_version);
	t.part[KEX_I_C + me] = buf_span(&kex->my_init);
	t.part[KEX_I_S - me] = buf_span(&kex->peer_init);
	t.part[KEX_K_S] = kex->result.host_key;
	t.part[KEX_Q_C + me] = kex_pair_public(kex->pair);
	t.part[KEX_Q_S - me] = peer_public;
	t.part[KEX_K] = buf_span(&kex->result.secret);
	t.part[KEX_K].p += 4; /* the mpint without its length */
	t.part[KEX_K].n -= 4;
	return t;
}

/* The hash, which is the session identifier when it is the first one. */
static int
hash_exchange(struct ssh *ssh, const struct kex_transcript *t)
{
	struct kex_result *x = &ssh->kex->result;

	kex_transcript_hash(t, x->hash);
	/* Later exchanges do not change it (RFC 4253 section 7.2): what users signed stays bound to the
	 * first. */
	if (ssh->have_session_id)
		return 0;
	memcpy(ssh->session_id, x->hash, sizeof(ssh->session_id));
	ssh->have_session_id = true;
	if (!buf_put(&ssh->host_key, x->host_key.p, x->host_key.n))
		return ssh_fatal(ssh, REASON_KEX_FAILED, "out of memory");
	return 0;
}

/* K1 = HASH(K || H || letter || session_id), K2 = HASH(K || H || K1) (RFC 4253 section 7.2). */
static void
derive(struct ssh *ssh, char letter, uint8_t ret[CIPHER_KEY_MAX])
{
	const struct kex_result *x = &ssh->kex->result;
	struct span parts[4] = {
		buf_span(&x->secret),
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
derive_cipher(struct ssh *ssh, int dir)
{
	uint8_t iv[CIPHER_KEY_MAX], key[CIPHER_KEY_MAX], mac[CIPHER_KEY_MAX];
	struct cipher_keys keys = { key, iv, mac };
	struct cipher *c = NULL;

	derive(ssh, (char)('A' + dir), iv);
	derive(ssh, (char)('C' + dir), key);
	derive(ssh, (char)('E' + dir), mac);
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
	/* Strict kex: with the numbers starting over, packets that somebody put in before NEWKEYS cannot shift
	 * those behind it (Terrapin, CVE-2023-48795). */
	if (ssh->strict)
		stream->seq = 0;
}

/* Sends NEWKEYS and turns our direction over; the other waits for the peer's NEWKEYS. */
static int
switch_keys(struct ssh *ssh)
{
	struct ssh_kex *kex = ssh->kex;
	int dir_out = ssh->config.role == SSH_SERVER;
	struct cipher *out = derive_cipher(ssh, dir_out);
	struct buf b;

	/* Both directions at once, so that the secret can go; ours is turned over now, the peer's
	 * with its NEWKEYS. */
	kex->next_in = derive_cipher(ssh, !dir_out);
	/* Not needed any more: only the keys that were made of it live on. */
	buf_wipe(&kex->result.secret);
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
	/* RFC 8308 section 2.4: the first message under the new keys, and before what waited in pending. */
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

static int
send_reply(struct ssh *ssh, struct span signature)
{
	struct ssh_kex *kex = ssh->kex;
	struct buf b;

	kex->asked_ms = ssh->now_ms;
	packet_begin(&b, MSG_KEX_ECDH_REPLY);
	wire_put_string(&b, kex->result.host_key);
	wire_put_string(&b, kex_pair_public(kex->pair));
	wire_put_string(&b, signature);
	return packet_send_buf(ssh, &b) < 0 ? -1 : switch_keys(ssh);
}

int
kex_signed(struct ssh *ssh, struct span signature)
{
	return send_reply(ssh, signature);
}

/* Has the exchange hash signed, and answers when that is done at once. */
static int
sign_and_reply(struct ssh *ssh, const struct ssh_identity *id, const struct kex_transcript *t)
{
	struct ssh_kex *kex = ssh->kex;
	const struct ssh_to_sign what = { id, { kex->result.hash, sizeof(kex->result.hash) }, t };
	enum ssh_answer answer;
	struct buf sig;
	int r = 0;

	buf_init(&sig, 1024);
	answer = sign_ask(ssh, &what, &sig);
	if (answer == SSH_OK)
		r = send_reply(ssh, buf_span(&sig));
	else if (answer == SSH_LATER)
		kex->step = KEX_WAIT_SIGNATURE;
	else
		r = ssh_fatal(ssh, REASON_KEX_FAILED, "cannot sign with the host key");
	buf_done(&sig);
	return r;
}

int
kex_on_ecdh_init(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_kex *kex = ssh->kex;
	struct span client_public = wire_string(w);
	const struct ssh_identity *id = identity_for(ssh, &kex->result.host_key);
	struct kex_transcript t;

	(void)payload;
	if (!wire_end(w) || !id || kex_pair_new(&kex->pair, kex->algs.curve) < 0 ||
	    make_secret(kex, client_public) < 0)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "bad key exchange value");
	t = transcript(ssh, client_public);
	return hash_exchange(ssh, &t) < 0 ? -1 : sign_and_reply(ssh, id, &t);
}

/* The peer has answered what was asked: its NEWKEYS the server's reply, that reply the client's value. The shortest time
 * counts, since a slow processor takes some of it, and nothing of it back; what a person took, who was asked about a key, is
 * no path. */
static void
note_trip(struct ssh *ssh)
{
	int64_t took = ssh->now_ms - ssh->kex->asked_ms;

	/* 0: not known yet. */
	if (took < 1)
		took = 1;
	if (took <= TRIP_MAX_MS && (ssh->trip_ms == 0 || took < ssh->trip_ms))
		ssh->trip_ms = took;
}

/* --- client --------------------------------------------------------------- */

/* Checks the server's signature, then asks the owner whether to believe the key. */
static int
verify_host(struct ssh *ssh, struct span sig)
{
	const struct kex_result *x = &ssh->kex->result;
	struct span alg = ssh->kex->algs.hostkey;
	struct sshcert *cert = NULL;
	struct sshkey *plain = NULL;
	struct ssh_host host = { 0 };
	struct err e = { "the host key is malformed" };
	int r = -1;

	if (span_is(alg, "ssh-ed25519-cert-v01@openssh.com")) {
		/* The certified key signs, under its plain name; the certificate stands in the
		 * hash. */
		alg = span_str("ssh-ed25519");
		if (sshcert_is_cert(x->host_key) && sshcert_parse(&cert, x->host_key, &e) == 0)
			host = (struct ssh_host){ cert->key, cert };
	} else if (sshkey_from_blob(&plain, x->host_key) == 0) {
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
	struct span server_public, sig;
	struct kex_transcript t;

	(void)payload;
	note_trip(ssh);
	kex->result.host_key = wire_string(w); /* as long as this call; hash_exchange copies it */
	server_public = wire_string(w);
	sig = wire_string(w);
	/* The signature is looked at when the secret is there: the hash that it is over contains
	 * both. */
	if (!wire_end(w) || !kex->pair || make_secret(kex, server_public) < 0)
		return ssh_fatal(ssh, REASON_KEX_FAILED, "bad key exchange value");
	t = transcript(ssh, server_public);
	if (hash_exchange(ssh, &t) < 0 || verify_host(ssh, sig) < 0)
		return -1;
	return switch_keys(ssh);
}

/* --- both ------------------------------------------------------------------- */

int
kex_on_newkeys(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct ssh_kex *kex = ssh->kex;

	(void)payload;
	if (!wire_end(w))
		return ssh_fatal(ssh, REASON_KEX_FAILED, "malformed NEWKEYS");
	if (ssh->config.role == SSH_SERVER)
		note_trip(ssh);
	use_cipher(ssh, &ssh->in, kex->next_in);
	kex->next_in = NULL;
	kex_free(kex);
	ssh->kex = NULL;
	ssh->keyed_ms = ssh->now_ms;
	if (ssh->state == STATE_KEX) {
		ssh->state = STATE_SERVICE;
		/* EXT_INFO may come now; from a client only now. */
		ssh->first_after_newkeys = true;
		return ssh->config.role == SSH_CLIENT ? auth_begin_client(ssh) : 0;
	}
	/* What had to wait for the exchange: windows that could not be opened, writers that got no
	 * room. */
	chan_grant_all(ssh);
	chan_tell_writable(ssh);
	return ssh->state == STATE_DEAD ? -1 : 0;
}
