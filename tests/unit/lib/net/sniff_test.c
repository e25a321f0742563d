/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection speaks is told from its first bytes, over a real loop and sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "net/ceiling.h"
#include "net/listen.h"
#include "net/sniff.h"

struct seen {
	enum sniff_kind kind;
	char ip[ADDR_TEXT_SIZE];
	char first[512];
	size_t n;
	int fd;
};

static void
on_sniffed(const struct sniff_result *r, void *arg)
{
	struct seen *seen = arg;

	seen->kind = r->kind;
	memcpy(seen->ip, r->peer.ip, sizeof(seen->ip));
	seen->n = r->first.n;
	if (r->first.n > 0 && r->first.n < sizeof(seen->first))
		memcpy(seen->first, r->first.p, r->first.n);
	seen->fd = r->fd;
}

/* Sends the pieces one turn apart and returns what was found. */
static struct seen
sniff_pieces(const struct sniff_config *config, const char *const *pieces, size_t n)
{
	struct seen seen = { .kind = SNIFF_MORE, .fd = -1 };
	struct addr peer = { .ip = "198.51.100.1" };
	struct loop *loop;
	struct sniff *s;
	int pair[2];

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	(void)file_set_nonblock(pair[0]);
	assert_int_equal(sniff_new(&s, loop, pair[0], &peer, config), 0);
	sniff_start(s, on_sniffed, &seen);
	for (size_t i = 0; i < n && seen.kind == SNIFF_MORE; i++) {
		assert_int_equal(write(pair[1], pieces[i], strlen(pieces[i])), strlen(pieces[i]));
		(void)loop_turn(loop, 1000);
	}
	while (seen.kind == SNIFF_MORE)
		(void)loop_turn(loop, 1000);
	assert_int_equal(seen.fd, pair[0]);
	close(pair[0]);
	close(pair[1]);
	loop_free(loop);
	return seen;
}

static const struct sniff_config plain = { .silence_ms = 60 * 1000, .limit_ms = 60 * 1000 };
static const struct sniff_config balancer = { .silence_ms = 60 * 1000,
	.limit_ms = 60 * 1000,
	.proxy_header = true };

static void
test_ssh(void **state)
{
	struct seen s = sniff_pieces(&plain, (const char *[]){ "S", "SH", "-2.0-x\r\n" }, 3);

	(void)state;
	assert_int_equal(s.kind, SNIFF_SSH);
	assert_memory_equal(s.first, "SSH-2.0-x\r\n", s.n);
	assert_int_equal(s.n, 11);
}

static void
test_silence_is_ssh(void **state)
{
	struct sniff_config quick = { .silence_ms = 1, .limit_ms = 60 * 1000 };
	struct seen s = sniff_pieces(&quick, NULL, 0);

	(void)state;
	assert_int_equal(s.kind, SNIFF_SSH);
	assert_int_equal(s.n, 0);
}

static void
test_slow_is_nothing(void **state)
{
	struct sniff_config quick = { .silence_ms = 60 * 1000, .limit_ms = 1 };
	struct seen s = sniff_pieces(&quick, (const char *[]){ "\x16" }, 1);

	(void)state;
	assert_int_equal(s.kind, SNIFF_NOTHING);
}

static void
test_http_and_garbage(void **state)
{
	(void)state;
	assert_int_equal(sniff_pieces(&plain, (const char *[]){ "GE", "T / HTTP/1.1\r\n" }, 2).kind,
	    SNIFF_HTTP);
	assert_int_equal(sniff_pieces(&plain, (const char *[]){ "get / " }, 1).kind, SNIFF_NOTHING);
	assert_int_equal(sniff_pieces(&plain, (const char *[]){ "\x03\x01" }, 1).kind,
	    SNIFF_NOTHING);
	assert_int_equal(sniff_pieces(&plain, (const char *[]){ "AAAAAAAAAAAAAAAA" }, 1).kind,
	    SNIFF_NOTHING);
}

static void
test_proxy_header_only_from_balancers(void **state)
{
	const char *header = "PROXY TCP4 192.0.2.7 10.0.0.1 5 443\r\n";
	struct seen s = sniff_pieces(&balancer, (const char *[]){ header, "SSH-2.0-x\r\n" }, 2);

	(void)state;
	assert_int_equal(s.kind, SNIFF_SSH);
	assert_string_equal(s.ip, "192.0.2.7");
	assert_int_equal(s.n, 11);
	s = sniff_pieces(&plain, (const char *[]){ header }, 1);
	assert_int_equal(s.kind, SNIFF_HTTP); /* a strange method, which gets its 400 */
	assert_string_equal(s.ip, "198.51.100.1");
	assert_int_equal(sniff_pieces(&balancer, (const char *[]){ "SSH-2.0-x\r\n" }, 1).kind,
	    SNIFF_NOTHING);
}

static void
test_ceilings(void **state)
{
	struct ceiling *c;

	(void)state;
	assert_int_equal(ceiling_new(&c, 3, 2), 0);
	assert_true(ceiling_take(c, "2001:db8::1"));
	assert_true(ceiling_take(c, "2001:db8::ffff:2"));
	assert_false(ceiling_take(c, "2001:db8::3")); /* the same /64 */
	assert_true(ceiling_take(c, "192.0.2.1"));
	assert_false(ceiling_take(c, "192.0.2.2")); /* total */
	ceiling_drop(c, "2001:db8::1");
	assert_true(ceiling_take(c, "192.0.2.2"));
	assert_int_equal(ceiling_count(c), 3);
	ceiling_drop(c, "203.0.113.1"); /* never taken */
	assert_int_equal(ceiling_count(c), 3);
	ceiling_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ssh),
		cmocka_unit_test(test_silence_is_ssh),
		cmocka_unit_test(test_slow_is_nothing),
		cmocka_unit_test(test_http_and_garbage),
		cmocka_unit_test(test_proxy_header_only_from_balancers),
		cmocka_unit_test(test_ceilings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
