/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_wire: see sftp_wire.h.
 */
#include "session/sftp_wire.h"

#include <string.h>

#include "base/str.h"

enum { ATTR_SIZE = 1, ATTR_IDS = 2, ATTR_MODE = 4, ATTR_TIMES = 8 };
#define ATTR_EXTENDED 0x80000000u

enum { STATUS_OK = 0, STATUS_EOF = 1 };

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
	if (flags & ATTR_IDS)
		/* Numbers of a user and a group on another machine: of no use here. */
		(void)wire_bytes(w, 8);
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

int
sftp_wire_status(const struct sftp_answer *a, struct err *e)
{
	char clean[256];

	if (a->type != SFTP_STATUS)
		return err_set(e, "unexpected answer");
	if (a->code == STATUS_OK)
		return 0;
	if (a->code == STATUS_EOF)
		return 1;
	str_clean(clean, sizeof clean, (const char *)a->text.p, a->text.n);
	return err_set(e, "%s", *clean ? clean : "failed");
}
