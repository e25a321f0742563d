/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in, who does not and why; and that relayed channels lose, double and hoard nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wire.h"
#include "base/clock.h"
#include "cluster.h"
#include "net/ceiling.h"
#include "proxy_world.h"
#include "ssh/session.h"

static void
end_all(struct world *w, struct conn_end *a, struct conn_end *b)
{
	struct conn_end *both[] = { a, b };

	for (int i = 0; i < 2; i++) {
		if (both[i] && both[i]->link)
			ssh_link_close(both[i]->link, "done", 0);
		if (both[i])
			world_until(w, &both[i]->ended);
		if (both[i])
			conn_done(both[i]);
	}
	world_turns(w, 20);
	world_down(w);
}

/* --- logins ---------------------------------------------------------------------- */

static void
assert_turned_away(const struct paper *paper, const char *why)
{
	struct world w;
	struct conn_end g;
	struct paper p = *paper;

	world_up(&w);
	if (paper->ca)
		p.ca = paper->ca == (void *)1 ? w.host_ca : w.other_ca;
	conn_connect(&w, &g, &p);
	world_until(&w, &g.ended);
	assert_false(g.in);
	if (!strstr(g.why, why))
		fail_msg("\"%s\" does not say \"%s\"", g.why, why);
	end_all(&w, &g, NULL);
}

static void
test_bad_certificates_are_turned_away_with_the_cause(void **state)
{
	const void *host = (void *)1, *other = (void *)2;

	(void)state;
	assert_turned_away(&(struct paper){ .expired = true }, "expired");
	assert_turned_away(&(struct paper){ .ca = host, .type = SSHCERT_HOST }, "host CA");
	assert_turned_away(&(struct paper){ .ca = host }, "host CA");
	assert_turned_away(&(struct paper){ .ca = host, .extension = "tunnel@sallyport" },
	    "names no node");
	assert_turned_away(&(struct paper){ .type = SSHCERT_HOST }, "user certificate is needed");
	assert_turned_away(&(struct paper){ .extension = "tunnel@sallyport" },
	    "cannot open a tunnel");
	assert_turned_away(&(struct paper){ .ca = other }, "");
	assert_turned_away(&(struct paper){ .plain = true }, "");
	assert_turned_away(&(struct paper){ .ca = host,
			       .key_id = WORLD_NODE,
			       .principal = "root",
			       .extension = "tunnel@sallyport" },
	    "");
}

static void
test_users_and_nodes_that_were_removed_stay_out_and_are_cut_off(void **state)
{
	struct world w;
	struct conn_end user, node, again;
	struct paper alice = { .ca = NULL };

	(void)state;
	world_up(&w);
	node_connect(&w, &node);
	conn_connect(&w, &user, &alice);
	world_until(&w, &user.in);
	cluster_cutoff(w.replica, REPLICA_CUTOFF, "alice", clock_wall_ms() - 7200 * 1000);
	world_turns(&w, 5);
	assert_false(user.ended); /* the certificate is younger than that */
	cluster_cutoff(w.replica, REPLICA_CUTOFF, "alice", clock_wall_ms());
	world_until(&w, &user.ended);
	assert_non_null(strstr(user.why, "removed or changed"));
	conn_connect(&w, &again, &alice);
	world_until(&w, &again.ended);
	assert_non_null(strstr(again.why, "removed or changed"));
	conn_done(&again);
	cluster_cutoff(w.replica, REPLICA_HOST_CUTOFF, WORLD_NODE, clock_wall_ms());
	world_until(&w, &node.ended);
	assert_non_null(strstr(node.why, "join it again"));
	world_turns(&w, 5);
	assert_null(tunnels_find(w.tunnels, WORLD_NODE));
	end_all(&w, &user, &node);
}

