/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_api_priv: a request on its way through authd or auditd, for the files of the JSON API.
 */
#ifndef PROXY_WEB_API_PRIV_H
#define PROXY_WEB_API_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "event/loop.h"
#include "proto/audit.pb-c.h"
#include "proxy/web_api.h"
#include "proxy/web_share.h"
#include "rpc/rpc.h"

enum web_api_kind {
	WEB_API_CALL,
	WEB_API_LOGOUT,
	WEB_API_FRAMES,
	WEB_API_OFFER, /* of a second factor, which is drawn */
	/* Without a session: */
	WEB_API_ANYBODY,
	WEB_API_LOGIN,
	WEB_API_INVITE,
	WEB_API_SIGNUP, /* the end of an invitation, and a login */
};

struct play;

struct web_api_row {
	const struct rpc_method *method;
	const char *verb;  /* "GET": nothing changes */
	const char *field; /* that the path's parameter is; NULL: it has none */
	enum web_api_kind kind;
};

/* From the request until the last byte of the answer is out, or nobody takes it. */
struct web_call {
	struct list link; /* web_api.calls */
	struct web_api *api;
	const struct web_api_row *row;
	struct http_request *request; /* NULL: answered */
	struct rpc_client *as;        /* the person's; NULL: done with */
	ProtobufCMessage *message;    /* what is asked; NULL: nothing was yet */
	struct buf answer;
	struct addr peer;
	char key[RPC_SESSION_KEY_SIZE]; /* of the session; "": there is none */
	char who[WEB_SHARE_WHO_SIZE];   /* whose share it is of */
	bool counted;                   /* in that */
	bool playing;                   /* a recording, of it */
	size_t taken;                   /* of it, by the answer: bytes */
	struct timer later;             /* until all daemons know the session */
	unsigned waits;
	struct play *play; /* of web_play.c; or NULL */
};

/* Answers and ends the call. */
void web_call_refuse(struct web_call *c, int status, const char *why);
void web_call_fail(struct web_call *c, enum rpc_code code, const char *why);
/* It plays a recording, at the expense of whose share it is of, until it is freed. False: there is no room; it was answered,
 * and has ended. */
bool web_call_take_play(struct web_call *c);
/* It was answered, all of it. */
void web_call_free(struct web_call *c);

/* web_play.c: asks auditd, and passes on what it sends; ends the call. */
void web_play(struct web_call *c, const Audit__PlayRequest *request);
/* Nobody takes it any more: ends the call. */
void web_play_drop(struct web_call *c);

#endif
