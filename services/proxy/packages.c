/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packages: see packages.h. Called by web_packages.c.
 *
 * Security: what strangers may fetch is a table that this file makes; a request is compared with its names and opens
 * nothing. A name of an index has no '/' and no leading '.', and the file is opened beside the index without following a
 * link, so that also an index that somebody else has written hands out nothing from elsewhere.
 */
#include "proxy/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "crypto/sha256.h"

#define INDEX_SUFFIX ".index"
#define INDEX_FIRST  "sallyport-packages 1"
#define LOWER        "abcdefghijklmnopqrstuvwxyz0123456789"
#define IN_NAMES     LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+~_-"
enum { INDEX_MAX = 64 * 1024, COLUMNS = 5 };

/* --- one file ------------------------------------------------------------------------ */

/* Letters, digits and what stands in the names of Debian's packages: nothing that a path, a URL or a shell would read as
 * more than a name. */
static bool
is_name(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < PACKAGES_NAME_SIZE && strspn(s, IN_NAMES) == n && s[0] != '.' &&
	    s[0] != '-';
}

static int
read_whole(int fd, size_t n, char *bytes)
{
	size_t at = 0;

	while (at < n) {
		ssize_t r = read(fd, bytes + at, n - at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			errno = r < 0 ? errno : EIO; /* it was cut meanwhile */
			return -1;
		}
		at += (size_t)r;
	}
	return 0;
}

/* The whole file, and its sum. Freed by file_done, also after a failure. */
static int
file_load(struct packages_file *f, int folder, const char *name, size_t max, struct err *e)
{
	/* Not blocking: a pipe of that name would have start wait for somebody who writes. */
	_cleanup_close_ int fd = openat(folder, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	uint8_t digest[SHA256_BYTES];
	struct stat st;

	memset(f, 0, sizeof(*f));
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "%s", name);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		return err_set(e, "%s is no regular file, or too large", name);
	f->n = (size_t)st.st_size;
	f->bytes = malloc(f->n + 1);
	if (!f->bytes)
		return err_memory(e);
	if (read_whole(fd, f->n, f->bytes) < 0)
		return err_errno(e, "%s", name);
	f->bytes[f->n] = '\0';
	(void)str_copy(f->name, sizeof(f->name), name);
	sha256_of((struct span){ (const uint8_t *)f->bytes, f->n }, digest);
	str_hex(f->sum, digest, sizeof(digest));
	return 0;
}

static void
file_done(struct packages_file *f)
{
	free(f->bytes);
	f->bytes = NULL;
}

/* --- one index ----------------------------------------------------------------------- */

/* Into the table, which owns it from now on. */
static int
add_file(struct packages *p, const struct packages_file *f, struct err *e)
{
	if (p->n_files == PACKAGES_FILES_MAX)
		return err_set(e, "more than %d files", PACKAGES_FILES_MAX);
	p->files[p->n_files++] = *f;
	p->n_bytes += f->n;
	return 0;
}

/* "PACKAGE VERSION BYTES SHA256 FILE"; changed. */
static int
read_line(struct packages *p, int folder, char *line, struct err *e)
{
	char *column[COLUMNS + 1];
	const struct packages_file *known;
	struct packages_file f;
	uint64_t n;

	if (str_split(line, ' ', column, COLUMNS + 1) != COLUMNS || !is_name(column[0]) ||
	    !str_u64(column[2], PACKAGES_BYTES_MAX, &n) || !is_name(column[4]) ||
	    !str_ends(column[4], ".deb"))
		return err_set(e, "a line is not \"PACKAGE VERSION BYTES SHA256 FILE\"");
	known = packages_find(p, column[4]);
	if (known) /* for all architectures: named by several indexes */
		return known->n == n && strcmp(known->sum, column[3]) == 0
		    ? 0
		    : err_set(e, "%s is not what the index says", column[4]);
	if (file_load(&f, folder, column[4], PACKAGES_BYTES_MAX - p->n_bytes, e) < 0 ||
	    (f.n != n || strcmp(f.sum, column[3]) != 0
		    ? err_set(e, "%s is not what the index says", column[4])
		    : add_file(p, &f, e)) < 0) {
		file_done(&f);
		return -1;
	}
	return 0;
}

