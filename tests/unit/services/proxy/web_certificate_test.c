/* SPDX-License-Identifier: Apache-2.0 */
/* A browser's certificate is worth what its web session is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/clock.h"
#include "cluster.h"
#include "proxy_world.h"

#define KEY   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void
up(struct world *w)
{
	static const char *const roles[] = { "access" };

	world_up(w);
	cluster_user(w->replica, "alice", roles, 1);
}

/* Until then; 0: it has ended. */
static void
put_session(struct world *w, const char *key, int64_t life_ms)
{
	const int64_t now = clock_wall_ms();

	cluster_web_session(w->replica, key, "alice", now / 1000 - 60, now + life_ms);
}

static void
log_in(struct world *w, struct conn_end *c, const char *web)
{
	conn_connect(w, c, &(struct paper){ .web = web });
	world_until(w, &c->in);
}

static void
leave(struct world *w, struct conn_end *c)
{
	if (c->link)
		ssh_link_close(c->link, "done", 0);
	world_until(w, &c->ended);
	conn_done(c);
}

static void
connections_end_with_the_session_and_no_others_do(void **state)
{
	struct conn_end page, other_page, terminal, again;
	struct world w;

	(void)state;
	up(&w);
	put_session(&w, KEY, 600000);
	put_session(&w, OTHER, 600000);
	log_in(&w, &page, KEY);
	log_in(&w, &other_page, OTHER);
	log_in(&w, &terminal, NULL);
	put_session(&w, KEY, 0);
	world_until(&w, &page.ended);
	assert_non_null(strstr(page.why, "your session has ended"));
	conn_done(&page);
	conn_connect(&w, &again, &(struct paper){ .web = KEY });
	world_until(&w, &again.ended);
	assert_false(again.in);
	assert_non_null(strstr(again.why, "your session has ended"));
	conn_done(&again);
	assert_false(other_page.ended || terminal.ended);
	leave(&w, &other_page);
	leave(&w, &terminal);
	world_turns(&w, 20);
	world_down(&w);
}

static void
a_session_that_nobody_knows_lets_nobody_in(void **state)
{
	static const char *const keys[] = { KEY, "", "no key" };
	struct conn_end page;
	struct world w;

	(void)state;
	up(&w);
	for (size_t i = 0; i < 3; i++) {
		conn_connect(&w, &page, &(struct paper){ .web = keys[i] });
		world_until(&w, &page.ended);
		assert_false(page.in);
		assert_non_null(strstr(page.why, "your session"));
		conn_done(&page);
	}
	world_turns(&w, 20);
	world_down(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_end_with_the_session_and_no_others_do),
		cmocka_unit_test(a_session_that_nobody_knows_lets_nobody_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
