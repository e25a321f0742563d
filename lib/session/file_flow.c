/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_flow: see file_flow.h.
 */
#include "session/file_flow.h"

#include <string.h>

void
file_flow_init(struct file_flow *f, bool may_restart)
{
	memset(f, 0, sizeof(*f));
	f->in_order = true;
	f->may_restart = may_restart;
	sha256_init(&f->hash);
}

/* The range that the offset goes on from, or a new one. */
static void
find_range(struct file_flow *f, uint64_t offset)
{
	/* Nearly always it is the one before. */
	if (f->n_ranges > 0 && f->ranges[f->current].to == offset)
		return;
	for (unsigned i = 0; i < f->n_ranges; i++) {
		if (f->ranges[i].to == offset) {
			f->current = i;
			return;
		}
	}
	if (f->n_ranges == FILE_RANGES_MAX) {
		f->more_ranges = true;
		/* The last place is lost to what cannot be told apart any more. */
		f->current = FILE_RANGES_MAX - 1;
	} else {
		f->current = f->n_ranges++;
	}
	f->ranges[f->current] = (struct file_range){ offset, offset };
}

void
file_flow_seek(struct file_flow *f, uint64_t offset)
{
	if (offset == 0 && f->next != 0 && f->may_restart) {
		f->in_order = true;
		f->next = 0;
		sha256_init(&f->hash);
	} else if (offset != f->next) {
		f->in_order = false;
	}
	find_range(f, offset);
}

void
file_flow_add(struct file_flow *f, struct span s)
{
	if (s.n == 0)
		return;
	if (f->n_ranges == 0)
		file_flow_seek(f, 0);
	f->bytes += s.n;
	/* An offset near 2^64 is nobody's file; it must not come round to 0 all the same. */
	if (f->ranges[f->current].to + s.n < s.n) {
		f->in_order = false;
		f->more_ranges = true;
		return;
	}
	f->ranges[f->current].to += s.n;
	if (f->in_order) {
		sha256_add(&f->hash, s.p, s.n);
		f->next += s.n;
	}
}

void
file_flow_disorder(struct file_flow *f)
{
	f->in_order = false;
	f->may_restart = false;
}

bool
file_flow_reaches(const struct file_flow *f, uint64_t n)
{
	return f->in_order && f->next == n;
}

/* Few, so sorted by putting each in its place; what touches or overlaps becomes one. */
static void
sum_ranges(const struct file_flow *f, struct file_flow_sum *ret)
{
	struct file_range sorted[FILE_RANGES_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_ranges; i++) {
		unsigned at = i;
		for (; at > 0 && sorted[at - 1].from > f->ranges[i].from; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = f->ranges[i];
	}
	for (unsigned i = 0; i < f->n_ranges; i++) {
		struct file_range *last = n > 0 ? &ret->ranges[n - 1] : NULL;
		if (last && sorted[i].from <= last->to)
			last->to = sorted[i].to > last->to ? sorted[i].to : last->to;
		else if (sorted[i].to > sorted[i].from)
			ret->ranges[n++] = sorted[i];
	}
	ret->n_ranges = n;
}

/* Of one that began anew, what passed before is in the ranges too: then they do not say what the
 * hash is of. */
static bool
is_hash_of_range(const struct file_flow *f, const struct file_flow_sum *sum)
{
	return !f->more_ranges &&
	    (sum->n_ranges == 0 ||
		(sum->n_ranges == 1 && sum->ranges[0].from == 0 && sum->ranges[0].to == f->next));
}

void
file_flow_sum(struct file_flow *f, bool whole, struct file_flow_sum *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->bytes = f->bytes;
	ret->more_ranges = f->more_ranges;
	sum_ranges(f, ret);
	ret->whole = whole && f->in_order;
	ret->has_hash = ret->whole || (f->in_order && is_hash_of_range(f, ret));
	if (ret->has_hash)
		sha256_end(&f->hash, ret->hash);
}
