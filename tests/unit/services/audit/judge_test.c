/* SPDX-License-Identifier: Apache-2.0 */
/* What a producer may say, and what auditd makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/event.h"
#include "audit/judge.h"
#include "audit_world.h"

#define DAY_US INT64_C(86400000000)

enum { OURS = 1, THEIRS = 2 };

static struct proof_world world;

struct court {
	struct facts *known, *facts;
	struct judge judge;
	struct buf packed;
	struct verdict v;
	char node[64], node_name[64]; /* of its view, which goes with the record */
};

static struct court *
court_new(void)
{
	static struct court c;

	buf_init(&c.packed, 1 << 20);
	c.known = facts_new(NULL);
	c.facts = facts_new(c.known);
	c.judge = (struct judge){ .facts = c.facts, .now_us = NOW_US };
	return &c;
}

static void
court_free(struct court *c)
{
	facts_free(c->facts);
	facts_free(c->known);
	buf_done(&c->packed);
}

/* NULL: it is taken. What the judge wants to know is not in the database. */
static const char *
judged(struct court *c, enum rpc_who who, const char *name, int32_t source, struct span packed)
{
	static char why[ERR_MAX];
	const struct producer p = { who, name, source };
	struct record r;

	for (int pass = 0; pass < 2; pass++) {
		record_open(&r, packed);
		assert_int_equal(judge_record(&c->judge, &p, &r, &c->v), 0);
		snprintf(why, sizeof(why), "%s", c->v.bad ? c->v.bad : "");
		snprintf(c->node, sizeof(c->node), "%s", c->v.view.node ? c->v.view.node : "");
		snprintf(c->node_name, sizeof(c->node_name), "%s",
		    c->v.view.node_name ? c->v.view.node_name : "");
		record_close(&r);
		if (!facts_is_wanting(c->facts))
			break;
		assert_int_equal(pass, 0); /* everything is asked for at once */
		assert_int_equal(facts_answered(c->facts), 0);
	}
	return *why ? why : NULL;
}

static const char *
event(struct court *c, enum rpc_who who, const struct event_spec *spec)
{
	return judged(c, who, who == RPC_PROXY ? PROXY_ID : NODE, OURS,
	    pack_event(&c->packed, spec));
}

static const char *
prove(struct court *c, int32_t source, const char *connection, const struct proof_spec *spec,
    int64_t time_us)
{
	struct buf data, signature;
	const char *why;

	proof_make(&world, spec, &data, &signature);
	why = judged(c, RPC_NODE, source == OURS ? NODE : OTHER, source,
	    pack_proof(&c->packed, connection, buf_span(&data), buf_span(&signature), time_us));
	buf_done(&data);
	buf_done(&signature);
	return why;
}

#define USUAL                                                                        \
	.type = "session.start", .code = "T2000I", .user = "alice", .login = "root", \
	.session = SESSION, .connection = CONNECTION

/* Another session of hers. */
#define USUAL2                                                                       \
	.type = "session.start", .code = "T2000I", .user = "alice", .login = "root", \
	.session = OTHER, .connection = CONNECTION

static struct court *
court_with_alice(void)
{
	struct court *c = court_new();

	assert_null(prove(c, OURS, CONNECTION, &(struct proof_spec){ 0 }, NOW_US));
	return c;
}

/* --- the catalogue ---------------------------------------------------------------------- */

static void
types_of_other_producers_are_set_aside(void **state)
{
	static const enum rpc_who kinds[] = { RPC_NODE, RPC_PROXY, RPC_AUTH, RPC_AUDIT };
	struct court *c = court_new();
	int refused = 0;

	(void)state;
	for (int id = 0; id < EVENT_N; id++) {
		const struct event_type *t = event_type((enum event_id)id);
		bool failed = t->ok.code == NULL;
		const struct event_spec spec = { .type = t->name,
			.code = failed ? t->bad.code : t->ok.code,
			.failed = failed };

		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			const char *why = event(c, kinds[k], &spec);

			if (t->writers & (unsigned)kinds[k] && id != EVENT_AUDIT_REFUSE)
				continue;
			assert_non_null(why);
			assert_non_null(strstr(why, "this kind of producer"));
			refused++;
		}
	}
	assert_true(refused > EVENT_N);
	court_free(c);
}

