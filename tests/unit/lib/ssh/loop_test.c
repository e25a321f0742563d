/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links on a real loop: over a socket pair, and over a channel of another link, ended in every
 * order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ssh/loop.h"
#include "ssh/ssh_priv.h"
#include "ssh_pair.h"

/* One side of a connection; `world` has an outer pair and one inside a channel of it. */
struct side {
	struct ssh_link *link;
	struct end end;
	bool in, ended;
	char why[128];
	struct world *world;
};

struct world {
	struct loop *loop;
	struct side server, client, inner_server, inner_client;
	struct ssh_identity host_id, user_id;
	bool carry; /* the server puts channels into inner links */
};

static enum ssh_verdict
on_auth(struct ssh *ssh, const struct ssh_auth *a, void *arg)
{
	(void)ssh;
	(void)a;
	(void)arg;
	return SSH_ALLOW;
}

static int
on_host(struct ssh *ssh, const struct ssh_host *host, struct err *e, void *arg)
{
	(void)ssh;
	(void)host;
	(void)e;
	(void)arg;
	return 0;
}

static void
on_in(struct ssh *ssh, void *arg)
{
	(void)ssh;
	((struct side *)arg)->in = true;
}

static void
on_ended(struct ssh_link *link, const char *why, void *arg)
{
	struct side *s = arg;

	assert_ptr_equal(link, s->link);
	assert_false(s->ended);
	s->ended = true;
	s->link = NULL;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void on_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg);

static const struct ssh_events server_events = { .auth = on_auth,
	.authenticated = on_in,
	.channel_open = on_open };
static const struct ssh_events client_events = { .verify_host = on_host, .authenticated = on_in };

static void
make(struct world *w, struct side *s, bool server)
{
	struct ssh_config config = { .role = server ? SSH_SERVER : SSH_CLIENT,
		.events = server ? &server_events : &client_events,
		.arg = s,
		.identities = server ? &w->host_id : &w->user_id,
		.n_identities = 1,
		.user = "root" };

	s->world = w;
	end_init(&s->end);
	assert_int_equal(ssh_link_new(&s->link, w->loop, &config, on_ended, s), 0);
}

static void
on_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open, void *arg)
{
	struct side *s = arg;
	struct world *w = s->world;

	(void)ssh;
	(void)open;
	if (s == &w->server && w->carry) {
		make(w, &w->inner_server, true);
		ssh_chan_accept(chan, &ssh_link_chan_events, w->inner_server.link);
		assert_int_equal(ssh_link_attach_chan(w->inner_server.link, chan), 0);
		return;
	}
	s->end.chan = chan;
	ssh_chan_accept(chan, &pair_chan_events, &s->end);
}

static void
world_start(struct world *w)
{
	int fds[2];

	pair_keys();
	memset(w, 0, sizeof(*w));
	w->host_id = (struct ssh_identity){ pair_host_key, buf_span(&pair_host_cert) };
	w->user_id = (struct ssh_identity){ pair_user_key, buf_span(&pair_user_cert) };
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	make(w, &w->server, true);
	make(w, &w->client, false);
	assert_int_equal(ssh_link_attach_fd(w->server.link, fds[0]), 0);
	assert_int_equal(ssh_link_attach_fd(w->client.link, fds[1]), 0);
	for (int i = 0; i < 1000 && !(w->server.in && w->client.in); i++)
		loop_turn(w->loop, 1000);
	assert_true(w->server.in && w->client.in);
}

static void
side_done(struct side *s)
{
	if (s->link)
		ssh_link_close(s->link, "done", 0);
	if (s->end.last_payload.max)
		buf_done(&s->end.last_payload);
}

static bool
is_over(const struct side *s)
{
	return !s->world || s->ended;
}

static void
world_end(struct world *w)
{
	side_done(&w->inner_client);
	side_done(&w->inner_server);
	side_done(&w->client);
	side_done(&w->server);
	for (int i = 0; i < 100 &&
	     !(is_over(&w->server) && is_over(&w->client) && is_over(&w->inner_server) &&
		 is_over(&w->inner_client));
	     i++)
		loop_turn(w->loop, 100);
	assert_true(is_over(&w->server) && is_over(&w->client) && is_over(&w->inner_server) &&
	    is_over(&w->inner_client));
	loop_free(w->loop);
}