/* What a role lets a person reach changes under an open relay. */
static void
test_a_relay_ends_when_the_role_no_longer_reaches_the_node(void **state)
{
	static const char *const root[] = { "root" }, *const prod[] = { "prod" };
	static const struct policy_label_rule other = { "env", { prod, 1 } };
	const struct policy_role narrow = { .name = "access",
		.allow = { .logins = { root, 1 }, .node_labels = &other, .n_node_labels = 1 } };
	struct paper alice = { .ca = NULL };
	struct conn_end user, node;
	struct side near = { .chan = NULL }, far = { .chan = NULL };
	struct world w;

	(void)state;
	world_up(&w);
	node_connect(&w, &node);
	conn_connect(&w, &user, &alice);
	world_until(&w, &user.in);
	node.next = &far;
	side_open(&user, &near, "node-1");
	world_until(&w, &near.opened);
	cluster_user(w.replica, "nobody", NULL, 0); /* a change that takes nothing away */
	world_turns(&w, 20);
	assert_false(near.closed || user.ended);
	cluster_role(w.replica, &narrow);
	world_until(&w, &user.ended);
	assert_non_null(strstr(user.why, "no longer reach node node-1"));
	assert_false(node.ended);
	world_until(&w, &far.closed);
	end_all(&w, &user, &node);
}

static void
test_a_connection_with_another_relay_stays(void **state)
{
	static const char *const any[] = { "*" }, *const root[] = { "root" };
	static const char *const env[] = { "dev" };
	static const struct policy_label_rule all = { "*", { any, 1 } },
					      dev = { "env", { env, 1 } };
	const struct policy_role deny = { .name = "access",
		.allow = { .logins = { root, 1 }, .node_labels = &all, .n_node_labels = 1 },
		.deny = { .node_labels = &dev, .n_node_labels = 1 } };
	const struct policy_label label = { "env", "dev" };
	const struct replica_host second = { .uuid = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb",
		.kind = "node",
		.name = "node-2",
		.address = "",
		.online = true,
		.labels = { &label, 1 } };
	struct paper alice = { .ca = NULL },
		     paper = { .key_id = second.uuid,
			     .principal = second.uuid,
			     .extension = "tunnel@sallyport" };
	struct conn_end user, node, other;
	struct side near = { .chan = NULL }, far = { .chan = NULL }, near_2 = { .chan = NULL },
		    far_2 = { .chan = NULL };
	struct world w;

	(void)state;
	world_up(&w);
	paper.ca = w.host_ca;
	node_connect(&w, &node);
	cluster_host(w.replica, &second);
	conn_connect(&w, &other, &paper);
	world_until(&w, &other.in);
	conn_connect(&w, &user, &alice);
	world_until(&w, &user.in);
	node.next = &far;
	other.next = &far_2;
	side_open(&user, &near, "node-1");
	side_open(&user, &near_2, "node-2");
	world_until(&w, &near.opened);
	world_until(&w, &near_2.opened);
	cluster_role(w.replica, &deny);
	world_until(&w, &near_2.closed);
	world_until(&w, &far_2.closed);
	assert_false(near.closed || user.ended);
	ssh_link_close(other.link, "", 0);
	world_until(&w, &other.ended);
	conn_done(&other);
	end_all(&w, &user, &node);
}

static void
test_a_newer_tunnel_replaces_the_older(void **state)
{
	struct world w;
	struct conn_end older, newer;

	(void)state;
	world_up(&w);
	node_connect(&w, &older);
	node_connect(&w, &newer);
	world_until(&w, &older.ended);
	world_turns(&w, 5);
	assert_int_equal(tunnels_count(w.tunnels), 1);
	assert_false(newer.ended);
	end_all(&w, &older, &newer);
}

static void
test_a_renewed_host_key_leaves_connections_alone(void **state)
{
	struct world w;
	struct conn_end before, after;
	struct sshkey *fresh;

	(void)state;
	world_up(&w);
	conn_connect(&w, &before, &(struct paper){ .ca = NULL });
	world_until(&w, &before.in);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sshkey_generate(&fresh), 0);
		assert_int_equal(ssh_server_set_identity(w.ssh_server, fresh,
				     (struct span){ NULL, 0 }),
		    0);
		sshkey_free(fresh);
	}
	conn_connect(&w, &after, &(struct paper){ .ca = NULL });
	world_until(&w, &after.in);
	assert_false(before.ended);
	end_all(&w, &before, &after);
}

