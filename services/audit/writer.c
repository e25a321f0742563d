/* SPDX-License-Identifier: Apache-2.0 */
/*
 * writer: what the one writing connection does, and what comes next: a table of state and answer. Called by ingest.c,
 * which decides when; the groups are made in group.c, the SQL is in store_ingest.c.
 *
 * What the database answers decides: a lost connection leaves open whether a group is committed, so its records go
 * back into the queue and the next begin reads the truth. A refusal of data halves the group until the one record at
 * fault is found; it goes to the dead letters.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/ingest_priv.h"
#include "base/log.h"

static void on_answer(const struct store_answer *answer, void *arg);

/* Nothing to do for now, or no database. */
static enum writer_state
at_rest(const struct ingest *in)
{
	return store_is_ready(in->store) ? WRITER_IDLE : WRITER_AWAY;
}

/* Something refused for no fault of the records: not again at once. */
void
writer_back_off(struct ingest *in, const char *why)
{
	if (!in->said_refused)
		log_warn("the database refuses records; trying again", "cause", why, NULL);
	in->said_refused = true;
	in->retry_wait = true;
	timer_start(&in->timer, INGEST_RETRY_MS);
}

/* --- partitions ---------------------------------------------------------------------- */

static void
ask_partitions(struct ingest *in)
{
	store_maintain(in->store, on_answer, in);
}

static enum writer_state
partitions_there(struct ingest *in, const struct store_answer *answer)
{
	(void)answer;
	if (store_has_day(in->store, ingest_wall_us()))
		in->maintain_due = false;
	else
		writer_back_off(in,
		    "the clocks of this host and of the database differ by more than a day");
	return at_rest(in);
}

static enum writer_state
partitions_missing(struct ingest *in, const struct store_answer *answer)
{
	(void)answer; /* the store logs it */
	writer_back_off(in, "partitions of the coming days could not be made");
	return at_rest(in);
}

/* --- the place of a source ---------------------------------------------------------------- */

static void
ask_place(struct ingest *in)
{
	struct ingest_source *s = in->asking;
	const char *key[4] = { rpc_who_name(s->who), s->name, s->log_id, s->host };

	list_del(&s->waiting);
	store_find_source(in->store, key, on_answer, in);
}

/* NULL: its stream ended meanwhile, or was replaced by one that is in `opening` again. */
static struct ingest_source *
still_asking(const struct ingest *in)
{
	struct ingest_source *s = in->asking;

	return s->stream && list_empty(&s->waiting) ? s : NULL;
}

static enum writer_state
place_over(struct ingest *in)
{
	struct ingest_source *s = in->asking;

	in->asking = NULL;
	source_release(s);
	return at_rest(in);
}

/* The first word on every stream: the producer goes on from here, whatever it remembers itself. */
static enum writer_state
place_told(struct ingest *in, const struct store_answer *answer)
{
	struct ingest_source *s = still_asking(in);

	/* Until now another auditd may have served it. */
	if (s && facts_distrust(in->known, answer->source) < 0)
		source_reset(s, RPC_RESOURCE_EXHAUSTED, "out of memory");
	else if (s) {
		group_forget_place(in, s);
		s->id = answer->source;
		s->queued = s->committed = s->grouped = answer->seq;
		s->opened = true;
		in->events.committed(s->stream, answer->seq);
		source_flow(in, s);
	}
	return place_over(in);
}

/* The connection was lost: asked again when there is one. */
static enum writer_state
place_later(struct ingest *in, const struct store_answer *answer)
{
	struct ingest_source *s = still_asking(in);

	(void)answer;
	if (s)
		list_add(&in->opening, &s->waiting);
	return place_over(in);
}

static enum writer_state
place_refused(struct ingest *in, const struct store_answer *answer)
{
	struct ingest_source *s = still_asking(in);

	if (s)
		source_reset(s, RPC_UNAVAILABLE, answer->why);
	return place_over(in);
}

/* --- a group ---------------------------------------------------------------------- */

static void
begin_group(struct ingest *in)
{
	store_ingest_begin(in->store, in->group.places, in->group.n_places, on_answer, in);
}

static void
write_group(struct ingest *in)
{
	store_write(in->store, &in->group.batch, in->group.places, in->group.n_places, on_answer,
	    in);
}

static void
undo_group(struct ingest *in)
{
	store_ingest_rollback(in->store, on_answer, in);
}

static void
ask_facts(struct ingest *in)
{
	store_look(in->store, in->group.facts, on_answer, in);
}

static enum writer_state
no_rows(struct ingest *in)
{
	group_failed(in, &in->group);
	writer_back_off(in, "out of memory");
	return WRITER_UNDOING;
}

/* Holds the lock of all writers now: what it reads stays true until COMMIT. */
static enum writer_state
group_is_begun(struct ingest *in, const struct store_answer *answer)
{
	int done = group_begun(in, &in->group, answer->idx);

	/* Everything was committed before, or was thrown out. */
	if (list_empty(&in->group.items))
		return WRITER_UNDOING;
	if (done < 0)
		return no_rows(in);
	return done > 0 ? WRITER_LOOKING : WRITER_WRITING;
}

