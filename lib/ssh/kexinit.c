/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kexinit: what we propose and what both agree on (RFC 4253 section 7.1), with the markers for
 * strict kex (OpenSSH PROTOCOL 1.10) and ext-info (RFC 8308).
 */
#include <string.h>

#include "base/str.h"
#include "crypto/rand.h"
#include "ssh/ssh_priv.h"

/* Best first; what this build has of them is proposed. */
static const struct {
	const char *name;
	enum kex_curve curve;
} curves[] = {
	{ "curve25519-sha256", KEX_X25519 },
	{ "curve25519-sha256@libssh.org", KEX_X25519 },
	{ "ecdh-sha2-nistp256", KEX_P256 },
};

static const struct {
	const char *name; /* of the algorithm */
	const char *type; /* of the key, or of the certified one */
} hostkeys[] = {
	{ "ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519" },
	{ "ssh-ed25519", "ssh-ed25519" },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256" },
	{ "rsa-sha2-512", "ssh-rsa" },
	{ "rsa-sha2-256", "ssh-rsa" },
};

/* The ten lists of a KEXINIT, in order. */
enum { L_KEX, L_HOSTKEY, L_CIPHER, L_MAC = 4, L_COMPRESSION = 6, L_COUNT = 10 };

/* One more name of the list that began at `start`. */
static void
put_name(struct buf *b, size_t start, const char *name)
{
	if (b->len > start)
		buf_put(b, ",", 1);
	buf_put(b, name, strlen(name));
}

static void
put_kex_list(struct buf *b, const struct ssh *ssh)
{
	bool server = ssh->config.role == SSH_SERVER;
	size_t mark = wire_put_open(b), start = b->len;

	if (ssh->config.kex)
		put_name(b, start, ssh->config.kex);
	for (size_t i = 0; !ssh->config.kex && i < sizeof(curves) / sizeof(curves[0]); i++)
		if (kex_available(curves[i].curve))
			put_name(b, start, curves[i].name);
	/* Markers in the first exchange only; in later ones a peer must ignore them (OpenSSH PROTOCOL section
	 * 1.10). */
	if (!ssh->have_session_id) {
		const char *markers = server ? ",ext-info-s,kex-strict-s-v00@openssh.com"
					     : ",ext-info-c,kex-strict-c-v00@openssh.com";

		buf_put(b, markers, strlen(markers));
	}
	wire_put_close(b, mark);
}

static bool
has_identity(const struct ssh *ssh, bool cert)
{
	for (size_t i = 0; i < ssh->config.n_identities; i++)
		if (!cert || ssh->config.identities[i].cert.n > 0)
			return true;
	return false;
}

static void
put_hostkey_list(struct buf *b, const struct ssh *ssh)
{
	size_t mark = wire_put_open(b), start = b->len;

	if (ssh->config.role == SSH_CLIENT) {
		for (size_t i = 0; i < sizeof(hostkeys) / sizeof(hostkeys[0]); i++)
			if (sshkey_type_available(hostkeys[i].type))
				put_name(b, start, hostkeys[i].name);
	} else {
		/* Nothing that we could not show: a client that picks it must get it. */
		if (has_identity(ssh, true))
			put_name(b, start, "ssh-ed25519-cert-v01@openssh.com");
		put_name(b, start, "ssh-ed25519");
	}
	wire_put_close(b, mark);
}

int
kexinit_build(struct ssh *ssh, struct ssh_kex *kex)
{
	struct buf *b = &kex->my_init;
	const char *ciphers = ssh->config.ciphers ? ssh->config.ciphers : cipher_default_list();
	const char *macs = ssh->config.macs ? ssh->config.macs : mac_default_list();
	uint8_t cookie[16];

	/* Makes the hash, and with it the session identifier, ours too: a peer cannot choose it alone. */
	rand_bytes(cookie, sizeof(cookie));
	wire_put_u8(b, MSG_KEXINIT);
	buf_put(b, cookie, sizeof(cookie));
	put_kex_list(b, ssh);
	put_hostkey_list(b, ssh);
	wire_put_text(b, ciphers);
	wire_put_text(b, ciphers);
	wire_put_text(b, macs);
	wire_put_text(b, macs);
	wire_put_text(b, "none");
	wire_put_text(b, "none");
	wire_put_text(b, "");
	wire_put_text(b, "");
	/* first_kex_packet_follows, and behind it a number that is reserved. */
	wire_put_bool(b, kex->sent_guess);
	wire_put_u32(b, 0);
	return buf_ok(b) ? 0 : ssh_fatal(ssh, REASON_KEX_FAILED, "out of memory");
}

/* A copy of a name as text, cut to what an error message needs. */
static void
list_text(struct span list, char *dst, size_t size)
{
	str_clean(dst, size, (const char *)list.p, list.n);
}

static bool
list_has(struct span list, struct span name)
{
	struct span rest = list, one;

	while (wire_next_name(&rest, &one))
		if (span_eq(one, name))
			return true;
	return false;
}

static struct span
list_first_name(struct span list)
{
	struct span one = { NULL, 0 };

	wire_next_name(&list, &one);
	return one;
}

/* As all that is chosen here: the first name of the client's that the server has too (RFC 4253
 * section 7.1). */
static bool
choose_curve(const struct span *client, const struct span *server, struct kex_algs *algs)
{
	struct span rest = client[L_KEX], one;

	while (wire_next_name(&rest, &one))
		for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
			if (span_is(one, curves[i].name) && list_has(server[L_KEX], one)) {
				algs->curve = curves[i].curve;
				return true;
			}
	return false;
}

