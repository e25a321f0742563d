/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest_world: ingest over a store of the tests' own, which answers what a test wants, and logs that are fed.
 */
#ifndef TEST_INGEST_WORLD_H
#define TEST_INGEST_WORLD_H

#include "audit/ingest_priv.h"
#include "audit/store.h"

#define LOG_A "aaaaaaaa-0000-4000-8000-000000000001"
#define LOG_B "aaaaaaaa-0000-4000-8000-000000000002"

enum { SOURCES_MAX = 8, TURNS_MAX = 4000 };

struct store {
	bool ready, has_day;
	uint64_t at[SOURCES_MAX]; /* committed, by the number of the source */
	char names[SOURCES_MAX][64];
	int n_sources;

	store_done_fn *done; /* the operation that waits for its answer */
	void *arg;
	struct store_answer answer;
	const struct store_place *places; /* to take over when the answer is given */
	size_t n_places;
	const struct batch *batch;
	int64_t idx; /* of the next event */

	/* What the next operation of a kind answers instead. */
	enum store_outcome next_place, next_begin, next_look, next_write, next_maintain;
	const char *began; /* a session that the first source has begun */
	enum store_outcome every_write;
	const char *poison;  /* records that hold this text are not taken */
	bool commit_unheard; /* the next write is committed, but its answer is lost */

	int begins, looks, writes, rollbacks, maintains;
	int events, dead, gaps;
	int largest, smallest; /* groups that were written */
};

struct stream {
	uint64_t committed;
	int told;
	bool paused, ended;
	enum rpc_code code;
};

struct world {
	struct loop *loop;
	int recorded; /* how often something of a session was said to be there, */
	char session[37]; /* the last time of this one */
	struct store store;
	struct ingest *in;
};

/* For cmocka; *state is the world. */
int set_up(void **state);
int tear_down(void **state);

/* One turn of the loop; the operation that waits is answered. */
void turn(struct world *w);
/* Until everything that was queued is written, or thrown out. */
void settle(struct world *w);
/* A stream of a proxy, told its place. */
struct ingest_source *open_log(struct world *w, const char *log, struct stream *st);
/* The same of a node, and its log LOG_A. */
struct ingest_source *open_node(struct world *w, struct stream *st);
void put_event(struct buf *raw, const char *message);
/* Records first .. first + n - 1, whose messages are "record <number>;". */
int feed(struct ingest_source *s, uint64_t first, uint32_t n, uint64_t lost);
/* One record of that many bytes. */
int feed_bytes(struct ingest_source *s, uint64_t seq, size_t bytes);
int feed_frames(struct ingest_source *s, uint64_t seq, const char *session);

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
