/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: columns for people; see out.h.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/out_priv.h"

enum {
	TABLE_MAX_COLUMNS = 16,
	TABLE_MAX_CELL = 4096,
	TABLE_MIN_CUT = 10, /* a last column narrower than this is not cut further */
	WIDTH_OF_TERMINAL = -1,
};

struct row {
	char *cell[TABLE_MAX_COLUMNS];
};

struct cli_table {
	struct row heading;
	struct row *rows;
	size_t n_rows, cap;
	int columns;
	int width; /* to cut at; 0 never, WIDTH_OF_TERMINAL */
	bool headless;
};

/* Cells come from servers and nodes: nothing in them may move the cursor. */
static char *
clean_copy(const char *text)
{
	size_t n = strnlen(text, TABLE_MAX_CELL);
	char *copy = malloc(n + 1);

	if (copy)
		str_clean(copy, n + 1, text, n);
	return copy;
}

/* As many cells as there are texts before the NULL. Returns their number; a cell without memory
 * stays empty. */
static int
fill(struct row *row, const char *first, va_list ap)
{
	int n = 0;

	for (const char *s = first; s && n < TABLE_MAX_COLUMNS; s = va_arg(ap, const char *))
		row->cell[n++] = clean_copy(s);
	return n;
}

struct cli_table *
cli_table_new(const char *heading, ...)
{
	struct cli_table *t = calloc(1, sizeof(*t));
	va_list ap;

	if (!t)
		return NULL;
	va_start(ap, heading);
	t->columns = fill(&t->heading, heading, ap);
	va_end(ap);
	t->width = WIDTH_OF_TERMINAL;
	return t;
}

static void
row_done(struct row *row)
{
	for (int i = 0; i < TABLE_MAX_COLUMNS; i++)
		free(row->cell[i]);
}

void
cli_table_free(struct cli_table *t)
{
	if (!t)
		return;
	row_done(&t->heading);
	for (size_t i = 0; i < t->n_rows; i++)
		row_done(&t->rows[i]);
	free(t->rows);
	free(t);
}

void
cli_table_add(struct cli_table *t, const char *cell, ...)
{
	va_list ap;

	if (t->n_rows == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 32;
		struct row *rows = reallocarray(t->rows, cap, sizeof(*rows));

		/* A row less is better than no table. */
		if (!rows)
			return;
		t->rows = rows;
		t->cap = cap;
	}
	t->rows[t->n_rows] = (struct row){ 0 };
	va_start(ap, cell);
	fill(&t->rows[t->n_rows], cell, ap);
	va_end(ap);
	t->n_rows++;
}

void
cli_table_headless(struct cli_table *t)
{
	t->headless = true;
}

void
cli_table_uncut(struct cli_table *t)
{
	t->width = 0;
}

void
cli_table_width(struct cli_table *t, int columns)
{
	t->width = columns;
}

static const char *
cell_of(const struct row *row, int column)
{
	return row->cell[column] ? row->cell[column] : "";
}

/* In columns of a terminal, not in bytes. */
static void
measure(const struct cli_table *t, int width[TABLE_MAX_COLUMNS])
{
	for (int c = 0; c < t->columns; c++) {
		width[c] = t->headless ? 0 : cli_width(cell_of(&t->heading, c));
		for (size_t r = 0; r < t->n_rows; r++) {
			int w = cli_width(cell_of(&t->rows[r], c));

			if (w > width[c])
				width[c] = w;
		}
	}
}

/* Text within max columns, "..." at its end when that was not all. */
static void
print_cut(const char *text, int max, FILE *f)
{
	int columns = 0;
	int bytes;

	/* max 0: never cut. */
	if (max <= 0 || cli_width(text) <= max) {
		fputs(text, f);
		return;
	}
	while (*text) {
		int w = cli_char_width(text, &bytes);

		if (columns + w > max - 3)
			break;
		fwrite(text, 1, (size_t)bytes, f);
		text += bytes;
		columns += w;
	}
	fputs("...", f);
}

/* No blanks at the ends of lines. */
static bool
is_last_used(const struct cli_table *t, const struct row *row, int column)
{
	for (int c = column + 1; c < t->columns; c++)
		if (*cell_of(row, c))
			return false;
	return true;
}

static void
print_row(const struct cli_table *t, const struct row *row, const int *width, int cut, FILE *f)
{
	for (int c = 0; c < t->columns; c++) {
		const char *text = cell_of(row, c);

		if (c == t->columns - 1)
			print_cut(text, cut, f);
		else
			fputs(text, f);
		if (is_last_used(t, row, c))
			break;
		for (int pad = width[c] - cli_width(text) + 2; pad > 0; pad--)
			fputc(' ', f);
	}
	fputc('\n', f);
}

static void
print_dashes(const struct cli_table *t, const int *width, int cut, FILE *f)
{
	for (int c = 0; c < t->columns; c++) {
		int n = width[c];

		if (c == t->columns - 1 && cut > 0 && n > cut)
			n = cut;
		for (; n > 0; n--)
			fputc('-', f);
		fputs(c == t->columns - 1 ? "\n" : "  ", f);
	}
}

/* Columns that are left for the last column; 0: as many as it likes. */
static int
last_column(const struct cli_table *t, const int *width, FILE *f)
{
	int total = t->width;

	if (total == WIDTH_OF_TERMINAL)
		/* Cut only on a terminal: what goes into a file or a pipe is whole. */
		total = f == stdout ? cli_columns() : 0;
	if (total <= 0)
		return 0;
	for (int c = 0; c < t->columns - 1; c++)
		total -= width[c] + 2;
	return total < TABLE_MIN_CUT ? TABLE_MIN_CUT : total;
}

void
cli_table_print(const struct cli_table *t, FILE *f)
{
	int width[TABLE_MAX_COLUMNS] = { 0 };
	int cut;

	measure(t, width);
	cut = last_column(t, width, f);
	if (!t->headless) {
		print_row(t, &t->heading, width, cut, f);
		print_dashes(t, width, cut, f);
	}
	for (size_t r = 0; r < t->n_rows; r++)
		print_row(t, &t->rows[r], width, cut, f);
	if (!t->headless)
		fputc('\n', f);
}