/* --- relays --------------------------------------------------------------------- */

struct relay_rig {
	struct world w;
	struct conn_end node, user;
	struct side near, far; /* of the person, of the node */
};

static void
relay_up(struct relay_rig *r)
{
	memset(&r->near, 0, sizeof(r->near));
	memset(&r->far, 0, sizeof(r->far));
	world_up(&r->w);
	node_connect(&r->w, &r->node);
	conn_connect(&r->w, &r->user, &(struct paper){ .ca = NULL });
	world_until(&r->w, &r->user.in);
}

static void
relay_join(struct relay_rig *r)
{
	r->node.next = &r->far;
	side_open(&r->user, &r->near, "node-1");
	world_until(&r->w, &r->near.opened);
	assert_true(r->far.opened);
}

static void
test_data_before_a_close_arrives_though_the_reader_is_slow(void **state)
{
	struct relay_rig r;

	(void)state;
	relay_up(&r);
	r.far.to_send = 6 << 20;
	r.far.close_after = true;
	r.near.paused = true;
	relay_join(&r);
	world_turns(&r.w, 200);
	assert_false(r.near.closed);
	assert_int_equal(r.near.got, 0);
	r.near.paused = false;
	ssh_chan_resume(r.near.chan);
	world_until(&r.w, &r.near.closed);
	assert_int_equal(r.near.got, r.far.to_send);
	assert_false(r.near.corrupt);
	world_until(&r.w, &r.far.closed);
	end_all(&r.w, &r.user, &r.node);
}

static void
test_a_slow_reader_stops_the_writer(void **state)
{
	enum { PLENTY = 200 << 20 };
	struct relay_rig r;
	uint64_t before;

	(void)state;
	relay_up(&r);
	r.far.to_send = r.near.to_send = PLENTY;
	r.near.paused = r.far.paused = true;
	relay_join(&r);
	world_turns(&r.w, 500);
	before = r.far.sent + r.near.sent;
	world_turns(&r.w, 200);
	assert_int_equal(r.far.sent + r.near.sent, before); /* stands still ... */
	assert_true(
	    r.far.sent < 32 << 20 && r.near.sent < 32 << 20); /* ... at what the windows allow */
	r.far.to_send = r.far.sent;
	r.near.to_send = r.near.sent;
	r.near.paused = r.far.paused = false;
	ssh_chan_resume(r.near.chan);
	ssh_chan_resume(r.far.chan);
	for (int i = 0; i < 10000 && (r.near.got < r.far.sent || r.far.got < r.near.sent); i++)
		world_turns(&r.w, 1);
	assert_int_equal(r.near.got, r.far.sent);
	assert_int_equal(r.far.got, r.near.sent);
	assert_false(r.near.corrupt || r.far.corrupt);
	end_all(&r.w, &r.user, &r.node);
}

static void
test_eof_one_way_leaves_the_other_open(void **state)
{
	struct relay_rig r;

	(void)state;
	relay_up(&r);
	relay_join(&r);
	r.near.to_send = 100000;
	side_push(&r.near);
	ssh_chan_eof(r.near.chan);
	world_until(&r.w, &r.far.eof);
	assert_int_equal(r.far.got, 100000);
	assert_false(r.near.closed || r.near.eof);
	r.far.to_send = 1000;
	r.far.close_after = true;
	side_push(&r.far);
	world_until(&r.w, &r.near.closed);
	assert_int_equal(r.near.got, 1000);
	assert_true(r.near.eof);
	end_all(&r.w, &r.user, &r.node);
}

