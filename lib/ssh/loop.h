/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: drives a struct ssh from the event loop, over a socket, over a
 * channel of another connection, or over what its owner makes (a WebSocket). The one file of lib/ssh that knows lib/event.
 *
 * Links that became dirty are flushed once per turn of the loop. Sockets get
 * TCP_NODELAY, and TCP_QUICKACK for their first 64 KiB.
 */
#ifndef SSH_LOOP_H
#define SSH_LOOP_H

#include "event/loop.h"
#include "ssh/ssh.h"

struct ssh_link;

/* The connection is over: why is for people ("" after a clean end). Called once, from the loop,
 * never from inside an engine callback. All its channels were told `closed` before; the link and
 * its ssh are freed right after it returns. */
typedef void ssh_link_ended_fn(struct ssh_link *link, const char *why, void *arg);

/* Make a link, then attach it. config->wake is the link's own: leave it NULL. */
int ssh_link_new(struct ssh_link **ret, struct loop *loop, const struct ssh_config *config,
    ssh_link_ended_fn *ended, void *arg);
/* Over a connected, non-blocking socket, which the link owns from now on, whatever becomes of it.
 * Negative, for lack of memory: the socket is closed, and the link ends by itself. */
int ssh_link_attach_fd(struct ssh_link *link, int fd);
/* Over a channel of another connection: accepted, or opened by us and perhaps not confirmed yet; its
 * events and arg become the link's. When the outer channel is refused or closes, the link ends. */
int ssh_link_attach_chan(struct ssh_link *link, struct ssh_chan *outer);
/* For accepting a channel straight into a link: ssh_chan_accept(chan, &ssh_link_chan_events, link),
 * then attach. */
extern const struct ssh_chan_events ssh_link_chan_events;
/* A transport of somebody else's: what comes is brought by ssh_link_feed, what is to leave is taken here. */
struct ssh_link_pipe {
	/* Takes what there is room for, and says how much; calls ssh_link_writable when there is room again. */
	size_t (*send)(struct span bytes, void *arg);
	/* The engine can take no more for now, or again. What comes in spite of that is taken, and kept. */
	void (*pause)(bool paused, void *arg);
	/* The link has ended, and calls nothing any more; before ssh_link_ended_fn. */
	void (*gone)(void *arg);
};
/* No callback comes from inside. */
void ssh_link_attach_pipe(struct ssh_link *link, const struct ssh_link_pipe *pipe, void *arg);
void ssh_link_writable(struct ssh_link *link);
/* The transport has ended. */
void ssh_link_hang_up(struct ssh_link *link, const char *why);
/* Bytes that somebody read before (the first bytes of a sniffed connection). p is scribbled on. */
void ssh_link_feed(struct ssh_link *link, uint8_t *p, size_t n);
/* Ends it: flushes what is queued for at most grace_ms, then ended(). */
void ssh_link_close(struct ssh_link *link, const char *why, int grace_ms);

struct ssh *ssh_link_ssh(const struct ssh_link *link);
/* Called by a one-second timer for every link by itself; no need to call ssh_tick. */

#endif
