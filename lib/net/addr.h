/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addr: the address of a peer, and lists of networks to compare it with.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

enum { ADDR_TEXT_SIZE = 64 };

/* ip: as people write it, no brackets and no port; IPv4-mapped IPv6 addresses read as IPv4. */
struct addr {
	char ip[ADDR_TEXT_SIZE];
	uint16_t port;
};

/* From what accept(2) and friends give. An unknown family reads as "unknown". */
void addr_from_sockaddr(struct addr *ret, const struct sockaddr *sa);
/* From 4 or 16 raw bytes. */
void addr_from_bytes(struct addr *ret, const uint8_t *p, size_t n, uint16_t port);
/* "1.2.3.4:22" or "[::1]:22"; dst holds at least ADDR_TEXT_SIZE + 8 bytes. */
void addr_text(const struct addr *a, char *dst, size_t size);
/* From text; false when it is not an address. */
bool addr_parse(struct addr *ret, const char *ip, uint16_t port);
/* True when the text is an IPv4 or IPv6 address and nothing else. */
bool addr_is_ip(const char *text);

/* What counts as one peer: the address with all but its first v4_bits (IPv4) or v6_bits (IPv6) zero, as text. A zone
 * ("%eth0") is dropped. Text that is no address (a name) stays as it is; of what does not fit it is a hash, so that two long
 * names are never one. */
void addr_prefix(char dst[ADDR_TEXT_SIZE], const char *ip, unsigned v4_bits, unsigned v6_bits);

/* A set of networks: "10.0.0.0/8", "::1", ... */
struct addr_net {
	uint8_t bytes[16]; /* IPv4 as mapped IPv6 */
	unsigned bits;     /* of 128 */
};
/* 0, or negative with the cause. */
int addr_net_parse(struct addr_net *ret, const char *text, struct err *e);
bool addr_in_nets(const struct addr *a, const struct addr_net *nets, size_t n);

#endif
