/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls: see tls.h. Used by lib/http.
 *
 * Straight on the socket with a watch, not as a libevent filter: a filter sends nothing that was
 * written before EV_WRITE is enabled, and calls itself drained when the bytes have only moved to
 * the next buffer. All work on a stream is done in tls_pump, which runs from the loop only; the
 * public functions mark and defer.
 */
#include "net/tls.h"

#include <errno.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "net/mbed_ssl.h"

enum {
	RECORD = 16384,
	RECORDS_PER_TURN = 8,
	LINGER_MS = 2000,
	TICKET_LIFE_S = 12 * 3600,
	FIRST_MAX = 65536
};

/* What handshakes need; shared by the streams that began with it, so that a new certificate does
 * not disturb them. */
struct tls_material {
	mbedtls_ssl_config config;
	mbedtls_x509_crt chain;
	mbedtls_pk_context key;
	mbedtls_ssl_ticket_context ticket;
	unsigned refs;
};

struct tls_server {
	struct tls_material *material;
};

/* How bytes get through: TLS, or as they are. Results as mbedTLS has them. */
struct transport {
	int (*read)(struct tls_stream *s, uint8_t *p, size_t n);
	int (*write)(struct tls_stream *s, const uint8_t *p, size_t n);
	int (*farewell)(struct tls_stream *s);
};

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_CLOSING, TLS_LINGERING, TLS_DEAD };

struct tls_stream {
	const struct transport *transport;
	mbedtls_ssl_context ssl;
	struct tls_material *material; /* NULL: without TLS */
	struct loop *loop;
	struct watch watch;
	struct timer linger;
	struct deferred pump;
	struct buf first, out;
	const struct tls_events *events;
	void *arg;
	enum tls_state state;
	int fd;
	size_t writing; /* length of the write that mbedTLS wants repeated */
	bool paused, wants_write, owes_drained;
	bool in_record; /* bytes of one have come that mbedTLS has not shown yet */
};

/* --- servers ------------------------------------------------------------------------ */

static const int suites[] = {
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	0,
};
static const char *const protocols[] = { "http/1.1", NULL };

static void
material_unref(struct tls_material *m)
{
	if (!m || --m->refs > 0)
		return;
	mbedtls_ssl_config_free(&m->config);
	mbedtls_ssl_ticket_free(&m->ticket);
	mbedtls_x509_crt_free(&m->chain);
	mbedtls_pk_free(&m->key);
	free(m);
}

static struct tls_material *
material_new(void)
{
	struct tls_material *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->refs = 1;
	mbedtls_ssl_config_init(&m->config);
	mbedtls_ssl_ticket_init(&m->ticket);
	mbedtls_x509_crt_init(&m->chain);
	mbedtls_pk_init(&m->key);
	return m;
}

static int
material_configure(struct tls_material *m)
{
	mbedtls_ssl_config *c = &m->config;

	if (mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
		MBEDTLS_SSL_PRESET_DEFAULT) != 0 ||
	    mbedtls_ssl_ticket_setup(&m->ticket, rand_mbedtls, NULL, MBEDTLS_CIPHER_AES_256_GCM,
		TICKET_LIFE_S) != 0)
		return -1;
	mbed_ssl_conf_version(c);
	mbedtls_ssl_conf_rng(c, rand_mbedtls, NULL);
	mbedtls_ssl_conf_ciphersuites(c, suites);
	mbed_ssl_conf_curves(c);
	/* Browsers have no certificate of ours; people prove who they are inside, and gRPC with client
	 * certificates does not come here: it is passed through by SNI. */
	mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_session_tickets_cb(c, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
	    &m->ticket);
	if (mbedtls_ssl_conf_alpn_protocols(c, (const char **)protocols) != 0)
		return -1;
	return mbedtls_ssl_conf_own_cert(c, &m->chain, &m->key) == 0 ? 0 : -1;
}

int
tls_server_new(struct tls_server **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -1;
}

void
tls_server_free(struct tls_server *server)
{
	if (!server)
		return;
	material_unref(server->material);
	free(server);
}

int
tls_server_set(struct tls_server *server, const char *chain_pem, const char *key_pem, struct err *e)
{
	struct tls_material *m = material_new();
	int r;

	if (!m)
		return err_memory(e);
	if (mbedtls_x509_crt_parse(&m->chain, (const unsigned char *)chain_pem,
		strlen(chain_pem) + 1) != 0)
		r = err_set(e, "the certificate chain is not valid PEM");
	else if (mbed_pk_parse_pem(&m->key, key_pem) != 0)
		r = err_set(e, "the private key is not valid PEM, or has a passphrase");
	else if (!mbed_pk_fit(&m->chain.pk, &m->key))
		r = err_set(e, "the private key does not belong to the certificate");
	else if (material_configure(m) < 0)
		r = err_set(e, "TLS cannot be set up with this certificate");
	else
		r = 0;
	if (r < 0) {
		material_unref(m);
		return r;
	}
	material_unref(server->material);
	server->material = m;
	return 0;
}

