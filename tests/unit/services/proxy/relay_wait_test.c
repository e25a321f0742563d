/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that authd lists and this proxy does not know yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "base/wire.h"
#include "cluster.h"
#include "net/ceiling.h"
#include "proxy_world.h"

struct rig {
	struct world w;
	struct conn_end user;
	struct side near;
};

static void
rig_up(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	world_up(&r->w);
	conn_connect(&r->w, &r->user, &(struct paper){ .ca = NULL });
	world_until(&r->w, &r->user.in);
}

static void
leave(struct world *w, struct conn_end *c)
{
	ssh_link_close(c->link, "done", 0);
	world_until(w, &c->ended);
	conn_done(c);
}

static void
rig_down(struct rig *r)
{
	world_turns(&r->w, 20);
	assert_int_equal(ceiling_held(r->w.of_user, "alice"), 0);
	world_down(&r->w);
}

static void
until_waiting(struct rig *r)
{
	while (ceiling_held(r->w.of_user, "alice") == 0)
		world_turns(&r->w, 1);
}

static void
a_node_that_was_listed_is_reached_when_it_is_known_here(void **state)
{
	struct replica_host host = { .uuid = WORLD_NODE,
		.kind = "node",
		.name = "node-1",
		.address = "" };
	struct side far = { .chan = NULL };
	struct conn_end node;
	struct buf extra;
	struct rig r;

	(void)state;
	rig_up(&r);
	node_connect(&r.w, &node);
	cluster_host(r.w.replica, &host);
	node.next = &far;
	buf_init(&extra, 100);
	wire_put_text(&extra, "SSH-2.0-me");
	side_open_with(&r.user, &r.near, WORLD_NODE, buf_span(&extra));
	buf_done(&extra);
	until_waiting(&r);
	host.online = true;
	cluster_host(r.w.replica, &host);
	world_until(&r.w, &r.near.opened);
	assert_string_equal(node.first, "SSH-2.0-me");
	assert_int_equal(ceiling_held(r.w.of_user, "alice"), 1); /* the relay */
	leave(&r.w, &r.user);
	world_until(&r.w, &far.closed);
	leave(&r.w, &node);
	rig_down(&r);
}

static void
a_node_that_does_not_come_is_refused(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	side_open(&r.user, &r.near, WORLD_NODE);
	until_waiting(&r);
	world_until(&r.w, &r.near.refused);
	assert_non_null(strstr(r.near.why, "no node \"" WORLD_NODE "\" that you may see"));
	assert_int_equal(ceiling_held(r.w.of_user, "alice"), 0);
	leave(&r.w, &r.user);
	rig_down(&r);
}

static void
whoever_leaves_waits_no_more(void **state)
{
	struct rig r;

	(void)state;
	rig_up(&r);
	side_open(&r.user, &r.near, WORLD_NODE);
	until_waiting(&r);
	leave(&r.w, &r.user);
	rig_down(&r);
}

/* Waits for a node; what happens meanwhile is the test's, then the node comes. */
struct meanwhile {
	struct rig r;
	struct conn_end node;
	struct side far;
	struct replica_host host;
	struct ssh_server *server;
};

static void
meanwhile_up(struct meanwhile *m)
{
	*m = (struct meanwhile){ .host = { .uuid = WORLD_NODE,
				     .kind = "node",
				     .name = "node-1",
				     .address = "" } };
	rig_up(&m->r);
	node_connect(&m->r.w, &m->node);
	m->node.next = &m->far;
	cluster_host(m->r.w.replica, &m->host);
	side_open(&m->r.user, &m->r.near, WORLD_NODE);
	until_waiting(&m->r);
	/* It hears of no change, so that the connection does not end by one: a client need not hang up as soon as it is told. */
	m->server = m->r.w.ssh_server;
	m->r.w.ssh_server = NULL;
}

static void
comes_to_nothing(struct meanwhile *m, const char *why)
{
	m->host.online = true;
	cluster_host(m->r.w.replica, &m->host);
	world_until(&m->r.w, &m->r.near.refused);
	assert_non_null(strstr(m->r.near.why, why));
	assert_false(m->far.opened);
	m->r.w.ssh_server = m->server;
	leave(&m->r.w, &m->r.user);
	leave(&m->r.w, &m->node);
	rig_down(&m->r);
}

static void
whoever_is_cut_off_meanwhile_reaches_nothing(void **state)
{
	struct meanwhile m;

	(void)state;
	meanwhile_up(&m);
	cluster_cutoff(m.r.w.replica, REPLICA_CUTOFF, "alice", clock_wall_ms());
	comes_to_nothing(&m, "log in again");
}

static void
on_empty(void *arg)
{
	(void)arg;
}

static void
a_proxy_that_is_stopping_meanwhile_takes_none(void **state)
{
	struct meanwhile m;

	(void)state;
	meanwhile_up(&m);
	ssh_server_drain(m.server, on_empty, NULL);
	comes_to_nothing(&m, "this proxy is stopping");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_that_was_listed_is_reached_when_it_is_known_here),
		cmocka_unit_test(a_node_that_does_not_come_is_refused),
		cmocka_unit_test(whoever_leaves_waits_no_more),
		cmocka_unit_test(whoever_is_cut_off_meanwhile_reaches_nothing),
		cmocka_unit_test(a_proxy_that_is_stopping_meanwhile_takes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
