/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch against a TLS server that answers with canned bytes, good and bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "http/fetch.h"
#include "net/tls.h"
#include "pki.h"

struct fixture {
	struct pki_ca *ca, *other;
	struct loop *loop;
	struct tls_server *tls;
	struct watch listener, stop;
	int fd, pipe[2], port;
	int accepted; /* connections; read when none is being made */
	pthread_t thread;
};

static const struct {
	const char *path, *answer;
} canned[] = {
	{ "/ok", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello" },
	{ "/end", "HTTP/1.1 200 OK\r\n\r\nuntil the end" },
	{ "/chunked",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n" },
	{ "/404", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno" },
	{ "/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello" },
	{ "/badchunk",
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nhello\r\n0\r\n\r\n" },
	{ "/cutchunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" },
	{ "/heads",
	    "HTTP/1.1 200 OK\r\nA: 1\r\nno colon\r\nContent-Length: 1\r\nB : \t x: y \t\r\nC:\r\n\r\n:" },
	{ "/smtp", "220 mail.example ESMTP\r\n\r\n" },
	{ "/nothing", "" },
};

/* Keeps the connection, or not, as the path says; and answers what it was asked in so many bytes. */
static void
echo(struct tls_stream *s, const uint8_t *p, size_t n)
{
	char head[64];

	(void)str_format(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", n);
	tls_stream_write(s, head, strlen(head));
	tls_stream_write(s, p, n);
	if (memmem(p, n, "/last", 5))
		tls_stream_close(s);
}

static void
on_data(struct tls_stream *s, const uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < sizeof canned / sizeof *canned; i++) {
		size_t len = strlen(canned[i].path);

		if (n < 5 + len || memcmp(p + 4, canned[i].path, len) != 0 || p[4 + len] != ' ')
			continue;
		tls_stream_write(s, canned[i].answer, strlen(canned[i].answer));
		tls_stream_close(s);
		return;
	}
	if (n > 8 && memcmp(p + 4, "/big", 4) == 0) {
		static char big[100000];

		tls_stream_write(s, "HTTP/1.1 200 OK\r\n\r\n", 19);
		tls_stream_write(s, big, sizeof big);
		tls_stream_close(s);
	} else if (n > 9 && memcmp(p + 4, "/echo", 5) == 0) {
		echo(s, p, n);
	} /* else: silence */
}

static void
on_drained(struct tls_stream *s, void *arg)
{
	(void)s, (void)arg;
}

static void
on_closed(struct tls_stream *s, void *arg)
{
	(void)s, (void)arg;
}

static void
on_accept(struct watch *w, int ready, void *arg)
{
	static const struct tls_events events = { .data = on_data,
		.drained = on_drained,
		.closed = on_closed };
	struct fixture *f = arg;
	struct tls_stream *s;
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)ready;
	if (fd < 0)
		return;
	f->accepted++;
	if (tls_stream_new(&s, f->tls, f->loop, fd, (struct span){ NULL, 0 }) < 0)
		close(fd);
	else
		tls_stream_start(s, &events, f);
}

static void
on_stop(struct watch *w, int ready, void *arg)
{
	(void)w, (void)ready;
	loop_stop(((struct fixture *)arg)->loop);
}

static void *
serve(void *arg)
{
	loop_run(((struct fixture *)arg)->loop);
	return NULL;
}

static void
listen_on_loopback(struct fixture *f)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof sin;

	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&sin, sizeof sin), 0);
	assert_int_equal(listen(f->fd, 16), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&sin, &n), 0);
	f->port = ntohs(sin.sin_port);
	assert_int_equal(watch_init(&f->listener, f->loop, f->fd, on_accept, f), 0);
	watch_set(&f->listener, WATCH_READ);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct pki_cert cert;
	struct err e = { "" };

	f->ca = pki_ca_new("web");
	f->other = pki_ca_new("other");
	pki_issue(f->ca, NULL, "localhost", -60, 3600, &cert);
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(tls_server_new(&f->tls), 0);
	assert_int_equal(tls_server_set(f->tls, cert.pem, cert.key, &e), 0);
	listen_on_loopback(f);
	assert_int_equal(pipe(f->pipe), 0);
	assert_int_equal(file_set_nonblock(f->pipe[0]), 0);
	assert_int_equal(watch_init(&f->stop, f->loop, f->pipe[0], on_stop, f), 0);
	watch_set(&f->stop, WATCH_READ);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write(f->pipe[1], "x", 1), 1);
	pthread_join(f->thread, NULL);
	for (int i = 0; i < 5; i++)
		loop_turn(f->loop, 10);
	watch_done(&f->listener);
	watch_done(&f->stop);
	close(f->fd);
	close(f->pipe[0]);
	close(f->pipe[1]);
	tls_server_free(f->tls);
	loop_free(f->loop);
	pki_ca_free(f->ca);
	pki_ca_free(f->other);
	free(f);
	return 0;
}

static int
get(struct fixture *f, const char *path, struct fetch how, struct fetch_reply *ret, struct err *e)
{
	char url[128];

	(void)str_format(url, sizeof url, "https://127.0.0.1:%d%s", f->port, path);
	how.url = url;
	if (!how.timeout_ms)
		how.timeout_ms = 10000;
	return fetch_get(&how, ret, e);
}

