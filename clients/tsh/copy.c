/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: see copy.h.
 */
#include "tsh/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"

enum { DEPTH_MAX = 1000 };

/* The folders above an entry, by the paths that the source's side has for them. */
struct above {
	const struct above *up;
	char *real;
	unsigned depth;
};

static int
copy_entry(struct copy *c, const char *from, const char *to, bool is_link, const struct above *up);

int
copy_failed(struct copy *c, const struct err *e)
{
	progress_clear(&c->progress);
	(void)cli_fail_err(e);
	c->failed++;
	return side_is_over(c->from) || side_is_over(c->to) ? -1 : 0;
}

uint32_t
copy_local_mode(uint32_t mode, bool preserve)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return mode & 0777 & (preserve ? 0777 : ~mask);
}

/* --- one file ------------------------------------------------------------------------------- */

static void
on_progress(uint64_t done, void *arg)
{
	struct copy *c = arg;

	progress_show(&c->progress, done);
}

static int
store(uint64_t offset, struct span data, struct err *e, void *arg)
{
	const struct copy *c = arg;

	while (data.n > 0) {
		ssize_t n = pwrite(c->fd, data.p, data.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_errno(e, "cannot write");
		offset += (uint64_t)n;
		data.p += n;
		data.n -= (size_t)n;
	}
	return 0;
}

static ssize_t
load(uint8_t *p, size_t n, struct err *e, void *arg)
{
	const struct copy *c = arg;
	ssize_t got;

	do
		got = read(c->fd, p, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(e, "cannot read") : got;
}

/* What was written before a failure stays: it may be most of a large file. */
static int
get_file(struct copy *c, const struct sftp_transfer *t, const char *to, struct err *e)
{
	int rc;

	c->fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, t->mode & 0777);
	if (c->fd < 0)
		return err_errno(e, "cannot create %s", to);
	rc = sftp_get(c->from->sftp, t, e);
	/* NFS and quotas tell of a write that failed only here. */
	if (close(c->fd) < 0 && rc == 0)
		rc = err_errno(e, "cannot write %s", to);
	return rc;
}

static int
put_file(struct copy *c, struct sftp_transfer *t, const char *to, struct err *e)
{
	int rc;

	c->fd = open(t->path, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0)
		return err_errno(e, "cannot read %s", t->path);
	t->path = to;
	rc = sftp_put(c->to->sftp, t, e);
	close(c->fd);
	return rc;
}

/* A file copied onto itself would be made empty before it is read. */
static bool
is_same_file(const struct copy *c, const char *from, const char *to)
{
	char a[SFTP_PATH_MAX], b[SFTP_PATH_MAX];

	return side_is_same(c->from, c->to) && side_realpath(c->from, from, a, NULL) == 0 &&
	    side_realpath(c->to, to, b, NULL) == 0 && strcmp(a, b) == 0;
}

/* The attributes that the copy gets at the end; without preserve those that it was made with are left. */
static struct sftp_attrs
final_attrs(const struct copy *c, const struct sftp_attrs *attrs)
{
	struct sftp_attrs a = *attrs;

	/* Our own files keep what they have; a node's word makes no file set-user-ID. */
	a.mode = c->from->sftp ? a.mode & 0777 : a.mode & 07777;
	return a;
}

static int
transfer(struct copy *c, const char *from, const char *to, const struct sftp_attrs *attrs,
    struct err *e)
{
	struct sftp_attrs at_end = final_attrs(c, attrs);
	struct sftp_transfer t = {
		.path = from,
		.mode = attrs->has_mode ? attrs->mode & 0777 : 0666,
		.size = attrs->has_size ? attrs->size : 0,
		.load = load,
		.store = store,
		.progress = on_progress,
		.arg = c,
	};
	int rc;

	progress_begin(&c->progress, from, t.size);
	if (!c->from->sftp)
		rc = put_file(c, &t, to, e);
	else if (!c->to->sftp)
		rc = get_file(c, &t, to, e);
	else if (is_same_file(c, from, to))
		rc = err_set(e, "%s and %s are the same file", from, to);
	else
		rc = sftp_copy(c->from->sftp, c->to->sftp, &t, to, e);
	/* Modes and times afterwards, since writing changes the times. */
	if (rc == 0 && c->preserve && (at_end.has_mode || at_end.has_times))
		rc = side_set(c->to, to, &at_end, e);
	return rc;
}

/* --- folders -------------------------------------------------------------------------------- */

/* The path of a folder as its side has it. A link in the way to it is the one thing that makes that another than its
 * parent's with its name behind. */
static char *
real_of(const struct copy *c, const char *from, bool is_link, const struct above *up, struct err *e)
{
	char path[SFTP_PATH_MAX];

	if ((is_link || !up ? side_realpath(c->from, from, path, e)
			    : side_join(path, up->real, side_base_name(from), e)) < 0)
		return NULL;
	return strdup(path);
}

static bool
is_above(const struct above *up, const char *real)
{
	for (; up; up = up->up)
		if (strcmp(up->real, real) == 0)
			return true;
	return false;
}

/* *ret_made: it was not there. Nobody else looks into one made here before the last file in it has its mode; and we must
 * be able to write into it, whatever its mode will be. */
static int
make_folder(struct copy *c, const char *to, const struct sftp_attrs *attrs, bool *ret_made,
    struct err *e)
{
	*ret_made = !side_is_folder(c->to, to);
	if (!*ret_made)
		return 0;
	return side_mkdir(c->to, to, c->to->sftp ? (attrs->mode & 0777) | 0700 : 0700, e);
}

/* When all is in it: what is written into a folder changes its times. One that was there keeps its mode: a node must not
 * open it to others. */
static int
finish_folder(struct copy *c, const char *to, const struct sftp_attrs *attrs, bool made,
    struct err *e)
{
	struct sftp_attrs at_end = final_attrs(c, attrs);

	if (!c->preserve)
		at_end.has_times = false;
	if (!c->to->sftp)
		at_end.mode = copy_local_mode(at_end.mode, c->preserve);
	if (!c->preserve && (!made || (c->to->sftp && (at_end.mode & 0700) == 0700)))
		at_end.has_mode = false;
	return at_end.has_mode || at_end.has_times ? side_set(c->to, to, &at_end, e) : 0;
}

static int
copy_content(struct copy *c, const char *from, const char *to, const struct side_names *l,
    const struct above *here)
{
	char a[SFTP_PATH_MAX], b[SFTP_PATH_MAX];
	struct err e;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->n; i++)
		rc = side_join(a, from, l->v[i].name, &e) < 0 ||
			side_join(b, to, l->v[i].name, &e) < 0
		    ? copy_failed(c, &e)
		    : copy_entry(c, a, b, l->v[i].is_link, here);
	return rc;
}

