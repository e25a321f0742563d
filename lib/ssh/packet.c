/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet: the binary packet protocol (RFC 4253 section 6), both directions.
 *
 * In: whole packets are decrypted where the caller has them; only one that is cut by the end of the
 * caller's bytes is collected in ssh->part. Out: packets are built and encrypted in the output
 * buffer.
 */
#include <stdlib.h>
#include <string.h>

#include "ssh/ssh_priv.h"

enum {
	PADDING_MIN = 4,
	BLOCK_PLAIN = 8,
	PLAUSIBLE_MAX = 16 * 1024 * 1024, /* a longer packet nobody meant */
	PACKETS_REKEY = 1u << 31
};

/* --- in ------------------------------------------------------------------- */

void
packet_part_done(struct ssh *ssh)
{
	free(ssh->part);
	ssh->part = NULL;
	ssh->part_len = ssh->part_cap = ssh->part_total = 0;
}

static size_t
peek_len(const struct ssh *ssh)
{
	return ssh->in.cipher ? cipher_peek_len(ssh->in.cipher) : 4;
}

static size_t
tag_len(const struct ssh_stream *s)
{
	return s->cipher ? cipher_tag_len(s->cipher) : 0;
}

static size_t
block_len(const struct ssh_stream *s)
{
	return s->cipher ? cipher_block(s->cipher) : BLOCK_PLAIN;
}

static bool
length_apart(const struct ssh_stream *s)
{
	return s->cipher && cipher_length_apart(s->cipher);
}

/* The size of the packet that starts at p, tag included; 0 after ssh_fatal. */
static size_t
packet_size(struct ssh *ssh, uint8_t *p)
{
	/* A stranger may make us collect less than somebody who has proved who he is. */
	uint32_t max = ssh->state == STATE_OPEN ? PACKET_MAX : PACKET_MAX_PREAUTH;
	uint32_t len, block = (uint32_t)block_len(&ssh->in);

	if (ssh->in.cipher)
		len = cipher_peek(ssh->in.cipher, ssh->in.seq, p);
	else
		len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	/* The length is not authentic before the tag was checked: what is wrong with it shows here or there,
	 * and nothing but the size of one packet depends on it until then. So the text cannot know either
	 * whether somebody asked for too much or the stream is damaged; it names the more likely. */
	if (len > max && len <= PLAUSIBLE_MAX && ssh->state == STATE_OPEN) {
		ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
		    "a packet of %u bytes: no more than %u are taken, is a command too long?", len,
		    max);
		return 0;
	}
	if (len > max || len < 1 + 1 + PADDING_MIN ||
	    (len + (length_apart(&ssh->in) ? 0 : 4)) % block != 0) {
		ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "bad packet length");
		return 0;
	}
	return 4 + (size_t)len + tag_len(&ssh->in);
}

/* A whole packet, size bytes with its tag. */
static int
take_packet(struct ssh *ssh, uint8_t *p, size_t size)
{
	size_t n = size - tag_len(&ssh->in);
	uint32_t seq = ssh->in.seq;
	size_t padding;

	if (ssh->in.cipher && cipher_open(ssh->in.cipher, seq, p, n) < 0)
		return ssh_fatal(ssh, REASON_MAC_ERROR,
		    "a packet was damaged or forged on the way");
	ssh->in.seq++;
	ssh->in.packets++;
	ssh->in.bytes += size;
	if (ssh->state != STATE_OPEN)
		ssh->packets_in++;
	padding = p[4];
	/* At least one byte must be left: dispatch looks at the type without asking. */
	if (padding < PADDING_MIN || padding > n - 4 - 1 - 1)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "bad padding");
	/* 2^32 packets under one key: sequence numbers would come again (RFC 4344 section 3.1), and with
	 * ChaCha20-Poly1305 they are the nonces. We ask for new keys at half of that; a peer that does not answer
	 * is ended here. */
	if (ssh->in.packets == 0)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "too many packets with the same keys");
	return dispatch(ssh, p + 5, n - 5 - padding);
}

/* Puts up to want bytes of a packet together; true when they are all there. */
static bool
collect(struct ssh *ssh, uint8_t **p, size_t *n, size_t want)
{
	size_t take = want - ssh->part_len;

	if (take > *n)
		take = *n;
	if (want > ssh->part_cap) {
		uint8_t *bigger = realloc(ssh->part, want);

		if (!bigger) {
			ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "out of memory");
			return false;
		}
		ssh->part = bigger;
		ssh->part_cap = want;
	}
	memcpy(ssh->part + ssh->part_len, *p, take);
	ssh->part_len += take;
	*p += take;
	*n -= take;
	return ssh->part_len == want;
}

/* For a packet that came in pieces: first the bytes that tell its length, then the rest. */
static int
input_collected(struct ssh *ssh, uint8_t **p, size_t *n)
{
	int r;

	if (!ssh->part_total) {
		if (!collect(ssh, p, n, peek_len(ssh)))
			return ssh->state == STATE_DEAD ? -1 : 0;
		ssh->part_total = packet_size(ssh, ssh->part);
		if (!ssh->part_total)
			return -1;
	}
	if (!collect(ssh, p, n, ssh->part_total))
		return ssh->state == STATE_DEAD ? -1 : 0;
	r = take_packet(ssh, ssh->part, ssh->part_total);
	packet_part_done(ssh);
	return r;
}

