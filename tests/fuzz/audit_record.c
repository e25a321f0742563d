/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What auditd does with a record of a producer, up to the rows: parsed, judged by the catalogue, the registry and what
 * the database knows, and written. The first byte is who writes and what else happens.
 */
#include <string.h>

#include "audit/batch.h"
#include "audit/record.h"

#define NODE       "11111111-2222-4333-8444-555555555555"
#define CONNECTION "cccccccc-0000-4000-8000-000000000001"
#define SESSION    "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

/* The cluster: one node, and no authorities, since no input will forge their signatures. */
const struct replica_host *
replica_host(const struct replica *r, const char *uuid)
{
	static const struct policy_label label = { "env", "prod" };
	static const struct replica_host host = { .uuid = NODE,
		.kind = "node",
		.name = "node-1",
		.labels = { &label, 1 } };

	(void)r;
	return strcmp(uuid, NODE) == 0 ? &host : NULL;
}

const struct bundle *
replica_bundle(const struct replica *r)
{
	(void)r;
	return NULL;
}

/* alice signed in on a connection and began a session: what comes after that can be reached. */
static struct facts *
make_facts(struct facts *parent)
{
	static const struct fact connection = { .source = 1, .user = "alice", .login = "root" };
	static const struct fact session = { .source = 1, .connection = CONNECTION };
	struct facts *f = facts_new(parent);

	if (f && !parent &&
	    (facts_put(f, FACT_CONNECTION, CONNECTION, &connection) < 0 ||
		facts_put(f, FACT_SESSION, SESSION, &session) < 0)) {
		facts_free(f);
		return NULL;
	}
	return f;
}

/* Once as it comes; once more, when something had to be asked, with the answer that it is not there. */
static void
run(const struct judge *judge, struct batch_item item)
{
	struct batch b;

	batch_init(&b);
	if (batch_begin(&b, judge, 0) == 0) {
		(void)batch_add(&b, &item);
		item.seq++;
		(void)batch_add(&b, &item);
		if (!facts_is_wanting(judge->facts))
			(void)batch_finish(&b);
	}
	batch_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum rpc_who who[] = { RPC_NODE, RPC_PROXY, RPC_AUTH, RPC_AUDIT };
	struct batch_refusals refusals = { 0 };
	struct batch_item item = { .producer = { .name = NODE, .source = 1 },
		.seq = 7,
		.refusals = &refusals };
	struct judge judge = { .now_us = INT64_C(1795339000000000) };
	struct facts *committed = make_facts(NULL);

	judge.facts = committed ? make_facts(committed) : NULL;
	if (size > 0 && judge.facts) {
		item.producer.who = who[data[0] & 3];
		item.lost = data[0] >> 6;
		item.record = (struct span){ data + 1, size - 1 };
		run(&judge, item);
		if (facts_is_wanting(judge.facts)) {
			facts_forget(judge.facts);
			if (facts_answered(judge.facts) == 0)
				run(&judge, item);
		}
	}
	facts_free(judge.facts);
	facts_free(committed);
	return 0;
}
