/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_private: what the files of the engine know about each other. Nobody outside lib/ssh includes
 * it.
 *
 *	ssh.c          new, free, input, output, tick, disconnect: the face
 *	version.c      identification lines              RFC 4253 section 4.2
 *	packet.c       framing, encryption, counters     RFC 4253 section 6
 *	outbuf.c       the bytes that wait to be sent
 *	dispatch.c     which message is allowed when, per role
 *	kexinit.c      algorithm lists and negotiation   RFC 4253 section 7.1
 *	kex.c          the exchange, keys, rekeying      RFC 4253 sections 7.2-9, RFC 5656, 8731
 *	sign.c         signatures, by our own key or by somebody else's, perhaps later
 *	extinfo.c      RFC 8308
 *	auth_server.c, auth_client.c, userauth.c         RFC 4252
 *	channel.c      opening and closing               RFC 4254 section 5
 *	chan_data.c    data and windows                  RFC 4254 section 5.2
 *	chan_request.c channel requests                  RFC 4254 section 5.4
 *	global.c       global requests, keepalive        RFC 4254 section 4
 *	late.c         requests behind one that is answered late
 *	fuzz.c         nothing, but in the fuzz targets
 *
 * A negative int always means: ssh_fatal() was called, the connection is over, return it upwards.
 */
#ifndef SSH_PRIVATE_H
#define SSH_PRIVATE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/wire.h"
#include "crypto/cipher.h"
#include "crypto/kex.h"
#include "ssh/ssh.h"

enum ssh_msg {
	MSG_DISCONNECT = 1,
	MSG_IGNORE = 2,
	MSG_UNIMPLEMENTED = 3,
	MSG_DEBUG = 4,
	MSG_SERVICE_REQUEST = 5,
	MSG_SERVICE_ACCEPT = 6,
	MSG_EXT_INFO = 7,
	MSG_KEXINIT = 20,
	MSG_NEWKEYS = 21,
	MSG_KEX_ECDH_INIT = 30,
	MSG_KEX_ECDH_REPLY = 31,
	MSG_USERAUTH_REQUEST = 50,
	MSG_USERAUTH_FAILURE = 51,
	MSG_USERAUTH_SUCCESS = 52,
	MSG_USERAUTH_BANNER = 53,
	MSG_USERAUTH_PK_OK = 60,
	MSG_GLOBAL_REQUEST = 80,
	MSG_REQUEST_SUCCESS = 81,
	MSG_REQUEST_FAILURE = 82,
	MSG_CHANNEL_OPEN = 90,
	MSG_CHANNEL_OPEN_CONFIRMATION = 91,
	MSG_CHANNEL_OPEN_FAILURE = 92,
	MSG_CHANNEL_WINDOW_ADJUST = 93,
	MSG_CHANNEL_DATA = 94,
	MSG_CHANNEL_EXTENDED_DATA = 95,
	MSG_CHANNEL_EOF = 96,
	MSG_CHANNEL_CLOSE = 97,
	MSG_CHANNEL_REQUEST = 98,
	MSG_CHANNEL_SUCCESS = 99,
	MSG_CHANNEL_FAILURE = 100,
};

/* RFC 4253 section 11.1 */
enum ssh_reason {
	REASON_PROTOCOL_ERROR = 2,
	REASON_KEX_FAILED = 3,
	REASON_MAC_ERROR = 5,
	REASON_SERVICE_NOT_AVAILABLE = 7,
	REASON_VERSION_NOT_SUPPORTED = 8,
	REASON_HOST_KEY_NOT_VERIFIABLE = 9,
	REASON_CONNECTION_LOST = 10,
	REASON_BY_APPLICATION = 11,
	REASON_TOO_MANY_CONNECTIONS = 12,
	REASON_NO_MORE_AUTH_METHODS = 14,
};