static void
unknown_types_codes_and_fields_are_set_aside(void **state)
{
	static const char *const good[] = { "kind", "shell", "cols", "80", NULL };
	static const char *const strange[] = { "kind", "shell", "colour", "red", NULL };
	static const char *const twice[] = { "kind", "shell", "kind", "exec", NULL };
	struct court *c = court_with_alice();

	(void)state;
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .fields = good }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .fields = strange }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .fields = twice }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .raw = "colour" }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ .type = "no.such.type" }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ .type = "" }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .failed = true }));
	assert_non_null(
	    event(c, RPC_PROXY, &(struct event_spec){ .type = "tunnel.open", .code = "TT002I" }));
	assert_null(event(c, RPC_PROXY,
	    &(struct event_spec){ .type = "tunnel.open", .code = "TT001I", .node = NODE }));
	assert_non_null(event(c, RPC_PROXY,
	    &(struct event_spec){ .type = "tunnel.open", .code = "TT001I", .user = "alice" }));
	court_free(c);
}

#define EXEC                                                                                    \
	.type = "exec", .code = "T3002I", .user = "alice", .login = "root", .session = SESSION, \
	.connection = CONNECTION

static void
bytes_beside_a_text_are_those_of_the_text(void **state)
{
	static const char *const odd[] = { "command", "\\xff", NULL };
	static const char *const plain[] = { "command", "true", NULL };
	struct court *c = court_with_alice();

	(void)state;
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	assert_null(
	    event(c, RPC_NODE, &(struct event_spec){ EXEC, .fields = odd, .raw = "command" }));
	assert_non_null(
	    event(c, RPC_NODE, &(struct event_spec){ EXEC, .fields = plain, .raw = "command" }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ EXEC, .raw = "command" }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ EXEC, .raw = "login" }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ EXEC, .raw = "user" }));
	court_free(c);
}

static void
a_failed_sign_in_is_not_told_of_a_connection_to_another_node(void **state)
{
	const struct event_spec spec = { .type = "auth",
		.code = "T3007W",
		.failed = true,
		.user = "bob",
		.connection = CONNECTION };
	struct court *c = court_with_alice();

	(void)state;
	assert_null(event(c, RPC_NODE, &spec));
	assert_non_null(judged(c, RPC_NODE, OTHER, OURS + 1, pack_event(&c->packed, &spec)));
	court_free(c);
}

/* --- what is over ---------------------------------------------------------------------- */

#define END                                                                        \
	.type = "session.end", .code = "T2004I", .user = "alice", .login = "root", \
	.session = SESSION, .connection = CONNECTION

static void
a_session_begins_once_and_takes_nothing_after_its_end(void **state)
{
	struct court *c = court_with_alice();

	(void)state;
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	assert_null(event(c, RPC_NODE, &(struct event_spec){ END }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ EXEC }));
	/* A noded that died before it knew that it had said so says it again. */
	assert_null(event(c, RPC_NODE, &(struct event_spec){ END }));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ EXEC }));
	assert_non_null(judged(c, RPC_NODE, OTHER, OURS + 1,
	    pack_event(&c->packed, &(struct event_spec){ END })));
	court_free(c);
}

#define LEAVE                                                                            \
	.type = "client.disconnect", .code = "T3006I", .user = "alice", .login = "root", \
	.connection = CONNECTION

static void
nothing_begins_on_a_connection_long_after_its_end(void **state)
{
	static const int64_t late_us = (JUDGE_LATE_S + 1) * INT64_C(1000000);
	struct event_spec other = { USUAL };
	struct court *c = court_with_alice();

	(void)state;
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	assert_null(event(c, RPC_NODE, &(struct event_spec){ LEAVE }));
	other.session = OTHER;
	assert_null(event(c, RPC_NODE, &other)); /* it was being started */
	c->judge.now_us += late_us / 2;
	assert_null(event(c, RPC_NODE, &(struct event_spec){ LEAVE })); /* does not begin it anew */
	c->judge.now_us += late_us / 2 + 1;
	other.session = NODE;
	assert_non_null(event(c, RPC_NODE, &other));
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ LEAVE }));
	assert_null(event(c, RPC_NODE, &(struct event_spec){ END })); /* what began may end */
	court_free(c);
}

