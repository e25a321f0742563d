/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon answers to those who watch it, and what it does not let them do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/diag.h"

enum { TURNS = 500, TURN_MS = 10, MANY = 100 };

static const char *why; /* the daemon takes no work */
static unsigned asked;  /* how often for its own table */

static const char *
unready(const struct daemon_run *run)
{
	(void)run;
	return why;
}

static void
put_asked(struct metric_out *out, const void *arg)
{
	(void)arg;
	metric_put(out, ++asked);
}

static void
metrics(const struct daemon_run *run, struct metric_out *out)
{
	static const struct metric rows[] = { { "test_asked", METRIC_GAUGE, "How often.",
	    put_asked } };

	(void)run;
	metric_table(out, rows, 1, NULL);
}

static const struct daemon daemon_of_test = { .name = "testd",
	.unready = unready,
	.metrics = metrics };

struct fixture {
	struct daemon_run run;
	struct diag *diag;
	char address[32];
	uint16_t port;
	char answer[65536];
};

static int
bound_socket(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static void
find_port(struct fixture *f)
{
	struct sockaddr_in sin;
	socklen_t n = sizeof(sin);
	int fd = bound_socket(0);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &n), 0);
	f->port = ntohs(sin.sin_port);
	snprintf(f->address, sizeof(f->address), "127.0.0.1:%u", f->port);
	close(fd);
}

static int
setup(void **state)
{
	static struct fixture f;
	struct err e = { "" };

	f = (struct fixture){ .run = { .daemon = &daemon_of_test, .started = true } };
	why = NULL;
	asked = 0;
	assert_int_equal(loop_new(&f.run.loop), 0);
	find_port(&f);
	assert_int_equal(diag_new(&f.diag, &f.run, f.address, &e), 0);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	diag_free(f->diag);
	loop_free(f->run.loop);
	return 0;
}

static int
dial(struct fixture *f)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(f->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	(void)loop_turn(f->run.loop, TURN_MS);
	return fd;
}

/* Sends the request, and returns what comes until `last` stands in it, or the connection ends. */
static const char *
exchange(struct fixture *f, int fd, const char *request, const char *last)
{
	size_t len = 0;

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	f->answer[0] = '\0';
	for (int i = 0; i < TURNS; i++) {
		ssize_t n;

		(void)loop_turn(f->run.loop, TURN_MS);
		n = recv(fd, f->answer + len, sizeof(f->answer) - 1 - len, MSG_DONTWAIT);
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
		f->answer[len] = '\0';
		if (last && strstr(f->answer, last))
			break;
	}
	return f->answer;
}

static const char *
ask(struct fixture *f, const char *request, const char *last)
{
	int fd = dial(f);
	const char *answer = exchange(f, fd, request, last);

	close(fd);
	return answer;
}

#define GET(path)                     "GET " path " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
#define assert_status(answer, status) assert_memory_equal(answer, "HTTP/1.1 " status " ", 13)

static void
it_is_healthy_while_the_loop_turns(void **state)
{
	assert_status(ask(*state, GET("/healthz"), "ok\n"), "200");
}

static void
it_is_ready_when_work_is_taken_and_says_why_not(void **state)
{
	struct fixture *f = *state;

	assert_status(ask(f, GET("/readyz"), "ready\n"), "200");
	why = "the database is away";
	assert_status(ask(f, GET("/readyz"), "away\n"), "503");
	assert_non_null(strstr(f->answer, "\r\n\r\nthe database is away\n"));
	f->run.started = false;
	assert_status(ask(f, GET("/readyz"), "starting\n"), "503");
	f->run.started = f->run.stopping = true;
	assert_status(ask(f, GET("/readyz"), "stopping\n"), "503");
	assert_status(ask(f, GET("/healthz"), "ok\n"), "200");
}

static void
metrics_have_the_process_the_loop_and_the_daemon(void **state)
{
	const char *text = ask(*state, GET("/metrics"), "test_asked 1\n");

	assert_status(text, "200");
	assert_non_null(
	    strstr(text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
	assert_non_null(strstr(text, "\nsallyport_build_info{daemon=\"testd\",version=\""));
	assert_non_null(strstr(text, "\nsallyport_loop_lag_seconds_count "));
	assert_non_null(strstr(text, "\nprocess_open_fds "));
	assert_non_null(strstr(text, "\nprocess_resident_memory_bytes "));
	/* It is no HTTPS server, and must not tell a browser so. */
	assert_null(strstr(text, "Strict-Transport-Security"));
}

static void
asking_without_a_pause_is_not_work(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	for (int i = 0; i < MANY; i++)
		assert_status(exchange(f, fd, GET("/metrics"), "\ntest_asked "), "200");
	close(fd);
	assert_true(asked < MANY);
}

static void
nothing_can_be_done_but_read(void **state)
{
	struct fixture *f = *state;

	assert_status(ask(f,
			  "POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
			  NULL),
	    "405");
	assert_status(
	    ask(f, "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\nbody",
		NULL),
	    "413");
	assert_status(ask(f, GET("/"), NULL), "404");
	assert_status(ask(f, GET("/metrics/../healthz"), NULL), "404");
	assert_status(ask(f, "\x16\x03\x01 not HTTP\r\n\r\n", NULL), "400");
}

static void
a_web_page_under_another_name_reads_nothing(void **state)
{
	static const char *const good[] = { "127.0.0.1:3082", "localhost:1", "LOCALHOST",
		"[::1]:3082" };
	static const char *const bad[] = { "evil.example", "127.0.0.1.evil.example:3082", "[evil",
		"localhost.evil.example" };
	struct fixture *f = *state;
	char request[200];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		snprintf(request, sizeof(request), "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n",
		    good[i]);
		assert_status(ask(f, request, "ok\n"), "200");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(request, sizeof(request), "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n",
		    bad[i]);
		assert_status(ask(f, request, "localhost\n"), "403");
		assert_null(strstr(f->answer, "sallyport_"));
	}
}

static void
silent_connections_do_not_shut_others_out(void **state)
{
	struct fixture *f = *state;
	int fds[MANY];

	for (int i = 0; i < MANY; i++)
		fds[i] = dial(f);
	assert_status(ask(f, GET("/healthz"), "ok\n"), "200");
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

/* Any user of the machine can take a port: the daemon starts all the same. */
static void
a_port_that_is_taken_is_no_failure(void **state)
{
	struct fixture *f = *state, other = { .run = f->run };
	struct err e = { "" };
	int fd;

	find_port(&other);
	fd = bound_socket(other.port);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(diag_new(&other.diag, &other.run, other.address, &e), 0);
	diag_free(other.diag);
	close(fd);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_is_healthy_while_the_loop_turns),
		TEST(it_is_ready_when_work_is_taken_and_says_why_not),
		TEST(metrics_have_the_process_the_loop_and_the_daemon),
		TEST(asking_without_a_pause_is_not_work),
		TEST(nothing_can_be_done_but_read),
		TEST(a_web_page_under_another_name_reads_nothing),
		TEST(silent_connections_do_not_shut_others_out),
		TEST(a_port_that_is_taken_is_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