/* Ceilings. */
enum {
	VERSION_LINE_MAX = 255,        /* RFC 4253 section 4.2 */
	VERSION_BANNER_LINES_MAX = 50, /* lines a server may send before its identification */
	VERSION_BANNER_LINE_MAX = 1024,
	PACKET_MAX_PREAUTH = 40000, /* RFC 4253 section 6.1 asks for 35 000 */
	PACKET_MAX = 256 * 1024,    /* as OpenSSH: a command of 120 KiB is one packet */
	PREAUTH_BYTES_MAX = 256 * 1024,
	PREAUTH_PACKETS_MAX = 256,
	AUTH_REQUESTS_MAX = 64,
	USER_MAX = 256,
	FAREWELL_MAX = 1024,         /* what is kept of the text in a DISCONNECT */
	CHAN_PACKET_MAX = 32 * 1024, /* what we let peers put into one CHANNEL_DATA */
	CHAN_WRITE_MAX = 32 * 1024,  /* what we put into one, if the peer allows it */
	PENDING_MAX = 512 * 1024,    /* messages held back while keys are exchanged */
	/* of a peer's channels, behind its KEXINIT and before its NEWKEYS; dispatch.c */
	OVERLAP_PACKETS_MAX = 16 * 1024,
	OVERLAP_BYTES_MAX = 16 * 1024 * 1024,
	/* control messages over output_max, before input stops ... */
	OUTPUT_SLACK = 256 * 1024,
	OUTPUT_HARD = 4 * 1024 * 1024, /* ... and before the connection ends */
	LATE_REQUESTS_MAX = 32,
	LATE_BYTES_MAX = 64 * 1024,
	GLOBAL_DUE_MAX = 256,
	REKEY_TIMEOUT_MS = 15 * 60 * 1000, /* of a peer that is there and does not finish */
	/* after that it is not there: a stopped client is not an enemy */
	REKEY_SILENCE_MS = 60 * 1000,
	/* what all windows of a connection together promise to keep, about */
	WINDOWS_SUM = 64 * 1024 * 1024,
	/* ... and what all of those that share do, at the beginning and by growing */
	ALLOWANCE_SUM = 256 * 1024 * 1024,
	ALLOWANCE_GROWN = 128 * 1024 * 1024,
	WINDOW_MIN = 64 * 1024,
	CHANNEL_TYPE_MAX = 64,
};

/* What the connection is doing; a bit each, for the table in dispatch.c. Rekeying does not change
 * the state. */
enum ssh_state {
	STATE_VERSION = 0,
	STATE_KEX = 1 << 0,     /* the first exchange */
	STATE_SERVICE = 1 << 1, /* ssh-userauth not yet asked for (server) or granted (client) */
	STATE_AUTH = 1 << 2,
	STATE_OPEN = 1 << 3, /* logged in */
	STATE_DEAD = 1 << 4,
};

/* One direction of the packet stream. */
struct ssh_stream {
	struct cipher *cipher; /* NULL: in the clear */
	uint32_t seq;
	uint32_t packets; /* since these keys */
	uint64_t bytes;   /* since these keys */
};

/* Where an exchange of keys stands; freed when both sides have sent NEWKEYS. */
enum kex_step { KEX_WAIT_INIT, KEX_WAIT_ECDH, KEX_WAIT_SIGNATURE, KEX_WAIT_NEWKEYS };
struct kex_algs {
	enum kex_curve curve;
	struct span hostkey;                /* name; points into a constant */
	const struct cipher_alg *cipher[2]; /* client to server, server to client */
	const struct mac_alg *mac[2];
};
/* What the exchange came to. */
struct kex_result {
	struct span host_key; /* K_S */
	struct buf secret;    /* K as an mpint */
	uint8_t hash[KEX_HASH_LEN];
};
struct ssh_kex {
	enum kex_step step;
	bool sent_newkeys;
	bool skip_next;  /* the peer guessed wrong: its next packet is to be ignored */
	bool sent_guess; /* client: our ECDH_INIT went out with KEXINIT */
	uint32_t overlap_packets, overlap_bytes; /* channels' messages where none belong */
	int64_t since_ms;
	int64_t asked_ms;              /* when what the peer has to answer was sent */
	struct buf my_init, peer_init; /* payloads, for the hash */
	struct kex_algs algs;
	struct kex_pair *pair;
	struct kex_result result;
	struct cipher *next_in; /* taken into use when the peer's NEWKEYS arrives */
};