int
packet_input(struct ssh *ssh, uint8_t **p, size_t *n)
{
	size_t size;
	uint8_t *start = *p;

	if (ssh->part_len > 0 || *n < peek_len(ssh))
		return input_collected(ssh, p, n);
	size = packet_size(ssh, start);
	if (!size)
		return -1;
	if (size > *n) {
		/* Kept: with AES-CTR and a MAC over the plaintext, reading the length decrypts the first block,
		 * which can be done once. */
		ssh->part_total = size;
		return input_collected(ssh, p, n);
	}
	*p += size;
	*n -= size;
	return take_packet(ssh, start, size);
}

/* --- out ------------------------------------------------------------------ */

/* For a payload of n bytes. The length is part of what must be whole blocks only where it is
 * encrypted with the rest. */
static size_t
padding_for(const struct ssh *ssh, size_t n)
{
	size_t block = block_len(&ssh->out);
	size_t count = (length_apart(&ssh->out) ? 1 : 5) + n;
	size_t padding = block - count % block;

	return padding < PADDING_MIN ? padding + block : padding;
}

/* Room for a payload of n bytes, to be written there and sent with packet_send_reserved. NULL: the
 * connection has ended. Nothing else may be sent in between. */
uint8_t *
packet_reserve(struct ssh *ssh, size_t n)
{
	size_t size = 5 + n + padding_for(ssh, n) + tag_len(&ssh->out);
	uint8_t *p;

	if (ssh->state == STATE_DEAD)
		return NULL;
	p = outbuf_reserve(&ssh->outbuf, size, ssh->config.output_max);
	if (!p) {
		ssh->state = STATE_DEAD; /* not ssh_fatal: there is no room for a DISCONNECT */
		ssh->error = strdup("the other side asks for more than it reads");
		ssh->must_tell_disconnect = true;
		ssh_wake(ssh);
		return NULL;
	}
	return p + 5;
}

int
packet_send_reserved(struct ssh *ssh, size_t n)
{
	return packet_send_body(ssh, n, n, (struct span){ NULL, 0 });
}

int
packet_send_body(struct ssh *ssh, size_t n, size_t at, struct span body)
{
	uint8_t *p = ssh->outbuf.p + ssh->outbuf.off + ssh->outbuf.len;
	size_t padding = padding_for(ssh, n);
	uint32_t len = (uint32_t)(1 + n + padding);

	p[0] = (uint8_t)(len >> 24);
	p[1] = (uint8_t)(len >> 16);
	p[2] = (uint8_t)(len >> 8);
	p[3] = (uint8_t)len;
	p[4] = (uint8_t)padding;
	/* Zeroes will do: every cipher here is a stream with a nonce, random padding would add
	 * nothing. */
	memset(p + 5 + n, 0, padding);
	if (ssh->out.cipher)
		cipher_seal_body(ssh->out.cipher, ssh->out.seq, p, 4 + (size_t)len, 5 + at, body);
	else if (body.n)
		memcpy(p + 5 + at, body.p, body.n);
	ssh->out.seq++;
	ssh->out.packets++;
	ssh->out.bytes += 4 + (size_t)len;
	outbuf_commit(&ssh->outbuf, 4 + (size_t)len + tag_len(&ssh->out));
	ssh_wake(ssh);
	return 0;
}

bool
packet_is_held(const struct ssh *ssh)
{
	return ssh->kex && !ssh->kex->sent_newkeys;
}

/* Messages that may pass while keys are exchanged (RFC 4253 section 7.1). */
static bool
passes_exchange(uint8_t type)
{
	return type <= MSG_DEBUG || (type >= MSG_KEXINIT && type < MSG_USERAUTH_REQUEST);
}

int
packet_send(struct ssh *ssh, struct span payload)
{
	uint8_t *p;

	if (ssh->state == STATE_DEAD)
		return -1;
	/* A peer that never finishes the exchange cannot make this grow: pending has a ceiling
	 * (PENDING_MAX). */
	if (packet_is_held(ssh) && !passes_exchange(payload.p[0])) {
		wire_put_string(&ssh->pending, payload);
		if (!buf_ok(&ssh->pending))
			return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
			    "too many requests during a key exchange");
		return 0;
	}
	p = packet_reserve(ssh, payload.n);
	if (!p)
		return -1;
	memcpy(p, payload.p, payload.n);
	return packet_send_reserved(ssh, payload.n);
}

void
packet_begin(struct buf *b, uint8_t type)
{
	buf_init(b, PACKET_MAX - 1024);
	wire_put_u8(b, type);
}

int
packet_send_buf(struct ssh *ssh, struct buf *b)
{
	int r;

	if (ssh->state == STATE_DEAD)
		r = -1;
	else if (!buf_ok(b))
		r = ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "a message does not fit into a packet");
	else
		r = packet_send(ssh, buf_span(b));
	buf_done(b);
	return r;
}

/* In the order in which it was to be sent, now under the new keys. */
int
packet_release_pending(struct ssh *ssh)
{
	struct wire w = wire_from(buf_span(&ssh->pending));
	int r = 0;

	while (w.left > 0 && r == 0) {
		struct span payload = wire_string(&w);

		r = packet_send(ssh, payload);
	}
	buf_done(&ssh->pending);
	return r;
}

bool
packet_wants_rekey(const struct ssh *ssh)
{
	if (ssh->state != STATE_OPEN || ssh->kex)
		return false;
	return ssh->out.bytes >= ssh->config.rekey_bytes ||
	    ssh->in.bytes >= ssh->config.rekey_bytes || ssh->out.packets >= PACKETS_REKEY ||
	    ssh->in.packets >= PACKETS_REKEY;
}
