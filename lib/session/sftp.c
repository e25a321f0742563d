/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp: see sftp.h. The session's output feeds the engine, the engine's output goes where the session
 * takes it.
 */
#include "session/sftp.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = SFTP_PATH_MAX + SFTP_HANDLE_MAX + 64 };

struct sftp {
	struct loop *loop;
	struct remote *remote;
	struct sftp_engine engine;
};

/* --- the session ------------------------------------------------------------------------------ */

/* Called by the engine when it has something to send, and when the channel has room again. */
static void
flush(void *arg)
{
	struct sftp *s = arg;
	struct span out;
	size_t n;

	while ((out = sftp_engine_output(&s->engine)).n > 0 &&
	    (n = remote_write(s->remote, out.p, out.n)) > 0)
		sftp_engine_drain(&s->engine, n);
}

static void
on_started(struct remote *r, void *arg)
{
	struct sftp *s = arg;

	(void)r;
	sftp_engine_start(&s->engine);
}

static size_t
on_output(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg)
{
	struct sftp *s = arg;

	(void)r;
	/* What the server program writes to stderr is no SFTP, and is dropped. */
	if (ext == 0)
		sftp_engine_input(&s->engine, p, n);
	return n;
}

static void
on_writable(struct remote *r, void *arg)
{
	(void)r;
	flush(arg);
}

static void
on_ended(struct remote *r, const struct remote_result *result, void *arg)
{
	struct sftp *s = arg;

	(void)r;
	if (result->end == REMOTE_EXITED)
		sftp_engine_end(&s->engine, "the node's sftp server ended");
	else
		sftp_engine_end(&s->engine,
		    *result->text ? result->text : "the session was killed");
}

/* What waits is told also when the session ends, so *done comes in any case. */
static void
wait_for(struct sftp *s, const bool *done)
{
	while (!*done && !s->engine.over)
		if (loop_turn(s->loop, -1) < 0)
			sftp_engine_end(&s->engine, "the event loop failed");
}

int
sftp_open(struct sftp **ret, const struct remote_way *way, const char *host, const char *login,
    struct err *e)
{
	static const struct remote_events events = {
		.started = on_started,
		.output = on_output,
		.writable = on_writable,
		.ended = on_ended,
	};
	struct sftp *s = calloc(1, sizeof *s);
	const struct remote_config config = {
		.host = host,
		.login = login,
		.subsystem = "sftp",
		.events = &events,
		.arg = s,
	};

	if (!s)
		return err_memory(e);
	s->loop = way->loop;
	sftp_engine_init(&s->engine, flush, s);
	if (remote_new(&s->remote, way, &config) < 0) {
		sftp_free(s);
		return err_memory(e);
	}
	wait_for(s, &s->engine.ready);
	if (s->engine.over) {
		err_set(e, "%s: %s", host, s->engine.why.text);
		sftp_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void
sftp_free(struct sftp *s)
{
	if (!s)
		return;
	remote_free(s->remote);
	sftp_engine_done(&s->engine);
	free(s);
}

bool
sftp_same_host(const struct sftp *a, const struct sftp *b)
{
	const char *id = remote_host_id(a->remote);

	return a == b || (*id && strcmp(id, remote_host_id(b->remote)) == 0);
}

/* --- calls with one answer -------------------------------------------------------------------- */

/* What is done with an answer of the type that was expected, while it is there. */
typedef int take_fn(struct sftp_answer *a, void *arg, struct err *e);

struct question {
	enum sftp_type expected; /* SFTP_STATUS: nothing but that it is done */
	take_fn *take;
	void *arg;
	struct err *e;
	int rc;
	bool done;
};

static int
judge(struct sftp_engine *s, struct sftp_answer *a, struct question *q)
{
	if (!a)
		/* The session has ended, and this answer will never come. */
		return err_set(q->e, "%s", s->why.text);
	if (a->type == q->expected && q->take)
		return q->take(a, q->arg, q->e);
	int rc = sftp_wire_status(a, q->e);
	return rc == 0 && q->expected != SFTP_STATUS ? err_set(q->e, "unexpected answer") : rc;
}

static void
on_answer(struct sftp_engine *s, struct sftp_answer *a, const struct sftp_call *call)
{
	struct question *q = call->arg;

	q->rc = judge(s, a, q);
	q->done = true;
}

/* Sends body and waits; frees body. 0; 1: the end of a file or folder; negative with q->e. */
static int
ask(struct sftp *s, enum sftp_type type, struct buf *body, struct question *q)
{
	const struct sftp_call call = { .fn = on_answer, .arg = q };

	if (sftp_engine_send(&s->engine, type, body, &call) < 0)
		q->rc = err_set(q->e, "%s",
		    s->engine.over ? s->engine.why.text : "request too long");
	else
		wait_for(s, &q->done);
	buf_done(body);
	return q->rc;
}

/* A request that begins with a path. */
static int
ask_path(struct sftp *s, enum sftp_type type, const char *path, const struct sftp_attrs *attrs,
    struct question *q)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	wire_put_text(&body, path);
	if (attrs)
		sftp_wire_put_attrs(&body, attrs);
	int rc = ask(s, type, &body, q);
	return rc < 0 ? err_prefix(q->e, "%s", path) : rc;
}

int
sftp_setstat(struct sftp *s, const char *path, const struct sftp_attrs *attrs, struct err *e)
{
	struct question q = { .expected = SFTP_STATUS, .e = e };

	return ask_path(s, SFTP_SETSTAT, path, attrs, &q) < 0 ? -1 : 0;
}

int
sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *e)
{
	const struct sftp_attrs attrs = { .has_mode = true, .mode = mode };
	struct question q = { .expected = SFTP_STATUS, .e = e };

	return ask_path(s, SFTP_MKDIR, path, &attrs, &q) < 0 ? -1 : 0;
}