struct ssh_auth_state {
	char user[USER_MAX];
	uint32_t tries, requests;
	/* client */
	size_t next_identity;
	bool hostbound; /* the request under way is */
};

struct ssh_due;     /* a global request of ours that waits for its answer, global.c */
struct ssh_waiting; /* a request of the peer that waits behind a late one, chan_request.c */

/* Bytes to be sent, outbuf.c. */
struct ssh_outbuf {
	uint8_t *p;
	size_t off, len, cap;
};

/* --- late.c: requests of the peer, of a channel or of the connection --------------------- */
struct request {
	struct span name, payload;
	bool want_reply;
};
struct late {
	bool
	    pending; /* one waits for its owner's reply; those that come meanwhile wait behind it ... */
	bool silent; /* ... and its reply is not to be sent: the peer did not want one */
	struct list waiting;
	size_t n, bytes;
};
struct late_request {
	struct list link;
	struct request request; /* points into bytes */
	uint8_t bytes[];
};

void late_init(struct late *l);
/* Behind the pending one. Negative: too many, or no memory. */
int late_queue(struct ssh *ssh, struct late *l, const struct request *q);
/* The oldest, now the caller's to free; NULL when there is none. */
struct late_request *late_next(struct late *l);
void late_drop(struct late *l); /* all that wait */

struct ssh {
	struct ssh_config config;
	enum ssh_state state;
	int64_t now_ms, born_ms;
	int64_t last_in_ms, last_ping_ms, keyed_ms;
	uint32_t pings; /* keepalives sent since the last input */

	/* input */
	struct ssh_stream in;
	/* the beginning of a packet that is not complete, or of a version line */
	uint8_t *part;
	size_t part_len, part_cap;
	size_t part_total; /* bytes of the whole packet with its tag; 0: not known yet */
	uint64_t bytes_in;
	uint32_t packets_in;
	uint32_t banner_lines;

	/* output */
	struct ssh_stream out;
	struct ssh_outbuf outbuf;
	struct buf pending; /* payloads, each as an SSH string, held back by a key exchange */
	bool woken;

	/* keys */
	struct ssh_kex *kex;
	char *my_version, *peer_version;
	uint8_t session_id[KEX_HASH_LEN];
	bool have_session_id, strict, peer_ext_info, first_after_newkeys;
	/* a round trip, as the exchanges of keys took it: not less, perhaps more; 0: not known */
	int64_t trip_ms;
	struct buf farewell;         /* the peer's text in DISCONNECT */
	struct buf host_key;         /* K_S of the first exchange, until somebody is logged in */
	bool peer_hostbound;         /* the server takes hostbound signatures */
	bool login_sent;             /* client: with the last key; channels may be opened */
	bool signing, asking_signer; /* sign.c */

	struct ssh_auth_state *auth;

	/* connection */
	struct ssh_chan **chans; /* by our id; holes are NULL */
	size_t n_chans, chans_cap;
	struct list blocked;             /* channels that wait for `writable`, fairly in turn */
	struct list closing;             /* channels whose `closed` is to be told */
	uint32_t window_spent;           /* by how much windows grew, of config.window_max */
	uint64_t window_sum;             /* of all channels' window_base */
	struct ssh_allowance *allowance; /* of several connections; NULL: it is alone */
	struct list due;                 /* of struct ssh_due */
	size_t n_due;
	struct late late; /* the peer's global requests */

	/* end */
	char *error;
	bool peer_left; /* the peer sent DISCONNECT */
	bool told_disconnect, must_tell_disconnect, in_stage, ending;
	uint32_t end_reason;
	unsigned busy; /* depth of calls from outside */
};

