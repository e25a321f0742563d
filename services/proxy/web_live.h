/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_live: a WebSocket of somebody who is logged in in a browser: what web_ssh.c and web_changes.c have in common. It is
 * opened for a page of ours with the cookie of a session, counted for its user, and ends with the session.
 */
#ifndef PROXY_WEB_LIVE_H
#define PROXY_WEB_LIVE_H

#include "http/websocket.h"
#include "rpc/rpc.h"

struct web;

/* Embedded in what lives. */
struct web_live {
	struct list link; /* of web->live */
	struct websocket *ws;
	char key[RPC_SESSION_KEY_SIZE]; /* of the session */
	/* The session has ended, or is about to be worth nothing: say so to its page, and end. May be called again. */
	void (*end)(struct web_live *live, const char *why);
};

/* Judges where the request comes from and whose it is, and goes on as a WebSocket; config.payer is ignored. Negative: it was
 * answered with an error, and live is as it was. */
int web_live_open(struct web_live *live, struct web *w, struct http_request *r,
    struct websocket_config *config);
void web_live_close(struct web_live *live); /* not among them any more; the WebSocket has ended */

/* Something has changed, or time has passed: ends those whose session has ended. */
void web_live_review(struct web *w);

#endif
