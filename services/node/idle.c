/* SPDX-License-Identifier: Apache-2.0 */
/*
 * idle: see idle.h.
 */
#include "node/idle.h"

#include "base/str.h"
#include "node/node.h"
#include "node/session_priv.h"

enum { TEXT_SIZE = 160, TIME_SIZE = 32 };

static void
warn(struct session *s, int64_t left_ms)
{
	char text[TEXT_SIZE], left[TIME_SIZE];

	str_duration_text((left_ms + 999) / 1000, left, sizeof(left));
	str_format(text, sizeof(text),
	    "nobody types here: this session ends in %s. Press a key to keep it", left);
	session_tell(s, "WARNING", text);
	s->idle_warned = true;
}

static void
end(struct session *s, int64_t limit_ms)
{
	char text[TEXT_SIZE], limit[TIME_SIZE];

	str_duration_text(limit_ms / 1000, limit, sizeof(limit));
	str_format(text, sizeof(text),
	    "nobody typed here for %s, and your roles allow no more (client_idle_timeout)", limit);
	session_stop(s, text);
}

void
idle_on_timer(void *arg)
{
	struct session *s = arg;
	const struct conn *c = s->base.conn;
	int64_t limit_ms = c->access.client_idle_timeout_s * 1000,
		quiet_ms = loop_now_ms(c->node->loop) - s->heard_ms, wait_ms;
	enum idle_act act = idle_judge(limit_ms, quiet_ms, s->idle_warned, &wait_ms);

	if (s->state != SESSION_RUNNING)
		return;
	if (act == IDLE_END) {
		end(s, limit_ms);
		return;
	}
	if (act == IDLE_WARN)
		warn(s, wait_ms);
	timer_start(&s->idle, wait_ms);
}

void
idle_begin(struct session *s)
{
	if (!s->has_pty)
		return;
	s->heard_ms = loop_now_ms(s->base.conn->node->loop);
	idle_on_timer(s);
}

void
idle_heard(struct session *s)
{
	s->heard_ms = loop_now_ms(s->base.conn->node->loop);
	s->idle_warned = false;
}
