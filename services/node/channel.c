/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel: the table of the kinds of channels, and what is done to all channels of a connection.
 * Called by serve.c.
 *
 * Security: what has no row here cannot be opened.
 */
#include "node/channel.h"

#include "base/log.h"
#include "node/serve.h"
#include "node/session.h"

/* Kinds that are known and not served say so; the rest are unknown (RFC 4254 section 5.1). */
static const struct kind {
	const char *type;
	const struct channel_ops *ops;
	const char *refusal;
} kinds[] = {
	{ "session", &session_ops, NULL },
	{ "direct-tcpip", NULL, "this node forwards no ports" },
};

void
channel_open(struct conn *c, struct ssh_chan *chan, const struct ssh_open *open)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!span_is(open->type, kinds[i].type))
			continue;
		if (kinds[i].ops)
			kinds[i].ops->open(c, chan, open);
		else
			ssh_chan_refuse(chan, SSH_REFUSE_PROHIBITED, kinds[i].refusal);
		return;
	}
	ssh_chan_refuse(chan, SSH_REFUSE_UNKNOWN_TYPE, "unknown kind of channel");
}

/* Each of these walks a list from which the one that is visited may go; list_each allows that. */
void
channel_all_proven(struct conn *c)
{
	list_each (struct channel, ch, &c->channels, link)
		ch->ops->proven(ch);
}

void
channel_all_lost(struct conn *c)
{
	list_each (struct channel, ch, &c->channels, link)
		ch->ops->lost(ch);
}

void
channel_all_kill(struct conn *c, const char *why)
{
	list_each (struct channel, ch, &c->channels, link)
		ch->ops->kill(ch, why);
}

void
channel_all_redecide(struct conn *c)
{
	char what[CHANNEL_TEXT_MAX];
	struct err e;

	list_each (struct channel, ch, &c->channels, link) {
		if (ch->ops->may(ch, &e) == 0)
			continue;
		/* Before kill, after which there may be no channel to describe. */
		ch->ops->describe(ch, what, sizeof(what));
		log_info("channel is no longer allowed", "channel", what, "user", c->access.user,
		    "cause", e.text, NULL);
		ch->ops->kill(ch, e.text);
	}
}