static int
copy_folder(struct copy *c, const char *from, const char *to, const struct sftp_attrs *attrs,
    const struct above *here)
{
	struct side_names l = { 0 };
	bool made = false;
	struct err e;
	int rc;

	if (here->depth > DEPTH_MAX)
		rc = err_set(&e, "%s: folders nest deeper than %d", from, DEPTH_MAX);
	else
		rc = make_folder(c, to, attrs, &made, &e);
	if (rc == 0)
		rc = side_list(c->from, from, &l, &e);
	if (rc < 0) {
		side_names_done(&l);
		return copy_failed(c, &e);
	}
	rc = copy_content(c, from, to, &l, here);
	side_names_done(&l);
	if (rc == 0 && finish_folder(c, to, attrs, made, &e) < 0)
		rc = copy_failed(c, &e);
	return rc;
}

/* Its own copy would be found in it, and copied, without an end. */
static bool
is_inside(const struct copy *c, const char *real, const char *to)
{
	char target[SFTP_PATH_MAX];
	size_t n = strlen(real);

	return side_is_same(c->from, c->to) && side_realpath(c->to, to, target, NULL) == 0 &&
	    str_starts(target, real) &&
	    (target[n] == '/' || target[n] == '\0' || real[n - 1] == '/');
}

static int
enter_folder(struct copy *c, const char *from, const char *to, const struct sftp_attrs *attrs,
    bool is_link, const struct above *up)
{
	struct above here = { .up = up, .depth = up ? up->depth + 1 : 0 };
	struct err e;
	int rc;

	if (!c->recursive) {
		err_set(&e, "%s is a folder; use -r", from);
		return copy_failed(c, &e);
	}
	here.real = real_of(c, from, is_link, up, &e);
	if (here.real && is_above(up, here.real)) {
		err_set(&e, "%s is a link that leads back to %s", from, here.real);
		rc = copy_failed(c, &e);
	} else if (here.real && !up && is_inside(c, here.real, to)) {
		err_set(&e, "%s cannot be copied into itself", from);
		rc = copy_failed(c, &e);
	} else {
		rc = here.real ? copy_folder(c, from, to, attrs, &here) : copy_failed(c, &e);
	}
	free(here.real);
	return rc;
}

static int
copy_entry(struct copy *c, const char *from, const char *to, bool is_link, const struct above *up)
{
	struct sftp_attrs attrs = { 0 };
	struct err e;

	if (side_stat(c->from, from, &attrs, &e) < 0)
		return copy_failed(c, &e);
	if (attrs.has_mode && S_ISDIR(attrs.mode))
		return enter_folder(c, from, to, &attrs, is_link, up);
	/* A FIFO would wait for a writer, and a device has no end. */
	if (attrs.has_mode && (attrs.mode & S_IFMT) && !S_ISREG(attrs.mode)) {
		err_set(&e, "%s is neither a file nor a folder", from);
		return copy_failed(c, &e);
	}
	if (transfer(c, from, to, &attrs, &e) < 0)
		return copy_failed(c, &e);
	progress_end(&c->progress, attrs.has_size ? attrs.size : 0);
	c->copied++;
	return 0;
}

int
copy_any(struct copy *c, const char *from, const char *to)
{
	return copy_entry(c, from, to, true, NULL);
}
