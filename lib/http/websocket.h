/* SPDX-License-Identifier: Apache-2.0 */
/*
 * websocket: a request that goes on as a WebSocket (RFC 6455), over the HTTP server's TLS; the frames are wslay's. Called by
 * handlers of proxyd (web_ssh.c, web_changes.c).
 *
 * No subprotocols, no extensions. Frames must be masked, messages are bounded or passed on as they come, pings are answered,
 * whoever is silent is asked and then let go. Back-pressure goes both ways: who cannot take more pauses the socket, whose
 * peer then feels TCP's window; and what may be sent ends where the peer has not read.
 *
 * Security: the caller judges Origin and cookie before: a page of anybody may open a WebSocket here, with the cookies of
 * whoever looks at it (RFC 6455 section 10.2).
 */
#ifndef HTTP_WEBSOCKET_H
#define HTTP_WEBSOCKET_H

#include "http/server.h"

struct websocket;

/* Close codes of RFC 6455 section 7.4.1 that this side sends. */
enum websocket_code {
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001, /* this program stops */
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_POLICY = 1008, /* what was allowed is not any more */
	WEBSOCKET_TOO_BIG = 1009,
	WEBSOCKET_FAILED = 1011, /* something on this side */
};

enum {
	WEBSOCKET_QUEUE_MAX = 256 * 1024, /* sent and not yet with the kernel */
	WEBSOCKET_REASON_MAX = 123,       /* bytes of a close reason: what a control frame holds */
	WEBSOCKET_PIECE_MAX = 4096,
};

struct websocket_events {
	/* A message; with config.pieces a part of one, at most WEBSOCKET_PIECE_MAX, of which one more may come after a
	 * pause. Valid until it returns. */
	void (*message)(struct websocket *ws, bool is_text, struct span bytes, void *arg);
	/* All that was sent is with the kernel: websocket_room is what it was. May be NULL. */
	void (*drained)(struct websocket *ws, void *arg);
	/* This program stops: the owner ends it when it has done. NULL: it is closed at once, as going away. */
	void (*stopping)(struct websocket *ws, void *arg);
	/* Over, by whomever. Once; the socket is gone when it returns. */
	void (*closed)(struct websocket *ws, void *arg);
};

struct websocket_config {
	const struct websocket_events *events;
	void *arg;
	const char *payer; /* for whom it counts (net/ceiling.h): a user */
	/* Bytes; a longer message ends the socket. With pieces: a longer frame, and messages end when they do. */
	size_t message_max;
	bool pieces; /* messages have no meaning of their own: pass on what there is */
};

/* Answers the request, in any case: with 101, and the socket lives until `closed`; or with an error, and NULL: it asks for no
 * WebSocket, for another version, there are too many, no memory, or the client has left. No callback comes from inside. */
struct websocket *websocket_accept(struct http_request *r, const struct websocket_config *config);

/* Queues a message. Negative: more than websocket_room, or it is closing. */
int websocket_send(struct websocket *ws, bool is_text, struct span bytes);
size_t websocket_room(const struct websocket *ws); /* bytes of messages */
/* No more messages until it is called with false; of a message that was begun no more pieces. */
void websocket_pause(struct websocket *ws, bool paused);
/* Sends what is queued, then the code and the reason (cut to WEBSOCKET_REASON_MAX), waits shortly for the peer's answer, and
 * ends; no more messages come. Again: nothing. */
void websocket_close(struct websocket *ws, enum websocket_code code, const char *reason);

#endif
