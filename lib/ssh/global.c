/* SPDX-License-Identifier: Apache-2.0 */
/*
 * global: requests that concern the connection as a whole (RFC 4254 section 4), both ways, and
 * keepalives.
 */
#include <stdlib.h>

#include "ssh/ssh_priv.h"

/* A request of ours that wants an answer. Answers come in order. */
struct ssh_due {
	struct list link;
	ssh_global_reply_fn *reply;
	void *arg;
};

/* --- ours ---------------------------------------------------------------------- */

/* Owns due, also when it fails. NULL: no answer is wanted. */
static int
send_request(struct ssh *ssh, const char *name, struct span payload, struct ssh_due *due)
{
	struct buf b;

	packet_begin(&b, MSG_GLOBAL_REQUEST);
	wire_put_text(&b, name);
	wire_put_bool(&b, due != NULL);
	buf_put(&b, payload.p, payload.n);
	if (packet_send_buf(ssh, &b) < 0) {
		free(due);
		return -1;
	}
	if (due) {
		list_add(&ssh->due, &due->link);
		ssh->n_due++;
	}
	return 0;
}

int
ssh_global_request(struct ssh *ssh, const char *name, struct span payload,
    ssh_global_reply_fn *reply, void *arg)
{
	struct ssh_due *due = NULL;

	if (ssh->state != STATE_OPEN || ssh->n_due >= GLOBAL_DUE_MAX)
		return -1;
	if (reply) {
		due = malloc(sizeof(*due));
		if (!due)
			return -1;
		due->reply = reply;
		due->arg = arg;
	}
	return send_request(ssh, name, payload, due);
}

int
global_keepalive(struct ssh *ssh)
{
	struct ssh_due *due;

	if (ssh->n_due >= GLOBAL_DUE_MAX)
		return 0;
	/* the answer itself is not needed, that something arrives is enough */
	due = calloc(1, sizeof(*due));
	return due ? send_request(ssh, "keepalive@openssh.com", (struct span){ NULL, 0 }, due) : 0;
}

static int
on_answer(struct ssh *ssh, bool ok, struct span payload)
{
	/* RFC 4254 section 4: answers bear no number and come in the order of the requests. */
	struct ssh_due *due = list_first(struct ssh_due, &ssh->due, link);

	if (!due)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR,
		    "answer to a request that nobody made");
	list_del(&due->link);
	ssh->n_due--;
	if (due->reply)
		due->reply(ssh, ok, payload, due->arg);
	free(due);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

int
global_on_success(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)payload;
	return on_answer(ssh, true, wire_rest(w));
}

int
global_on_failure(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	(void)payload;
	(void)w;
	return on_answer(ssh, false, (struct span){ NULL, 0 });
}

/* --- the peer's ------------------------------------------------------------------ */

static void
answer(struct ssh *ssh, bool ok, struct span payload)
{
	struct buf b;

	packet_begin(&b, ok ? MSG_REQUEST_SUCCESS : MSG_REQUEST_FAILURE);
	if (ok)
		buf_put(&b, payload.p, payload.n);
	packet_send_buf(ssh, &b);
}

static void
ask_owner(struct ssh *ssh, const struct request *q)
{
	const struct ssh_events *ev = ssh->config.events;
	enum ssh_answer a = SSH_FAIL;
	struct buf reply;

	buf_init(&reply, PACKET_MAX_PREAUTH);
	/* Any answer shows the peer that we are there; OpenSSH takes a refusal as well. */
	if (span_is(q->name, "keepalive@openssh.com"))
		a = SSH_OK;
	else if (ev && ev->global_request)
		a = ev->global_request(ssh, q->name, q->payload, &reply, ssh->config.arg);
	if (a == SSH_LATER) {
		ssh->late.pending = true;
		ssh->late.silent = !q->want_reply;
	} else if (q->want_reply) {
		answer(ssh, a == SSH_OK && buf_ok(&reply), buf_span(&reply));
	}
	buf_done(&reply);
}

int
global_on_request(struct ssh *ssh, struct wire *w, uint8_t *payload)
{
	struct request q;

	(void)payload;
	q.name = wire_string(w);
	q.want_reply = wire_bool(w);
	q.payload = wire_rest(w);
	if (w->bad)
		return ssh_fatal(ssh, REASON_PROTOCOL_ERROR, "malformed global request");
	if (ssh->late.pending)
		return late_queue(ssh, &ssh->late, &q);
	ask_owner(ssh, &q);
	return ssh->state == STATE_DEAD ? -1 : 0;
}

void
ssh_global_reply(struct ssh *ssh, bool ok, struct span payload)
{
	struct late_request *w;

	if (!ssh->late.pending || ssh->state != STATE_OPEN)
		return;
	ssh->late.pending = false;
	if (!ssh->late.silent)
		answer(ssh, ok, payload);
	/* The owner may end the connection over one of these; the others are then no longer asked for by anybody. */
	while (
	    !ssh->late.pending && ssh->state == STATE_OPEN && (w = late_next(&ssh->late)) != NULL) {
		ask_owner(ssh, &w->request);
		free(w);
	}
}

/* Whoever waits for an answer hears of the end: each reply function is called exactly once. */
void
global_done(struct ssh *ssh)
{
	struct ssh_due *due;

	while ((due = list_first(struct ssh_due, &ssh->due, link)) != NULL) {
		list_del(&due->link);
		ssh->n_due--;
		if (due->reply)
			due->reply(ssh, false, (struct span){ NULL, 0 }, due->arg);
		free(due);
	}
	late_drop(&ssh->late);
}