static void
test_a_lost_tunnel_closes_the_channel_and_a_lost_person_frees_the_node(void **state)
{
	struct relay_rig r;

	(void)state;
	relay_up(&r);
	relay_join(&r);
	ssh_link_close(r.user.link, "gone", 0);
	world_until(&r.w, &r.far.closed);
	conn_done(&r.user);
	conn_connect(&r.w, &r.user, &(struct paper){ .ca = NULL });
	world_until(&r.w, &r.user.in);
	memset(&r.near, 0, sizeof(r.near));
	memset(&r.far, 0, sizeof(r.far));
	relay_join(&r);
	ssh_link_close(r.node.link, "gone", 0);
	world_until(&r.w, &r.near.closed);
	assert_false(r.user.ended);
	end_all(&r.w, &r.user, &r.node);
}

static void
test_refusals_reach_the_person(void **state)
{
	struct relay_rig r;

	(void)state;
	relay_up(&r);
	side_open(&r.user, &r.near, "nosuch"); /* unknown */
	world_until(&r.w, &r.near.refused);
	assert_non_null(strstr(r.near.why, "no node \"nosuch\" that you may see"));
	memset(&r.near, 0, sizeof(r.near));
	side_open(&r.user, &r.near, "node-1"); /* the node refuses */
	world_until(&r.w, &r.near.refused);
	assert_non_null(strstr(r.near.why, "node node-1 refused: not now"));
	end_all(&r.w, &r.user, &r.node);
}

/* What a client of ours sends along with the opening reaches the node with the opening of its channel. */
static void
test_what_travels_along_with_an_opening_reaches_the_node_with_it(void **state)
{
	struct relay_rig r;
	struct buf extra;

	(void)state;
	relay_up(&r);
	buf_init(&extra, 100);
	wire_put_text(&extra, "SSH-2.0-me");
	r.node.next = &r.far;
	side_open_with(&r.user, &r.near, "node-1", buf_span(&extra));
	world_until(&r.w, &r.near.opened);
	assert_string_equal(r.node.first, "SSH-2.0-me");
	assert_int_equal(r.far.got, 0);
	buf_done(&extra);
	end_all(&r.w, &r.user, &r.node);
}

static void
test_an_opening_with_something_else_in_it_is_refused(void **state)
{
	static const uint8_t zeroes[SSH_FIRST_MAX + 1];
	struct relay_rig r;
	struct buf bad[3];

	(void)state;
	relay_up(&r);
	for (int i = 0; i < 3; i++)
		buf_init(&bad[i], 8192);
	wire_put_string(&bad[0], (struct span){ zeroes, sizeof(zeroes) }); /* too much */
	wire_put_u32(&bad[1], 5);                                          /* cut short */
	wire_put_text(&bad[2], "SSH-2.0-me");
	wire_put_text(&bad[2], "and more");
	for (int i = 0; i < 3; i++) {
		memset(&r.near, 0, sizeof(r.near));
		r.node.next = &r.far;
		side_open_with(&r.user, &r.near, "node-1", buf_span(&bad[i]));
		world_until(&r.w, &r.near.refused);
		assert_string_equal(r.near.why, "malformed request for a connection");
		assert_false(r.far.opened || r.user.ended);
		buf_done(&bad[i]);
	}
	end_all(&r.w, &r.user, &r.node);
}

static void
refused_with(struct relay_rig *r, const char *why)
{
	memset(&r->near, 0, sizeof(r->near));
	side_open(&r->user, &r->near, "node-1");
	world_until(&r->w, &r->near.refused);
	if (!strstr(r->near.why, why))
		fail_msg("%s", r->near.why);
}

/* Silent channels of one person take neither the proxy nor a node from others. */
static void
test_a_person_has_so_many_connections_to_nodes(void **state)
{
	struct relay_rig r;
	unsigned n = 0;

	(void)state;
	relay_up(&r);
	while (ceiling_take(r.w.to_node, WORLD_NODE "/alice"))
		n++;
	refused_with(&r, "too many new connections to this node");
	for (; n > 0; n--)
		ceiling_drop(r.w.to_node, WORLD_NODE "/alice");
	while (ceiling_take(r.w.of_user, "alice"))
		n++;
	refused_with(&r, "too many connections to nodes");
	for (; n > 0; n--)
		ceiling_drop(r.w.of_user, "alice");
	/* The node's own refusal: it was asked again. */
	refused_with(&r, "node node-1 refused: not now");
	end_all(&r.w, &r.user, &r.node);
}

