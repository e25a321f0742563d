/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_observer: see sftp_observer.h. Takes the packets of both directions apart as they come, and
 * knows which answer belongs to which request and which file.
 *
 * Security: both sides may be hostile, and may be the same person. What a reader of sftp_wire does not
 * take ends the session, and so does everything that the protocol has no place for: a handle that
 * was not given, an answer that nobody asked for, or of another kind than the request has. So there is
 * no room beside the files for anything that the trail does not tell.
 */
#include "session/sftp_observer.h"

#include <stdlib.h>
#include <string.h>

#include "session/sftp_observer_priv.h"

static struct sftp_observer *
of(struct file_observer *o)
{
	return (struct sftp_observer *)(void *)o; /* its first member */
}

/* --- files ------------------------------------------------------------------------------------ */

static void
file_unref(struct sftp_file *f)
{
	if (!f || --f->refs > 0)
		return;
	free(f->path);
	free(f);
}

static struct sftp_file *
file_find(struct sftp_observer *o, struct span handle)
{
	list_each (struct sftp_file, f, &o->files, link) {
		if (f->closing || f->n_handle != handle.n ||
		    memcmp(f->handle, handle.p, handle.n) != 0)
			continue;
		/* To the front: the next request most likely means it too. */
		list_del(&f->link);
		list_add(o->files.next, &f->link);
		return f;
	}
	return NULL;
}

static void
file_forget(struct sftp_observer *o, struct sftp_file *f)
{
	list_del(&f->link);
	o->n_files--;
	f->closed = true; /* requests may still wait for it */
	file_unref(f);
}

/* The server has opened what was asked for. */
static int
file_add(struct sftp_observer *o, struct sftp_pending *p, struct span handle)
{
	if (file_find(o, handle))
		return err_set(&o->base.why, "the sftp server gave out a handle twice");
	if (o->n_files == SFTP_OBSERVER_FILES_MAX)
		return err_set(&o->base.why, "more than %u files are open in one sftp session",
		    (unsigned)SFTP_OBSERVER_FILES_MAX);
	struct sftp_file *f = calloc(1, sizeof(*f));
	if (!f || !(f->path = malloc(p->request.path.n + 1))) {
		free(f);
		return err_memory(&o->base.why);
	}
	f->refs = 1;
	f->n_handle = handle.n;
	memcpy(f->handle, handle.p, handle.n);
	f->n_path = p->request.path.n;
	memcpy(f->path, p->request.path.p, f->n_path);
	f->is_folder = p->type == SFTP_OPENDIR;
	f->flags = p->request.flags;
	file_flow_init(&f->in, true);
	file_flow_init(&f->out, false);
	/* The server writes it somewhere else than the client says. */
	if (f->flags & SFTP_APPEND)
		file_flow_disorder(&f->out);
	list_add(&o->files, &f->link);
	o->n_files++;
	return 0;
}

/* --- requests --------------------------------------------------------------------------------- */

static void
pending_free(struct sftp_observer *o, struct sftp_pending *p)
{
	list_del(&p->link);
	o->n_pending--;
	o->n_names -= p->n_names;
	file_unref(p->file);
	file_unref(p->file_to);
	free(p);
}

/* Copies what a span points to behind the request. */
static uint8_t *
keep(struct span *s, uint8_t *at)
{
	if (s->n > 0)
		memcpy(at, s->p, s->n);
	s->p = at;
	return at + s->n;
}

static struct sftp_pending *
pending_add(struct sftp_observer *o, const struct sftp_request *r)
{
	size_t n_names = r->path.n + r->target.n + r->name.n;
	struct sftp_pending *p = malloc(sizeof(*p) + n_names + 1);

	if (!p)
		return NULL;
	*p = (struct sftp_pending){ .type = r->type,
		.id = r->id,
		.request = *r,
		.n_names = n_names };
	uint8_t *at = keep(&p->request.path, (uint8_t *)(p + 1));
	at = keep(&p->request.target, at);
	keep(&p->request.name, at);
	p->request.handle = p->request.handle_to = (struct span){ NULL, 0 };
	list_add(&o->pending, &p->link);
	o->n_pending++;
	o->n_names += n_names;
	return p;
}

/* Two of one number are answered in the order in which they were asked. */
static struct sftp_pending *
pending_find(struct sftp_observer *o, uint32_t id)
{
	list_each (struct sftp_pending, p, &o->pending, link)
		if (p->id == id)
			return p;
	return NULL;
}

/* The client waits until the server has answered some. */
static bool
is_full(const struct sftp_observer *o)
{
	return o->n_pending >= SFTP_OBSERVER_REQUESTS_MAX || o->n_names >= SFTP_OBSERVER_NAMES_MAX;
}