/* --- streams: the socket below --------------------------------------------------- */

static int
on_bio_recv(void *arg, unsigned char *p, size_t n)
{
	struct tls_stream *s = arg;
	ssize_t r;

	if (s->first.len > 0) {
		s->in_record = true;
		/* What the sniffer read before it was known that this is TLS comes first. */
		n = n < s->first.len ? n : s->first.len;
		memcpy(p, buf_head(&s->first), n);
		buf_drain(&s->first, n);
		if (s->first.len == 0)
			buf_done(&s->first);
		return (int)n;
	}
	r = recv(s->fd, p, n, 0);
	if (r < 0)
		return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_READ
							 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	s->in_record = true;
	return (int)r;
}

static int
on_bio_send(void *arg, const unsigned char *p, size_t n)
{
	struct tls_stream *s = arg;
	ssize_t r = send(s->fd, p, n, MSG_NOSIGNAL);

	if (r < 0)
		return errno == EAGAIN || errno == EINTR ? MBEDTLS_ERR_SSL_WANT_WRITE
							 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
	return (int)r;
}

static int
on_tls_read(struct tls_stream *s, uint8_t *p, size_t n)
{
	bool was_in_record = s->in_record;
	int r;

	/* In it as soon as on_bio_recv has a byte, out of it when all of it was shown. */
	s->in_record = false;
	r = mbedtls_ssl_read(&s->ssl, p, n);
	if (r > 0)
		s->in_record = mbedtls_ssl_get_bytes_avail(&s->ssl) > 0;
	else
		s->in_record |= was_in_record;
	return r;
}

static int
on_tls_write(struct tls_stream *s, const uint8_t *p, size_t n)
{
	return mbedtls_ssl_write(&s->ssl, p, n);
}

static int
on_tls_farewell(struct tls_stream *s)
{
	return mbedtls_ssl_close_notify(&s->ssl);
}

static int
on_plain_read(struct tls_stream *s, uint8_t *p, size_t n)
{
	return on_bio_recv(s, p, n);
}

static int
on_plain_write(struct tls_stream *s, const uint8_t *p, size_t n)
{
	return on_bio_send(s, p, n);
}

static int
on_plain_farewell(struct tls_stream *s)
{
	(void)s;
	return 0;
}

static const struct transport over_tls = { on_tls_read, on_tls_write, on_tls_farewell };
static const struct transport plain = { on_plain_read, on_plain_write, on_plain_farewell };

/* --- streams: the work ----------------------------------------------------------- */

static void
stream_release(struct tls_stream *s)
{
	if (s->watch.ev)
		watch_done(&s->watch);
	timer_done(&s->linger);
	deferred_cancel(&s->pump);
	mbedtls_ssl_free(&s->ssl);
	material_unref(s->material);
	buf_done(&s->first);
	buf_wipe(&s->out);
	free(s);
}

static void
tls_handshake(struct tls_stream *s)
{
	int r = mbedtls_ssl_handshake(&s->ssl);

	if (r == 0)
		s->state = TLS_OPEN;
	else if (r == MBEDTLS_ERR_SSL_WANT_WRITE)
		s->wants_write = true;
	else if (r != MBEDTLS_ERR_SSL_WANT_READ)
		s->state = TLS_DEAD;
}

static void
tls_read(struct tls_stream *s)
{
	static uint8_t record[RECORD]; /* one loop, one thread: used only within this call */

	for (int i = 0; i < RECORDS_PER_TURN && s->state == TLS_OPEN && !s->paused; i++) {
		int n = s->transport->read(s, record, sizeof(record));

		if (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_WANT_WRITE)
			return;
		if (n <= 0) {
			s->state = TLS_DEAD;
			return;
		}
		s->events->data(s, record, (size_t)n, s->arg);
		/* It may have been a password. */
		explicit_bzero(record, (size_t)n);
	}
	if (s->state == TLS_OPEN && !s->paused)
		loop_defer(s->loop,
		    &s->pump); /* mbedTLS may hold bytes that the socket no longer tells about */
}

static void
tls_write(struct tls_stream *s)
{
	for (int i = 0; i < RECORDS_PER_TURN && s->out.len > 0; i++) {
		size_t len = s->writing ? s->writing : s->out.len < RECORD ? s->out.len : RECORD;
		int n = s->transport->write(s, buf_head(&s->out), len);

		s->writing = 0;
		if (n == MBEDTLS_ERR_SSL_WANT_WRITE) {
			s->writing = len; /* the record exists: it must be given again */
			s->wants_write = true;
			return;
		}
		if (n <= 0) {
			s->state = TLS_DEAD;
			return;
		}
		buf_drain(&s->out, (size_t)n);
	}
	if (s->out.len > 0) {
		loop_defer(s->loop, &s->pump);
	} else if (s->owes_drained) {
		s->owes_drained = false;
		s->events->drained(s, s->arg);
	}
}

/* Everything is out: say so, and wait for the peer, since closing with unread input would reset
 * the connection and destroy what it has not read yet. */