/* Who is logged in makes room at his address, once; and has so many connections himself. */
static void
test_a_person_has_so_many_connections_to_the_proxy(void **state)
{
	struct relay_rig r;
	struct conn_end more;
	unsigned n = 0;

	(void)state;
	relay_up(&r);
	assert_int_equal(ceiling_held(r.w.people, "alice"), 1);
	assert_int_equal(ceiling_held(r.w.strangers, "127.0.0.1"), 0);
	while (ceiling_take(r.w.people, "alice"))
		n++;
	conn_connect(&r.w, &more, &(struct paper){ 0 });
	world_until(&r.w, &more.ended);
	conn_done(&more);
	for (; n > 0; n--)
		ceiling_drop(r.w.people, "alice");
	end_all(&r.w, &r.user, &r.node);
}

static void
test_a_person_who_leaves_while_the_channel_is_opened(void **state)
{
	struct relay_rig r;

	(void)state;
	relay_up(&r);
	r.node.next = &r.far;
	side_open(&r.user, &r.near, "node-1");
	ssh_link_close(r.user.link, "gone", 0);
	world_until(&r.w, &r.user.ended);
	world_turns(&r.w, 50);
	assert_true(!r.far.opened || r.far.closed);
	end_all(&r.w, &r.user, &r.node);
}

/* --- nodes that listen ----------------------------------------------------------- */

struct tcp_rig {
	struct world w;
	struct conn_end user;
	struct side near;
	struct listener *listener;
	int fd; /* the node's end */
	uint64_t sent, got;
};

static void
on_tcp_accepted(int fd, const struct addr *peer, void *arg)
{
	struct tcp_rig *r = arg;

	(void)peer;
	r->fd = fd;
}

static void
tcp_up(struct tcp_rig *r)
{
	struct replica_host node = { .uuid = WORLD_NODE,
		.kind = "node",
		.name = "node-1",
		.online = true };
	char address[64];
	struct err e;

	memset(r, 0, sizeof(*r));
	r->fd = -1;
	world_up(&r->w);
	assert_int_equal(listen_new(&r->listener, r->w.loop, listen_bind("127.0.0.1:0", &e),
			     on_tcp_accepted, r, &e),
	    0);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u",
	    (unsigned)listen_port(r->listener));
	node.address = address;
	cluster_host(r->w.replica, &node);
	conn_connect(&r->w, &r->user, &(struct paper){ .ca = NULL });
	world_until(&r->w, &r->user.in);
}

static void
tcp_join(struct tcp_rig *r)
{
	side_open(&r->user, &r->near, "node-1");
	world_until(&r->w, &r->near.opened);
	while (r->fd < 0)
		world_turns(&r->w, 1);
}

static void
tcp_down(struct tcp_rig *r)
{
	if (r->fd >= 0)
		close(r->fd);
	listen_free(r->listener);
	end_all(&r->w, &r->user, NULL);
}

/* Writes what the socket takes; false when it takes nothing. */
static bool
tcp_send(struct tcp_rig *r)
{
	static uint8_t chunk[65536];
	ssize_t n;

	for (size_t i = 0; i < sizeof(chunk); i++)
		chunk[i] = side_byte(r->sent + i);
	n = send(r->fd, chunk, sizeof(chunk), MSG_NOSIGNAL | MSG_DONTWAIT);
	r->sent += n > 0 ? (uint64_t)n : 0;
	return n > 0;
}

