/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recording: see recording.h.
 *
 *	player_start -> (found) -> some chunks -> parts -> some chunks -> ... -> end
 *	followed:                  ^ look, whether it has ended <- player_look <- idle
 *
 * Whether a session has ended is asked before its chunks: of one that had, what is found then is all there is.
 *
 * The player waits for at most one query. It is freed when its owner has let go of it and no query runs.
 */
#include "audit/recording.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "audit/record.h"
#include "base/str.h"
#include "rec/batch.h"
#include "rec/frame.h"

enum {
	PLAYER_CHUNKS = 4,      /* a query: 4 MiB of frames at most wait here */
	PLAYER_PREFIX_ROWS = 2, /* enough to see that a prefix is not unique */
};

struct player {
	struct player_events events;
	void *arg;
	struct store *store;
	bool querying;
	bool left;  /* the owner let go */
	bool found; /* which recording it is is known */
	bool ended;
	bool follow, over; /* goes on after what is there; the session had ended before the chunks were asked for */
	bool idle, again;  /* all there was is shown; there is more since it was asked for */
	char session[37];
	int32_t source;
	int64_t after;          /* number of the last chunk that was read */
	int64_t from_us, at_us; /* of the session: where to begin, the end of what was read */
	unsigned tampered;      /* parts so far */
};

static void on_chunks(const struct store_list *list, void *arg);

static void
end(struct player *p, enum rpc_code code, const char *why)
{
	p->ended = true;
	p->events.end(code, why, p->arg);
}

/* The query is over. False: nobody waits for it, or it failed and that was told. */
static bool
answered(struct player *p, const struct store_list *list)
{
	char text[ERR_MAX + 100];
	struct search_answer answer;

	p->querying = false;
	/* The query's answer was all that kept it. */
	if (p->left) {
		free(p);
		return false;
	}
	answer = search_answer_of(list, text, sizeof(text));
	if (answer.code != RPC_OK)
		end(p, answer.code, answer.why);
	return answer.code == RPC_OK;
}

static void
ask_chunks(struct player *p)
{
	const struct store_chunks which = {
		.session = p->session,
		.source = p->source,
		.after = p->after,
		.limit = PLAYER_CHUNKS,
	};

	p->querying = true;
	store_chunks(p->store, &which, on_chunks, p);
}

/* Words of ours between the frames, as output, so that every way of looking at a recording shows them. */
static void
say(struct buf *b, const char *text)
{
	frame_put(b, FRAME_OUT, 0, span_str(text));
}

/* What a chunk that was changed says now, between words that say so: not hidden, and not taken for what was recorded. What
 * is no chunk any more has the words alone: its bytes would make everything behind it unreadable. */
static void
play_tampered(struct player *p, const struct store_chunk *c)
{
	struct record_frames read;
	struct buf raw, b;
	char text[160];

	buf_init(&raw, BATCH_RAW_MAX);
	buf_init(&b, 2 * BATCH_RAW_MAX);
	(void)str_format(text, sizeof(text),
	    "\r\n[tampered with: part %" PRId64
	    " of this recording was changed in the database]\r\n",
	    c->seq);
	say(&b, text);
	if (batch_expand_beside(c->data, c->output, c->raw_len, &raw) == 0 &&
	    record_read_frames(buf_span(&raw), &read, NULL, NULL) == 0) {
		buf_put(&b, buf_head(&raw), raw.len);
		say(&b, "\r\n[end of the part that was changed]\r\n");
	} else {
		say(&b, "[it cannot be read any more]\r\n");
	}
	p->tampered++;
	p->events.part(buf_span(&b), true, p->arg);
	buf_done(&raw);
	buf_done(&b);
}

static void
play_chunk(struct player *p, const struct store_chunk *c)
{
	struct buf raw;

	p->after = c->seq;
	p->at_us += c->span_us;
	/* What ends before the asked moment is left out; the player skips within the first one. */
	if (c->intact && p->at_us < p->from_us)
		return;
	buf_init(&raw, BATCH_RAW_MAX);
	if (c->intact && batch_expand_beside(c->data, c->output, c->raw_len, &raw) == 0)
		p->events.part(buf_span(&raw), false, p->arg);
	else
		play_tampered(p, c);
	buf_done(&raw);
}

static void
on_chunks(const struct store_list *list, void *arg)
{
	struct player *p = arg;

	if (!answered(p, list))
		return;
	for (size_t i = 0; i < list->n; i++)
		play_chunk(p, &list->chunks[i]);
	if (list->n == PLAYER_CHUNKS) {
		player_more(p);
		return;
	}
	/* Fewer than asked for were the last. Nobody waits for a session that still runs, unless it is followed. */
	if (!p->follow || p->over) {
		end(p, RPC_OK, "");
		return;
	}
	p->idle = true;
	if (p->again)
		player_look(p);
}

static void
on_looked(const struct store_list *list, void *arg)
{
	struct player *p = arg;

	if (!answered(p, list))
		return;
	if (list->n == 0) {
		end(p, RPC_NOT_FOUND, "this recording is not kept any more");
		return;
	}
	p->over = list->recordings[0].ended_us != 0;
	if (p->events.stands)
		p->events.stands(&list->recordings[0], p->arg);
	ask_chunks(p);
}

static void
on_found(const struct store_list *list, void *arg)
{
	struct player *p = arg;
	const struct store_recording *recording;

	if (!answered(p, list))
		return;
	if (list->n == 0) {
		end(p, RPC_NOT_FOUND,
		    "no such recording; `tsh recordings ls` shows those that you may see");
		return;
	}
	if (list->n > 1) {
		end(p, RPC_INVALID_ARGUMENT,
		    "several recordings begin like this: give more of the session id");
		return;
	}
	recording = &list->recordings[0];
	(void)str_copy(p->session, sizeof(p->session), recording->session);
	p->source = recording->source;
	p->after = -1;
	p->over = recording->ended_us != 0;
	p->found = true;
	p->ended = true; /* unless the owner wants it played */
	if (p->events.found(recording, p->arg) < 0)
		return;
	p->ended = false;
	ask_chunks(p);
}

struct player *
player_new(const struct player_events *events, void *arg)
{
	struct player *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->events = *events;
	p->arg = arg;
	return p;
}

void
player_start(struct player *p, const struct player_config *config)
{
	const struct store_filter filter = {
		.session = config->session,
		.only_user = config->only_user,
		.limit = PLAYER_PREFIX_ROWS,
	};

	if (strlen(config->session) < RECORDING_PREFIX_MIN) {
		end(p, RPC_INVALID_ARGUMENT, "give at least 8 digits of the session id");
		return;
	}
	p->store = config->store;
	p->from_us = config->from_us;
	p->follow = config->follow;
	p->querying = true;
	store_recordings(p->store, &filter, on_found, p);
}

/* Asks only when the caller takes what is there: a recording is larger than memory. */
void
player_more(struct player *p)
{
	if (!p->found || p->querying || p->ended || !p->events.has_room(p->arg))
		return;
	if (!p->idle)
		ask_chunks(p);
	else if (p->again)
		player_look(p);
}

void
player_look(struct player *p)
{
	const struct store_filter filter = { .session = p->session, .limit = 1 };

	/* Later, when what is under way is shown, or taken. */
	p->again = !p->idle || !p->events.has_room(p->arg);
	if (p->again || p->ended)
		return;
	p->idle = false;
	p->querying = true;
	store_recordings(p->store, &filter, on_looked, p);
}

void
player_free(struct player *p)
{
	if (!p)
		return;
	p->left = true;
	if (!p->querying)
		free(p);
}
