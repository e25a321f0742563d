/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch: which message may arrive when, as a table of what is allowed (per role and phase). What
 * is not in the table does not reach a handler; that is the lesson of CVE-2018-10933 and
 * CVE-2025-32433.
 *
 * Security: the only way from a decrypted packet to any code that acts on it.
 */
#include "ssh/ssh_priv.h"

/* The phases of a connection, as seen by what the peer may send next. */
enum phase {
	FIRST_INIT = 1 << 0,    /* first exchange: KEXINIT is due */
	FIRST_ECDH = 1 << 1,    /* ... then the Diffie-Hellman message */
	FIRST_SIGNING = 1 << 2, /* ... then nothing, until our answer to it is signed */
	FIRST_NEWKEYS = 1 << 3, /* ... then NEWKEYS */
	AGAIN_ECDH = 1 << 4,    /* the same when keys are exchanged again */
	AGAIN_SIGNING = 1 << 5,
	AGAIN_NEWKEYS = 1 << 6,
	SERVICE = 1 << 7,
	AUTH = 1 << 8,
	OPEN = 1 << 9,
};
#define AFTER_KEYS     (SERVICE | AUTH | OPEN)
#define FIRST_EXCHANGE (FIRST_INIT | FIRST_ECDH | FIRST_SIGNING | FIRST_NEWKEYS)
#define AGAIN_EXCHANGE (AGAIN_ECDH | AGAIN_SIGNING | AGAIN_NEWKEYS)
#define EXCHANGE       (FIRST_EXCHANGE | AGAIN_EXCHANGE)

enum { TO_SERVER = 1, TO_CLIENT = 2, TO_BOTH = 3 };

typedef int handler(struct ssh *ssh, struct wire *w, uint8_t *payload);

/* IGNORE, DEBUG and UNIMPLEMENTED mean nothing to us. */
static int
on_nothing(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)ssh;
	(void)w;
	(void)payload;
	return 0;
}

static int
on_disconnect(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	uint32_t reason = wire_u32(w);
	struct span text = wire_string(w);

	(void)payload;
	return ssh_peer_left(ssh, reason, text);
}

struct row {
	handler *fn;
	uint8_t to;
	uint16_t when;
	bool loose; /* also during the first exchange, with peers that do not know strict kex */
};

static const struct row rows[256] = {
	[MSG_DISCONNECT] = { on_disconnect, TO_BOTH, EXCHANGE | AFTER_KEYS, false },
	[MSG_IGNORE] = { on_nothing, TO_BOTH, AGAIN_EXCHANGE | AFTER_KEYS, true },
	[MSG_UNIMPLEMENTED] = { on_nothing, TO_BOTH, AGAIN_EXCHANGE | AFTER_KEYS, true },
	[MSG_DEBUG] = { on_nothing, TO_BOTH, AGAIN_EXCHANGE | AFTER_KEYS, true },
	[MSG_SERVICE_REQUEST] = { auth_on_service_request, TO_SERVER, SERVICE, false },
	[MSG_SERVICE_ACCEPT] = { auth_on_service_accept, TO_CLIENT, SERVICE, false },
	[MSG_EXT_INFO] = { extinfo_on, TO_BOTH, SERVICE | AUTH, false },
	[MSG_KEXINIT] = { kex_on_init, TO_BOTH, FIRST_INIT | AFTER_KEYS, false },
	[MSG_NEWKEYS] = { kex_on_newkeys, TO_BOTH, FIRST_NEWKEYS | AGAIN_NEWKEYS, false },
	[MSG_KEX_ECDH_INIT] = { kex_on_ecdh_init, TO_SERVER, FIRST_ECDH | AGAIN_ECDH, false },
	[MSG_KEX_ECDH_REPLY] = { kex_on_ecdh_reply, TO_CLIENT, FIRST_ECDH | AGAIN_ECDH, false },
	[MSG_USERAUTH_REQUEST] = { auth_on_request, TO_SERVER, AUTH | OPEN, false },
	[MSG_USERAUTH_FAILURE] = { auth_on_failure, TO_CLIENT, AUTH, false },
	[MSG_USERAUTH_SUCCESS] = { auth_on_success, TO_CLIENT, AUTH, false },
	[MSG_USERAUTH_BANNER] = { auth_on_banner, TO_CLIENT, AUTH, false },
	[MSG_USERAUTH_PK_OK] = { auth_on_pk_ok, TO_CLIENT, AUTH, false },
	[MSG_GLOBAL_REQUEST] = { global_on_request, TO_BOTH, OPEN, false },
	[MSG_REQUEST_SUCCESS] = { global_on_success, TO_BOTH, OPEN, false },
	[MSG_REQUEST_FAILURE] = { global_on_failure, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_OPEN] = { chan_on_open, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_OPEN_CONFIRMATION] = { chan_on_confirmation, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_OPEN_FAILURE] = { chan_on_open_failure, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_WINDOW_ADJUST] = { chan_on_adjust, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_DATA] = { chan_on_data, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_EXTENDED_DATA] = { chan_on_extended, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_EOF] = { chan_on_eof, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_CLOSE] = { chan_on_close, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_REQUEST] = { chan_on_request, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_SUCCESS] = { chan_on_success, TO_BOTH, OPEN, false },
	[MSG_CHANNEL_FAILURE] = { chan_on_failure, TO_BOTH, OPEN, false },
};