/* Everything that was asked for is known now: whatever is wanting still is wanting memory. */
static enum writer_state
facts_told(struct ingest *in, const struct store_answer *answer)
{
	(void)answer;
	if (facts_answered(in->group.facts) == 0 && group_rebuild(in, &in->group) == 0)
		return WRITER_WRITING;
	return no_rows(in);
}

static enum writer_state
group_not_begun(struct ingest *in, const struct store_answer *answer)
{
	writer_back_off(in, answer->why);
	return WRITER_UNDOING;
}

static enum writer_state
group_later(struct ingest *in, const struct store_answer *answer)
{
	(void)answer;
	group_return(in);
	return at_rest(in);
}

/* Records that settled without a transaction are acknowledged, others wait. */
static enum writer_state
group_undone(struct ingest *in, const struct store_answer *answer)
{
	if (list_empty(&in->group.items))
		group_acknowledge(in, &in->group);
	return group_later(in, answer);
}

static enum writer_state
group_is_committed(struct ingest *in, const struct store_answer *answer)
{
	struct group *g = &in->group;

	(void)answer;
	in->counters.records += g->n;
	in->counters.transactions++;
	in->counters.dead += (uint64_t)g->batch.dead;
	if (g->n > (size_t)g->batch.dead)
		in->dead_run = 0;
	in->said_refused = false;
	/* The bad record was found: back to whole groups, step by step. */
	in->group_max = in->group_max < INGEST_GROUP_RECORDS / 2 ? in->group_max * 2
								 : INGEST_GROUP_RECORDS;
	group_committed(in, g);
	/* What was made ready stands on its facts. */
	if (in->next.facts)
		facts_stand_on(in->next.facts, in->known);
	group_done(in, g);
	return at_rest(in);
}

static enum writer_state
group_refused(struct ingest *in, const struct store_answer *answer)
{
	writer_back_off(in, answer->why);
	return group_later(in, answer);
}

/* A record of the group is at fault: half of it, a quarter, ... one, which then is a dead letter. */
static enum writer_state
group_at_fault(struct ingest *in, const struct store_answer *answer)
{
	struct item *first = list_first(struct item, &in->group.items, link);

	/* So many in a row are not bad records, but a database that refuses everything. */
	if (in->dead_run >= INGEST_DEAD_RUN) {
		in->dead_run = 0;
		return group_refused(in, answer);
	}
	if (in->group.n > 1) {
		in->group_max = in->group.n / 2;
		return group_later(in, answer);
	}
	/* Not even the dead letter is taken: that is not the record's fault. */
	if (!first || first->quiet)
		return group_refused(in, answer);
	/* The event about it may be what is refused: next time without. */
	if (first->dead) {
		first->quiet = true;
		return group_later(in, answer);
	}
	first->dead = strdup(answer->why);
	in->dead_run++;
	if (!first->dead)
		writer_back_off(in, "out of memory");
	return group_later(in, answer);
}

/* --- the table ---------------------------------------------------------------------- */

typedef enum writer_state writer_step_fn(struct ingest *in, const struct store_answer *answer);

/* What a state asks the store for, and what is done with each answer. */
static const struct {
	void (*ask)(struct ingest *in);
	writer_step_fn *on[STORE_OUTCOMES]; /* ok, lost, bad data, refused */
} states[] = {
	[WRITER_AWAY] = { NULL, { NULL } },
	[WRITER_IDLE] = { NULL, { NULL } },
	[WRITER_MAINTAINING] = { ask_partitions,
	    { partitions_there, partitions_missing, partitions_missing, partitions_missing } },
	[WRITER_PLACING] = { ask_place, { place_told, place_later, place_refused, place_refused } },
	[WRITER_BEGINNING] = { begin_group,
	    { group_is_begun, group_later, group_not_begun, group_not_begun } },
	[WRITER_LOOKING] = { ask_facts,
	    { facts_told, group_later, group_not_begun, group_not_begun } },
	[WRITER_WRITING] = { write_group,
	    { group_is_committed, group_later, group_at_fault, group_refused } },
	[WRITER_UNDOING] = { undo_group,
	    { group_undone, group_undone, group_undone, group_undone } },
};

void
writer_enter(struct ingest *in, enum writer_state state)
{
	in->writer = state;
	/* Also while the database works there may be something to do. */
	ingest_kick(in);
	if (states[state].ask)
		states[state].ask(in);
}

static void
on_answer(const struct store_answer *answer, void *arg)
{
	struct ingest *in = arg;

	writer_enter(in, states[in->writer].on[answer->outcome](in, answer));
}

bool
writer_is_busy(const struct ingest *in)
{
	return states[in->writer].ask != NULL;
}
