/* SPDX-License-Identifier: Apache-2.0 */
/*
 * side: see side.h.
 */
#include "tsh/side.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"

enum { NAMES_MAX = 1 << 20 };

/* --- paths and names ------------------------------------------------------------------------ */

int
side_join(char *dst, const char *dir, const char *name, struct err *e)
{
	size_t n = strlen(dir);

	if (str_format(dst, SFTP_PATH_MAX, "%s%s%s", dir, n && dir[n - 1] != '/' ? "/" : "", name))
		return 0;
	return err_set(e, "path too long: %s/%s", dir, name);
}

const char *
side_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

bool
side_is_same(const struct side *a, const struct side *b)
{
	return a->sftp && b->sftp ? sftp_same_host(a->sftp, b->sftp) : !a->sftp && !b->sftp;
}

int
side_names_add(struct side_names *l, const char *name, bool is_link)
{
	struct side_name *more;

	/* A node that never ends its list must not use up this machine's memory. */
	if (l->n >= NAMES_MAX)
		return -1;
	/* Full at each power of two. */
	if ((l->n & (l->n - 1)) == 0) {
		more = reallocarray(l->v, l->n ? l->n * 2 : 1, sizeof *more);
		if (!more)
			return -1;
		l->v = more;
	}
	l->v[l->n] = (struct side_name){ strdup(name), is_link };
	return l->v[l->n].name ? (l->n++, 0) : -1;
}

void
side_names_done(struct side_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct side_names){ 0 };
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct side_name *)a)->name, ((const struct side_name *)b)->name);
}

/* --- here ----------------------------------------------------------------------------------- */

static int
stat_here(const char *path, struct sftp_attrs *ret, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_errno(e, "%s", path);
	*ret = (struct sftp_attrs){ .has_size = true,
		.has_mode = true,
		.has_times = true,
		.size = (uint64_t)st.st_size,
		.mode = st.st_mode,
		.atime = (uint32_t)st.st_atime,
		.mtime = (uint32_t)st.st_mtime };
	return 0;
}

static int
list_here(const char *path, struct side_names *l, struct err *e)
{
	struct dirent *de;
	struct stat st;
	int rc = 0;
	DIR *d = opendir(path);

	if (!d)
		return err_errno(e, "cannot read %s", path);
	while (rc == 0 && (de = readdir(d))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (side_names_add(l, de->d_name,
			fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			    S_ISLNK(st.st_mode)) < 0)
			rc = err_set(e, "too many files in %s", path);
	}
	closedir(d);
	return rc;
}

static int
set_here(const char *path, const struct sftp_attrs *attrs, struct err *e)
{
	struct timespec times[2] = { { .tv_sec = attrs->atime }, { .tv_sec = attrs->mtime } };

	if (attrs->has_mode && chmod(path, attrs->mode & 07777) < 0)
		return err_errno(e, "cannot set the mode of %s", path);
	if (attrs->has_times && utimensat(AT_FDCWD, path, times, 0) < 0)
		return err_errno(e, "cannot set the times of %s", path);
	return 0;
}

static int
realpath_here(const char *path, char ret[SFTP_PATH_MAX], struct err *e)
{
	char *real = realpath(path, NULL);
	bool fits = real && str_copy(ret, SFTP_PATH_MAX, real);

	if (!real)
		return err_errno(e, "%s", path);
	free(real);
	return fits ? 0 : err_set(e, "path too long: %s", path);
}

/* --- either --------------------------------------------------------------------------------- */

int
side_stat(const struct side *s, const char *path, struct sftp_attrs *ret, struct err *e)
{
	return s->sftp ? sftp_stat(s->sftp, path, ret, e) : stat_here(path, ret, e);
}

bool
side_is_folder(const struct side *s, const char *path)
{
	struct sftp_attrs attrs = { 0 };

	return side_stat(s, path, &attrs, NULL) == 0 && attrs.has_mode && S_ISDIR(attrs.mode);
}

static int
on_name(const char *name, const struct sftp_attrs *attrs, void *arg)
{
	return side_names_add(arg, name, attrs->has_mode && S_ISLNK(attrs->mode));
}

int
side_list(const struct side *s, const char *path, struct side_names *ret, struct err *e)
{
	int rc;

	*ret = (struct side_names){ 0 };
	rc = s->sftp ? sftp_list(s->sftp, path, on_name, ret, e) : list_here(path, ret, e);
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof *ret->v, by_name);
	return rc;
}

int
side_mkdir(const struct side *s, const char *path, uint32_t mode, struct err *e)
{
	if (s->sftp)
		return sftp_mkdir(s->sftp, path, mode, e);
	return mkdir(path, mode) < 0 ? err_errno(e, "cannot create %s", path) : 0;
}

int
side_set(const struct side *s, const char *path, const struct sftp_attrs *attrs, struct err *e)
{
	return s->sftp ? sftp_setstat(s->sftp, path, attrs, e) : set_here(path, attrs, e);
}

int
side_realpath(const struct side *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e)
{
	return s->sftp ? sftp_realpath(s->sftp, path, ret, e) : realpath_here(path, ret, e);
}

bool
side_is_over(const struct side *s)
{
	return s->sftp && sftp_is_over(s->sftp);
}
