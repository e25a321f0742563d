/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob: see glob.h.
 */
#include "tsh/glob.h"

#include <fnmatch.h>
#include <locale.h>
#include <string.h>

#include "base/str.h"

enum { PARTS_MAX = 64 };

/* --- home folders --------------------------------------------------------------------------- */

int
glob_home(const struct side *s, const char *path, char ret[SFTP_PATH_MAX], struct err *e)
{
	size_t n = strcspn(path, "/");
	char tilde[256], home[SFTP_PATH_MAX];

	if (*path != '~' || strcspn(path, "*?[\\") < n)
		return str_copy(ret, SFTP_PATH_MAX, path) ? 0 : err_set(e, "path too long");
	if (!str_format(tilde, sizeof tilde, "%.*s", (int)n, path))
		return err_set(e, "the user's name is too long: %s", path);
	/* Every session begins in the home folder: one's own needs no extension of the server. */
	if ((n == 1 ? sftp_realpath(s->sftp, ".", home, e) : sftp_expand(s->sftp, tilde, home, e)) <
	    0)
		return -1;
	return path[n] && path[n + 1]            ? side_join(ret, home, path + n + 1, e)
	    : str_copy(ret, SFTP_PATH_MAX, home) ? 0
						 : err_set(e, "path too long");
}

/* --- wildcards ------------------------------------------------------------------------------ */

bool
glob_match(const char *pattern, const char *name)
{
	/* '?' is a character, also one of several bytes. The program itself stays in the C locale. */
	static locale_t utf8;
	locale_t before;
	bool match;

	if (!utf8)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	before = utf8 ? uselocale(utf8) : (locale_t)0;
	match = fnmatch(pattern, name, FNM_PERIOD) == 0;
	if (before)
		(void)uselocale(before);
	return match;
}

/* Without the backslashes that make a character mean itself. */
static void
unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*to = '\0';
}

struct walk {
	const struct side *side;
	char *part[PARTS_MAX];
	size_t n;
	struct side_names *found;
	bool looked;     /* a folder could be read */
	struct err *why; /* else: why not */
};

static int walk(struct walk *w, size_t i, const char *path);

/* A part without wildcards. */
static int
walk_plain(struct walk *w, size_t i, const char *path)
{
	char next[SFTP_PATH_MAX], part[SFTP_PATH_MAX];

	(void)str_copy(part, sizeof part, w->part[i]);
	unescape(part);
	return side_join(next, path, part, NULL) < 0 ? 0 : walk(w, i + 1, next);
}

static int
walk_wild(struct walk *w, size_t i, const char *path)
{
	char next[SFTP_PATH_MAX];
	struct side_names l;
	int rc = 0;

	/* What is no folder, or is closed, has nothing that matches. */
	if (side_list(w->side, *path ? path : ".", &l, w->looked ? NULL : w->why) < 0) {
		side_names_done(&l);
		return 0;
	}
	w->looked = true;
	for (size_t k = 0; rc == 0 && k < l.n; k++) {
		if (!glob_match(w->part[i], l.v[k].name) ||
		    side_join(next, path, l.v[k].name, NULL) < 0)
			continue;
		rc = i + 1 < w->n ? walk(w, i + 1, next)
				  : side_names_add(w->found, next, l.v[k].is_link);
	}
	side_names_done(&l);
	return rc;
}

/* Negative: no memory, or too many. */
static int
walk(struct walk *w, size_t i, const char *path)
{
	struct sftp_attrs attrs;

	if (i < w->n)
		return strpbrk(w->part[i], "*?[") ? walk_wild(w, i, path) : walk_plain(w, i, path);
	/* The last parts were plain ones, below a folder that matched. */
	return side_stat(w->side, path, &attrs, NULL) < 0 ? 0
							  : side_names_add(w->found, path, false);
}

static int
split(struct walk *w, char *pattern)
{
	char *save = NULL;

	for (char *p = strtok_r(pattern, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
		if (w->n == PARTS_MAX)
			return -1;
		w->part[w->n++] = p;
	}
	return 0;
}

/* The name as it is; else without its backslashes. */
static int
take_plain(const struct side *s, const char *pattern, struct side_names *ret, struct err *e)
{
	struct sftp_attrs attrs;
	char plain[SFTP_PATH_MAX];

	(void)str_copy(plain, sizeof plain, pattern);
	if (strchr(plain, '\\') && side_stat(s, plain, &attrs, NULL) < 0)
		unescape(plain);
	return side_names_add(ret, plain, false) < 0 ? err_memory(e) : 0;
}

int
glob_expand(const struct side *s, const char *pattern, struct side_names *ret, struct err *e)
{
	struct err why = { "" };
	struct walk w = { .side = s, .found = ret, .why = &why };
	char copy[SFTP_PATH_MAX];
	struct sftp_attrs attrs;

	*ret = (struct side_names){ 0 };
	if (!strpbrk(pattern, "*?["))
		return take_plain(s, pattern, ret, e);
	if (!str_copy(copy, sizeof copy, pattern) || split(&w, copy) < 0)
		return err_set(e, "path too long: %s", pattern);
	if (walk(&w, 0, *pattern == '/' ? "/" : "") < 0)
		return err_set(e, "%s: too many files match", pattern);
	if (ret->n > 0)
		return 0;
	if (side_is_over(s))
		return err_set(e, "%s", why.text);
	if (side_stat(s, pattern, &attrs, NULL) == 0)
		return side_names_add(ret, pattern, false) < 0 ? err_memory(e) : 0;
	return w.looked ? err_set(e, "%s: nothing matches", pattern) : err_set(e, "%s", why.text);
}
