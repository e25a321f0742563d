/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SFTP between a client and a server that may both be hostile. Input: pieces of a byte whose direction is its lowest bit
 * and whose length are the other seven, then that many bytes. What is told has a path or a reason, ranges that lie apart,
 * and a hash only of what passed in order; the same bytes one at a time tell the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "session/sftp_observer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
	struct sha256 all;
	unsigned n;
};

static int
on_report(const struct file_report *r, void *arg)
{
	struct told *t = arg;
	const struct file_flow_sum *sum = &r->passed;

	for (unsigned i = 0; i < sum->n_ranges; i++)
		if (sum->ranges[i].from >= sum->ranges[i].to ||
		    (i > 0 && sum->ranges[i].from <= sum->ranges[i - 1].to))
			abort();
	if (sum->whole && (!sum->has_hash || r->action > FILE_WRITE))
		abort();
	if (sum->has_hash && sum->n_ranges > 1 && !sum->whole)
		abort();
	if (r->ok && r->has_status && r->status)
		abort();
	t->n++;
	sha256_add(&t->all, &r->action, sizeof r->action);
	sha256_add(&t->all, r->path.p, r->path.n);
	sha256_add(&t->all, &sum->bytes, sizeof sum->bytes);
	sha256_add(&t->all, sum->hash, sizeof sum->hash);
	return 0;
}

/* Shows all of it, in pieces of at most at_once bytes, until something is not taken. */
static struct told
observe(const uint8_t *data, size_t size, size_t at_once)
{
	struct told t = { .n = 0 };
	struct file_observer *o = sftp_observer_new(on_report, &t);

	sha256_init(&t.all);
	for (size_t at = 0; at < size;) {
		bool is_client = data[at] & 1;
		size_t n = data[at++] >> 1;

		if (n > size - at)
			n = size - at;
		for (size_t end = at + n; at < end;) {
			size_t part = end - at < at_once ? end - at : at_once;
			struct span s = { data + at, part };
			ssize_t took = is_client         ? file_observer_client(o, s)
			    : file_observer_server(o, s) ? -1
							 : (ssize_t)part;
			if (took < 0 || (size_t)took > part)
				goto out;
			if (took == 0)
				at = end; /* full: as if nothing more came */
			at += (size_t)took;
		}
	}
	file_observer_end(o, NULL);
out:
	file_observer_free(o);
	return t;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told whole = observe(data, size, SIZE_MAX), bytes = observe(data, size, 1);
	uint8_t a[SHA256_BYTES], b[SHA256_BYTES];

	sha256_end(&whole.all, a);
	sha256_end(&bytes.all, b);
	if (whole.n != bytes.n || memcmp(a, b, sizeof a) != 0)
		abort();
	return 0;
}
