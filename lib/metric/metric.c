/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric: see metric.h. The one place that writes the format: names, escapes, numbers. Called by lib/daemon (diag.c) and by
 * the tables of whoever has something to show. Pure.
 */
#include "metric/metric.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { EXACT = 53 }; /* bits of whole numbers that a double holds */

static const char *const types[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

void
metric_begin(struct metric_out *out, struct buf *text)
{
	*out = (struct metric_out){ .text = text };
}

/* A line break would begin a line of somebody else's choice. Quotes are only escaped within them. */
static void
put_escaped(struct buf *b, const char *text, bool quoted)
{
	for (; *text; text++) {
		if (*text == '\n')
			(void)buf_put(b, "\\n", 2);
		else if (*text == '\\' || (quoted && *text == '"'))
			(void)buf_printf(b, "\\%c", *text);
		else
			(void)buf_put(b, text, 1);
	}
}

void
metric_table(struct metric_out *out, const struct metric *rows, size_t n, const void *arg)
{
	for (const struct metric *row = rows; row < rows + n; row++) {
		out->row = row;
		out->values = 0;
		(void)buf_printf(out->text, "# HELP %s ", row->name);
		put_escaped(out->text, row->help, false);
		(void)buf_printf(out->text, "\n# TYPE %s %s\n", row->name, types[row->type]);
		row->put(out, arg);
	}
}

/* Whole numbers as such, so that bytes and seconds since 1970 lose nothing. */
static void
put_number(struct buf *b, double value)
{
	if (isinf(value))
		(void)buf_printf(b, " %sInf\n", value > 0 ? "+" : "-");
	else if (fabs(value) < (double)(INT64_C(1) << EXACT) && value == trunc(value))
		(void)buf_printf(b, " %" PRId64 "\n", (int64_t)value);
	else
		(void)buf_printf(b, " %.15g\n", value);
}

/* `name="text"`, after what is there already. */
static void
put_label(struct buf *b, char before, const char *name, const char *text)
{
	(void)buf_printf(b, "%c%s=\"", before, name);
	put_escaped(b, text, true);
	(void)buf_put(b, "\"", 1);
}

/* Room for one more? What is not a number is not shown: the value is not known. */
static bool
is_shown(struct metric_out *out, double value)
{
	return !isnan(value) && out->values++ < METRIC_VALUES_MAX;
}

void
metric_put(struct metric_out *out, double value)
{
	if (!is_shown(out, value))
		return;
	(void)buf_put(out->text, out->row->name, strlen(out->row->name));
	put_number(out->text, value);
}

void
metric_put_label(struct metric_out *out, const char *label, const char *text, double value)
{
	if (!is_shown(out, value))
		return;
	(void)buf_put(out->text, out->row->name, strlen(out->row->name));
	put_label(out->text, '{', label, text);
	(void)buf_put(out->text, "}", 1);
	put_number(out->text, value);
}

void
metric_put_labels(struct metric_out *out, const char *const labels[2], const char *const texts[2],
    double value)
{
	if (!is_shown(out, value))
		return;
	(void)buf_put(out->text, out->row->name, strlen(out->row->name));
	put_label(out->text, '{', labels[0], texts[0]);
	put_label(out->text, ',', labels[1], texts[1]);
	(void)buf_put(out->text, "}", 1);
	put_number(out->text, value);
}

/* One line of a histogram: what, its label if it has one, and the number. */
static void
put_part(struct metric_out *out, const char *part, const char *label, const char *text,
    double value)
{
	(void)buf_printf(out->text, "%s_%s", out->row->name, part);
	if (label) {
		put_label(out->text, '{', label, text);
		(void)buf_put(out->text, "}", 1);
	}
	put_number(out->text, value);
}

static void
put_bucket(struct metric_out *out, const char *label, const char *text, int i, uint64_t below)
{
	(void)buf_printf(out->text, "%s_bucket", out->row->name);
	if (label)
		put_label(out->text, '{', label, text);
	(void)buf_printf(out->text, "%cle=\"", label ? ',' : '{');
	if (i < HISTOGRAM_BUCKETS)
		(void)buf_printf(out->text, "%g\"}", (double)histogram_bounds_us[i] / 1e6);
	else
		(void)buf_printf(out->text, "+Inf\"}");
	put_number(out->text, (double)below);
}

void
metric_put_histogram(struct metric_out *out, const char *label, const char *text,
    const struct histogram *h)
{
	uint64_t below = 0;

	if (!is_shown(out, 0))
		return;
	/* The format counts in each bucket what is in those below it, too. */
	for (int i = 0; i <= HISTOGRAM_BUCKETS; i++) {
		below += h->count[i];
		put_bucket(out, label, text, i, below);
	}
	put_part(out, "sum", label, text, (double)h->sum_us / 1e6);
	put_part(out, "count", label, text, (double)below);
}
