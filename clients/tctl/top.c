/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top: see top.h.
 */
#include "tctl/top.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/out.h"

enum { CELL = 48, BUCKETS = 32 };

/* --- reading ------------------------------------------------------------------------------- */

/* One line: `name{labels} number`. False: none of the metric's. */
static bool
line_value(const char *line, size_t n, const char *metric, const char *label, double *ret)
{
	size_t len = strlen(metric);
	const char *end = line + n, *labels = line + len, *number;

	if (n <= len || memcmp(line, metric, len) != 0 || (*labels != '{' && *labels != ' '))
		return false;
	number = memrchr(line, ' ', n);
	if (!number)
		return false;
	/* Within the labels only: a value that is all that follows cannot pass for one. */
	if (label && !memmem(labels, (size_t)(number - labels), label, strlen(label)))
		return false;
	*ret = number + 1 < end ? strtod(number + 1, NULL) : (double)NAN;
	return true;
}

/* The next line of the text that is of the metric; *pos is where to go on. */
static bool
next_value(const char **pos, const char *metric, const char *label, double *ret)
{
	while (**pos) {
		const char *line = *pos;
		size_t n = strcspn(line, "\n");

		*pos = line + n + (line[n] == '\n');
		if (line_value(line, n, metric, label, ret))
			return true;
	}
	return false;
}

double
top_value(const char *text, const char *metric, const char *label)
{
	double sum = 0, v;
	bool found = false;

	while (next_value(&text, metric, label, &v)) {
		sum += v;
		found = true;
	}
	return found ? sum : (double)NAN;
}

/* Of a counter that begins at 0 with its process. */
static double
growth(double now, double before)
{
	return now >= before ? now - before : now;
}

double
top_rate(const struct top_daemon *d, const char *metric, const char *label)
{
	double now = top_value(d->now, metric, label);

	if (!d->before || d->now_s <= d->before_s)
		return (double)NAN;
	return growth(now, top_value(d->before, metric, label)) / (d->now_s - d->before_s);
}

/* `le="0.25"` of a line. */
static double
bound_of(const char *line)
{
	const char *le = strstr(line, "le=\"");

	return le && le < line + strcspn(line, "\n") ? strtod(le + 4, NULL) : (double)NAN;
}

/* Bounds and counts of all methods together: the lines of each come in the same order. */
static size_t
read_buckets(const char *text, const char *metric, double *bounds, double *counts)
{
	char name[128];
	size_t n = 0;
	double v;

	(void)str_format(name, sizeof(name), "%s_bucket", metric);
	while (next_value(&text, name, "le=\"", &v)) {
		/* Back to the line that was just read. */
		const char *line = text - 1;
		double bound;
		size_t i = 0;

		while (line[-1] != '\n')
			line--;
		bound = bound_of(line);
		while (i < n && bounds[i] != bound)
			i++;
		if (i == BUCKETS)
			continue;
		if (i == n) {
			bounds[n] = bound;
			counts[n++] = 0;
		}
		counts[i] += v;
	}
	return n;
}

double
top_quantile(const struct top_daemon *d, const char *metric, double part)
{
	double bounds[BUCKETS], now[BUCKETS], old_bounds[BUCKETS], before[BUCKETS];
	size_t n = read_buckets(d->now, metric, bounds, now);
	size_t n_before = d->before ? read_buckets(d->before, metric, old_bounds, before) : 0;
	double all;

	if (n == 0 || n_before != n)
		return (double)NAN;
	all = growth(now[n - 1], before[n - 1]);
	if (all <= 0)
		return (double)NAN;
	for (size_t i = 0; i < n; i++)
		if (growth(now[i], before[i]) >= all * part)
			return bounds[i];
	return (double)NAN;
}

/* --- keeping ------------------------------------------------------------------------------- */