/* --- ssh.c ------------------------------------------------------------------ */
/* Ends the connection: notes the text, sends DISCONNECT when that is possible. Always -1. */
int ssh_fatal(struct ssh *ssh, uint32_t reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The peer sent DISCONNECT. Always -1. */
int ssh_peer_left(struct ssh *ssh, uint32_t reason, struct span text);
void ssh_wake(struct ssh *ssh);
/* Tells what could not be told inside other callbacks: `closed` and `disconnected`. */
void ssh_stage(struct ssh *ssh);
/* Ends all channels of a connection that is over; for loop.c, before its owner hears of the end. */
void ssh_end_channels(struct ssh *ssh);
void ssh_set_wake(struct ssh *ssh, void (*wake)(void *arg), void *arg);

/* --- version.c ---------------------------------------------------------------- */
int version_send(struct ssh *ssh);
/* Takes bytes from *p until the identification is complete. */
int version_input(struct ssh *ssh, uint8_t **p, size_t *n);

/* --- outbuf.c ----------------------------------------------------------------- */
/* Room for n bytes behind the last; NULL: over OUTPUT_HARD, or no memory. */
uint8_t *outbuf_reserve(struct ssh_outbuf *o, size_t n, size_t usual_max);
void outbuf_commit(struct ssh_outbuf *o, size_t n);
void outbuf_drain(struct ssh_outbuf *o, size_t n);
void outbuf_done(struct ssh_outbuf *o);

/* --- packet.c ----------------------------------------------------------------- */
int packet_input(struct ssh *ssh, uint8_t **p, size_t *n);
void packet_part_done(struct ssh *ssh);
/* A packet built where it will be sent from: reserve the payload, fill it, send it. NULL: the
 * connection died. Not while keys are exchanged, except for messages of the exchange. */
uint8_t *packet_reserve(struct ssh *ssh, size_t n);
int packet_send_reserved(struct ssh *ssh, size_t n);
/* The same for a payload of n bytes whose bytes [at..at + body.n) are still in body. */
int packet_send_body(struct ssh *ssh, size_t n, size_t at, struct span body);
/* Sends a payload now, or when the key exchange is over. Messages of the exchange itself (20-49,
 * and 1-4) go at once. */
int packet_send(struct ssh *ssh, struct span payload);
/* The same for one that was put together in a buf, which it frees. */
int packet_send_buf(struct ssh *ssh, struct buf *b);
/* Starts a payload in a buf. */
void packet_begin(struct buf *b, uint8_t type);
/* Everything but the exchange must wait. */
bool packet_is_held(const struct ssh *ssh);
int packet_release_pending(struct ssh *ssh);
bool packet_wants_rekey(const struct ssh *ssh);

/* --- dispatch.c --------------------------------------------------------------- */
int dispatch(struct ssh *ssh, uint8_t *p, size_t n);

/* --- kexinit.c ---------------------------------------------------------------- */
int kexinit_build(struct ssh *ssh, struct ssh_kex *kex);
/* Reads the peer's KEXINIT (in kex->peer_init) and chooses. */
int kexinit_negotiate(struct ssh *ssh, struct ssh_kex *kex);

/* --- kex.c -------------------------------------------------------------------- */
int kex_start(struct ssh *ssh); /* sends our KEXINIT, unless an exchange is already going on */
void kex_free(struct ssh_kex *kex);
int kex_on_init(struct ssh *ssh, struct wire *w, uint8_t *payload);
int kex_on_ecdh_init(struct ssh *ssh, struct wire *w, uint8_t *payload);
int kex_on_ecdh_reply(struct ssh *ssh, struct wire *w, uint8_t *payload);
int kex_on_newkeys(struct ssh *ssh, struct wire *w, uint8_t *payload);

/* --- sign.c ------------------------------------------------------------------- */
/* Signs with the identity's key, or asks the owner to. SSH_LATER: kex_signed or auth_signed comes. */
enum ssh_answer sign_ask(struct ssh *ssh, const struct ssh_to_sign *what, struct buf *ret);
int kex_signed(struct ssh *ssh, struct span signature);  /* the server's; empty: it failed */
int auth_signed(struct ssh *ssh, struct span signature); /* the client's; empty: it failed */

/* --- extinfo.c ---------------------------------------------------------------- */
int extinfo_send(struct ssh *ssh);
int extinfo_on(struct ssh *ssh, struct wire *w, uint8_t *payload);

/* --- auth_server.c, auth_client.c ----------------------------------------------- */
int auth_on_service_request(struct ssh *ssh, struct wire *w, uint8_t *payload);
int auth_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload);
int auth_begin_client(struct ssh *ssh);
/* The server has said what it takes: the first key is tried now, unless it was. */
int auth_go_on_client(struct ssh *ssh);
int auth_on_service_accept(struct ssh *ssh, struct wire *w, uint8_t *payload);
int auth_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload);
int auth_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload);
int auth_on_banner(struct ssh *ssh, struct wire *w, uint8_t *payload);
int auth_on_pk_ok(struct ssh *ssh, struct wire *w, uint8_t *payload);
/* Both roles: logged in. */
void auth_server_done(struct ssh *ssh);

