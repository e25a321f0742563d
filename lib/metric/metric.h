/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric: what a daemon shows to those who watch it, in the text format of Prometheus (version 0.0.4).
 *
 * Whatever is counted is counted where it happens, in the struct of whoever it happens to (an uint64_t, a struct
 * histogram). A table says under which name it is shown:
 *
 *	static const struct metric rows[] = {
 *		{ "sallyport_tunnels", METRIC_GAUGE, "Nodes whose tunnel is up.", put_tunnels },
 *	};
 *	static void
 *	put_tunnels(struct metric_out *out, const void *arg)
 *	{
 *		metric_put(out, tunnels_count(((const struct proxy *)arg)->tunnels));
 *	}
 *
 * and asks for it when somebody looks. So nothing is registered, and nothing runs while nobody does. docs/METRICS.md
 * lists every name; an end-to-end test holds the daemons to it.
 *
 * Security: anybody who reaches the address can read what is put. The value of a label is one of a list that this
 * program knows beforehand (a result, a method, a kind), never a user, a host, a command or anything else that came from
 * outside: names of people do not belong there, and each new one would be kept for ever by who collects it.
 */
#ifndef METRIC_METRIC_H
#define METRIC_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "metric/histogram.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_out;

struct metric {
	const char *name;
	enum metric_type type;
	const char *help; /* a sentence */
	/* Puts the values there are; none when it is not known. */
	void (*put)(struct metric_out *out, const void *arg);
};

/* The text, while it is made. */
struct metric_out {
	struct buf *text;
	const struct metric *row; /* that is being put */
	size_t values;            /* of this row */
};

/* More values than this under one name mean a label that is not bounded: the rest is left out. */
enum { METRIC_VALUES_MAX = 256 };

/* text: its ceiling is the caller's, who looks at buf_ok when everything is there. */
void metric_begin(struct metric_out *out, struct buf *text);
/* Every row of a table, each asked with arg. A name must not come twice. */
void metric_table(struct metric_out *out, const struct metric *rows, size_t n, const void *arg);

/* In a put. */
void metric_put(struct metric_out *out, double value);
void metric_put_label(struct metric_out *out, const char *label, const char *text, double value);
/* Two labels, as of build_info. */
void metric_put_labels(struct metric_out *out, const char *const labels[2],
    const char *const texts[2], double value);
/* label NULL: it has none. */
void metric_put_histogram(struct metric_out *out, const char *label, const char *text,
    const struct histogram *h);

#endif