static void
test_tcp_loses_nothing_when_the_node_closes_and_the_person_is_slow(void **state)
{
	struct tcp_rig r;
	int idle = 0;

	(void)state;
	tcp_up(&r);
	r.near.paused = true;
	tcp_join(&r);
	for (; idle < 50; world_turns(&r.w, 1))
		idle = tcp_send(&r) ? 0 : idle + 1;
	assert_true(r.sent < 64 << 20); /* nobody reads: it stops */
	close(r.fd);
	r.fd = -1;
	r.near.paused = false;
	ssh_chan_resume(r.near.chan);
	for (int i = 0; i < 20000 && r.near.got < r.sent; i++)
		world_turns(&r.w, 1);
	assert_int_equal(r.near.got, r.sent);
	assert_false(r.near.corrupt);
	for (int i = 0; i < 1000 && !r.near.eof; i++)
		world_turns(&r.w, 1);
	assert_true(r.near.eof);
	ssh_chan_close(r.near.chan);
	world_until(&r.w, &r.near.closed);
	tcp_down(&r);
}

static void
test_tcp_a_node_that_does_not_read_stops_the_person(void **state)
{
	static uint8_t chunk[65536];
	struct tcp_rig r;
	ssize_t n;

	(void)state;
	tcp_up(&r);
	r.near.to_send = 200 << 20;
	tcp_join(&r);
	assert_int_equal(send(r.fd, "SSH-", 4, 0), 4);
	world_turns(&r.w, 500);
	assert_true(r.near.sent < 64 << 20);
	r.near.to_send = r.near.sent;
	r.near.close_after = true;
	side_push(&r.near);
	for (int i = 0; i < 20000; i++) {
		n = recv(r.fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n == 0)
			break;
		for (ssize_t k = 0; k < n; k++)
			assert_int_equal(chunk[k], side_byte(r.got + (uint64_t)k));
		r.got += n > 0 ? (uint64_t)n : 0;
		world_turns(&r.w, 1);
	}
	assert_int_equal(r.got, r.near.sent);
	world_until(&r.w, &r.near.closed);
	tcp_down(&r);
}

