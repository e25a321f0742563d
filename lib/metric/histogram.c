/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram: see histogram.h. Pure.
 */
#include "metric/histogram.h"

const int64_t histogram_bounds_us[HISTOGRAM_BUCKETS] = { 500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000 };

void
histogram_add(struct histogram *h, int64_t us)
{
	int i = 0;

	if (us < 0)
		us = 0;
	/* From below: nearly everything that a daemon does belongs in the first buckets. */
	while (i < HISTOGRAM_BUCKETS && us > histogram_bounds_us[i])
		i++;
	h->count[i]++;
	h->sum_us += (uint64_t)us;
}