static void
tls_begin_linger(struct tls_stream *s)
{
	int r = s->transport->farewell(s);

	if (r == MBEDTLS_ERR_SSL_WANT_WRITE) {
		s->wants_write = true;
		return;
	}
	(void)shutdown(s->fd, SHUT_WR);
	s->state = TLS_LINGERING;
	timer_start(&s->linger, LINGER_MS);
}

static void
tls_linger(struct tls_stream *s)
{
	uint8_t waste[4096];
	ssize_t n = recv(s->fd, waste, sizeof(waste), 0);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		s->state = TLS_DEAD;
}

static void
tls_pump(void *arg)
{
	struct tls_stream *s = arg;
	int want = 0;

	s->wants_write = false;
	if (s->state == TLS_HANDSHAKE)
		tls_handshake(s);
	if (s->state == TLS_OPEN)
		tls_read(s);
	if (s->state == TLS_OPEN || s->state == TLS_CLOSING)
		tls_write(s);
	if (s->state == TLS_CLOSING && s->out.len == 0)
		tls_begin_linger(s);
	else if (s->state == TLS_LINGERING)
		tls_linger(s);
	if (s->state == TLS_DEAD) {
		int fd = s->fd;

		/* The descriptor is closed last: while the owner cleans up, its number must not come back as
		 * somebody else's. */
		s->events->closed(s, s->arg);
		stream_release(s);
		close(fd);
		return;
	}
	if (s->state != TLS_CLOSING && !s->paused)
		want |= WATCH_READ;
	if (s->wants_write)
		want |= WATCH_WRITE;
	watch_set(&s->watch, want);
}

static void
on_stream_ready(struct watch *w, int ready, void *arg)
{
	(void)w, (void)ready;
	tls_pump(arg);
}

static void
on_linger_over(void *arg)
{
	struct tls_stream *s = arg;

	s->state = TLS_DEAD;
	tls_pump(s);
}

/* --- streams: what the owner calls ----------------------------------------------- */

int
tls_stream_new(struct tls_stream **ret, struct tls_server *server, struct loop *loop, int fd,
    struct span first)
{
	struct tls_stream *s = !server || server->material ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return -1;
	mbedtls_ssl_init(&s->ssl);
	s->transport = server ? &over_tls : &plain;
	s->state = server ? TLS_HANDSHAKE : TLS_OPEN;
	if (server) {
		s->material = server->material;
		s->material->refs++;
	}
	s->loop = loop;
	s->fd = fd;
	deferred_init(&s->pump, tls_pump, s);
	buf_init(&s->first, FIRST_MAX);
	buf_init(&s->out, TLS_OUTPUT_MAX);
	if ((server && mbedtls_ssl_setup(&s->ssl, &s->material->config) != 0) ||
	    !buf_put(&s->first, first.p, first.n) ||
	    watch_init(&s->watch, loop, fd, on_stream_ready, s) < 0 ||
	    timer_init(&s->linger, loop, on_linger_over, s) < 0) {
		stream_release(s);
		return -1;
	}
	if (server)
		mbedtls_ssl_set_bio(&s->ssl, s, on_bio_send, on_bio_recv, NULL);
	*ret = s;
	return 0;
}

void
tls_stream_start(struct tls_stream *s, const struct tls_events *events, void *arg)
{
	s->events = events;
	s->arg = arg;
	loop_defer(s->loop, &s->pump);
}

int
tls_stream_write(struct tls_stream *s, const void *p, size_t n)
{
	if (s->state == TLS_DEAD || s->state == TLS_CLOSING || s->state == TLS_LINGERING)
		return -1;
	/* The owner wrote past TLS_OUTPUT_MAX without waiting for `drained`. Half an answer is worse than none. */
	if (!buf_put(&s->out, p, n)) {
		tls_stream_abort(s);
		return -1;
	}
	s->owes_drained = true;
	loop_defer(s->loop, &s->pump);
	return 0;
}

void
tls_stream_pause(struct tls_stream *s, bool paused)
{
	if (s->paused == paused)
		return;
	s->paused = paused;
	loop_defer(s->loop, &s->pump);
}

void
tls_stream_rest(struct tls_stream *s)
{
	if (s->state != TLS_OPEN || s->out.len > 0 || s->writing || s->in_record ||
	    s->first.len > 0)
		return;
	buf_done(&s->out);
	if (s->material)
		mbed_ssl_rest(&s->ssl);
}

void
tls_stream_close(struct tls_stream *s)
{
	if (s->state == TLS_HANDSHAKE)
		s->state = TLS_DEAD;
	else if (s->state == TLS_OPEN)
		s->state = TLS_CLOSING;
	s->paused = false;
	loop_defer(s->loop, &s->pump);
}

void
tls_stream_abort(struct tls_stream *s)
{
	s->state = TLS_DEAD;
	loop_defer(s->loop, &s->pump);
}

void
tls_stream_free(struct tls_stream *s)
{
	s->state = TLS_DEAD;
	tls_pump(s);
}