/* A handle is a number that a client could guess; it counts only from the answer that gives it. */
static int
use_handle(struct sftp_observer *o, struct span handle, struct sftp_file **ret)
{
	if (!handle.p)
		return 0;
	*ret = file_find(o, handle);
	if (!*ret)
		return err_set(&o->base.why, "an sftp request names a file that is not open");
	(*ret)->refs++;
	return 0;
}

static bool
has_handle(const struct sftp_request *r)
{
	return r->type == SFTP_CLOSE || r->type == SFTP_READ || r->type == SFTP_WRITE ||
	    r->type == SFTP_FSTAT || r->type == SFTP_FSETSTAT || r->type == SFTP_READDIR ||
	    span_is(r->name, "copy-data");
}

static int
on_request(struct sftp_observer *o, const struct sftp_request *r)
{
	struct sftp_pending *p = pending_add(o, r);

	if (!p)
		return err_memory(&o->base.why);
	if (has_handle(r) &&
	    (use_handle(o, r->handle, &p->file) || use_handle(o, r->handle_to, &p->file_to)))
		return -1;
	if (r->type == SFTP_CLOSE)
		p->file->closing = true;
	if (r->type == SFTP_READ)
		p->file->was_read = true;
	if (r->type == SFTP_WRITE) {
		file_flow_seek(&p->file->out, r->offset);
		o->client.flow = &p->file->out;
	}
	return 0;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* What a request may be answered with, beside a status. */
static bool
may_answer(const struct sftp_pending *p, uint8_t type)
{
	switch (type) {
	case SFTP_STATUS:
		return true;
	case SFTP_HANDLE:
		return p->type == SFTP_OPEN || p->type == SFTP_OPENDIR;
	case SFTP_DATA:
		return p->type == SFTP_READ;
	case SFTP_NAME:
		return p->type == SFTP_READDIR || p->type == SFTP_REALPATH ||
		    p->type == SFTP_READLINK || p->type == SFTP_EXTENDED;
	case SFTP_ATTRS:
		return p->type == SFTP_STAT || p->type == SFTP_LSTAT || p->type == SFTP_FSTAT;
	case SFTP_EXTENDED_REPLY:
		return p->type == SFTP_EXTENDED;
	}
	return false;
}

/* Of an answer whose rest is not read, but passes: `w` is behind the id. */
static int
on_passing(struct sftp_observer *o, struct sftp_pending *p, uint8_t type, struct wire *w)
{
	uint32_t n = wire_u32(w);

	if (type == SFTP_DATA) {
		if (n > p->request.length)
			return err_set(&o->base.why,
			    "the sftp server sent more of a file than it was asked for");
		/* Of a file that is closed nothing is told any more, and it goes with this request;
		 * of one that is open the answer to its close can only come behind this body. */
		if (p->file->closed)
			return 0;
		file_flow_seek(&p->file->in, p->request.offset);
		o->server.flow = &p->file->in;
	} else if (type == SFTP_NAME && p->file) {
		p->file->entries += n;
	} else if (type == SFTP_EXTENDED_REPLY) {
		const struct sftp_answer a = { .type = SFTP_EXTENDED_REPLY };
		return sftp_observer_answered(o, p, &a);
	}
	return 0;
}

static int
on_answer(struct sftp_observer *o, struct span packet)
{
	struct wire w = wire_from(packet);
	struct sftp_answer a;

	(void)wire_u32(&w);
	uint8_t type = wire_u8(&w);
	uint32_t id = wire_u32(&w);
	struct sftp_pending *p = pending_find(o, id);
	if (!p || !may_answer(p, type))
		return err_set(&o->base.why, "the sftp server sent an answer to nothing");
	int r = 0;
	if (type == SFTP_DATA || type == SFTP_NAME || type == SFTP_EXTENDED_REPLY)
		r = on_passing(o, p, type, &w);
	else if (sftp_wire_read(&a, type, wire_rest(&w)) < 0)
		r = err_set(&o->base.why, "the sftp server sent a malformed answer");
	else if (type == SFTP_HANDLE)
		r = file_add(o, p, a.data);
	else
		r = sftp_observer_answered(o, p, &a);
	if (r == 0 && type == SFTP_STATUS && p->type == SFTP_CLOSE)
		file_forget(o, p->file);
	pending_free(o, p);
	return r;
}

/* The first packet of each side. Extensions follow the version: they change nothing that is read
 * here. */
static int
on_greeting(struct sftp_observer *o, struct span packet, bool is_client)
{
	struct wire w = wire_from(packet);

	(void)wire_u32(&w);
	uint8_t type = wire_u8(&w);
	uint32_t version = wire_u32(&w);
	if (is_client) {
		o->greeted = true;
		return type == SFTP_INIT ? 0
					 : err_set(&o->base.why, "the client does not speak SFTP");
	}
	if (type != SFTP_VERSION || !o->greeted)
		return err_set(&o->base.why, "sftp_server does not speak SFTP");
	o->answered = true;
	/* Other versions have other packets. */
	return version == SFTP_OUR_VERSION
	    ? 0
	    : err_set(&o->base.why, "sftp_server speaks version %u of SFTP, and not 3", version);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static int
on_client_packet(struct sftp_observer *o, struct span packet)
{
	struct sftp_request r;

	if (!o->greeted)
		return on_greeting(o, packet, true);
	if (sftp_wire_read_request(&r, packet) || r.type == SFTP_INIT)
		return err_set(&o->base.why, "the client sent what is not SFTP");
	return on_request(o, &r);
}

static int
on_server_packet(struct sftp_observer *o, struct span packet)
{
	return o->answered ? on_answer(o, packet) : on_greeting(o, packet, false);
}

/* Length and type are looked at before anything is kept: text that is taken for a length is too
 * large. */
static int
find_need(struct sftp_observer *o, struct sftp_half *h, bool is_client)
{
	if (sftp_wire_need(buf_span(&h->head), &h->need))
		return err_set(&o->base.why,
		    is_client ? "the client sent what is not SFTP"
			      : "sftp_server sent what is not SFTP");
	return 0;
}

/* The front of a packet is there. */
static int
begin_packet(struct sftp_observer *o, struct sftp_half *h, bool is_client)
{
	struct span head = buf_span(&h->head);
	struct wire w = wire_from(head);

	h->left = 4 + (size_t)wire_u32(&w) - head.n;
	h->flow = NULL;
	int r = is_client ? on_client_packet(o, head) : on_server_packet(o, head);
	buf_reset(&h->head);
	h->need = 0;
	return r;
}

/* Some bytes of the front; how many, or negative. */
static ssize_t
take_head(struct sftp_observer *o, struct sftp_half *h, struct span s, bool is_client)
{
	if (h->need == 0 && find_need(o, h, is_client))
		return -1;
	size_t part = h->need - h->head.len;
	if (part > s.n)
		part = s.n;
	if (!buf_put(&h->head, s.p, part))
		return err_memory(&o->base.why);
	if (h->head.len == h->need) {
		if (find_need(o, h, is_client))
			return -1;
		if (h->head.len == h->need && begin_packet(o, h, is_client))
			return -1;
	}
	return (ssize_t)part;
}

static size_t
take_body(struct sftp_half *h, struct span s)
{
	size_t part = s.n < h->left ? s.n : h->left;

	if (h->flow)
		file_flow_add(h->flow, (struct span){ s.p, part });
	h->left -= part;
	return part;
}

static ssize_t
observe(struct sftp_observer *o, struct sftp_half *h, struct span s, bool is_client)
{
	size_t at = 0;

	while (at < s.n) {
		struct span rest = { s.p + at, s.n - at };

		if (h->left > 0) {
			at += take_body(h, rest);
			continue;
		}
		if (is_client && h->head.len == 0 && is_full(o))
			break;
		ssize_t took = take_head(o, h, rest, is_client);
		if (took < 0)
			return -1;
		at += (size_t)took;
	}
	return (ssize_t)at;
}

static ssize_t
observe_client(struct file_observer *base, struct span s)
{
	struct sftp_observer *o = of(base);

	return observe(o, &o->client, s, true);
}

static int
observe_server(struct file_observer *base, struct span s)
{
	struct sftp_observer *o = of(base);

	return observe(o, &o->server, s, false) < 0 ? -1 : 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void
observe_end(struct file_observer *base, const char *why)
{
	struct sftp_observer *o = of(base);

	list_each (struct sftp_pending, p, &o->pending, link) {
		(void)sftp_observer_answered(o, p, NULL);
		pending_free(o, p);
	}
	list_each (struct sftp_file, f, &o->files, link) {
		(void)sftp_observer_closed(o, f, why ? why : "the file was not closed");
		file_forget(o, f);
	}
}

static void
observer_free(struct file_observer *base)
{
	struct sftp_observer *o = of(base);

	list_each (struct sftp_pending, p, &o->pending, link)
		pending_free(o, p);
	list_each (struct sftp_file, f, &o->files, link)
		file_forget(o, f);
	buf_done(&o->client.head);
	buf_done(&o->server.head);
	free(o);
}

struct file_observer *
sftp_observer_new(file_report_fn *report, void *arg)
{
	static const struct file_observer_ops ops = { observe_client, observe_server, observe_end,
		observer_free };
	struct sftp_observer *o = calloc(1, sizeof(*o));

	if (!o)
		return NULL;
	o->base = (struct file_observer){ .ops = &ops, .report = report, .arg = arg };
	buf_init(&o->client.head, SFTP_HEAD_MAX + 4);
	buf_init(&o->server.head, SFTP_HEAD_MAX + 4);
	list_init(&o->pending);
	list_init(&o->files);
	return &o->base;
}
