/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr: see addr.h. Pure; every address is compared in its 16-byte form.
 */
#include "net/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "crypto/sha256.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

void
addr_from_bytes(struct addr *ret, const uint8_t *p, size_t n, uint16_t port)
{
	int family = AF_INET6;

	if (n == 16 && memcmp(p, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		p += sizeof(mapped_prefix);
		n = 4;
	}
	if (n == 4)
		family = AF_INET;
	if ((n != 4 && n != 16) || !inet_ntop(family, p, ret->ip, sizeof(ret->ip)))
		str_copy(ret->ip, sizeof(ret->ip), "unknown");
	ret->port = port;
}

void
addr_from_sockaddr(struct addr *ret, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		addr_from_bytes(ret, (const uint8_t *)&in.sin_addr, 4, ntohs(in.sin_port));
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		addr_from_bytes(ret, in6.sin6_addr.s6_addr, 16, ntohs(in6.sin6_port));
	} else {
		str_copy(ret->ip, sizeof(ret->ip), "unknown");
		ret->port = 0;
	}
}

void
addr_text(const struct addr *a, char *dst, size_t size)
{
	(void)str_put_host_port(dst, size, a->ip, a->port);
}

/* Any address as 16 bytes; returns the bits that the text's own form lacks (96 for IPv4), or -1. */
static int
addr_bytes(const char *text, uint8_t dst[16])
{
	if (inet_pton(AF_INET6, text, dst) == 1)
		return memcmp(dst, mapped_prefix, sizeof(mapped_prefix)) == 0 ? 96 : 0;
	memcpy(dst, mapped_prefix, sizeof(mapped_prefix));
	return inet_pton(AF_INET, text, dst + sizeof(mapped_prefix)) == 1 ? 96 : -1;
}

bool
addr_parse(struct addr *ret, const char *ip, uint16_t port)
{
	uint8_t bytes[16];

	if (addr_bytes(ip, bytes) < 0)
		return false;
	addr_from_bytes(ret, bytes, sizeof(bytes), port);
	return true;
}

bool
addr_is_ip(const char *text)
{
	uint8_t bytes[16];

	return addr_bytes(text, bytes) >= 0;
}

/* Begins as no name does. */
static void
hash_text(char dst[ADDR_TEXT_SIZE], const char *text)
{
	uint8_t digest[SHA256_BYTES];

	sha256_of((struct span){ (const uint8_t *)text, strlen(text) }, digest);
	dst[0] = '#';
	str_hex(dst + 1, digest, (ADDR_TEXT_SIZE - 2) / 2);
}

void
addr_prefix(char dst[ADDR_TEXT_SIZE], const char *ip, unsigned v4_bits, unsigned v6_bits)
{
	uint8_t bytes[16];
	struct addr masked;
	unsigned bits;
	int missing;

	if (!str_copy(dst, ADDR_TEXT_SIZE, ip)) {
		hash_text(dst, ip);
		return;
	}
	dst[strcspn(dst, "%")] = '\0';
	missing = addr_bytes(dst, bytes);
	if (missing < 0)
		return;
	bits = missing > 0 ? (unsigned)missing + v4_bits : v6_bits;
	for (unsigned i = bits / 8; i < sizeof(bytes); i++)
		bytes[i] &= i == bits / 8 ? (uint8_t)(0xff00u >> bits % 8) : 0;
	addr_from_bytes(&masked, bytes, sizeof(bytes), 0);
	memcpy(dst, masked.ip, ADDR_TEXT_SIZE);
}

int
addr_net_parse(struct addr_net *ret, const char *text, struct err *e)
{
	char ip[ADDR_TEXT_SIZE];
	uint64_t bits = 0;
	const char *slash = strchr(text, '/');
	int missing;

	if (!str_copy(ip, sizeof(ip), text))
		return err_set(e, "\"%.80s\" is too long for a network", text);
	if (slash)
		ip[slash - text] = '\0';
	missing = addr_bytes(ip, ret->bytes);
	if (missing < 0)
		return err_set(e,
		    "\"%s\" is not an address or network; write it as 10.0.0.0/8 or 2001:db8::1",
		    text);
	if (missing > 0 && strchr(ip, ':'))
		missing = 0; /* ::ffff:10.0.0.0/104 counts its bits as IPv6 */
	if (slash && !str_u64(slash + 1, 128 - (uint64_t)missing, &bits))
		return err_set(e, "\"%s\" has no valid prefix length after the slash", text);
	ret->bits = slash ? (unsigned)bits + (unsigned)missing : 128;
	return 0;
}

static bool
net_has(const struct addr_net *net, const uint8_t bytes[16])
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (memcmp(net->bytes, bytes, whole) != 0)
		return false;
	return rest == 0 || ((net->bytes[whole] ^ bytes[whole]) & mask) == 0;
}

bool
addr_in_nets(const struct addr *a, const struct addr_net *nets, size_t n)
{
	uint8_t bytes[16];

	if (addr_bytes(a->ip, bytes) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (net_has(&nets[i], bytes))
			return true;
	return false;
}
