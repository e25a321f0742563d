/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp: packets, requests and the calls that wait for one answer. Called by cmd_scp.c.
 */
#include "tsh/sftp.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tsh/sftp_wire.h"

/* --- packets ------------------------------------------------------------------------------- */

static void
flush(struct sftp *s)
{
	size_t n;

	while (s->out.len > 0 && (n = remote_write(s->remote, buf_head(&s->out), s->out.len)) > 0)
		buf_drain(&s->out, n);
}

static void
over(struct sftp *s, const char *why)
{
	if (s->over)
		return;
	s->over = true;
	err_set(&s->why, "%s", why);
}

uint32_t
sftp_begin(struct sftp *s, struct buf *b, uint8_t type)
{
	uint32_t id = ++s->next_id;

	wire_put_u8(b, type);
	wire_put_u32(b, id);
	return id;
}

static struct sftp_pending *
slot(struct sftp *s, uint32_t id)
{
	for (unsigned i = 0; i < SFTP_PENDING; i++)
		if (id ? s->pending[i].used && s->pending[i].id == id : !s->pending[i].used)
			return &s->pending[i];
	return NULL;
}

int
sftp_send(struct sftp *s, struct buf *b, uint32_t id, sftp_answer_fn *fn, void *arg,
    uint64_t offset)
{
	struct sftp_pending *p = slot(s, 0);
	bool fits = buf_ok(b);

	if (p && fits && !s->over) {
		wire_put_string(&s->out, buf_span(b));
		fits = buf_ok(&s->out);
	}
	buf_reset(b);
	if (!p || !fits || s->over)
		return -1;
	*p = (struct sftp_pending){ id, fn, arg, offset, true };
	s->n_pending++;
	flush(s);
	return 0;
}

static void
dispatch(struct sftp *s, struct span packet)
{
	struct wire w = wire_from(packet);
	uint8_t type = wire_u8(&w);
	struct sftp_pending *p, call;
	uint32_t id = wire_u32(&w);

	if (type == FXP_VERSION) { /* the "id" is the version */
		if (id < 3)
			over(s, "the node's sftp server is too old");
		s->ready = true;
		return;
	}
	if (w.bad || !(p = slot(s, id))) {
		over(s, "the node's sftp server sent an answer to nothing");
		return;
	}
	call = *p;
	p->used = false;
	s->n_pending--;
	call.fn(s, type, &w, call.arg, call.offset);
	if (w.bad)
		over(s, "the node's sftp server sent a malformed answer");
}

static void
parse(struct sftp *s)
{
	while (!s->over && s->in.len >= 4) {
		struct wire w = wire_from(buf_span(&s->in));
		uint32_t n = wire_u32(&w);
		struct span packet;

		if (n > SFTP_PACKET_MAX || n < 5) {
			over(s,
			    "the node sent what is not SFTP (does its login shell print something?)");
			return;
		}
		packet = wire_bytes(&w, n);
		if (w.bad)
			return;
		dispatch(s, packet);
		buf_drain(&s->in, n + 4);
	}
}

/* --- the session -------------------------------------------------------------------------------- */

static void
on_started(struct remote *r, void *arg)
{
	struct sftp *s = arg;

	(void)r;
	s->started = true;
	wire_put_u32(&s->out, 5);
	wire_put_u8(&s->out, FXP_INIT);
	wire_put_u32(&s->out, 3);
	flush(s);
}

static size_t
on_output(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg)
{
	struct sftp *s = arg;

	(void)r;
	if (ext == 0 && !s->over) {
		buf_put(&s->in, p, n);
		if (!buf_ok(&s->in))
			over(s, "the node sends faster than it was asked to");
		parse(s);
	}
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
		over(s, "the node's sftp server ended");
	else
		over(s, *result->text ? result->text : "the session was killed");
}

int
sftp_wait(struct sftp *s, const bool *done, struct err *e)
{
	while (!*done && !s->over)
		if (loop_turn(s->loop, -1) < 0)
			over(s, "the event loop failed");
	return *done ? 0 : err_set(e, "%s", s->why.text);
}

int
sftp_open(struct sftp **ret, struct proxy *proxy, const char *node, const char *login,
    struct err *e)
{
	static const struct remote_events events = {
		.started = on_started,
		.output = on_output,
		.writable = on_writable,
		.ended = on_ended,
	};
	struct sftp *s = calloc(1, sizeof *s);
	struct remote_config config = {
		.host = node,
		.login = login,
		.subsystem = "sftp",
		.events = &events,
		.arg = s,
	};

