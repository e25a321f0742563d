/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clienthello: see clienthello.h. Called for every TLS connection to the
 * public port, before anything is known about the peer.
 *
 * TLS vectors have lengths of 1, 2 or 3 bytes; each is read through
 * hello_vector, which cannot pass the end of what it was given.
 */
#include "net/clienthello.h"

#include <string.h>

#include "base/wire.h"

enum {
	RECORD_HANDSHAKE = 22,
	HANDSHAKE_CLIENT_HELLO = 1,
	EXTENSION_SERVER_NAME = 0,
	NAME_HOST = 0
};

static uint32_t
hello_number(struct wire *w, unsigned bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | wire_u8(w);
	return v;
}

static struct wire
hello_vector(struct wire *w, unsigned length_bytes)
{
	struct span s = wire_bytes(w, hello_number(w, length_bytes));

	return (struct wire){ s.p, s.n, w->bad };
}

/* Copies the handshake bytes of whole records to dst. 0, MORE when the bytes end first, or
 * negative. */
static int
hello_gather(struct span bytes, struct buf *dst)
{
	struct wire w = wire_from(bytes);

	while (w.left >= 5) {
		uint8_t type = wire_u8(&w), major = wire_u8(&w);
		struct span part;

		(void)wire_u8(&w);
		uint32_t n = hello_number(&w, 2);
		if (type != RECORD_HANDSHAKE || major != 3 || n == 0 || n > 16384)
			return -1;
		if (n > w.left)
			part = wire_bytes(&w, w.left);
		else
			part = wire_bytes(&w, n);
		if (!buf_put(dst, part.p, part.n))
			return -1;
		if (part.n < n)
			return CLIENTHELLO_E_MORE;
	}
	return CLIENTHELLO_E_MORE;
}

static bool
is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static int
hello_take_name(struct clienthello *ret, struct wire name)
{
	struct span s = wire_rest(&name);

	if (s.n == 0 || s.n >= sizeof(ret->server_name))
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c >= 'A' && c <= 'Z')
			c = (uint8_t)(c + ('a' - 'A'));
		if (!is_name_byte(c))
			return -1;
		ret->server_name[i] = (char)c;
	}
	ret->server_name[s.n] = '\0';
	return 0;
}

static int
hello_server_name(struct clienthello *ret, struct wire ext)
{
	struct wire list = hello_vector(&ext, 2);

	if (list.bad || ext.left > 0)
		return -1;
	while (list.left > 0) {
		uint8_t type = wire_u8(&list);
		struct wire name = hello_vector(&list, 2);

		if (list.bad)
			return -1;
		if (type == NAME_HOST)
			return hello_take_name(ret, name);
	}
	return 0;
}

static int
hello_extensions(struct clienthello *ret, struct wire all)
{
	bool seen = false;

	while (all.left > 0) {
		uint32_t type = hello_number(&all, 2);
		struct wire ext = hello_vector(&all, 2);

		if (all.bad)
			return -1;
		if (type != EXTENSION_SERVER_NAME)
			continue;
		if (seen || hello_server_name(ret, ext) < 0)
			return -1;
		seen = true;
	}
	return 0;
}

static int
hello_body(struct clienthello *ret, struct wire body)
{
	struct wire extensions;

	(void)wire_bytes(&body, 2 + 32); /* version, random */
	(void)hello_vector(&body, 1);    /* session id */
	(void)hello_vector(&body, 2);    /* cipher suites */
	(void)hello_vector(&body, 1);    /* compression methods */
	if (body.bad)
		return -1;
	if (body.left == 0)
		return 0;
	extensions = hello_vector(&body, 2);
	if (extensions.bad || body.left > 0)
		return -1;
	return hello_extensions(ret, extensions);
}

int
clienthello_parse(struct clienthello *ret, struct span bytes)
{
	struct buf message;
	struct wire w;
	uint32_t type, n;
	int r;

	ret->server_name[0] = '\0';
	buf_init(&message, CLIENTHELLO_RAW_MAX);
	r = hello_gather(bytes, &message);
	if (r < 0)
		goto out;
	w = wire_from(buf_span(&message));
	type = wire_u8(&w);
	n = hello_number(&w, 3);
	if (message.len > 0 && type != HANDSHAKE_CLIENT_HELLO)
		r = -1;
	else if (message.len >= 4 && n > CLIENTHELLO_MAX)
		r = -1;
	else if (message.len < 4 || n > w.left)
		r = CLIENTHELLO_E_MORE;
	else
		r = hello_body(ret, wire_from(wire_bytes(&w, n)));
out:
	buf_done(&message);
	return r;
}