/* --- the node ---------------------------------------------------------------------- */

static void
a_node_speaks_about_itself_only(void **state)
{
	struct court *c = court_with_alice();

	(void)state;
	assert_non_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .node = OTHER }));
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL, .node = NODE }));
	/* Its name and labels are the registry's. */
	assert_null(event(c, RPC_NODE,
	    &(struct event_spec){ USUAL2, .node_name = "bastion", .label = "staging" }));
	assert_string_equal(c->node, NODE);
	assert_string_equal(c->node_name, "node-1");
	assert_int_equal(c->v.view.labels->n, 1);
	assert_string_equal(c->v.view.labels->v[0].value, "prod");
	/* A proxy speaks about every node, also one that is gone, and names none. */
	assert_null(event(c, RPC_PROXY,
	    &(struct event_spec){ .type = "tunnel.close",
		.code = "TT002I",
		.node = OTHER,
		.node_name = "bastion" }));
	assert_string_equal(c->node_name, "node-2");
	assert_null(event(c, RPC_PROXY,
	    &(struct event_spec){ .type = "tunnel.close",
		.code = "TT002I",
		.node = SESSION,
		.node_name = "bastion" }));
	assert_string_equal(c->node_name, "");
	/* authd is the registry. */
	assert_null(event(c, RPC_AUTH,
	    &(struct event_spec){ .type = "node.remove",
		.code = "TN002I",
		.user = "alice",
		.node = SESSION,
		.node_name = "gone" }));
	assert_string_equal(c->node_name, "gone");
	court_free(c);
}

/* --- the user ---------------------------------------------------------------------- */

static void
the_user_of_a_nodes_event_is_who_signed_in_on_its_connection(void **state)
{
	struct court *c = court_with_alice();
	const char *other = "cccccccc-0000-4000-8000-000000000002";

	(void)state;
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	assert_string_equal(c->v.backed, "signature");
	for (int i = 0; i < 4; i++) {
		struct event_spec spec = { USUAL };

		if (i == 0)
			spec.user = "dave";
		else if (i == 1)
			spec.login = "postgres";
		else if (i == 2)
			spec.connection = other;
		else
			spec.connection = NULL;
		assert_non_null(event(c, RPC_NODE, &spec));
	}
	court_free(c);
}

static void
names_of_those_who_could_not_sign_in_are_claims(void **state)
{
	struct court *c = court_new();

	(void)state;
	assert_null(event(c, RPC_NODE,
	    &(struct event_spec){ .type = "auth",
		.code = "T3007W",
		.failed = true,
		.user = "anybody" }));
	assert_string_equal(c->v.backed, "claimed");
	assert_null(event(c, RPC_PROXY,
	    &(struct event_spec){ .type = "session.connect",
		.code = "T2010I",
		.user = "alice",
		.node = NODE }));
	assert_string_equal(c->v.backed, "proxy");
	assert_null(event(c, RPC_AUTH,
	    &(struct event_spec){ .type = "role.update", .code = "T9002I", .user = "alice" }));
	assert_string_equal(c->v.backed, "self");
	court_free(c);
}

static void
a_proof_is_good_once_for_one_source_and_one_connection(void **state)
{
	const char *second = "cccccccc-0000-4000-8000-000000000002";
	const struct proof_spec bob = { .user = "bob", .session_id = "another session identifier" };
	struct court *c = court_with_alice();

	(void)state;
	/* The same signature again, by its own node or another. */
	assert_non_null(prove(c, OURS, second, &(struct proof_spec){ 0 }, NOW_US));
	assert_non_null(prove(c, THEIRS, second, &(struct proof_spec){ 0 }, NOW_US));
	/* Another user on a connection that has one. */
	assert_non_null(prove(c, OURS, CONNECTION, &bob, NOW_US));
	assert_non_null(prove(c, THEIRS, CONNECTION, &bob, NOW_US));
	assert_null(prove(c, THEIRS, second, &bob, NOW_US));
	/* A node has nothing of what was proven to another. */
	assert_non_null(event(c, RPC_NODE,
	    &(struct event_spec){ .type = "session.start",
		.code = "T2000I",
		.user = "bob",
		.login = "root",
		.session = SESSION,
		.connection = second }));
	assert_non_null(prove(c, OURS, "no uuid",
	    &(struct proof_spec){ .session_id = "a third session identifier" }, NOW_US));
	court_free(c);
}