static unsigned
phase_of(const struct ssh *ssh)
{
	bool first = ssh->state == STATE_KEX;

	if (ssh->kex && ssh->kex->step == KEX_WAIT_ECDH)
		return first ? FIRST_ECDH : AGAIN_ECDH;
	if (ssh->kex && ssh->kex->step == KEX_WAIT_SIGNATURE)
		return first ? FIRST_SIGNING : AGAIN_SIGNING;
	if (ssh->kex && ssh->kex->step == KEX_WAIT_NEWKEYS)
		return first ? FIRST_NEWKEYS : AGAIN_NEWKEYS;
	switch (ssh->state) {
	case STATE_KEX:
		return FIRST_INIT;
	case STATE_SERVICE:
		return SERVICE;
	case STATE_AUTH:
		return AUTH;
	case STATE_OPEN:
		return OPEN;
	default:
		return 0;
	}
}

/* Unknown messages are answered, not acted on (RFC 4253 section 11.4); but not before there are
 * keys. */
static int
unimplemented(struct ssh *ssh)
{
	struct buf b;

	packet_begin(&b, MSG_UNIMPLEMENTED);
	wire_put_u32(&b, ssh->in.seq - 1);
	return packet_send_buf(ssh, &b);
}

/* The peer's guess at the exchange was wrong: the packet it sent along is to be ignored (RFC 4253
 * section 7). */
static bool
is_wrong_guess(struct ssh *ssh, uint8_t type)
{
	if (!ssh->kex || !ssh->kex->skip_next || type < MSG_KEX_ECDH_INIT ||
	    type >= MSG_USERAUTH_REQUEST)
		return false;
	ssh->kex->skip_next = false;
	return true;
}

/*
 * Messages of the connection protocol behind the peer's own KEXINIT, when keys are exchanged again. RFC 4253 section 7.1
 * forbids them; asyncssh sends what it has under way, and OpenSSH takes it. They come under the old keys, in order and
 * authentic as ever, so taking them harms nobody; how much of it is bounded here, since no window opens and no answer
 * leaves meanwhile. Never in the first exchange: there is nobody logged in, and strict kex allows nothing.
 */
static bool
is_overlap(struct ssh *ssh, uint8_t type, size_t n)
{
	struct ssh_kex *kex = ssh->kex;

	if (ssh->state != STATE_OPEN || !(phase_of(ssh) & AGAIN_EXCHANGE) ||
	    type < MSG_GLOBAL_REQUEST)
		return false;
	kex->overlap_packets++;
	kex->overlap_bytes += (uint32_t)n;
	return kex->overlap_packets <= OVERLAP_PACKETS_MAX &&
	    kex->overlap_bytes <= OVERLAP_BYTES_MAX;
}

int
dispatch(struct ssh *ssh, uint8_t *p, size_t n)
{
	unsigned phase = phase_of(ssh);
	const struct row *row = &rows[p[0]];
	unsigned me = ssh->config.role == SSH_SERVER ? TO_SERVER : TO_CLIENT;
	struct wire w = wire_from((struct span){ p + 1, n - 1 });
	bool allowed, was_first = ssh->first_after_newkeys;
	int r;

	if (is_wrong_guess(ssh, p[0]))
		return 0;
	if (!row->fn && (phase & AFTER_KEYS))
		return unimplemented(ssh);
	allowed = row->fn && (row->to & me) &&
	    ((row->when & phase) || (row->loose && !ssh->strict && (phase & EXCHANGE)) ||
		is_overlap(ssh, p[0], n));
	if (!allowed)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "message %d is not allowed now", p[0]);
	r = row->fn(ssh, &w, p);
	if (was_first)
		ssh->first_after_newkeys = false;
	return r;
}