	if (!s)
		return err_set(e, "out of memory");
	s->loop = proxy_way(proxy)->loop;
	buf_init(&s->in, 4 << 20);
	buf_init(&s->out, SFTP_OUT_MAX);
	if (remote_new(&s->remote, proxy_way(proxy), &config) < 0) {
		sftp_free(s);
		return err_set(e, "out of memory");
	}
	if (sftp_wait(s, &s->ready, e) < 0 || s->over) {
		err_set(e, "%s: %s", node, s->why.text);
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
	buf_done(&s->in);
	buf_done(&s->out);
	free(s);
}

/* --- attributes and status ------------------------------------------------------------------------ */

enum { ATTR_SIZE = 1, ATTR_IDS = 2, ATTR_MODE = 4, ATTR_TIMES = 8 };

void
sftp_put_attrs(struct buf *b, const struct sftp_attrs *a)
{
	wire_put_u32(b, (a->has_mode ? ATTR_MODE : 0) | (a->has_times ? ATTR_TIMES : 0));
	if (a->has_mode)
		wire_put_u32(b, a->mode & 07777);
	if (a->has_times) {
		wire_put_u32(b, a->atime);
		wire_put_u32(b, a->mtime);
	}
}

void
sftp_get_attrs(struct wire *w, struct sftp_attrs *ret)
{
	uint32_t flags = wire_u32(w);

	memset(ret, 0, sizeof *ret);
	if ((ret->has_size = flags & ATTR_SIZE))
		ret->size = wire_u64(w);
	if (flags & ATTR_IDS)
		(void)wire_bytes(w, 8);
	if ((ret->has_mode = flags & ATTR_MODE))
		ret->mode = wire_u32(w);
	if ((ret->has_times = flags & ATTR_TIMES)) {
		ret->atime = wire_u32(w);
		ret->mtime = wire_u32(w);
	}
	if (flags & 0x80000000u)
		for (uint32_t n = wire_u32(w); n > 0 && !w->bad; n--) {
			(void)wire_string(w);
			(void)wire_string(w);
		}
}

int
sftp_status(struct wire *body, struct err *e)
{
	uint32_t code = wire_u32(body);
	struct span text = wire_string(body);
	char clean[256];

	if (code == FX_OK)
		return 0;
	if (code == FX_EOF)
		return 1;
	str_clean(clean, sizeof clean, (const char *)text.p, text.n);
	return err_set(e, "%s", *clean ? clean : "failed");
}

/* --- calls with one answer ---------------------------------------------------------------------------- */

struct answer {
	bool done;
	uint8_t type;
	struct buf body;
};

static void
on_answer(struct sftp *s, uint8_t type, struct wire *body, void *arg, uint64_t offset)
{
	struct answer *a = arg;

	(void)s;
	(void)offset;
	a->type = type;
	a->done = true;
	buf_put(&a->body, body->p, body->left);
}

/* Sends b and waits; the answer's body stays in a. A status that is not OK is negative (or 1 for EOF). */
static int
ask(struct sftp *s, struct buf *b, uint32_t id, struct answer *a, struct err *e)
{
	struct wire w;
	int rc;

	*a = (struct answer){ 0 };
	buf_init(&a->body, SFTP_PACKET_MAX);
	rc = sftp_send(s, b, id, on_answer, a, 0) < 0
	    ? err_set(e, "%s", s->over ? s->why.text : "request too long")
	    : sftp_wait(s, &a->done, e);
	buf_done(b);
	if (rc == 0 && a->type == FXP_STATUS) {
		w = wire_from(buf_span(&a->body));
		rc = sftp_status(&w, e);
	}
	return rc;
}

/* A request that has a path and perhaps attributes, and only a status for an answer. */
static int
simple(struct sftp *s, uint8_t type, const char *path, const struct sftp_attrs *attrs,
    struct err *e)
{
	struct answer a;
	struct buf b;
	uint32_t id;
	int rc;

