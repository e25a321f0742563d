/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh: one SSH connection, either role. Bytes in, bytes out.
 *
 * The engine has no sockets, no loop and no clock: the owner feeds received
 * bytes with ssh_input(), sends what ssh_output() shows, and calls ssh_tick()
 * about once a second. What happens is told through struct ssh_events and
 * struct ssh_chan_events. lib/ssh/loop.h does all that over a socket, or over
 * a channel of another connection.
 *
 * Rules of the house:
 *  - Nothing is sent from inside a callback: output only collects, and `wake`
 *    says once that there is some. The owner flushes at the end of its turn.
 *  - Callbacks never free the connection or its channels; ssh_disconnect() and
 *    ssh_chan_close() may be called anywhere.
 *  - Every queue has a ceiling. A slow peer makes ssh_chan_write() take less,
 *    a slow owner leaves the window closed.
 *  - A negative result of ssh_input() or ssh_tick() is the end of this
 *    connection and of nothing else: flush the output (it may hold a
 *    DISCONNECT), close, ssh_free().
 *
 * Sources: RFC 4251-4254, 8308, 8332, 8709, 8731, 5656, 5647; OpenSSH PROTOCOL
 * 1.x (strict kex, chacha20-poly1305, etm, keepalive), PROTOCOL.certkeys.
 */
#ifndef SSH_SSH_H
#define SSH_SSH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/kex.h"
#include "crypto/sshcert.h"
#include "crypto/sshkey.h"

struct ssh;
struct ssh_chan;

enum ssh_role { SSH_SERVER, SSH_CLIENT };

/* A key that proves who we are: a server's host key, a client's user key. */
struct ssh_identity {
	/* Ed25519; without its private half, ssh_events.sign signs, and it may be ECDSA P-256 */
	const struct sshkey *key;
	struct span cert; /* its certificate's blob, or empty */
};

enum ssh_verdict { SSH_DENY, SSH_ALLOW };

/* A public key that a user offers (proven false) or has signed with (proven true: the engine
 * verified it). */
struct ssh_auth {
	/* the name asked for: a login at a node, anything at a proxy. Any bytes but NUL. */
	const char *user;
	struct span alg;          /* public key algorithm as named in the request */
	struct span blob;         /* key or certificate */
	const struct sshkey *key; /* the plain key, or the one the certificate certifies */
	/* parsed, CA signature verified, trust NOT yet checked; NULL for plain keys */
	const struct sshcert *cert;
	bool proven;
	bool hostbound; /* by publickey-hostbound-v00@openssh.com: signed for this host key alone */
	/* proven: exactly what was signed (RFC 4252 section 7; OpenSSH PROTOCOL) ... */
	struct span signed_data;
	struct span signature; /* ... and the signature blob: proof for a third process */
};

/* What the server showed at key exchange; its signature over the exchange is already verified. */
struct ssh_host {
	const struct sshkey *key;
	const struct sshcert *cert; /* NULL when the server has a plain key */
};

/* CHANNEL_OPEN from the peer. Spans live until the callback returns. */
struct ssh_open {
	struct span type; /* "session", "direct-tcpip", "forwarded-tcpip", ... */
	struct span host; /* *-tcpip: address asked for / connected to */
	uint32_t port;
	struct span origin_host; /* *-tcpip: who connected */
	uint32_t origin_port;
	struct span payload; /* type-specific data, unparsed */
	struct span extra;   /* *-tcpip: what stands behind RFC 4254's fields, unparsed */
};

/* RFC 4254 section 5.1 */
enum ssh_refusal {
	SSH_REFUSE_PROHIBITED = 1,
	SSH_REFUSE_CONNECT_FAILED = 2,
	SSH_REFUSE_UNKNOWN_TYPE = 3,
	SSH_REFUSE_RESOURCES = 4,
};

/* How a request is answered: now, or later with ssh_chan_reply()/ssh_global_reply(). Requests
 * behind a late one wait (bounded), so answers keep their order. */
enum ssh_answer { SSH_FAIL, SSH_OK, SSH_LATER };

/* What a key that the engine does not hold is to sign. Spans live until the callback returns. */
struct ssh_to_sign {
	const struct ssh_identity *identity;
	/* server: the exchange hash; client: the authentication request (RFC 4252 section 7) */
	struct span data;
	/* server: what the hash was made of, so that the signer can make it himself; client: NULL */
	const struct kex_transcript *transcript;
};