static void
a_proof_outside_the_certificates_time_is_none(void **state)
{
	const struct proof_spec old = { .from_s = NOW_S - 7200, .until_s = NOW_S - 3600 };
	const struct proof_spec next = { .from_s = NOW_S + 3600, .until_s = NOW_S + 7200 };
	const struct proof_spec ancient = { .from_s = NOW_S - 40 * 86400, .until_s = NOW_S };
	struct court *c = court_new();

	(void)state;
	assert_non_null(prove(c, OURS, CONNECTION, &old, NOW_US));
	assert_non_null(prove(c, OURS, CONNECTION, &old, 0)); /* not said: now */
	assert_non_null(prove(c, OURS, CONNECTION, &next, NOW_US));
	assert_non_null(prove(c, OURS, CONNECTION, &next, NOW_US + 5000 * INT64_C(1000000)));
	assert_non_null(prove(c, OURS, CONNECTION, &ancient, NOW_US - 31 * DAY_US));
	/* It waited in the spool. */
	assert_null(prove(c, OURS, CONNECTION, &old, NOW_US - 5000 * INT64_C(1000000)));
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	/* And nothing on the connection is older than the certificate. */
	assert_non_null(event(c, RPC_NODE,
	    &(struct event_spec){ USUAL, .time_us = NOW_US - 8000 * INT64_C(1000000) }));
	court_free(c);
}

static void
no_authorities_no_proof(void **state)
{
	struct court *c = court_new();

	(void)state;
	world_bundle = NULL;
	assert_non_null(prove(c, OURS, CONNECTION, &(struct proof_spec){ 0 }, NOW_US));
	world_bundle = &world.bundle;
	assert_non_null(
	    prove(c, OURS, CONNECTION, &(struct proof_spec){ .ca = world.stranger }, NOW_US));
	assert_null(prove(c, OURS, CONNECTION, &(struct proof_spec){ 0 }, NOW_US));
	court_free(c);
}

/* --- sessions ---------------------------------------------------------------------- */

static void
frames_belong_to_whoever_began_the_session(void **state)
{
	struct court *c = court_with_alice();
	struct span frames;

	(void)state;
	frames = pack_frames(&c->packed, SESSION, span_str(""));
	assert_non_null(judged(c, RPC_NODE, NODE, OURS, frames)); /* before its session.start */
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	frames = pack_frames(&c->packed, SESSION, span_str(""));
	assert_null(judged(c, RPC_NODE, NODE, OURS, frames));
	assert_non_null(judged(c, RPC_NODE, OTHER, THEIRS, frames));
	assert_non_null(judged(c, RPC_NODE, NODE, THEIRS, frames)); /* another log of the node */
	assert_non_null(judged(c, RPC_PROXY, PROXY_ID, OURS, frames));
	assert_non_null(judged(c, RPC_AUTH, NODE, OURS, frames));
	frames = pack_frames(&c->packed, "not a uuid", span_str(""));
	assert_non_null(judged(c, RPC_NODE, NODE, OURS, frames));
	frames = pack_frames(&c->packed, SESSION, span_str("\x01"));
	assert_non_null(judged(c, RPC_NODE, NODE, OURS, frames));
	court_free(c);
}

