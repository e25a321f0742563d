/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhashes: see webhashes.h.
 */
#include "tsh/webhashes.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define FIRST        "sallyport-web 1"
#define PAGE         "/web"
#define IN_ADDRESSES "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.+~_-/"

/* It becomes an address that is fetched: below /web, and nothing that leads elsewhere. */
static bool
is_address(const char *s)
{
	return (strcmp(s, PAGE) == 0 || str_starts(s, PAGE "/")) &&
	    strspn(s, IN_ADDRESSES) == strlen(s) && !strstr(s, "..") && !strstr(s, "//");
}

const struct webhashes_file *
webhashes_find(const struct webhashes *l, const char *address, size_t n)
{
	for (size_t i = 0; i < l->n_files; i++)
		if (strlen(l->files[i].address) == n &&
		    memcmp(l->files[i].address, address, n) == 0)
			return &l->files[i];
	return NULL;
}

/* "NAME: VALUE". The first after a file begins another set. */
static int
read_header(struct webhashes *l, size_t *first, char *rest)
{
	char *value = strstr(rest, ": ");

	if (!value || value == rest || l->n_headers == WEBHASHES_HEADERS_MAX)
		return -1;
	*value = '\0';
	if (l->n_files > 0 && l->files[l->n_files - 1].first_header == *first)
		*first = l->n_headers;
	l->headers[l->n_headers++] = (struct webhashes_header){ rest, value + 2 };
	return 0;
}

/* The word that text begins with, ended by a NUL; *text is what follows the blank. */
static char *
word(char **text)
{
	char *w = *text, *end = strchr(w, ' ');

	*text = end ? end + 1 : w + strlen(w);
	if (end)
		*end = '\0';
	return w;
}

/* "SHA256 BYTES ADDRESS TYPE" */
static int
read_file(struct webhashes *l, size_t first, char *rest)
{
	struct webhashes_file *f = &l->files[l->n_files];
	const char *sum, *size;
	uint64_t bytes;

	if (l->n_files == WEBHASHES_FILES_MAX)
		return -1;
	sum = word(&rest);
	size = word(&rest);
	f->address = word(&rest);
	f->type = rest;
	if (!str_unhex(sum, f->sum, sizeof f->sum) || !str_u64(size, WEBHASHES_FILE_MAX, &bytes) ||
	    !is_address(f->address) || !*f->type ||
	    webhashes_find(l, f->address, strlen(f->address)) ||
	    (l->n_files == 0) != (strcmp(f->address, PAGE) == 0))
		return -1;
	f->size = bytes;
	f->first_header = first;
	f->n_headers = l->n_headers - first;
	l->n_files++;
	return 0;
}

static int
read_line(struct webhashes *l, size_t *first, char *line)
{
	if (str_starts(line, "header "))
		return read_header(l, first, line + strlen("header "));
	if (str_starts(line, "file "))
		return read_file(l, *first, line + strlen("file "));
	if (!str_starts(line, "version ") || l->version)
		return -1;
	l->version = line + strlen("version ");
	return 0;
}

/* Every line ends with a newline: a list that was cut is none. */
static int
read_lines(struct webhashes *l, struct err *e)
{
	size_t first = 0, number = 1;
	char *line = l->text, *end;

	if (!str_starts(line, FIRST "\n"))
		return err_set(e, "not a list of this form: its first line is not \"" FIRST "\"");
	for (line += strlen(FIRST "\n"); *line; line = end + 1) {
		number++;
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (!end || !str_is_printable(line, strlen(line)) || read_line(l, &first, line) < 0)
			return err_set(e, "line %zu is not what such a list has there", number);
	}
	return l->version && l->n_files > 0 ? 0
					    : err_set(e, "the list names no version, or no file");
}

int
webhashes_parse(struct webhashes **ret, char *text, struct err *e)
{
	struct webhashes *l = calloc(1, sizeof *l);

	if (!l) {
		free(text);
		return err_memory(e);
	}
	l->text = text;
	if (read_lines(l, e) < 0) {
		webhashes_free(l);
		return -1;
	}
	*ret = l;
	return 0;
}

void
webhashes_free(struct webhashes *l)
{
	if (!l)
		return;
	free(l->text);
	free(l);
}