	buf_init(&b, SFTP_PACKET_MAX);
	id = sftp_begin(s, &b, type);
	wire_put_text(&b, path);
	if (attrs)
		sftp_put_attrs(&b, attrs);
	rc = ask(s, &b, id, &a, e);
	buf_done(&a.body);
	return rc < 0 ? err_prefix(e, "%s", path) : 0;
}

int
sftp_setstat(struct sftp *s, const char *path, const struct sftp_attrs *attrs, struct err *e)
{
	return simple(s, FXP_SETSTAT, path, attrs, e);
}

int
sftp_mkdir(struct sftp *s, const char *path, uint32_t mode, struct err *e)
{
	struct sftp_attrs attrs = { .has_mode = true, .mode = mode };

	return simple(s, FXP_MKDIR, path, &attrs, e);
}

int
sftp_stat(struct sftp *s, const char *path, struct sftp_attrs *ret, struct err *e)
{
	struct answer a;
	struct wire w;
	struct buf b;
	uint32_t id;
	int rc;

	buf_init(&b, SFTP_PACKET_MAX);
	id = sftp_begin(s, &b, FXP_STAT);
	wire_put_text(&b, path);
	rc = ask(s, &b, id, &a, e);
	w = wire_from(buf_span(&a.body));
	if (rc == 0 && a.type == FXP_ATTRS)
		sftp_get_attrs(&w, ret);
	else if (rc >= 0)
		rc = err_set(e, "unexpected answer");
	if (rc == 0 && w.bad)
		rc = err_set(e, "malformed answer");
	buf_done(&a.body);
	return rc < 0 ? err_prefix(e, "%s", path) : 0;
}

int
sftp_open_handle(struct sftp *s, uint8_t type, const char *path, uint32_t flags, uint32_t mode,
    struct buf *ret, struct err *e)
{
	struct sftp_attrs attrs = { .has_mode = flags & FXF_CREAT, .mode = mode };
	struct answer a;
	struct wire w;
	struct span handle;
	struct buf b;
	uint32_t id;
	int rc;

	buf_init(&b, SFTP_PACKET_MAX);
	id = sftp_begin(s, &b, type);
	wire_put_text(&b, path);
	if (type == FXP_OPEN) {
		wire_put_u32(&b, flags);
		sftp_put_attrs(&b, &attrs);
	}
	rc = ask(s, &b, id, &a, e);
	w = wire_from(buf_span(&a.body));
	handle = wire_string(&w);
	buf_init(ret, 256);
	if (rc == 0 && (a.type != FXP_HANDLE || w.bad || !buf_put(ret, handle.p, handle.n)))
		rc = err_set(e, "unexpected answer");
	buf_done(&a.body);
	return rc < 0 ? err_prefix(e, "%s", path) : 0;
}

int
sftp_close_handle(struct sftp *s, const struct buf *handle, struct err *e)
{
	struct answer a;
	struct buf b;
	uint32_t id;
	int rc;

	buf_init(&b, SFTP_PACKET_MAX);
	id = sftp_begin(s, &b, FXP_CLOSE);
	wire_put_string(&b, buf_span(handle));
	rc = ask(s, &b, id, &a, e);
	buf_done(&a.body);
	return rc;
}

/* --- folders ---------------------------------------------------------------------------------------------- */

static int
each_name(struct wire *w, int (*each)(const char *, const struct sftp_attrs *, void *), void *arg,
    struct err *e)
{
	for (uint32_t n = wire_u32(w); n > 0; n--) {
		struct sftp_attrs attrs;
		char name[256];

		wire_text(w, name, sizeof name);
		(void)wire_string(w);
		sftp_get_attrs(w, &attrs);
		/* A server must not make us write outside the folder we were told to. */
		if (w->bad || strchr(name, '/') || !*name)
			return err_set(e, "the node sent a malformed list of names");
		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
		    each(name, &attrs, arg) < 0)
			return -1;
	}
	return 0;
}

int
sftp_list(struct sftp *s, const char *path,
    int (*each)(const char *, const struct sftp_attrs *, void *), void *arg, struct err *e)
{
	struct buf handle, b;
	int rc = sftp_open_handle(s, FXP_OPENDIR, path, 0, 0, &handle, e);

	while (rc == 0) {
		struct answer a;
		struct wire w;
		uint32_t id;

		buf_init(&b, SFTP_PACKET_MAX);
		id = sftp_begin(s, &b, FXP_READDIR);
		wire_put_string(&b, buf_span(&handle));
		rc = ask(s, &b, id, &a, e);
		w = wire_from(buf_span(&a.body));
		if (rc == 0)
			rc = a.type == FXP_NAME ? each_name(&w, each, arg, e)
						: err_set(e, "unexpected answer");
		buf_done(&a.body);
	}
	if (handle.len > 0)
		(void)sftp_close_handle(s, &handle, rc < 0 ? NULL : e);
	buf_done(&handle);
	return rc < 0 ? -1 : 0;
}