static struct top_daemon *
find(struct top *t, const char *name, const char *host)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->daemons[i].name, name) == 0 && strcmp(t->daemons[i].host, host) == 0)
			return &t->daemons[i];
	if (t->n == TOP_DAEMONS)
		return NULL;
	struct top_daemon *d = &t->daemons[t->n++];
	*d = (struct top_daemon){ .now = NULL };
	(void)str_copy(d->name, sizeof(d->name), name);
	(void)str_copy(d->host, sizeof(d->host), host);
	return d;
}

int
top_add(struct top *t, const char *name, const char *host, const char *text, double now_s)
{
	struct top_daemon *d = find(t, name, host);
	char *copy;

	if (!d)
		return -1;
	/* Nothing new: authd had no newer text of a proxy. The rates stay those of the last two. */
	if (d->now && strcmp(d->now + 1, text) == 0)
		return 0;
	/* With a line before the first, so that a line is found from its end backwards. */
	copy = malloc(strlen(text) + 2);
	if (!copy)
		return -1;
	copy[0] = '\n';
	memcpy(copy + 1, text, strlen(text) + 1);
	free(d->before);
	d->before = d->now;
	d->before_s = d->now_s;
	d->now = copy;
	d->now_s = now_s;
	return 0;
}

void
top_done(struct top *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->daemons[i].now);
		free(t->daemons[i].before);
	}
	t->n = 0;
}

/* --- showing ------------------------------------------------------------------------------- */

/* "-" for what is not known. */
static const char *
number(char cell[CELL], int digits, double v, const char *unit)
{
	if (isnan(v))
		(void)str_copy(cell, CELL, "-");
	else
		(void)str_format(cell, CELL, "%.*f%s", digits, v, unit);
	return cell;
}

static const char *
whole(char cell[CELL], double v)
{
	return number(cell, 0, v, "");
}

static const char *
bytes(char cell[CELL], double v)
{
	return v >= 1e9 ? number(cell, 1, v / 1e9, " GB") : number(cell, 0, v / 1e6, " MB");
}

static const char *
seconds(char cell[CELL], double v)
{
	/* Clocks of two hosts differ, and a proxy says what it likes. */
	if (isnan(v) || v < 0 || v > 1e9)
		return number(cell, 0, (double)NAN, "");
	if (v < 1)
		return number(cell, v < 0.01, v * 1000, " ms");
	str_duration_text((int64_t)v, cell, CELL);
	return cell;
}

static const char *
share(char cell[CELL], double part, double of)
{
	return number(cell, 0, of > 0 ? 100 * part / of : (double)NAN, " %");
}

static void
put_daemon(struct cli_table *t, const struct top_daemon *d, double wall_s)
{
	char cells[7][CELL], title[sizeof(d->name) + TOP_HOST_SIZE + 2];
	const char *text = d->now;

	(void)str_format(title, sizeof(title), "%s%s%s", d->name, *d->host ? " " : "", d->host);
	cli_table_add(t, title,
	    seconds(cells[0], floor(wall_s - top_value(text, "process_start_time_seconds", NULL))),
	    top_value(text, "sallyport_ready", NULL) == 1 ? "yes" : "NO",
	    number(cells[1], 1, 100 * top_rate(d, "process_cpu_seconds_total", NULL), " %"),
	    bytes(cells[2], top_value(text, "process_resident_memory_bytes", NULL)),
	    share(cells[3], top_value(text, "process_open_fds", NULL),
		top_value(text, "process_max_fds", NULL)),
	    seconds(cells[4], top_quantile(d, "sallyport_loop_lag_seconds", 0.99)),
	    number(cells[5], 1, top_rate(d, "sallyport_rpc_seconds_count", NULL), ""),
	    share(cells[6], top_value(text, "sallyport_spool_bytes", NULL),
		top_value(text, "sallyport_spool_limit_bytes", NULL)),
	    NULL);
}

/* The sum over daemons of a name; NAN: none has it. */
static double
total(const struct top *t, const char *name, const char *metric, const char *label)
{
	double sum = (double)NAN;

	for (size_t i = 0; i < t->n; i++) {
		double v = strcmp(t->daemons[i].name, name) == 0
		    ? top_value(t->daemons[i].now, metric, label)
		    : (double)NAN;

		if (!isnan(v))
			sum = isnan(sum) ? v : sum + v;
	}
	return sum;
}