/* --- channels ------------------------------------------------------------------- */
enum chan_state { CHAN_OPENING_OUT, CHAN_OPENING_IN, CHAN_OPEN, CHAN_OVER };

struct ssh_chan {
	struct ssh *ssh;
	const struct ssh_chan_events *events;
	void *arg;
	struct list blocked, closing;
	enum chan_state state;
	uint32_t id, peer_id;

	/* towards the peer */
	uint32_t peer_window, peer_packet;
	bool eof_out, close_out, close_wanted;

	/* from the peer */
	uint32_t window;      /* bytes it may still send */
	uint32_t window_base; /* how it began */
	uint32_t window_size; /* what we keep open */
	struct buf kept[2];   /* by ext: arrived, not taken yet */
	bool eof_in, close_in, eof_told, in_data;

	/* measuring whether the window is the bottleneck, chan_data.c */
	bool probing, probe_stalled;
	uint32_t probe_left;
	int64_t probe_start_ms, probe_stall_ms;
	uint64_t sized_got;     /* bytes since the window has its size ... */
	int64_t sized_ms;       /* ... and when the first of them came; 0: none yet */
	int64_t counted_ms;     /* when the last of them came */
	int64_t opened_ms;      /* when the first came after the window was opened; 0: none yet */
	uint64_t rate_before;   /* on trial: what was carried with the window before, ... */
	uint32_t window_before; /* ... which is this; 0: no trial */
	bool window_settled;    /* a wider one did not help */

	/* requests */
	uint32_t replies_due;
	struct late late; /* the peer's */
};

/* by the id that comes next; NULL after ssh_fatal */
struct ssh_chan *chan_find(struct ssh *ssh, struct wire *w);
void chan_free(struct ssh_chan *chan);
/* answers the peer's CLOSE once all its data was taken */
int chan_maybe_close(struct ssh_chan *chan);
int chan_on_open(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_confirmation(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_open_failure(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_eof(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_close(struct ssh *ssh, struct wire *w, uint8_t *payload);

/* chan_data.c */
int chan_on_adjust(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_data(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_extended(struct ssh *ssh, struct wire *w, uint8_t *payload);
size_t chan_kept(const struct ssh_chan *chan);
void chan_drop_kept(struct ssh_chan *chan);
void chan_grant_all(struct ssh *ssh);     /* after a key exchange */
void chan_tell_writable(struct ssh *ssh); /* output has room again */

/* chan_request.c */
int chan_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload);
/* How many of the requests that go out with the opening of a session are answered. */
uint32_t chan_count_replies(struct span requests);
int chan_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload);
int chan_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload);

/* --- global.c ------------------------------------------------------------------- */
int global_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload);
int global_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload);
int global_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload);
int global_keepalive(struct ssh *ssh);
void global_done(struct ssh *ssh); /* answers what is due with "no", forgets the rest */

#ifdef FUZZING
/* fuzz.c: straight into a state behind the key exchange, in the clear. */
void ssh_fuzz_enter(struct ssh *ssh, int state);
#endif

#endif