/* Every line ends with a newline: an index that was cut is none. */
static int
read_lines(struct packages *p, int folder, const struct packages_file *index, struct err *e)
{
	_cleanup_free_ char *text = strdup(index->bytes);
	char *line = text, *end;

	if (!text)
		return err_memory(e);
	if (strlen(text) != index->n || !str_ends(text, "\n"))
		return err_set(e, "it does not end with a line");
	for (bool first = true; *line; first = false, line = end + 1) {
		end = strchr(line, '\n');
		*end = '\0';
		if (first && strcmp(line, INDEX_FIRST) != 0)
			return err_set(e, "it does not begin with \"%s\"", INDEX_FIRST);
		if (!first && read_line(p, folder, line, e) < 0)
			return -1;
	}
	return 0;
}

/* All that the index names, and then itself; or nothing. */
static int
read_index(struct packages *p, int folder, const char *name, struct err *e)
{
	struct packages_file index;
	size_t n_files = p->n_files, n_bytes = p->n_bytes;

	if (file_load(&index, folder, name, INDEX_MAX, e) < 0 ||
	    read_lines(p, folder, &index, e) < 0 || add_file(p, &index, e) < 0) {
		file_done(&index);
		while (p->n_files > n_files)
			file_done(&p->files[--p->n_files]);
		p->n_bytes = n_bytes;
		return -1;
	}
	return 0;
}

/* --- the folder ---------------------------------------------------------------------- */

/* "bookworm-amd64.index". Stands in the script that web_packages.c makes. */
static bool
is_index(const char *name)
{
	size_t n = strlen(name), suffix = sizeof(INDEX_SUFFIX) - 1;

	return is_name(name) && str_ends(name, INDEX_SUFFIX) && n > suffix &&
	    strspn(name, LOWER "-") == n - suffix;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
pick_index(const struct dirent *d)
{
	return is_index(d->d_name);
}

static void
read_indexes(struct packages *p, int folder, struct dirent **found, int n)
{
	struct err e;

	for (int i = 0; i < n; i++)
		if (read_index(p, folder, found[i]->d_name, &e) < 0)
			log_error("packages are not served", "index", found[i]->d_name, "cause",
			    e.text, NULL);
}

int
packages_load(struct packages **ret, const char *path, struct err *e)
{
	_cleanup_close_ int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct packages *p;
	struct dirent **found = NULL;
	int n = 0;

	if (folder < 0 && errno != ENOENT)
		return err_errno(e, "%s", path);
	if (folder >= 0)
		n = scandirat(folder, ".", &found, pick_index, by_name);
	if (n < 0)
		return err_errno(e, "%s", path);
	p = calloc(1, sizeof(*p));
	if (p) {
		p->refs = 1;
		read_indexes(p, folder, found, n);
	}
	for (int i = 0; i < n; i++)
		free(found[i]);
	free(found);
	*ret = p;
	return p ? 0 : err_memory(e);
}

struct packages *
packages_ref(struct packages *p)
{
	p->refs++;
	return p;
}

void
packages_unref(struct packages *p)
{
	if (!p || --p->refs > 0)
		return;
	for (size_t i = 0; i < p->n_files; i++)
		file_done(&p->files[i]);
	free(p);
}

/* --- what is asked ------------------------------------------------------------------- */

const struct packages_file *
packages_find(const struct packages *p, const char *name)
{
	for (size_t i = 0; i < p->n_files; i++)
		if (strcmp(p->files[i].name, name) == 0)
			return &p->files[i];
	return NULL;
}

bool
packages_put_indexes(const struct packages *p, struct buf *b)
{
	const char *blank = "";

	for (size_t i = 0; i < p->n_files; i++) {
		const struct packages_file *f = &p->files[i];

		if (!is_index(f->name))
			continue;
		(void)buf_printf(b, "%s%.*s:%s", blank,
		    (int)(strlen(f->name) - (sizeof(INDEX_SUFFIX) - 1)), f->name, f->sum);
		blank = " ";
	}
	return buf_ok(b);
}
