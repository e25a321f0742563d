/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram: how long something took, counted in buckets: turns of the loop, calls, transactions. One scale for all of
 * them, from half a millisecond to half a minute, so that what is watched can be compared and costs the same everywhere.
 * A struct of its owner, zeroed to begin with; adding allocates nothing and cannot fail. Written out by metric.h.
 */
#ifndef METRIC_HISTOGRAM_H
#define METRIC_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 15 };

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS + 1]; /* the last: longer than every bound */
	uint64_t sum_us;
};

/* Upper bounds of the buckets, microseconds, rising; what took exactly as long is within. */
extern const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS];

/* Less than nothing, from a clock that was set back, counts as nothing. */
void histogram_add(struct histogram *h, int64_t us);

#endif
