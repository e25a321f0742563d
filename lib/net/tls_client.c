/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_client: see tls_client.h. The socket is non-blocking; every wait is a poll(2) with what is left of the time.
 */
#include "net/tls_client.h"

#include <errno.h>
#include <mbedtls/error.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "net/addr.h"
#include "net/mbed_ssl.h"

struct tls_client {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config config;
	mbedtls_x509_crt roots;
	char peer[300];
	int64_t deadline_ms;
	int fd;
	bool verify;
};

/* True when fd is ready before the deadline. */
static bool
wait_for(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;

	while ((left = deadline_ms - clock_mono_ms()) > 0) {
		int r = poll(&p, 1, left > 60000 ? 60000 : (int)left);

		if (r > 0)
			return true;
		if (r < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

static int
connect_one(const struct addrinfo *ai, int64_t deadline_ms)
{
	int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    ai->ai_protocol);
	int error = 0;
	socklen_t n = sizeof error;

	if (fd < 0)
		return -1;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_for(fd, POLLOUT, deadline_ms) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0) {
		if (error == 0)
			return fd;
		errno = error;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
dial(const struct tls_client_config *config, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV },
			*list = NULL;
	char port[8];
	int r, fd = -1;

	(void)str_format(port, sizeof port, "%u", config->port);
	r = getaddrinfo(config->host, port, &hints, &list);
	if (r != 0)
		return err_set(e, "cannot find %s: %s", config->host, gai_strerror(r));
	for (const struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = connect_one(ai, config->deadline_ms);
	if (fd < 0) {
		char peer[300];
		int failure = errno;

		(void)str_put_host_port(peer, sizeof peer, config->host, config->port);
		errno = failure;
		err_errno(e, "cannot reach %s", peer);
	}
	freeaddrinfo(list);
	return fd;
}

/* --- mbedTLS's way to the socket -------------------------------------------------------------- */

static int
on_send(void *arg, const unsigned char *p, size_t n)
{
	struct tls_client *c = arg;
	ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);

	if (r >= 0)
		return (int)r;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
						 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int
on_recv(void *arg, unsigned char *p, size_t n)
{
	struct tls_client *c = arg;
	ssize_t r = recv(c->fd, p, n, 0);

	if (r >= 0)
		return (int)r;
	return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ
						 : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* After a return of mbedTLS: true when the call is to be made again. */
static bool
again(struct tls_client *c, int r)
{
	if (r == MBEDTLS_ERR_SSL_WANT_READ)
		return wait_for(c->fd, POLLIN, c->deadline_ms);
	if (r == MBEDTLS_ERR_SSL_WANT_WRITE)
		return wait_for(c->fd, POLLOUT, c->deadline_ms);
	return false;
}

static int
fail(const struct tls_client *c, int r, struct err *e)
{
	char why[128];

	if (r == MBEDTLS_ERR_SSL_WANT_READ || r == MBEDTLS_ERR_SSL_WANT_WRITE)
		return err_set(e, "no answer from %s in time", c->peer);
	if (r == MBEDTLS_ERR_SSL_CONN_EOF)
		return err_set(e, "%s closed the connection: is it the address of a proxy?",
		    c->peer);
	mbedtls_strerror(r, why, sizeof why);
	return err_set(e, "the TLS connection to %s failed: %s", c->peer, why);
}

/* --- opening ----------------------------------------------------------------------------------- */

static int
load_roots(struct tls_client *c, const struct tls_client_config *config, struct err *e)
{
	if (config->roots_pem) {
		if (mbedtls_x509_crt_parse(&c->roots, (const unsigned char *)config->roots_pem,
			strlen(config->roots_pem) + 1) != 0)
			return err_set(e, "the certificates to trust cannot be read");
	} else if (config->roots_file) {
		/* Positive: that many of the system's certificates are of kinds mbedTLS does not know. */
		if (mbedtls_x509_crt_parse_file(&c->roots, config->roots_file) < 0)
			return err_set(e, "the system's certificates cannot be read: %s",
			    config->roots_file);
	} else {
		return 0;
	}
	c->verify = true;
	return 0;
}

static int
set_up(struct tls_client *c, const char *name, struct err *e)
{
	if (mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT,
		MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT) != 0)
		return err_memory(e);
	mbed_ssl_conf_version(&c->config);
	mbedtls_ssl_conf_rng(&c->config, rand_mbedtls, NULL);
	mbedtls_ssl_conf_ca_chain(&c->config, &c->roots, NULL);
	/* OPTIONAL: the handshake ends in any case, and the verdict is looked at afterwards, for a better text. */
	mbedtls_ssl_conf_authmode(&c->config,
	    c->verify ? MBEDTLS_SSL_VERIFY_OPTIONAL : MBEDTLS_SSL_VERIFY_NONE);
	if (mbedtls_ssl_setup(&c->ssl, &c->config) != 0 ||
	    mbedtls_ssl_set_hostname(&c->ssl, name) != 0)
		return err_memory(e);
	mbedtls_ssl_set_bio(&c->ssl, c, on_send, on_recv, NULL);
	return 0;
}

/* mbedTLS compares names with DNS SANs only; an address must stand in an IP SAN. */
static bool
address_matches(const mbedtls_x509_crt *crt, const char *host)
{
	struct addr want, have;

	if (!addr_parse(&want, host, 0))
		return false;
	for (const mbedtls_x509_sequence *s = &crt->subject_alt_names; s; s = s->next) {
		if ((s->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK) != MBEDTLS_X509_SAN_IP_ADDRESS)
			continue;
		if (s->buf.len != 4 && s->buf.len != 16)
			continue;
		addr_from_bytes(&have, s->buf.p, s->buf.len, 0);
		if (strcmp(have.ip, want.ip) == 0)
			return true;
	}
	return false;
}

static int
check_verdict(struct tls_client *c, const char *name, struct err *e)
{
	uint32_t flags = c->verify ? mbedtls_ssl_get_verify_result(&c->ssl) : 0;
	const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&c->ssl);
	char text[256], *line;

	if (c->verify && crt && (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) &&
	    address_matches(crt, name))
		flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH;
	if (flags == 0)
		return 0;
	mbedtls_x509_crt_verify_info(text, sizeof text, "", flags);
	line = strchr(text, '\n');
	if (line)
		*line = '\0';
	err_set(e, "the certificate of %s is not trusted: %s", c->peer, text);
	return TLS_CLIENT_E_UNTRUSTED;
}

int
tls_client_open(struct tls_client **ret, const struct tls_client_config *config, struct err *e)
{
	const char *name = config->server_name ? config->server_name : config->host;
	struct tls_client *c = calloc(1, sizeof *c);
	int r;

	if (!c || crypto_init() < 0) {
		free(c);
		return err_memory(e);
	}
	mbedtls_ssl_init(&c->ssl);
	mbedtls_ssl_config_init(&c->config);
	mbedtls_x509_crt_init(&c->roots);
	c->deadline_ms = config->deadline_ms;
	(void)str_put_host_port(c->peer, sizeof c->peer, config->host, config->port);
	c->fd = dial(config, e);
	r = c->fd < 0 ? -1 : 0;
	if (r == 0 && (r = load_roots(c, config, e)) == 0 && (r = set_up(c, name, e)) == 0) {
		while ((r = mbedtls_ssl_handshake(&c->ssl)) != 0 && again(c, r))
			;
		r = r != 0 ? fail(c, r, e) : check_verdict(c, name, e);
	}
	if (r != 0) {
		tls_client_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

int
tls_client_write(struct tls_client *c, const void *p, size_t n, struct err *e)
{
	const unsigned char *bytes = p;

	while (n > 0) {
		int r = mbedtls_ssl_write(&c->ssl, bytes, n);

		if (r > 0) {
			bytes += r;
			n -= (size_t)r;
		} else if (!again(c, r)) {
			return fail(c, r, e);
		}
	}
	return 0;
}

long
tls_client_read(struct tls_client *c, void *p, size_t n, struct err *e)
{
	int r;

	while ((r = mbedtls_ssl_read(&c->ssl, p, n)) < 0 && again(c, r))
		;
	if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || r == MBEDTLS_ERR_SSL_CONN_EOF)
		return 0;
	return r < 0 ? fail(c, r, e) : r;
}

void
tls_client_close(struct tls_client *c)
{
	if (!c)
		return;
	if (c->fd >= 0) {
		(void)mbedtls_ssl_close_notify(&c->ssl); /* as far as it goes without waiting */
		close(c->fd);
	}
	mbedtls_ssl_free(&c->ssl);
	mbedtls_ssl_config_free(&c->config);
	mbedtls_x509_crt_free(&c->roots);
	free(c);
}
