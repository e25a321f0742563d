/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_wire: see sftp_wire.h.
 */
#include "session/sftp_wire.h"

#include <string.h>

#include "base/str.h"

enum { ATTR_SIZE = 1, ATTR_IDS = 2, ATTR_MODE = 4, ATTR_TIMES = 8 };
#define ATTR_EXTENDED 0x80000000u

/* --- written ---------------------------------------------------------------------------------- */

void
sftp_wire_put_attrs(struct buf *b, const struct sftp_attrs *a)
{
	wire_put_u32(b, (a->has_mode ? ATTR_MODE : 0) | (a->has_times ? ATTR_TIMES : 0));
	if (a->has_mode)
		/* The permissions alone: the type of file in st_mode is not ours to set. */
		wire_put_u32(b, a->mode & 07777);
	if (a->has_times) {
		wire_put_u32(b, a->atime);
		wire_put_u32(b, a->mtime);
	}
}

/* --- read ------------------------------------------------------------------------------------- */

static void
read_attrs(struct wire *w, struct sftp_attrs *ret)
{
	uint32_t flags = wire_u32(w);

	memset(ret, 0, sizeof *ret);
	if ((ret->has_size = flags & ATTR_SIZE))
		ret->size = wire_u64(w);
	if ((ret->has_ids = flags & ATTR_IDS)) {
		ret->uid = wire_u32(w);
		ret->gid = wire_u32(w);
	}
	if ((ret->has_mode = flags & ATTR_MODE))
		ret->mode = wire_u32(w);
	if ((ret->has_times = flags & ATTR_TIMES)) {
		ret->atime = wire_u32(w);
		ret->mtime = wire_u32(w);
	}
	/* Pairs of strings, of at least eight bytes each: a count that lies ends with the packet. */
	if (flags & ATTR_EXTENDED)
		for (uint32_t n = wire_u32(w); n > 0 && !w->bad; n--) {
			(void)wire_string(w);
			(void)wire_string(w);
		}
}

static struct span
read_name(struct wire *w, struct sftp_attrs *attrs)
{
	struct span name = wire_string(w);

	(void)wire_string(w); /* the line of `ls -l` */
	read_attrs(w, attrs);
	return name;
}

/* A server must not make its client write outside the folder that was asked for. */
static bool
is_entry(struct span name)
{
	return name.n > 0 && name.n < SFTP_NAME_MAX && !memchr(name.p, '/', name.n) &&
	    !memchr(name.p, '\0', name.n);
}

/* All of them are read here once, so that nobody acts on half a list. */
static int
read_names(struct sftp_answer *ret, struct wire *w)
{
	struct sftp_attrs attrs;

	/* A count that lies ends with the packet: each name takes some bytes of it. */
	ret->n_names = wire_u32(w);
	ret->names = *w;
	ret->is_list = true;
	for (uint32_t i = 0; i < ret->n_names && !w->bad; i++)
		if (!is_entry(read_name(w, &attrs)))
			ret->is_list = false;
	/* Paths come alone. */
	return w->bad || (!ret->is_list && ret->n_names != 1) ? -1 : 0;
}

int
sftp_wire_read(struct sftp_answer *ret, uint8_t type, struct span body)
{
	struct wire w = wire_from(body);

	*ret = (struct sftp_answer){ .type = type };
	switch (type) {
	case SFTP_STATUS:
		ret->code = wire_u32(&w);
		/* Servers before version 3 end here. */
		if (w.left > 0)
			ret->text = wire_string(&w);
		return w.bad ? -1 : 0;
	case SFTP_HANDLE:
		ret->data = wire_string(&w);
		return w.bad || ret->data.n > SFTP_HANDLE_MAX ? -1 : 0;
	case SFTP_DATA:
		ret->data = wire_string(&w);
		return w.bad ? -1 : 0;
	case SFTP_NAME:
		return read_names(ret, &w);
	case SFTP_ATTRS:
		read_attrs(&w, &ret->attrs);
		return w.bad ? -1 : 0;
	}
	return -1;
}

bool
sftp_wire_name(struct sftp_answer *a, char name[SFTP_NAME_MAX], struct sftp_attrs *ret)
{
	struct span s;

	if (!a->is_list || a->n_names == 0)
		return false;
	a->n_names--;
	s = read_name(&a->names, ret);
	memcpy(name, s.p, s.n); /* is_entry: it fits */
	name[s.n] = '\0';
	return true;
}

bool
sftp_wire_path(struct sftp_answer *a, char path[SFTP_PATH_MAX])
{
	struct sftp_attrs attrs;
	struct span s = { NULL, 0 };

	if (a->n_names == 1)
		s = read_name(&a->names, &attrs);
	if (s.n == 0 || s.n >= SFTP_PATH_MAX || memchr(s.p, '\0', s.n))
		return false;
	memcpy(path, s.p, s.n);
	path[s.n] = '\0';
	return true;
}

/* --- requests --------------------------------------------------------------------------------- */

enum { HEAD = 4 + 1 + 4 /* length, type, id */ };

