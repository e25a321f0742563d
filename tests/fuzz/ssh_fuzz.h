/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the SSH fuzz targets share: keys, events that allow everything, and packets from fuzzed
 * bytes.
 */
#ifndef TESTS_FUZZ_SSH_FUZZ_H
#define TESTS_FUZZ_SSH_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "ssh/ssh_priv.h"

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t
take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static inline struct span
take_bytes(struct input *in, size_t n)
{
	struct span s = { in->p, n < in->left ? n : in->left };

	in->p += s.n;
	in->left -= s.n;
	return s;
}

/* Length in two bytes, then the bytes. */
static inline struct span
take_block(struct input *in)
{
	size_t n = take_byte(in);

	n |= (size_t)take_byte(in) << 8;
	return take_bytes(in, n);
}

/* A heap block of exactly this size, so that an over-read is seen. */
static inline int
feed(struct ssh *ssh, const uint8_t *p, size_t n, int64_t now_ms)
{
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	if (n)
		memcpy(copy, p, n);
	r = ssh_input(ssh, copy, n, now_ms);
	free(copy);
	return r;
}

/* A payload in a well-formed packet in the clear. */
static inline int
feed_payload(struct ssh *ssh, struct span payload, int64_t now_ms)
{
	size_t padding;
	struct buf b;
	int r;

	if (payload.n == 0)
		return 0;
	padding = 8 - (5 + payload.n) % 8;
	if (padding < 4)
		padding += 8;
	buf_init(&b, 1 << 20);
	wire_put_u32(&b, (uint32_t)(1 + payload.n + padding));
	wire_put_u8(&b, (uint8_t)padding);
	buf_put(&b, payload.p, payload.n);
	buf_put(&b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", padding);
	r = feed(ssh, buf_head(&b), b.len, now_ms);
	buf_done(&b);
	return r;
}

static inline void
drain(struct ssh *ssh)
{
	struct span out = ssh_output(ssh);

	ssh_output_drain(ssh, out.n);
}

static struct sshkey *fuzz_key;
static struct ssh_identity fuzz_id;

static inline void
fuzz_init(void)
{
	static const uint8_t seed[32] = { 1 };

	if (fuzz_key)
		return;
	if (crypto_init() < 0 || sshkey_from_seed(&fuzz_key, seed) < 0)
		abort();
	fuzz_id.key = fuzz_key;
}

static inline enum ssh_verdict
fuzz_auth(struct ssh *ssh, const struct ssh_auth *a, void *arg)
{
	(void)ssh;
	(void)arg;
	return a->blob.n % 2 ? SSH_ALLOW : SSH_DENY;
}

static inline int
fuzz_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	(void)ssh;
	(void)host;
	(void)e;
	(void)arg;
	return 0;
}

static inline void
fuzz_banner(struct ssh *ssh, const char *text, void *arg)
{
	(void)ssh;
	(void)arg;
	if (strlen(text) > 100000)
		abort();
}

static inline struct ssh *
fuzz_new(enum ssh_role role, const struct ssh_events *events, void *arg)
{
	struct ssh_config config = { .role = role,
		.events = events,
		.arg = arg,
		.identities = &fuzz_id,
		.n_identities = 1,
		.user = "root",
		.max_channels = 20,
		.window = 4096,
		.window_max = 65536,
		.output_max = 65536 };
	struct ssh *ssh;

	fuzz_init();
	if (ssh_new(&ssh, &config, 0) < 0)
		abort();
	return ssh;
}

/* The bytes either raw, cut as they say, or as payloads of packets. */
static inline void
feed_all(struct ssh *ssh, struct input *in, bool raw)
{
	int64_t now = 0;
	int r = 0;

	while (in->left > 0 && r == 0) {
		if (raw) {
			struct span s = take_bytes(in, 1 + (size_t)take_byte(in));

			r = feed(ssh, s.p, s.n, now);
		} else {
			r = feed_payload(ssh, take_block(in), now);
		}
		drain(ssh);
		if (r == 0 && in->left % 7 == 0)
			r = ssh_tick(ssh, now += 100);
	}
}

#endif
