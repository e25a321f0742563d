/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packages: see packages.h. Called by web_packages.c.
 *
 * Security: what strangers may fetch is a table that this file makes; a request is compared with its names and opens
 * nothing. A name of an index has no '/' and no leading '.', and the file is opened beside the index without following a
 * link (served.c), so that also an index that somebody else has written hands out nothing from elsewhere.
 */
#include "proxy/packages.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

#define INDEX_SUFFIX ".index"
#define INDEX_FIRST  "sallyport-packages 1"
#define LOWER        "abcdefghijklmnopqrstuvwxyz0123456789"
enum { INDEX_MAX = 64 * 1024, COLUMNS = 5 };

/* --- one index ----------------------------------------------------------------------- */

/* Into the table, which owns it from now on. */
static int
add_file(struct packages *p, const struct served *f, struct err *e)
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
	const struct served *known;
	struct served f;
	uint64_t n;

	if (str_split(line, ' ', column, COLUMNS + 1) != COLUMNS || !served_is_name(column[0]) ||
	    !str_u64(column[2], PACKAGES_BYTES_MAX, &n) || !served_is_name(column[4]) ||
	    !str_ends(column[4], ".deb"))
		return err_set(e, "a line is not \"PACKAGE VERSION BYTES SHA256 FILE\"");
	known = packages_find(p, column[4]);
	if (known) /* for all architectures: named by several indexes */
		return known->n == n && strcmp(known->sum, column[3]) == 0
		    ? 0
		    : err_set(e, "%s is not what the index says", column[4]);
	if (served_load(&f, folder, column[4], PACKAGES_BYTES_MAX - p->n_bytes, e) < 0 ||
	    (f.n != n || strcmp(f.sum, column[3]) != 0
		    ? err_set(e, "%s is not what the index says", column[4])
		    : add_file(p, &f, e)) < 0) {
		served_done(&f);
		return -1;
	}
	return 0;
}

static int
read_lines(struct packages *p, int folder, const struct served *index, struct err *e)
{
	_cleanup_free_ char *text = strdup(index->bytes);
	char *rest = text, *line;

	if (!text)
		return err_memory(e);
	if (served_is_index(index, e) < 0)
		return -1;
	line = served_line(&rest);
	if (!line || strcmp(line, INDEX_FIRST) != 0)
		return err_set(e, "it does not begin with \"%s\"", INDEX_FIRST);
	while ((line = served_line(&rest)))
		if (read_line(p, folder, line, e) < 0)
			return -1;
	return 0;
}

/* All that the index names, and then itself; or nothing. */
static int
read_index(struct packages *p, int folder, const char *name, struct err *e)
{
	struct served index;
	size_t n_files = p->n_files, n_bytes = p->n_bytes;

	if (served_load(&index, folder, name, INDEX_MAX, e) < 0 ||
	    read_lines(p, folder, &index, e) < 0 || add_file(p, &index, e) < 0) {
		served_done(&index);
		while (p->n_files > n_files)
			served_done(&p->files[--p->n_files]);
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

	return served_is_name(name) && str_ends(name, INDEX_SUFFIX) && n > suffix &&
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
		served_done(&p->files[i]);
	free(p);
}

/* --- what is asked ------------------------------------------------------------------- */

const struct served *
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
		const struct served *f = &p->files[i];

		if (!is_index(f->name))
			continue;
		(void)buf_printf(b, "%s%.*s:%s", blank,
		    (int)(strlen(f->name) - (sizeof(INDEX_SUFFIX) - 1)), f->name, f->sum);
		blank = " ";
	}
	return buf_ok(b);
}