static bool
choose_hostkey(const struct span *client, const struct span *server, struct kex_algs *algs)
{
	struct span rest = client[L_HOSTKEY], one;

	while (wire_next_name(&rest, &one))
		for (size_t i = 0; i < sizeof(hostkeys) / sizeof(hostkeys[0]); i++)
			if (span_is(one, hostkeys[i].name) && list_has(server[L_HOSTKEY], one)) {
				algs->hostkey = span_str(hostkeys[i].name);
				return true;
			}
	return false;
}

/* Cipher and MAC of one direction: 0 is client to server. */
static bool
choose_cipher(const struct span *client, const struct span *server, int dir, struct kex_algs *algs)
{
	struct span rest = client[L_CIPHER + dir], one;

	algs->cipher[dir] = NULL;
	algs->mac[dir] = NULL;
	while (!algs->cipher[dir] && wire_next_name(&rest, &one))
		if (list_has(server[L_CIPHER + dir], one))
			algs->cipher[dir] = cipher_find(one);
	/* With an AEAD the MAC lists are not even looked at: they need not have a name in common. */
	if (!algs->cipher[dir] || algs->cipher[dir]->aead)
		return algs->cipher[dir] != NULL;
	rest = client[L_MAC + dir];
	while (!algs->mac[dir] && wire_next_name(&rest, &one))
		if (list_has(server[L_MAC + dir], one))
			algs->mac[dir] = mac_find(one);
	return algs->mac[dir] != NULL;
}

static int
no_match(struct ssh *ssh, const char *what, struct span theirs)
{
	char text[256];

	list_text(theirs, text, sizeof(text));
	return ssh_fatal(ssh, REASON_KEX_FAILED, "no common %s; the other side offers %s", what,
	    text);
}

/* 0, or -1 after ssh_fatal: there is no algorithm of some kind in common. */
static int
choose_all(struct ssh *ssh, struct ssh_kex *kex, const struct span *mine, const struct span *theirs)
{
	bool server = ssh->config.role == SSH_SERVER;
	const struct span *c = server ? theirs : mine, *s = server ? mine : theirs;

	if (!choose_curve(c, s, &kex->algs))
		return no_match(ssh, "key exchange method", theirs[L_KEX]);
	if (!choose_hostkey(c, s, &kex->algs))
		return no_match(ssh, "host key type", theirs[L_HOSTKEY]);
	for (int dir = 0; dir < 2; dir++) {
		if (!choose_cipher(c, s, dir, &kex->algs))
			return no_match(ssh, "cipher and MAC", theirs[L_CIPHER + dir]);
		if (!wire_has_name(theirs[L_COMPRESSION + dir], "none"))
			return no_match(ssh, "compression (only none)",
			    theirs[L_COMPRESSION + dir]);
	}
	return 0;
}

/* Markers of the first exchange. Strict kex binds both sides to KEXINIT as the very first
 * packet. */
static int
read_markers(struct ssh *ssh, struct span kex_list)
{
	bool server = ssh->config.role == SSH_SERVER;

	if (ssh->have_session_id)
		return 0;
	ssh->peer_ext_info = wire_has_name(kex_list, server ? "ext-info-c" : "ext-info-s");
	ssh->strict = wire_has_name(kex_list,
	    server ? "kex-strict-c-v00@openssh.com" : "kex-strict-s-v00@openssh.com");
	/* seq counts the KEXINIT itself: 1 means that nothing came before it. */
	if (ssh->strict && ssh->in.seq != 1)
		return ssh_fatal(ssh, REASON_KEX_FAILED,
		    "strict key exchange: KEXINIT was not the first packet");
	return 0;
}

/* False when the payload is not a KEXINIT. */
static bool
read_lists(struct span payload, struct span lists[L_COUNT], bool *ret_follows)
{
	struct wire w = wire_from(payload);

	wire_u8(&w);
	wire_bytes(&w, 16);
	for (int i = 0; i < L_COUNT; i++)
		lists[i] = wire_string(&w);
	*ret_follows = wire_bool(&w);
	wire_u32(&w);
	return wire_end(&w);
}

int
kexinit_negotiate(struct ssh *ssh, struct ssh_kex *kex)
{
	struct span mine[L_COUNT], theirs[L_COUNT];
	bool follows, i_guessed, same;

	if (!read_lists(buf_span(&kex->my_init), mine, &i_guessed) ||
	    !read_lists(buf_span(&kex->peer_init), theirs, &follows))
		return ssh_fatal(ssh, REASON_KEX_FAILED, "malformed KEXINIT");
	if (read_markers(ssh, theirs[L_KEX]) < 0 || choose_all(ssh, kex, mine, theirs) < 0)
		return -1;
	/* A guess is right when both sides prefer the same two algorithms. */
	same = span_eq(list_first_name(mine[L_KEX]), list_first_name(theirs[L_KEX])) &&
	    span_eq(list_first_name(mine[L_HOSTKEY]), list_first_name(theirs[L_HOSTKEY]));
	/* The peer's guess was wrong, so the message that it sent along is to be thrown away (RFC
	 * 4253 section 7). */
	kex->skip_next = follows && !same;
	if (i_guessed && !same)
		/* The server throws ours away; kex_on_init sends another one. */
		kex->sent_guess = false;
	return 0;
}