/* An inner connection, attached before its channel is even confirmed. */
static void
start_inner(struct world *w)
{
	struct ssh_chan *chan;

	w->carry = true;
	make(w, &w->inner_client, false);
	chan = ssh_chan_open(ssh_link_ssh(w->client.link), "x", pair_span(""),
	    &ssh_link_chan_events, w->inner_client.link);
	assert_non_null(chan);
	assert_int_equal(ssh_link_attach_chan(w->inner_client.link, chan), 0);
	for (int i = 0; i < 1000 && !(w->inner_server.in && w->inner_client.in); i++)
		loop_turn(w->loop, 1000);
	assert_true(w->inner_server.in && w->inner_client.in);
}

static void
open_channel(struct world *w, struct side *from, struct side *to)
{
	from->end.chan = ssh_chan_open(ssh_link_ssh(from->link), "session", pair_span(""),
	    &pair_chan_events, &from->end);
	for (int i = 0; i < 1000 && !from->end.opened; i++)
		loop_turn(w->loop, 1000);
	assert_non_null(to->end.chan);
}

static void
transfer(struct world *w, struct side *a, struct side *b, uint64_t n)
{
	open_channel(w, a, b);
	a->end.to_send = b->end.to_send = n;
	a->end.eof_after = b->end.eof_after = true;
	end_push(&a->end);
	end_push(&b->end);
	for (int i = 0; i < 100000 && !(a->end.eof && b->end.eof); i++)
		loop_turn(w->loop, 1000);
	assert_int_equal(a->end.got, n);
	assert_int_equal(b->end.got, n);
	assert_true(a->end.sum == b->end.sent_sum);
	assert_true(b->end.sum == a->end.sent_sum);
}

static void
over_a_socket(void **state)
{
	struct world w;

	(void)state;
	world_start(&w);
	transfer(&w, &w.client, &w.server, 8 * 1024 * 1024);
	world_end(&w);
}

static void
inside_a_channel(void **state)
{
	struct world w;

	(void)state;
	world_start(&w);
	start_inner(&w);
	transfer(&w, &w.inner_client, &w.inner_server, 8 * 1024 * 1024);
	world_end(&w);
}

static void
a_slow_reader_inside_a_channel(void **state)
{
	struct world w;
	struct ssh_chan *outer;

	(void)state;
	world_start(&w);
	start_inner(&w);
	open_channel(&w, &w.inner_client, &w.inner_server);
	w.inner_server.end.take_max = 0;
	w.inner_client.end.to_send = 64 * 1024 * 1024;
	end_push(&w.inner_client.end);
	for (int i = 0; i < 2000; i++)
		loop_turn(w.loop, 0);
	/* one inner window is kept; the outer connection holds nothing back and nothing in store */
	assert_int_equal(w.inner_client.end.sent, 1024 * 1024);
	outer = ssh_link_ssh(w.server.link)->chans[0];
	assert_int_equal(chan_kept(outer), 0);
	w.inner_server.end.take_max = SIZE_MAX;
	ssh_chan_resume(w.inner_server.end.chan);
	for (int i = 0; i < 100000 && w.inner_server.end.got < w.inner_client.end.to_send; i++)
		loop_turn(w.loop, 1000);
	assert_int_equal(w.inner_server.end.got, 64 * 1024 * 1024);
	assert_true(w.inner_server.end.sum == w.inner_client.end.sent_sum);
	world_end(&w);
}

static void
the_outer_connection_ends_first(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct world w;

		world_start(&w);
		start_inner(&w);
		open_channel(&w, &w.inner_client, &w.inner_server);
		w.inner_client.end.to_send = 1024 * 1024;
		end_push(&w.inner_client.end);
		ssh_link_close(who ? w.server.link : w.client.link, "enough", 0);
		for (int i = 0; i < 100 &&
		     !(w.inner_server.ended && w.inner_client.ended && w.server.ended &&
			 w.client.ended);
		     i++)
			loop_turn(w.loop, 100);
		assert_true(w.inner_server.ended && w.inner_client.ended && w.server.ended &&
		    w.client.ended);
		assert_true(w.inner_server.end.closed && w.inner_client.end.closed);
		assert_string_equal(who ? w.server.why : w.client.why, "enough");
		world_end(&w);
	}
}

