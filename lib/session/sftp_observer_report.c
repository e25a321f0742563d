/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_observer_report: what answers mean for the files they are about, and the reports of it. Called by
 * sftp_observer.c.
 */
#include <string.h>

#include "base/str.h"
#include "session/sftp_observer_priv.h"

static int
report(struct sftp_observer *o, const struct file_report *r)
{
	if (o->base.report(r, o->base.arg))
		return err_set(&o->base.why,
		    "this session can no longer be recorded: the node's spool is full");
	return 0;
}

/* Status and words of an answer; without one, that there was none. */
static void
put_answer(struct file_report *r, const struct sftp_answer *a)
{
	if (!a) {
		r->why = span_str("the session ended before the server answered");
		return;
	}
	r->has_status = true;
	r->status = a->code;
	r->ok = a->code == SFTP_STATUS_OK;
	if (!r->ok)
		r->why = a->text;
}

/* A request that is over with its answer. */
static int
report_request(struct sftp_observer *o, const struct sftp_pending *p, const struct sftp_answer *a,
    enum file_action action)
{
	struct file_report r = { .action = action,
		.path = p->request.path,
		.target = p->request.target,
		.attrs = p->request.attrs };

	if (p->file)
		r.path = (struct span){ (const uint8_t *)p->file->path, p->file->n_path };
	if (p->file_to)
		r.target = (struct span){ (const uint8_t *)p->file_to->path, p->file_to->n_path };
	put_answer(&r, a);
	return report(o, &r);
}

/* --- files ------------------------------------------------------------------------------------ */

static bool
is_for_writing(uint32_t flags)
{
	return flags & (SFTP_FOR_WRITE | SFTP_APPEND | SFTP_CREATE | SFTP_TRUNCATE);
}

/* Of reads and writes only the first failure is kept: the others follow from it. */
static void
note_failure(struct sftp_file *f, const struct sftp_answer *a)
{
	if (f->failed)
		return;
	f->failed = true;
	f->status = a ? a->code : 0;
	if (a)
		str_clean(f->why, sizeof(f->why), (const char *)a->text.p, a->text.n);
	else
		str_copy(f->why, sizeof(f->why), "the session ended before the server answered");
}

static void
on_read(struct sftp_file *f, const struct sftp_pending *p, const struct sftp_answer *a)
{
	uint64_t at = p->request.offset;

	if (!a)
		return; /* what did not come is not told */
	if (a->code != SFTP_STATUS_EOF) {
		note_failure(f, a);
	} else if (!f->has_eof || at < f->eof) {
		f->has_eof = true;
		f->eof = at;
	}
}

static void
on_resized(struct sftp_file *f, uint64_t size)
{
	/* Emptied before anything was written: as if it had been opened so. */
	if (size == 0 && f->out.bytes == 0) {
		f->flags |= SFTP_TRUNCATE;
		return;
	}
	f->was_resized = true;
	f->resized = size;
}

static bool
is_read_whole(const struct sftp_file *f)
{
	if (f->has_eof && file_flow_reaches(&f->in, f->eof))
		return true;
	return f->size > 0 && file_flow_reaches(&f->in, f->size);
}

/* The file is what was written and nothing else: it was empty before, or cut there. */
static bool
is_written_whole(const struct sftp_file *f)
{
	const uint32_t made = SFTP_CREATE | SFTP_EXCLUSIVE;

	if (f->failed)
		return false;
	if (f->was_resized)
		return file_flow_reaches(&f->out, f->resized);
	return f->flags & SFTP_TRUNCATE || (f->flags & made) == made;
}

int
sftp_observer_closed(struct sftp_observer *o, struct sftp_file *f, const char *why)
{
	struct file_report r = { .path = { (const uint8_t *)f->path, f->n_path },
		.ok = !f->failed && !why,
		.has_status = f->failed && f->status,
		.status = f->status,
		.why = span_str(f->failed ? f->why : why),
		.entries = f->entries };
	bool is_write = is_for_writing(f->flags);

	if (f->is_folder) {
		r.action = FILE_LIST;
		return report(o, &r);
	}
	if (is_write || f->out.bytes > 0) {
		r.action = FILE_WRITE;
		file_flow_sum(&f->out, is_written_whole(f) && !why, &r.passed);
		if (report(o, &r))
			return -1;
	}
	if (!is_write || f->was_read) {
		r.action = FILE_READ;
		file_flow_sum(&f->in, is_read_whole(f), &r.passed);
		return report(o, &r);
	}
	return 0;
}

