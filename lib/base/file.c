/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: whole files, at once; see file.h. Called at start-up, by clients, and
 * where a small state file must survive a crash.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

/* Opens a regular file. O_NONBLOCK so that a FIFO in its place does not hang us. */
static int
open_regular(const char *path, struct stat *st, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_errno(e, "cannot read %s", path);
	if (fstat(fd, st) < 0) {
		err_errno(e, "cannot read %s", path);
		close(fd);
		return -1;
	}
	if (!S_ISREG(st->st_mode)) {
		err_set(e, "cannot read %s: not a regular file", path);
		close(fd);
		return -1;
	}
	return fd;
}

static int
read_fd(int fd, const char *path, size_t max, struct buf *b, struct err *e)
{
	for (;;) {
		uint8_t *p = buf_reserve(b, 4096);
		ssize_t n;

		if (!p)
			return err_memory(e);
		n = read(fd, p, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "cannot read %s", path);
		if (n == 0)
			return 0;
		buf_commit(b, (size_t)n);
		if (b->len > max)
			return err_set(e, "cannot read %s: larger than %zu bytes", path, max);
	}
}

static int
read_open(int fd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	struct buf b;

	/* One block beyond max, so that "too large" is seen and the NUL always fits. */
	buf_init(&b, max < SIZE_MAX - 8192 ? max + 8192 : SIZE_MAX);
	if (read_fd(fd, path, max, &b, e) < 0) {
		buf_wipe(&b);
		return -1;
	}
	if (ret_len)
		*ret_len = b.len;
	if (!buf_put(&b, "", 1)) {
		buf_wipe(&b);
		return err_memory(e);
	}
	*ret = (char *)b.data; /* nothing was drained: off is 0 */
	return 0;
}

int
file_read(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	*ret = NULL;
	fd = open_regular(path, &st, e);
	if (fd < 0)
		return -1;
	return read_open(fd, path, max, ret, ret_len, e);
}

/* What systemd gives a service as a credential is root's, and the service's user reads it by an ACL: then the bits of the
 * group are the ACL's mask and say nothing of the group, which is root's too. (acl(5); systemd of Debian 12 gave the file
 * to the user instead.) */
static bool
is_credential(const char *path, const struct stat *st)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir ? strlen(dir) : 0;

	return n && strncmp(path, dir, n) == 0 && path[n] == '/' && st->st_uid == 0 &&
	    st->st_gid == 0;
}

static bool
others_can_read(const char *path, const struct stat *st)
{
	return st->st_mode & (is_credential(path, st) ? S_IRWXO | S_IWGRP : S_IRWXG | S_IRWXO);
}

int
file_read_secret(const char *path, size_t max, char **ret, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t n;

	*ret = NULL;
	fd = open_regular(path, &st, e);
	if (fd < 0)
		return -1;
	if (others_can_read(path, &st))
		return err_set(e, "%s holds a secret and others can read it: chmod 600 %s", path,
		    path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, "%s holds a secret and belongs to another user", path);
	if (read_open(fd, path, max, ret, &n, e) < 0)
		return -1;
	while (n && ((*ret)[n - 1] == '\n' || (*ret)[n - 1] == '\r'))
		(*ret)[--n] = 0;
	return 0;
}

int
file_write_all(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

bool
file_is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

/* The folder that holds path. */
int
file_sync_folder(const char *path)
{
	_cleanup_close_ int fd = -1;
	char dir[PATH_MAX];
	char *slash;

	if (!str_copy(dir, sizeof(dir), path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	slash = strrchr(dir, '/');
	if (!slash)
		(void)str_copy(dir, sizeof(dir), ".");
	else if (slash == dir)
		slash[1] = 0;
	else
		*slash = 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int
file_rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	/* File systems over the network know no such renaming; a second name has never replaced a file anywhere. */
	if (link(from, to) < 0)
		return -1;
	(void)unlink(from);
	return 0;
}

static int
write_file(const char *path, mode_t mode, struct span bytes,
    int (*name)(const char *from, const char *to), struct err *e)
{
	char tmp[PATH_MAX];
	int fd;

	if (!str_format(tmp, sizeof(tmp), "%s.XXXXXX", path))
		return err_set(e, "cannot write %s: the name is too long", path);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "cannot write %s", path);
	/* The bytes are on the disk before the name is: after a crash the file is the old one or the new one,
	 * whole. */
	if (fchmod(fd, mode) < 0 || file_write_all(fd, bytes.p, bytes.n) < 0 || fsync(fd) < 0)
		goto fail;
	if (close(fd) < 0) {
		fd = -1;
		goto fail;
	}
	fd = -1;
	if (name(tmp, path) < 0 || file_sync_folder(path) < 0)
		goto fail;
	return 0;
fail:
	err_errno(e, "cannot write %s", path);
	if (fd >= 0)
		close(fd);
	(void)unlink(tmp);
	return -1;
}

int
file_write(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	return write_file(path, mode, (struct span){ p, n }, rename, e);
}

int
file_write_new(const char *path, mode_t mode, const void *p, size_t n, struct err *e)
{
	return write_file(path, mode, (struct span){ p, n }, file_rename_new, e);
}

int
file_close_to_others(const char *path, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	/* What is looked at is what is changed: the descriptor stays on the file, the name may move. Of a file with
	 * several names one may be somebody's bait, and the file another's. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, "%s is not a regular file", path);
	if (st.st_nlink > 1)
		return err_set(e, "%s is one of several names of a file; make a copy of it", path);
	if ((st.st_mode & 077) == 0)
		return 0;
	if (fchmod(fd, 0600) < 0)
		return err_errno(e, "%s can be read by others; close it with: chmod 600 %s", path,
		    path);
	return 1;
}

int
file_mkdir(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];
	struct stat st;

	if (!str_copy(part, sizeof(part), path) || !*part)
		return err_set(e, "cannot create folder '%s': the name is empty or too long", path);
	for (char *s = part + 1; *s; s++) {
		if (*s != '/')
			continue;
		*s = 0;
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return err_errno(e, "cannot create folder %s", part);
		*s = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return err_errno(e, "cannot create folder %s", part);
	if (stat(part, &st) < 0)
		return err_errno(e, "cannot create folder %s", part);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, "cannot create folder %s: something else has that name", part);
	return 0;
}

int
file_set_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags < 0 ? -1 : fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int
file_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