struct ssh_events {
	/* Sign with an identity that has no private half. SSH_OK: the signature blob ("string alg,
	 * string sig") was appended to ret. SSH_LATER: ssh_signed() or ssh_sign_failed() follows;
	 * until then nothing of this handshake goes on, and its timeouts run. SSH_FAIL: a server's
	 * connection ends, a client tries its next identity. NULL: SSH_FAIL. */
	enum ssh_answer (
	    *sign)(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret, void *arg);
	/* Client: believe this host? Negative (with e filled) ends the connection. Mandatory for
	 * clients. */
	int (*verify_host)(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg);
	/* Server: decide on a key. Called for the offer and again for the proof, always with the
	 * full check to be done by the owner both times. Mandatory for servers. */
	enum ssh_verdict (*auth)(struct ssh *ssh, const struct ssh_auth *auth, void *arg);
	/* Client: the host is believed, and the login asked for with the last key there is. Channels may be opened from
	 * now on, and travel along with it: RFC 4252 section 5.3 has the server pass on what follows the request that
	 * it grants. When it does not, the connection ends and they with it. */
	void (*login_sent)(struct ssh *ssh, void *arg);
	/* Both roles: logged in; channels may be opened from now on. */
	void (*authenticated)(struct ssh *ssh, void *arg);
	/* Peer opens a channel: call ssh_chan_accept or ssh_chan_refuse, now or later. NULL: all
	 * are refused. */
	void (*channel_open)(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open,
	    void *arg);
	/* Global request (RFC 4254 section 4); keepalives are answered by the engine. On SSH_OK,
	 * bytes put into reply travel with REQUEST_SUCCESS. NULL: all are refused. */
	enum ssh_answer (*global_request)(struct ssh *ssh, struct span name, struct span payload,
	    struct buf *reply, void *arg);
	/* Client: text before login (RFC 4252 section 5.4), cleaned of control characters. May be
	 * NULL. */
	void (*banner)(struct ssh *ssh, const char *text, void *arg);
	/* The peer sent DISCONNECT or we did; the text is clean. Called at most once; ssh_input
	 * goes negative next. */
	void (*disconnected)(struct ssh *ssh, uint32_t reason, const char *text, void *arg);
};

struct ssh_chan_events {
	/* Bytes from the peer; ext 0 is stdout/stdin, 1 is stderr. Returns how many were taken; the
	 * rest is kept (within the window) and offered again after ssh_chan_resume(). p may be
	 * scribbled on. */
	size_t (*data)(struct ssh_chan *chan, uint32_t ext, uint8_t *p, size_t n, void *arg);
	/* ssh_chan_write() took less than asked before and can take some now. */
	void (*writable)(struct ssh_chan *chan, void *arg);
	/* A channel we opened: confirmed, or refused (no further callback, the channel is gone). */
	void (*opened)(struct ssh_chan *chan, void *arg);
	void (*refused)(struct ssh_chan *chan, uint32_t reason, const char *text, void *arg);
	/* CHANNEL_REQUEST from the peer; payload parsers in ssh/session.h. */
	enum ssh_answer (
	    *request)(struct ssh_chan *chan, struct span name, struct span payload, void *arg);
	/* Answer to a request of ours that wanted one, in order. */
	void (*reply)(struct ssh_chan *chan, bool ok, void *arg);
	/* The peer sends no more; comes after all its data was taken. */
	void (*eof)(struct ssh_chan *chan, void *arg);
	/* The peer has closed the channel, and so reads nothing more, while bytes of its own still wait here for
	 * their owner; `closed` follows when those were taken. */
	void (*unread)(struct ssh_chan *chan, void *arg);
	/* Closed by both sides, or the connection ended; all data that arrived was offered before.
	 * The last callback: the channel is gone when it returns. */
	void (*closed)(struct ssh_chan *chan, void *arg);
};

struct ssh_config {
	enum ssh_role role;
	const struct ssh_events *events; /* outlives the connection */
	void *arg;
	/* Output appeared, or a channel wants its owner: flush at the end of the turn. Called at
	 * most once until the next ssh_output(). May be NULL when the owner looks by itself. */
	void (*wake)(void *wake_arg);
	void *wake_arg;
	/* Server: host keys (a certificate is offered beside its plain key). Client: keys to log in
	 * with, tried in order. Both outlive the connection. */
	const struct ssh_identity *identities;
	size_t n_identities;
	const char *user; /* client: the name to log in as */
	/* client's preference, comma list; NULL: aes256-gcm first where the CPU has it */
	const char *ciphers;
	const char *kex; /* NULL: all we have */
	const char *macs;
	/* Client: send the first key exchange message along with KEXINIT, which saves a round trip
	 * when the server prefers what we prefer, as our own do (RFC 4253 section 7.1,
	 * first_kex_packet_follows). */
	bool guess_kex;
	uint32_t login_grace_ms;  /* server: time to log in; 0: 20 000 */
	uint32_t max_auth_tries;  /* server; 0: 10 */
	uint32_t max_channels;    /* 0: 1 000 */
	uint64_t rekey_bytes;     /* 0: 1 GiB */
	uint32_t rekey_ms;        /* 0: 1 h */
	uint32_t keepalive_ms;    /* silence after which keepalive@openssh.com is sent; 0: never */
	uint32_t keepalive_tries; /* unanswered ones after which the connection is dead; 0: 3 */
	uint32_t
	    window; /* initial window of channels; 0: 1 MiB, more only makes bulk data fall out of caches */
	uint32_t window_in;  /* the same of channels that the peer opens; 0: as window */
	uint32_t window_max; /* ceiling it may grow to when the path is long; 0: 16 MiB */
	size_t output_max;   /* bytes of output after which writers get nothing; 0: 512 KiB */
};

