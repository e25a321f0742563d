/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mbed_ssl: what differs in TLS between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13); see crypto/mbed.h. Included by
 * tls.c and tls_client.c.
 */
#ifndef NET_MBED_SSL_H
#define NET_MBED_SSL_H

#include <mbedtls/ssl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/mbed.h"

/* TLS 1.2, which is all that 2.28 has. (1.3 of 3.6 wants its PSA part started, and tickets taken another way.) */
static inline void
mbed_ssl_conf_version(mbedtls_ssl_config *config)
{
#if MBED_3
	mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
	mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3,
	    MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/* X25519, P-256, P-384. The library's own order begins with P-521, which halves the handshakes a second. */
static inline void
mbed_ssl_conf_curves(mbedtls_ssl_config *config)
{
#if MBED_3
	static const uint16_t curves[] = { MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
		MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
		MBEDTLS_SSL_IANA_TLS_GROUP_NONE };

	mbedtls_ssl_conf_groups(config, curves);
#else
	static const mbedtls_ecp_group_id curves[] = { MBEDTLS_ECP_DP_CURVE25519,
		MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE };

	mbedtls_ssl_conf_curves(config, curves);
#endif
}

#if !MBED_3
#define MBEDTLS_PRIVATE(member) member
#endif

#if !defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH)
/* The whole pages of a record buffer behind its first bytes, which hold the record counter (8 bytes) and a header, become the
 * system's again, and zeroes when they are touched. It has the content's n bytes and a little. */
static inline void
mbed_ssl_rest_buffer(unsigned char *p, size_t n)
{
	enum { KEPT = 64 };
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE),
		  from = ((uintptr_t)p + KEPT + page - 1) & ~(page - 1),
		  to = ((uintptr_t)p + n) & ~(page - 1);

	if (p && from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}

#endif

/* Debian's builds have no MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH, and keep two buffers of a record's size for every connection;
 * where it is, they are as small as the library makes them. Only between records: nothing that was received or is to be
 * sent is in them. */
static inline void
mbed_ssl_rest(mbedtls_ssl_context *ssl)
{
#if defined(MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH)
	(void)ssl;
#else
	mbed_ssl_rest_buffer(ssl->MBEDTLS_PRIVATE(in_buf), MBEDTLS_SSL_IN_CONTENT_LEN);
	mbed_ssl_rest_buffer(ssl->MBEDTLS_PRIVATE(out_buf), MBEDTLS_SSL_OUT_CONTENT_LEN);
#endif
}

#endif