/* Bodies end with the packet: nothing can stand behind them. */
static int
need_body(struct wire *w, uint32_t length, size_t head, size_t *ret)
{
	uint32_t body = wire_u32(w);

	*ret = head;
	/* length does not count itself. */
	return w->bad || (uint64_t)head - 4 + body == length ? 0 : -1;
}

static int
need_write(struct wire *w, uint32_t length, size_t *ret)
{
	(void)wire_u32(w); /* the id */
	uint32_t handle = wire_u32(w);

	*ret = HEAD + 4;
	if (w->bad)
		return 0;
	if (handle > SFTP_HANDLE_MAX)
		return -1;
	(void)wire_bytes(w, handle);
	(void)wire_u64(w);
	return need_body(w, length, HEAD + 4 + handle + 8 + 4, ret);
}

static int
need_data(struct wire *w, uint32_t length, size_t *ret)
{
	(void)wire_u32(w);
	return need_body(w, length, HEAD + 4, ret);
}

int
sftp_wire_need(struct span have, size_t *ret)
{
	struct wire w = wire_from(have);
	uint32_t length = wire_u32(&w);
	uint8_t type = wire_u8(&w);

	*ret = 4 + 1;
	if (w.bad)
		return 0;
	if (length < HEAD - 4 || length > SFTP_PACKET_MAX)
		return -1;
	switch (type) {
	case SFTP_WRITE:
		return need_write(&w, length, ret);
	case SFTP_DATA:
		return need_data(&w, length, ret);
	case SFTP_NAME:
		*ret = HEAD + 4; /* how many */
		return length >= HEAD ? 0 : -1;
	case SFTP_EXTENDED_REPLY:
		*ret = HEAD;
		return 0;
	default:
		*ret = 4 + (size_t)length;
		return length <= SFTP_HEAD_MAX ? 0 : -1;
	}
}

/* Those of OpenSSH (PROTOCOL, section 4) that name files; of others only the name is read. */
static void
read_extended(struct wire *w, struct sftp_request *ret)
{
	ret->name = wire_string(w);
	if (span_is(ret->name, "posix-rename@openssh.com") ||
	    span_is(ret->name, "hardlink@openssh.com")) {
		ret->path = wire_string(w);
		ret->target = wire_string(w);
	} else if (span_is(ret->name, "lsetstat@openssh.com")) {
		ret->path = wire_string(w);
		read_attrs(w, &ret->attrs);
	} else if (span_is(ret->name, "copy-data")) {
		ret->handle = wire_string(w);
		ret->offset = wire_u64(w);
		ret->length = wire_u64(w);
		ret->handle_to = wire_string(w);
		(void)wire_u64(w);
	}
}

static void
read_transfer(struct wire *w, struct sftp_request *ret)
{
	ret->handle = wire_string(w);
	ret->offset = wire_u64(w);
	ret->length = wire_u32(w);
}

static void
read_paths(struct wire *w, struct sftp_request *ret)
{
	ret->path = wire_string(w);
	if (ret->type == SFTP_RENAME)
		ret->target = wire_string(w);
	if (ret->type == SFTP_SYMLINK) {
		/* OpenSSH's order, which is not that of the draft: every client has it. */
		ret->target = ret->path;
		ret->path = wire_string(w);
	}
	if (ret->type == SFTP_OPEN)
		ret->flags = wire_u32(w);
	if (ret->type == SFTP_OPEN || ret->type == SFTP_MKDIR || ret->type == SFTP_SETSTAT)
		read_attrs(w, &ret->attrs);
}

int
sftp_wire_read_request(struct sftp_request *ret, struct span packet)
{
	struct wire w = wire_from(packet);

	(void)wire_u32(&w);
	memset(ret, 0, sizeof *ret);
	ret->type = wire_u8(&w);
	ret->id = wire_u32(&w);
	switch (ret->type) {
	case SFTP_INIT:
		break;
	case SFTP_READ:
	case SFTP_WRITE:
		read_transfer(&w, ret);
		break;
	case SFTP_CLOSE:
	case SFTP_FSTAT:
	case SFTP_READDIR:
		ret->handle = wire_string(&w);
		break;
	case SFTP_FSETSTAT:
		ret->handle = wire_string(&w);
		read_attrs(&w, &ret->attrs);
		break;
	case SFTP_EXTENDED:
		read_extended(&w, ret);
		break;
	default:
		if (ret->type < SFTP_OPEN || ret->type > SFTP_SYMLINK)
			return -1;
		read_paths(&w, ret);
	}
	return w.bad ? -1 : 0;
}

/* --- a status --------------------------------------------------------------------------------- */

int
sftp_wire_status(const struct sftp_answer *a, struct err *e)
{
	char clean[256];

	if (a->type != SFTP_STATUS)
		return err_set(e, "unexpected answer");
	if (a->code == SFTP_STATUS_OK)
		return 0;
	if (a->code == SFTP_STATUS_EOF)
		return 1;
	str_clean(clean, sizeof clean, (const char *)a->text.p, a->text.n);
	return err_set(e, "%s", *clean ? clean : "failed");
}