static void
bodies_of_every_shape_arrive_whole(void **state)
{
	struct fixture *f = *state;
	struct fetch how = { .trust = FETCH_GIVEN_ROOTS,
		.ca_pem = pki_ca_pem(f->ca),
		.server_name = "localhost" };
	static const struct {
		const char *path, *body;
		int status;
	} want[] = { { "/ok", "hello", 200 }, { "/end", "until the end", 200 },
		{ "/chunked", "hello, world", 200 }, { "/404", "no", 404 } };
	struct fetch_reply r;
	struct err e = { "" };

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		if (get(f, want[i].path, how, &r, &e) != 0)
			fail_msg("%s: %s", want[i].path, e.text);
		assert_int_equal(r.status, want[i].status);
		assert_string_equal(r.body, want[i].body);
		assert_int_equal(r.len, strlen(want[i].body));
		fetch_reply_done(&r);
	}
}

static void
headers_of_the_answer_are_told(void **state)
{
	struct fetch how = { .trust = FETCH_ANYBODY };
	static const char *const want[][2] = { { "A", "1" }, { "no colon", "" },
		{ "Content-Length", "1" }, { "B ", "x: y" }, { "C", "" } };
	struct span name, value;
	struct fetch_reply r;
	struct err e = { "" };
	const char *pos;

	assert_int_equal(get(*state, "/heads", how, &r, &e), 0);
	pos = r.head;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		assert_true(fetch_header_next(&pos, &name, &value));
		assert_true(span_is(name, want[i][0]));
		assert_true(span_is(value, want[i][1]));
	}
	assert_false(fetch_header_next(&pos, &name, &value));
	fetch_reply_done(&r);
}

static void
a_connection_is_kept_and_made_anew(void **state)
{
	struct fixture *f = *state;
	struct fetch_kept kept = { NULL };
	struct fetch how = { .trust = FETCH_ANYBODY, .keep = &kept, .ask = "X-Mine: 1\r\n" };
	static const char *const paths[] = { "/echo/1", "/echo/2", "/echo/last", "/echo/4" };
	struct fetch_reply r;
	struct err e = { "" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (get(f, paths[i], how, &r, &e) != 0)
			fail_msg("%s: %s", paths[i], e.text);
		assert_non_null(strstr(r.body, paths[i]));
		assert_non_null(strstr(r.body, "\r\nX-Mine: 1\r\nConnection: keep-alive\r\n\r\n"));
		assert_null(strstr(r.body, "User-Agent"));
		fetch_reply_done(&r);
	}
	assert_int_equal(f->accepted, 2);
	/* Where nobody knows the end, nobody waits for it. */
	assert_int_equal(get(f, "/end", how, &r, &e), -1);
	assert_non_null(strstr(e.text, "no length"));
	assert_null(kept.connection);
	fetch_kept_done(&kept);
}

static void
answers_that_are_cut_or_nonsense_are_errors(void **state)
{
	struct fixture *f = *state;
	struct fetch how = { .trust = FETCH_ANYBODY };
	static const char *const paths[] = { "/short", "/badchunk", "/cutchunk", "/smtp",
		"/nothing" };
	struct fetch_reply r;
	struct err e;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		e.text[0] = '\0';
		assert_int_equal(get(f, paths[i], how, &r, &e), -1);
		assert_true(e.text[0] != '\0');
	}
}

static void
an_untrusted_server_is_told_apart(void **state)
{
	struct fixture *f = *state;
	struct fetch how = { .trust = FETCH_GIVEN_ROOTS,
		.ca_pem = pki_ca_pem(f->other),
		.server_name = "localhost" };
	struct fetch_reply r;
	struct err e = { "" };

	assert_int_equal(get(f, "/ok", how, &r, &e), FETCH_E_UNTRUSTED);
	assert_non_null(strstr(e.text, "not trusted"));
	how.ca_pem = pki_ca_pem(f->ca);
	how.server_name = "elsewhere.example";
	assert_int_equal(get(f, "/ok", how, &r, &e), FETCH_E_UNTRUSTED);
	how.server_name = NULL; /* the address stands in no SAN */
	assert_int_equal(get(f, "/ok", how, &r, &e), FETCH_E_UNTRUSTED);
	how = (struct fetch){ .trust = FETCH_ANYBODY };
	assert_int_equal(get(f, "/ok", how, &r, &e), 0);
	fetch_reply_done(&r);
}

static void
size_and_time_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct fetch how = { .trust = FETCH_ANYBODY, .max = 1000 };
	struct fetch_reply r;
	struct err e = { "" };

	assert_int_equal(get(f, "/big", how, &r, &e), -1);
	assert_non_null(strstr(e.text, "too big"));
	how = (struct fetch){ .trust = FETCH_ANYBODY, .timeout_ms = 300 };
	assert_int_equal(get(f, "/silence", how, &r, &e), -1);
	assert_non_null(strstr(e.text, "in time"));
}

static void
bad_addresses_say_what_is_wrong(void **state)
{
	static const char *const urls[] = { "http://localhost/", "https://", "https://a b/",
		"https://::1/x", "https://localhost:99999/" };
	struct fetch how = { .trust = FETCH_ANYBODY, .timeout_ms = 2000 };
	struct fetch_reply r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		how.url = urls[i];
		e.text[0] = '\0';
		assert_int_equal(fetch_get(&how, &r, &e), -1);
		assert_true(e.text[0] != '\0');
	}
	how.url = "https://127.0.0.1:1/";
	assert_int_equal(fetch_get(&how, &r, &e), -1);
	assert_string_equal(e.text, "cannot reach 127.0.0.1:1: Connection refused");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bodies_of_every_shape_arrive_whole, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(headers_of_the_answer_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(a_connection_is_kept_and_made_anew, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(answers_that_are_cut_or_nonsense_are_errors, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(an_untrusted_server_is_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(size_and_time_are_bounded, setup, teardown),
		cmocka_unit_test(bad_addresses_say_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