/* A minute; the same of what grew. */
static double
pace(const struct top *t, const char *name, const char *metric, const char *label)
{
	double sum = (double)NAN;

	for (size_t i = 0; i < t->n; i++) {
		double v = strcmp(t->daemons[i].name, name) == 0
		    ? 60 * top_rate(&t->daemons[i], metric, label)
		    : (double)NAN;

		if (!isnan(v))
			sum = isnan(sum) ? v : sum + v;
	}
	return sum;
}

static const struct top_daemon *
the(const struct top *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->daemons[i].name, name) == 0)
			return &t->daemons[i];
	return NULL;
}

static void
put_people(const struct top *t, FILE *f)
{
	char c[4][CELL];

	fprintf(f, "Nodes     %s online, %s offline; %s tunnels\n",
	    whole(c[0], total(t, "authd", "sallyport_hosts", "kind=\"node\",state=\"online\"")),
	    whole(c[1], total(t, "authd", "sallyport_hosts", "kind=\"node\",state=\"offline\"")),
	    whole(c[2], total(t, "proxyd", "sallyport_tunnels", NULL)));
	fprintf(f, "People    %s connected, %s ways to nodes open; a minute: %s more, %s refused\n",
	    whole(c[0], total(t, "proxyd", "sallyport_people", NULL)),
	    whole(c[1], total(t, "proxyd", "sallyport_channels", NULL)),
	    whole(c[2], pace(t, "proxyd", "sallyport_connects_total", "result=\"ok\"")),
	    whole(c[3],
		pace(t, "proxyd", "sallyport_denials_total", NULL) +
		    pace(t, "proxyd", "sallyport_connects_total", "result=\"refused\"")));
	fprintf(f,
	    "Logins    a minute: %s, %s wrong; %s passwords wait; %s certificates for users\n",
	    whole(c[0], pace(t, "authd", "sallyport_logins_total", "result=\"ok\"")),
	    whole(c[1], pace(t, "authd", "sallyport_logins_total", "result=\"wrong\"")),
	    whole(c[2], total(t, "authd", "sallyport_passwords_waiting", NULL)),
	    whole(c[3], pace(t, "authd", "sallyport_certificates_issued_total", "kind=\"user\"")));
}

static void
put_record(const struct top *t, double wall_s, FILE *f)
{
	const struct top_daemon *d = the(t, "auditd");
	char c[4][CELL];

	if (t->trouble || !d) {
		fprintf(f, "Record    auditd: %s\n", t->trouble ? t->trouble : "-");
		return;
	}
	fprintf(f,
	    "Record    database %s; %s records a second, %s wait; last commit %s ago, 95 of 100 within %s\n",
	    top_value(d->now, "sallyport_database_up", NULL) == 1 ? "up" : "DOWN",
	    number(c[0], 1, top_rate(d, "sallyport_ingest_records_total", NULL), ""),
	    whole(c[1], top_value(d->now, "sallyport_ingest_queue_records", NULL)),
	    seconds(c[2],
		floor(wall_s - top_value(d->now, "sallyport_last_commit_timestamp_seconds", NULL))),
	    seconds(c[3], top_quantile(d, "sallyport_commit_seconds", 0.95)));
}

void
top_print(const struct top *t, double wall_s, FILE *f)
{
	struct cli_table *table = cli_table_new("Daemon", "Up", "Ready", "CPU", "Memory",
	    "Descriptors", "Lag", "Calls/s", "Spool", NULL);

	if (!table)
		return;
	for (size_t i = 0; i < t->n; i++)
		put_daemon(table, &t->daemons[i], wall_s);
	cli_table_print(table, f);
	cli_table_free(table);
	put_people(t, f);
	put_record(t, wall_s, f);
}