static int
take_attrs(struct sftp_answer *a, void *arg, struct err *e)
{
	(void)e;
	*(struct sftp_attrs *)arg = a->attrs;
	return 0;
}

int
sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *e)
{
	struct question q = { .expected = SFTP_ATTRS, .take = take_attrs, .arg = ret, .e = e };
	int rc = ask_path(s, SFTP_STAT, path, NULL, &q);

	return rc > 0 ? err_set(e, "%s: unexpected answer", path) : rc;
}

static int
take_path(struct sftp_answer *a, void *arg, struct err *e)
{
	return sftp_wire_path(a, arg) ? 0 : err_set(e, "unexpected answer");
}

int
sftp_realpath(struct sftp *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e)
{
	struct question q = { .expected = SFTP_NAME, .take = take_path, .arg = ret, .e = e };
	int rc = ask_path(s, SFTP_REALPATH, path, NULL, &q);

	return rc > 0 ? err_set(e, "%s: unexpected answer", path) : rc;
}

int
sftp_expand(struct sftp *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e)
{
	struct question q = { .expected = SFTP_NAME, .take = take_path, .arg = ret, .e = e };
	struct buf body;
	int rc;

	buf_init(&body, BODY_MAX);
	wire_put_text(&body, "expand-path@openssh.com");
	wire_put_text(&body, path);
	rc = ask(s, SFTP_EXTENDED, &body, &q);
	if (rc == 0)
		return 0;
	return rc < 0 ? err_prefix(e, "%s", path) : err_set(e, "%s: unexpected answer", path);
}

bool
sftp_is_over(const struct sftp *s)
{
	return s->engine.over;
}

/* --- folders ---------------------------------------------------------------------------------- */

static int
take_handle(struct sftp_answer *a, void *arg, struct err *e)
{
	return buf_put(arg, a->data.p, a->data.n) ? 0 : err_memory(e);
}

struct listing {
	sftp_each_fn *each;
	void *arg;
};

/* Negative ends the listing: the owner of the list had no memory for a name. */
static int
take_names(struct sftp_answer *a, void *arg, struct err *e)
{
	const struct listing *l = arg;
	char name[SFTP_NAME_MAX];
	struct sftp_attrs attrs;

	if (!a->is_list)
		return err_set(e, "the node's sftp server sent a name that is a path");
	while (sftp_wire_name(a, name, &attrs))
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    l->each(name, &attrs, l->arg) < 0)
			return err_memory(e);
	return 0;
}

/* As `ask`, for a request whose body is a handle alone. */
static int
ask_handle(struct sftp *s, enum sftp_type type, const struct buf *handle, struct question *q)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	wire_put_string(&body, buf_span(handle));
	return ask(s, type, &body, q);
}

int
sftp_list(struct sftp *s, const char *path, sftp_each_fn *each, void *arg, struct err *e)
{
	struct listing listing = { each, arg };
	struct buf handle;

	buf_init(&handle, SFTP_HANDLE_MAX);
	struct question open = { .expected = SFTP_HANDLE,
		.take = take_handle,
		.arg = &handle,
		.e = e };
	int rc = ask_path(s, SFTP_OPENDIR, path, NULL, &open);
	bool is_open = rc == 0;
	while (rc == 0) {
		struct question q = { .expected = SFTP_NAME,
			.take = take_names,
			.arg = &listing,
			.e = e };
		rc = ask_handle(s, SFTP_READDIR, &handle, &q);
	}
	if (!is_open && rc > 0)
		rc = err_set(e, "%s: unexpected answer", path);
	if (is_open) {
		/* Why the list failed counts, not why the folder could not be closed then. */
		struct question q = { .expected = SFTP_STATUS };
		(void)ask_handle(s, SFTP_CLOSE, &handle, &q);
	}
	buf_done(&handle);
	return rc < 0 ? -1 : 0;
}

/* --- bodies ----------------------------------------------------------------------------------- */

/* Waits until the transfer is over, and takes it apart. 0, or negative with e. */
static int
finish(struct sftp *s, struct sftp_body *b, const char *path, struct err *e)
{
	wait_for(s, &b->finished);
	sftp_body_done(b);
	return b->failed ? err_set(e, "%s: %s", path, b->e.text) : 0;
}

int
sftp_copy(struct sftp *from, struct sftp *to, const struct sftp_transfer *t, const char *target,
    struct err *e)
{
	struct sftp_pipe p;

	sftp_pipe_start(&p, &from->engine, &to->engine, t, target);
	while (!p.finished && !from->engine.over && !to->engine.over)
		if (loop_turn(from->loop, -1) < 0)
			sftp_engine_end(&from->engine, "the event loop failed");
	/* Answers that the other host still owes have nowhere to go any more. */
	if (!p.finished)
		sftp_engine_end(from->engine.over ? &to->engine : &from->engine,
		    from->engine.over ? from->engine.why.text : to->engine.why.text);
	sftp_pipe_done(&p);
	return p.failed ? err_set(e, "%s: %s", t->path, p.e.text) : 0;
}

int
sftp_get(struct sftp *s, const struct sftp_transfer *t, struct err *e)
{
	struct sftp_body b;

	sftp_body_get(&b, &s->engine, t);
	return finish(s, &b, t->path, e);
}

int
sftp_put(struct sftp *s, const struct sftp_transfer *t, struct err *e)
{
	struct sftp_body b;

	sftp_body_put(&b, &s->engine, t);
	return finish(s, &b, t->path, e);
}