static void
a_session_stays_with_its_connection(void **state)
{
	const char *second = "cccccccc-0000-4000-8000-000000000002";
	const struct proof_spec bob = { .user = "bob", .session_id = "another session identifier" };
	struct court *c = court_with_alice();
	struct event_spec end = { USUAL }, by_bob = { USUAL };

	(void)state;
	end.type = "session.end";
	end.code = "T2004I";
	assert_non_null(event(c, RPC_NODE, &end)); /* it did not begin */
	assert_null(event(c, RPC_NODE, &(struct event_spec){ USUAL }));
	assert_null(event(c, RPC_NODE, &end));
	/* Bob signed in too, and takes part in no session of alice's. */
	assert_null(prove(c, OURS, second, &bob, NOW_US));
	by_bob.user = "bob";
	by_bob.connection = second;
	assert_non_null(event(c, RPC_NODE, &by_bob));
	by_bob.type = "session.end";
	by_bob.code = "T2004I";
	assert_non_null(event(c, RPC_NODE, &by_bob));
	assert_non_null(event(c, RPC_NODE,
	    &(struct event_spec){ .type = "session.start",
		.code = "T2000I",
		.user = "bob",
		.login = "root",
		.connection = second,
		.session = "no uuid" }));
	court_free(c);
}

/* --- time ---------------------------------------------------------------------- */

static void
a_time_that_cannot_be_right_is_marked(void **state)
{
	static const struct {
		int64_t at_us;
		bool doubtful;
	} times[] = {
		{ NOW_US, false },
		{ NOW_US + 299 * INT64_C(1000000), false },
		{ NOW_US + 301 * INT64_C(1000000), true },
		{ NOW_US - 29 * DAY_US, false },
		{ NOW_US - 31 * DAY_US, true },
		{ INT64_C(915148800000000), true }, /* 1999 */
		{ INT64_MIN, true },
		{ INT64_MAX, true },
	};
	struct court *c = court_new();

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_null(event(c, RPC_PROXY,
		    &(struct event_spec){ .type = "tunnel.open",
			.code = "TT001I",
			.time_us = times[i].at_us }));
		assert_int_equal(c->v.at_doubtful, times[i].doubtful);
	}
	court_free(c);
}

static void
a_host_wrote_nothing_before_it_joined(void **state)
{
	struct court *c = court_new();
	struct event_spec spec = { .type = "auth", .code = "T3007W", .failed = true };

	(void)state;
	world_joined_ms = (NOW_US - 100 * DAY_US) / 1000;
	spec.time_us = NOW_US - 99 * DAY_US; /* a spool that waited long */
	assert_null(event(c, RPC_NODE, &spec));
	assert_false(c->v.at_doubtful);
	spec.time_us = NOW_US - 101 * DAY_US;
	assert_null(event(c, RPC_NODE, &spec));
	assert_true(c->v.at_doubtful);
	world_joined_ms = NOW_US / 1000;
	spec.time_us = NOW_US - DAY_US;
	assert_null(event(c, RPC_NODE, &spec));
	assert_true(c->v.at_doubtful);
	world_joined_ms = 0;
	court_free(c);
}

static int
set_up(void **state)
{
	(void)state;
	proof_world_init(&world);
	world_bundle = &world.bundle;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	proof_world_done(&world);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_other_producers_are_set_aside),
		cmocka_unit_test(unknown_types_codes_and_fields_are_set_aside),
		cmocka_unit_test(bytes_beside_a_text_are_those_of_the_text),
		cmocka_unit_test(a_failed_sign_in_is_not_told_of_a_connection_to_another_node),
		cmocka_unit_test(a_session_begins_once_and_takes_nothing_after_its_end),
		cmocka_unit_test(nothing_begins_on_a_connection_long_after_its_end),
		cmocka_unit_test(a_node_speaks_about_itself_only),
		cmocka_unit_test(the_user_of_a_nodes_event_is_who_signed_in_on_its_connection),
		cmocka_unit_test(names_of_those_who_could_not_sign_in_are_claims),
		cmocka_unit_test(a_proof_is_good_once_for_one_source_and_one_connection),
		cmocka_unit_test(a_proof_outside_the_certificates_time_is_none),
		cmocka_unit_test(no_authorities_no_proof),
		cmocka_unit_test(frames_belong_to_whoever_began_the_session),
		cmocka_unit_test(a_session_stays_with_its_connection),
		cmocka_unit_test(a_time_that_cannot_be_right_is_marked),
		cmocka_unit_test(a_host_wrote_nothing_before_it_joined),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