/* What a failed open would have been. */
static int
report_open(struct sftp_observer *o, const struct sftp_pending *p, const struct sftp_answer *a)
{
	return report_request(o, p, a, is_for_writing(p->request.flags) ? FILE_WRITE : FILE_READ);
}

/* --- extended requests ------------------------------------------------------------------------ */

/* Those that say something about a file system or a name, or keep what was written. */
static bool
is_harmless(struct span name)
{
	static const char *const names[] = { "statvfs@openssh.com", "fstatvfs@openssh.com",
		"fsync@openssh.com", "limits@openssh.com", "expand-path@openssh.com",
		"home-directory", "users-groups-by-id@openssh.com" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

static int
report_copy(struct sftp_observer *o, const struct sftp_pending *p, const struct sftp_answer *a)
{
	/* Bytes that did not pass here. */
	if (p->file_to && !p->file_to->closed)
		file_flow_disorder(&p->file_to->out);
	return report_request(o, p, a, FILE_COPY);
}

static int
report_extended(struct sftp_observer *o, const struct sftp_pending *p, const struct sftp_answer *a)
{
	struct span name = p->request.name;

	if (span_is(name, "posix-rename@openssh.com"))
		return report_request(o, p, a, FILE_RENAME);
	if (span_is(name, "hardlink@openssh.com"))
		return report_request(o, p, a, FILE_LINK);
	if (span_is(name, "lsetstat@openssh.com"))
		return report_request(o, p, a, FILE_SETSTAT);
	if (span_is(name, "copy-data"))
		return report_copy(o, p, a);
	/* One that the server does not know has done nothing: clients try what there is. */
	if (is_harmless(name) || (a && a->code != SFTP_STATUS_OK))
		return 0;
	struct file_report r = { .action = FILE_OTHER, .path = name };
	put_answer(&r, a);
	return report(o, &r);
}

/* --- all of them ------------------------------------------------------------------------------ */

static int
on_setstat(struct sftp_observer *o, const struct sftp_pending *p, const struct sftp_answer *a)
{
	const struct sftp_attrs *attrs = &p->request.attrs;

	if (p->file && a && a->code == SFTP_STATUS_OK && attrs->has_size)
		on_resized(p->file, attrs->size);
	return report_request(o, p, a, FILE_SETSTAT);
}

int
sftp_observer_answered(struct sftp_observer *o, struct sftp_pending *p, const struct sftp_answer *a)
{
	switch (p->type) {
	case SFTP_OPEN:
		return report_open(o, p, a);
	case SFTP_OPENDIR:
		return report_request(o, p, a, FILE_LIST);
	case SFTP_CLOSE:
		/* Some systems find out only now that it could not be written. */
		if (a && a->code != SFTP_STATUS_OK)
			note_failure(p->file, a);
		return a ? sftp_observer_closed(o, p->file, NULL) : 0;
	case SFTP_READ:
		on_read(p->file, p, a);
		return 0;
	case SFTP_WRITE:
		if (!a || a->code != SFTP_STATUS_OK)
			note_failure(p->file, a);
		return 0;
	case SFTP_FSTAT:
		if (a && a->type == SFTP_ATTRS && a->attrs.has_size)
			p->file->size = a->attrs.size;
		return 0;
	case SFTP_SETSTAT:
	case SFTP_FSETSTAT:
		return on_setstat(o, p, a);
	case SFTP_REMOVE:
		return report_request(o, p, a, FILE_REMOVE);
	case SFTP_MKDIR:
		return report_request(o, p, a, FILE_MKDIR);
	case SFTP_RMDIR:
		return report_request(o, p, a, FILE_RMDIR);
	case SFTP_RENAME:
		return report_request(o, p, a, FILE_RENAME);
	case SFTP_SYMLINK:
		return report_request(o, p, a, FILE_SYMLINK);
	case SFTP_EXTENDED:
		return report_extended(o, p, a);
	default:
		return 0; /* looked only */
	}
}
