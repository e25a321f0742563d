/* SPDX-License-Identifier: Apache-2.0 */
/*
 * site: see site.h. Called by web_site.c.
 *
 * Security: what strangers may fetch is a table that this file makes; a request is compared with its names and opens nothing.
 */
#include "proxy/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define INDEX  "index"
#define PAGE   "app.html"
#define PACKED ".gz"
enum { INDEX_MAX = 256 * 1024, SUM_LEN = SERVED_SUM_SIZE - 1 };

/* What a browser is told that it is, and does not guess (nosniff). */
static const char *
type_of(const char *name)
{
	static const struct {
		const char *suffix, *type;
	} rows[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".mjs", "text/javascript; charset=utf-8" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".wasm", "application/wasm" },
		{ ".json", "application/json" },
		{ ".woff2", "font/woff2" },
		{ ".png", "image/png" },
		{ ".webmanifest", "application/manifest+json" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (str_ends(name, rows[i].suffix))
			return rows[i].type;
	return NULL;
}

/* Its place in the table; n_files: nothing of this name. */
static size_t
find(const struct site *s, struct span name)
{
	size_t i = 0;

	while (i < s->n_files && !span_is(name, s->files[i].plain.name))
		i++;
	return i;
}

/* --- the index ------------------------------------------------------------------------ */

/* Where a file of that name goes: its own place, or beside the one that it is a copy of. NULL with e. */
static struct served *
place_of(struct site *s, const char *name, struct err *e)
{
	struct span plain = span_str(name);
	struct site_file *of;

	if (str_ends(name, PACKED)) {
		plain.n -= strlen(PACKED);
		of = &s->files[find(s, plain)];
		if (of < &s->files[s->n_files] && !of->packed.bytes)
			return &of->packed;
		(void)err_set(e, "%s is the copy of nothing before it", name);
		return NULL;
	}
	if (find(s, plain) < s->n_files || s->n_files == SITE_FILES_MAX || !type_of(name)) {
		(void)err_set(e, "%s is there twice, one too many, or of an unknown type", name);
		return NULL;
	}
	of = &s->files[s->n_files++];
	of->type = type_of(name);
	if (strcmp(name, PAGE) == 0)
		s->page = of;
	return &of->plain;
}

/* "SHA256  NAME" */
static int
read_line(struct site *s, int folder, const char *line, struct err *e)
{
	const char *name = line + SUM_LEN + 2;
	struct served *f;

	if (strlen(line) < SUM_LEN + 3 || memcmp(line + SUM_LEN, "  ", 2) != 0 ||
	    !served_is_name(name))
		return err_set(e, "a line of the index is not \"SHA256  NAME\"");
	f = place_of(s, name, e);
	if (!f || served_load(f, folder, name, SITE_BYTES_MAX - s->n_bytes, e) < 0)
		return -1;
	s->n_bytes += f->n;
	if (strncmp(f->sum, line, SUM_LEN) != 0)
		return err_set(e, "%s is not what the index says", name);
	return 0;
}

static int
read_index(struct site *s, int folder, struct served *index, struct err *e)
{
	char *rest = index->bytes, *line;

	if (served_is_index(index, e) < 0)
		return -1;
	while ((line = served_line(&rest)))
		if (read_line(s, folder, line, e) < 0)
			return -1;
	return s->page ? 0 : err_set(e, "there is no %s", PAGE);
}

static int
read_folder(struct site *s, int folder, struct err *e)
{
	struct served index;
	int r;

	if (faccessat(folder, INDEX, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	r = served_load(&index, folder, INDEX, INDEX_MAX, e);
	if (r == 0)
		r = read_index(s, folder, &index, e);
	served_done(&index);
	return r;
}

int
site_load(struct site **ret, const char *path, struct err *e)
{
	_cleanup_close_ int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct site *s;

	if (folder < 0 && errno != ENOENT)
		return err_errno(e, "%s", path);
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_memory(e);
	s->refs = 1;
	if (folder >= 0 && read_folder(s, folder, e) < 0) {
		site_unref(s);
		return err_prefix(e, "%s", path);
	}
	*ret = s;
	return 0;
}

struct site *
site_ref(struct site *s)
{
	s->refs++;
	return s;
}

void
site_unref(struct site *s)
{
	if (!s || --s->refs > 0)
		return;
	for (size_t i = 0; i < s->n_files; i++) {
		served_done(&s->files[i].plain);
		served_done(&s->files[i].packed);
	}
	free(s);
}

/* --- what is asked --------------------------------------------------------------------- */

const struct site_file *
site_find(const struct site *s, const char *name)
{
	const struct site_file *f = &s->files[find(s, span_str(name))];

	return f < &s->files[s->n_files] && f != s->page ? f : NULL;
}
