/* SPDX-License-Identifier: Apache-2.0 */
/* Spliced pairs lose nothing, keep half-closed directions open, and do not run ahead of a slow
 * reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "base/file.h"
#include "base/str.h"
#include "net/dial.h"
#include "net/listen.h"
#include "net/splice.h"

struct rig {
	struct loop *loop;
	struct splice *splice;
	int a, b; /* the far ends */
	bool ended;
};

static void
on_ended(struct splice *s, void *arg)
{
	struct rig *rig = arg;

	(void)s;
	rig->ended = true;
}

static void
rig_up(struct rig *rig, const char *first)
{
	struct splice_config config = { .ended = on_ended, .arg = rig };
	int one[2], two[2];

	memset(rig, 0, sizeof(*rig));
	assert_int_equal(loop_new(&rig->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, one), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two), 0);
	rig->a = one[0];
	rig->b = two[0];
	assert_int_equal(splice_new(&rig->splice, rig->loop, one[1], two[1], span_str(first),
			     &config),
	    0);
}

static void
rig_down(struct rig *rig)
{
	close(rig->a);
	close(rig->b);
	while (!rig->ended)
		(void)loop_turn(rig->loop, 1000);
	loop_free(rig->loop);
}

static void
read_exactly(struct rig *rig, int fd, const char *text)
{
	char got[64];
	size_t n = 0, want = strlen(text);

	while (n < want) {
		ssize_t r = read(fd, got + n, want - n);

		if (r > 0)
			n += (size_t)r;
		else
			(void)loop_turn(rig->loop, 1000);
	}
	assert_memory_equal(got, text, want);
}

static void
test_first_bytes_and_half_close(void **state)
{
	struct rig rig;
	char c;

	(void)state;
	rig_up(&rig, "early ");
	assert_int_equal(write(rig.a, "late", 4), 4);
	shutdown(rig.a, SHUT_WR);
	read_exactly(&rig, rig.b, "early late");
	while (read(rig.b, &c, 1) != 0)
		(void)loop_turn(rig.loop, 1000);
	assert_int_equal(write(rig.b, "answer", 6), 6); /* the other way is still open */
	read_exactly(&rig, rig.a, "answer");
	assert_false(rig.ended);
	rig_down(&rig);
}

static void
test_slow_reader_stops_the_writer_and_loses_nothing(void **state)
{
	enum { STEP = 4096, LIMIT = 64 << 20 };
	static uint8_t out[STEP], in[STEP];
	size_t sent = 0, got = 0, idle = 0;
	struct rig rig;

	(void)state;
	rig_up(&rig, "");
	while (idle < 50 && sent < LIMIT) { /* nobody reads */
		for (size_t i = 0; i < STEP; i++)
			out[i] = (uint8_t)((sent + i) * 7 >> 3);
		ssize_t n = write(rig.a, out, STEP);

		idle = n > 0 ? 0 : idle + 1;
		sent += n > 0 ? (size_t)n : 0;
		(void)loop_turn(rig.loop, 0);
	}
	assert_true(sent < LIMIT / 8);
	shutdown(rig.a, SHUT_WR);
	for (;;) {
		ssize_t n = read(rig.b, in, STEP);

		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(in[i], (uint8_t)((got + (size_t)i) * 7 >> 3));
		got += n > 0 ? (size_t)n : 0;
		(void)loop_turn(rig.loop, 0);
	}
	assert_int_equal(got, sent);
	rig_down(&rig);
}

struct dialled {
	bool done;
	int fd, accepted;
	char why[128];
};

static void
on_dialled(int fd, const char *why, void *arg)
{
	struct dialled *d = arg;

	d->done = true;
	d->fd = fd;
	str_copy(d->why, sizeof(d->why), why);
}

static void
on_accepted(int fd, const struct addr *peer, void *arg)
{
	struct dialled *d = arg;

	assert_string_equal(peer->ip, "127.0.0.1");
	d->accepted = fd;
}

static void
test_dial_and_listen(void **state)
{
	struct dialled d = { .fd = -1, .accepted = -1 };
	struct listener *l;
	struct loop *loop;
	struct dial *dial;
	struct err e;
	char address[64];

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	struct dial_config config = { .loop = loop,
		.timeout_ms = 60 * 1000,
		.done = on_dialled,
		.arg = &d };
	assert_int_equal(listen_new(&l, loop, listen_bind("127.0.0.1:0", &e), on_accepted, &d, &e),
	    0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", (unsigned)listen_port(l));
	assert_int_equal(dial_new(&dial, &config, address, &e), 0);
	while (!d.done || d.accepted < 0)
		(void)loop_turn(loop, 1000);
	assert_true(d.fd >= 0);
	close(d.fd);
	close(d.accepted);
	listen_free(l);
	d = (struct dialled){ .fd = -1, .accepted = -1 };
	assert_int_equal(dial_new(&dial, &config, address, &e), 0); /* nobody listens any more */
	while (!d.done)
		(void)loop_turn(loop, 1000);
	assert_int_equal(d.fd, -1);
	assert_string_equal(d.why, "Connection refused");
	d.done = false;
	assert_int_equal(dial_new(&dial, &config, address, &e), 0);
	dial_cancel(dial);
	(void)loop_turn(loop, 10);
	assert_false(d.done);
	assert_true(dial_new(&dial, &config, "nowhere", &e) < 0);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_bytes_and_half_close),
		cmocka_unit_test(test_slow_reader_stops_the_writer_and_loses_nothing),
		cmocka_unit_test(test_dial_and_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
