/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_limit: see log_limit.h. One process, one log: the counts are the process's.
 */
#include "base/log_limit.h"

#include <stddef.h>

#include "base/clock.h"
#include "base/str.h"

enum { PLACES = 256, MINUTE_MS = 60 * 1000 };

struct count {
	int64_t since_ms; /* of the minute that runs */
	unsigned written, left_out;
	bool used;
};

static struct count places[PLACES], everybody;

/* FNV-1a: spreads addresses; who finds two that meet gains nothing by it. */
static struct count *
place_of(const char *source)
{
	uint32_t h = 2166136261u;

	for (; *source; source++)
		h = (h ^ (uint8_t)*source) * 16777619u;
	return &places[h % PLACES];
}

static void
turn(struct count *c, int64_t now_ms)
{
	if (c->used && now_ms - c->since_ms < MINUTE_MS && now_ms >= c->since_ms)
		return;
	c->used = true;
	c->since_ms = now_ms;
	c->written = 0;
}

bool
log_limit_at(const char *source, char more[LOG_LIMIT_TEXT], int64_t now_ms)
{
	struct count *c = place_of(source);

	more[0] = '\0';
	turn(c, now_ms);
	turn(&everybody, now_ms);
	if (c->written >= LOG_LIMIT_OF_ONE || everybody.written >= LOG_LIMIT_OF_ALL) {
		c->left_out++;
		return false;
	}
	c->written++;
	everybody.written++;
	if (c->left_out)
		(void)str_format(more, LOG_LIMIT_TEXT, "%u", c->left_out);
	c->left_out = 0;
	return true;
}

bool
log_limit(const char *source, char more[LOG_LIMIT_TEXT])
{
	return log_limit_at(source, more, clock_mono_ms());
}
