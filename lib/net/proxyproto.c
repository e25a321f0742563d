/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxyproto: see proxyproto.h. Written from the HAProxy specification
 * "The PROXY protocol", sections 2.1 and 2.2.
 */
#include "net/proxyproto.h"

#include <string.h>

#include "base/str.h"
#include "base/wire.h"

static const uint8_t v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";
enum {
	V1_MAX = 107,
	V2_COMMAND_LOCAL = 0x20,
	V2_COMMAND_PROXY = 0x21,
	V2_TCP4 = 0x11,
	V2_TCP6 = 0x21
};

/* True when the bytes are the beginning of the prefix, or begin with it. */
static bool
may_start_with(struct span s, const void *prefix, size_t n)
{
	return memcmp(s.p, prefix, s.n < n ? s.n : n) == 0;
}

/* "TCP4 SRC DST SPORT DPORT" in fields; the destination is not used but must be well formed. */
static int
v1_fields(struct proxyproto *ret, char *line)
{
	char *part[6];
	uint64_t port, to_port;
	size_t n = str_split(line, ' ', part, 6);

	if (n >= 2 && strcmp(part[1], "UNKNOWN") == 0)
		return 0;
	if (n != 6 || (strcmp(part[1], "TCP4") != 0 && strcmp(part[1], "TCP6") != 0))
		return -1;
	if (!addr_is_ip(part[2]) || !addr_is_ip(part[3]))
		return -1;
	if ((strchr(part[2], ':') != NULL) != (strcmp(part[1], "TCP6") == 0))
		return -1;
	if (!str_u64(part[4], 65535, &port) || !str_u64(part[5], 65535, &to_port))
		return -1;
	ret->has_addresses = true;
	return addr_parse(&ret->source, part[2], (uint16_t)port) ? 0 : -1;
}

static int
v1_parse(struct proxyproto *ret, struct span s)
{
	char line[V1_MAX + 1];
	const uint8_t *end = memchr(s.p, '\n', s.n < V1_MAX ? s.n : V1_MAX);
	size_t n;

	if (!end)
		return s.n >= V1_MAX ? -1 : PROXYPROTO_E_MORE;
	n = (size_t)(end - s.p);
	if (n == 0 || s.p[n - 1] != '\r' || memchr(s.p, '\0', n))
		return -1;
	memcpy(line, s.p, n - 1);
	line[n - 1] = '\0';
	ret->length = n + 1;
	return v1_fields(ret, line);
}

static int
v2_addresses(struct proxyproto *ret, uint8_t family, struct wire body)
{
	size_t n = family == V2_TCP4 ? 4 : 16;
	struct span source, ports;

	if (family != V2_TCP4 && family != V2_TCP6)
		return 0; /* UNSPEC, UDP, UNIX: nothing that we could use */
	source = wire_bytes(&body, n);
	(void)wire_bytes(&body, n);
	ports = wire_bytes(&body, 4);
	if (body.bad)
		return -1;
	addr_from_bytes(&ret->source, source.p, n, (uint16_t)(ports.p[0] << 8 | ports.p[1]));
	ret->has_addresses = true;
	return 0;
}

static int
v2_parse(struct proxyproto *ret, struct span s)
{
	struct wire w = wire_from(s);
	uint8_t command, family;
	size_t n;

	(void)wire_bytes(&w, sizeof(v2_signature));
	command = wire_u8(&w);
	family = wire_u8(&w);
	n = (size_t)wire_u8(&w) << 8;
	n |= wire_u8(&w);
	if (w.bad)
		return PROXYPROTO_E_MORE;
	ret->length = sizeof(v2_signature) + 4 + n;
	if ((command != V2_COMMAND_LOCAL && command != V2_COMMAND_PROXY) ||
	    ret->length > PROXYPROTO_MAX)
		return -1;
	if (w.left < n)
		return PROXYPROTO_E_MORE;
	if (command == V2_COMMAND_LOCAL)
		return 0;
	return v2_addresses(ret, family, wire_from(wire_bytes(&w, n)));
}

int
proxyproto_parse(struct proxyproto *ret, struct span bytes)
{
	memset(ret, 0, sizeof(*ret));
	if (bytes.n == 0)
		return PROXYPROTO_E_MORE;
	if (may_start_with(bytes, v2_signature, sizeof(v2_signature)))
		return bytes.n < sizeof(v2_signature) ? PROXYPROTO_E_MORE : v2_parse(ret, bytes);
	if (may_start_with(bytes, "PROXY ", 6))
		return bytes.n < 6 ? PROXYPROTO_E_MORE : v1_parse(ret, bytes);
	return PROXYPROTO_E_NONE;
}