/* What the windows of several connections promise to keep together, a user's on a server: each further channel of any of them
 * gets less, down to 64 KiB. Zero to begin with; lives as long as the connections have channels. */
struct ssh_allowance {
	uint64_t promised, grown;
	size_t channels, max_channels; /* 0: no limit but the connections' own */
};
/* Before the connection has channels: from now on it counts there as well. */
void ssh_join_allowance(struct ssh *ssh, struct ssh_allowance *allowance);

int ssh_new(struct ssh **ret, const struct ssh_config *config, int64_t now_ms);
void ssh_free(struct ssh *ssh); /* every channel gets `closed` first; NULL is fine */

/* Feeds received bytes; p is scribbled on (decrypted in place). Takes all of them. */
int ssh_input(struct ssh *ssh, uint8_t *p, size_t n, int64_t now_ms);
/* False while so much output waits that no more input should be fed. */
bool ssh_wants_input(const struct ssh *ssh);
/* What waits to be sent; then ssh_output_drain. Valid until the next call. */
struct span ssh_output(struct ssh *ssh);
/* n bytes were sent; lets writers go on (may call writable and data callbacks). */
void ssh_output_drain(struct ssh *ssh, size_t n);
/* Time passes: grace, keepalive, rekey. */
int ssh_tick(struct ssh *ssh, int64_t now_ms);
/* Why the connection ended, for people; "" while it lives. */
const char *ssh_error(const struct ssh *ssh);
/* Sends DISCONNECT; the connection takes no more input. reason: RFC 4253 section 11.1. */
void ssh_disconnect(struct ssh *ssh, uint32_t reason, const char *text); /* cleaned */
/* What the peer said in its DISCONNECT, byte for byte; empty when it did not, or nothing. */
struct span ssh_peer_farewell(const struct ssh *ssh);
bool ssh_is_dead(const struct ssh *ssh);
/* Late answers to `sign`; the second also from inside the callback, which returns SSH_LATER then.
 * Negative: nobody waits for a signature (any more), or the connection is over. */
int ssh_signed(struct ssh *ssh, struct span signature, int64_t now_ms);
int ssh_sign_failed(struct ssh *ssh, const char *why);

/* H of the first exchange (RFC 4253 section 7.2) */
struct span ssh_session_id(const struct ssh *ssh);
const char *ssh_peer_version(const struct ssh *ssh); /* "SSH-2.0-OpenSSH_9.2p1", clean */
size_t ssh_channel_count(const struct ssh *ssh);

/* Global request; reply (may be NULL: no answer wanted) is called once, ok false also when the
 * connection ends. */
typedef void ssh_global_reply_fn(struct ssh *ssh, bool ok, struct span payload, void *arg);
int ssh_global_request(struct ssh *ssh, const char *name, struct span payload,
    ssh_global_reply_fn *reply, void *arg);
/* Late answer to a global request that got SSH_LATER. */
void ssh_global_reply(struct ssh *ssh, bool ok, struct span payload);

/* --- channels ------------------------------------------------------------- */

/* Opens a channel; payload is the type-specific part (ssh/session.h has the common ones), of a session the requests that
 * travel along. NULL: too many. */
struct ssh_chan *ssh_chan_open(struct ssh *ssh, const char *type, struct span payload,
    const struct ssh_chan_events *events, void *arg);
/* Does the requests that came along with the opening of a session (ssh/session.h, ssh_request_put), as if they had
 * come behind it. Right after ssh_chan_accept. What is malformed ends the connection. */
void ssh_chan_requests(struct ssh_chan *chan, struct span requests);
/* Whoever decides later sets events at once (ssh_chan_set_events): `closed` tells when the
 * connection ended first. */
void ssh_chan_accept(struct ssh_chan *chan, const struct ssh_chan_events *events, void *arg);
void ssh_chan_refuse(struct ssh_chan *chan, enum ssh_refusal reason, const char *text);

/* Writes up to n bytes; returns how many fitted window, packet queue and ceiling. Less than n: wait
 * for writable. */
size_t ssh_chan_write(struct ssh_chan *chan, uint32_t ext, const void *p, size_t n);
size_t ssh_chan_room(const struct ssh_chan *chan); /* what ssh_chan_write would take now */
/* Offers kept data again (through the data callback), once the owner can take more. */
void ssh_chan_resume(struct ssh_chan *chan);
/* no more from us; everything written arrives before it */
void ssh_chan_eof(struct ssh_chan *chan);
/* eof if not sent, then CLOSE; everything written arrives before it */
void ssh_chan_close(struct ssh_chan *chan);

/* CHANNEL_REQUEST to the peer. */
void
ssh_chan_request(struct ssh_chan *chan, const char *name, bool want_reply, struct span payload);
/* Late answer to a request that got SSH_LATER. */
void ssh_chan_reply(struct ssh_chan *chan, bool ok);

void ssh_chan_set_arg(struct ssh_chan *chan, void *arg);
/* Hands the channel to another owner. */
void ssh_chan_set_events(struct ssh_chan *chan, const struct ssh_chan_events *events, void *arg);

#endif