/* A node that names the address of something else near the proxy is no way to it. */
static void
test_tcp_what_does_not_speak_ssh_gets_nothing(void **state)
{
	struct tcp_rig r;
	char byte;

	(void)state;
	tcp_up(&r);
	r.near.to_send = 1 << 20;
	tcp_join(&r);
	world_turns(&r.w, 200);
	assert_int_equal(recv(r.fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(send(r.fd, "220 mail", 8, 0), 8);
	world_until(&r.w, &r.near.closed);
	assert_int_equal(r.near.got, 0);
	assert_true(recv(r.fd, &byte, 1, MSG_DONTWAIT) <= 0);
	tcp_down(&r);
}

/* What travelled along with the opening waits as well, and comes before what followed it. */
static void
test_tcp_what_travels_along_waits_for_the_greeting(void **state)
{
	char bytes[64] = "";
	struct tcp_rig r;
	struct buf extra;

	(void)state;
	tcp_up(&r);
	buf_init(&extra, 100);
	wire_put_text(&extra, "SSH-2.0-me");
	r.near.to_send = 3;
	side_open_with(&r.user, &r.near, "node-1", buf_span(&extra));
	world_until(&r.w, &r.near.opened);
	while (r.fd < 0)
		world_turns(&r.w, 1);
	world_turns(&r.w, 100);
	assert_int_equal(recv(r.fd, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
	assert_int_equal(send(r.fd, "SSH-", 4, 0), 4);
	for (int i = 0; i < 1000 && recv(r.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_PEEK) < 13;
	     i++)
		world_turns(&r.w, 1);
	assert_int_equal(recv(r.fd, bytes, sizeof(bytes), MSG_DONTWAIT), 13);
	assert_memory_equal(bytes, "SSH-2.0-me", 10);
	for (int i = 0; i < 3; i++)
		assert_int_equal((uint8_t)bytes[10 + i], side_byte((uint64_t)i));
	buf_done(&extra);
	tcp_down(&r);
}

static void
test_tcp_refusals_and_people_who_leave(void **state)
{
	struct tcp_rig r;
	char c;

	(void)state;
	tcp_up(&r);
	tcp_join(&r);
	ssh_link_close(r.user.link, "gone", 0);
	for (int i = 0; i < 1000 && recv(r.fd, &c, 1, MSG_DONTWAIT) != 0; i++)
		world_turns(&r.w, 1);
	assert_int_equal(recv(r.fd, &c, 1, MSG_DONTWAIT), 0);
	world_until(&r.w, &r.user.ended);
	conn_done(&r.user);
	listen_free(r.listener);
	r.listener = NULL;
	conn_connect(&r.w, &r.user, &(struct paper){ .ca = NULL });
	world_until(&r.w, &r.user.in);
	memset(&r.near, 0, sizeof(r.near));
	side_open(&r.user, &r.near, "node-1");
	world_until(&r.w, &r.near.refused);
	assert_non_null(strstr(r.near.why, "cannot be reached: Connection refused"));
	memset(&r.near, 0, sizeof(r.near));
	side_open(&r.user, &r.near, "node-1"); /* who leaves while it is dialled */
	ssh_link_close(r.user.link, "gone", 0);
	tcp_down(&r);
}

static void
test_many_channels_at_once(void **state)
{
	enum { MANY = 40, EACH = 300000 };
	static struct side near[MANY], far[MANY];
	struct relay_rig r;

	(void)state;
	memset(near, 0, sizeof(near));
	memset(far, 0, sizeof(far));
	relay_up(&r);
	for (int i = 0; i < MANY; i++) {
		far[i].to_send = near[i].to_send = EACH;
		far[i].close_after = true;
		r.node.next = &far[i];
		side_open(&r.user, &near[i], WORLD_NODE);
		world_until(&r.w, &near[i].opened);
	}
	for (int i = 0; i < MANY; i++) {
		world_until(&r.w, &near[i].closed);
		assert_int_equal(near[i].got, EACH);
		assert_false(near[i].corrupt || far[i].corrupt);
	}
	end_all(&r.w, &r.user, &r.node);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_certificates_are_turned_away_with_the_cause),
		cmocka_unit_test(test_users_and_nodes_that_were_removed_stay_out_and_are_cut_off),
		cmocka_unit_test(test_a_relay_ends_when_the_role_no_longer_reaches_the_node),
		cmocka_unit_test(test_a_connection_with_another_relay_stays),
		cmocka_unit_test(test_a_newer_tunnel_replaces_the_older),
		cmocka_unit_test(test_a_renewed_host_key_leaves_connections_alone),
		cmocka_unit_test(test_data_before_a_close_arrives_though_the_reader_is_slow),
		cmocka_unit_test(test_a_slow_reader_stops_the_writer),
		cmocka_unit_test(test_eof_one_way_leaves_the_other_open),
		cmocka_unit_test(
		    test_a_lost_tunnel_closes_the_channel_and_a_lost_person_frees_the_node),
		cmocka_unit_test(test_refusals_reach_the_person),
		cmocka_unit_test(test_what_travels_along_with_an_opening_reaches_the_node_with_it),
		cmocka_unit_test(test_an_opening_with_something_else_in_it_is_refused),
		cmocka_unit_test(test_a_person_has_so_many_connections_to_nodes),
		cmocka_unit_test(test_a_person_has_so_many_connections_to_the_proxy),
		cmocka_unit_test(test_a_person_who_leaves_while_the_channel_is_opened),
		cmocka_unit_test(test_many_channels_at_once),
		cmocka_unit_test(
		    test_tcp_loses_nothing_when_the_node_closes_and_the_person_is_slow),
		cmocka_unit_test(test_tcp_a_node_that_does_not_read_stops_the_person),
		cmocka_unit_test(test_tcp_what_does_not_speak_ssh_gets_nothing),
		cmocka_unit_test(test_tcp_what_travels_along_waits_for_the_greeting),
		cmocka_unit_test(test_tcp_refusals_and_people_who_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