static void
the_inner_connection_ends_first(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct world w;

		world_start(&w);
		start_inner(&w);
		open_channel(&w, &w.inner_client, &w.inner_server);
		ssh_disconnect(ssh_link_ssh(who ? w.inner_server.link : w.inner_client.link), 11,
		    "done here");
		for (int i = 0; i < 100 && !(w.inner_server.ended && w.inner_client.ended); i++)
			loop_turn(w.loop, 100);
		assert_true(w.inner_server.ended && w.inner_client.ended);
		/* who was told goodbye sees a clean end */
		assert_string_equal(who ? w.inner_client.why : w.inner_server.why, "");
		assert_false(w.server.ended || w.client.ended);
		for (int i = 0; i < 10; i++)
			loop_turn(w.loop, 0);
		assert_int_equal(ssh_channel_count(ssh_link_ssh(w.client.link)), 0);
		assert_int_equal(ssh_channel_count(ssh_link_ssh(w.server.link)), 0);
		/* and the outer one is as good as before */
		w.carry = false;
		transfer(&w, &w.client, &w.server, 100000);
		world_end(&w);
	}
}

static void
a_vanished_peer(void **state)
{
	struct world w;
	int fds[2];
	struct side s = { 0 };

	(void)state;
	world_start(&w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	make(&w, &s, true);
	assert_int_equal(ssh_link_attach_fd(s.link, fds[0]), 0);
	close(fds[1]);
	for (int i = 0; i < 100 && !s.ended; i++)
		loop_turn(w.loop, 100);
	assert_true(s.ended);
	assert_true(s.why[0] != 0);
	buf_done(&s.end.last_payload);
	world_end(&w);
}

static void
closing_waits_for_the_output(void **state)
{
	struct world w;

	(void)state;
	world_start(&w);
	open_channel(&w, &w.client, &w.server);
	w.client.end.to_send = 400000;
	end_push(&w.client.end);
	assert_int_equal(w.client.end.sent, 400000);
	ssh_disconnect(ssh_link_ssh(w.client.link), 11, "bye");
	ssh_link_close(w.client.link, "all said", 5000);
	for (int i = 0; i < 1000 && !(w.client.ended && w.server.ended); i++)
		loop_turn(w.loop, 100);
	assert_int_equal(w.server.end.got, 400000);
	assert_true(w.server.end.sum == w.client.end.sent_sum);
	assert_string_equal(w.server.why, "");
	assert_string_equal(w.client.why, "all said");
	world_end(&w);
}

static void
bytes_that_were_read_before(void **state)
{
	struct world w;
	struct side s = { 0 };
	int fds[2];
	uint8_t start[] = "GET / HTTP/1.0\r\n";

	(void)state;
	world_start(&w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	make(&w, &s, true);
	assert_int_equal(ssh_link_attach_fd(s.link, fds[0]), 0);
	ssh_link_feed(s.link, start, sizeof(start) - 1);
	for (int i = 0; i < 10 && !s.ended; i++)
		loop_turn(w.loop, 0);
	assert_string_equal(s.why, "the other side does not speak SSH");
	close(fds[1]);
	buf_done(&s.end.last_payload);
	world_end(&w);
}

/* The first bytes are wrong before there is a transport: the link ends all the same. */
static void
an_end_before_the_transport(void **state)
{
	struct world w;
	struct side s = { 0 }, t = { 0 };
	int fds[2];
	uint8_t start[] = "GET / HTTP/1.0\r\n";

	(void)state;
	world_start(&w);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	make(&w, &s, true);
	ssh_link_feed(s.link, start, sizeof(start) - 1);
	assert_int_equal(ssh_link_attach_fd(s.link, fds[0]), 0);
	make(&w, &t, true);
	ssh_link_close(t.link, "never mind", 10000);
	for (int i = 0; i < 10 && !(s.ended && t.ended); i++)
		loop_turn(w.loop, 0);
	assert_true(s.ended && t.ended);
	assert_string_equal(t.why, "never mind");
	close(fds[1]);
	buf_done(&s.end.last_payload);
	buf_done(&t.end.last_payload);
	world_end(&w);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(over_a_socket),
	cmocka_unit_test(inside_a_channel),
	cmocka_unit_test(a_slow_reader_inside_a_channel),
	cmocka_unit_test(the_outer_connection_ends_first),
	cmocka_unit_test(the_inner_connection_ends_first),
	cmocka_unit_test(a_vanished_peer),
	cmocka_unit_test(closing_waits_for_the_output),
	cmocka_unit_test(bytes_that_were_read_before),
	cmocka_unit_test(an_end_before_the_transport),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
