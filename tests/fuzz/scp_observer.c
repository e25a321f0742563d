/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The old protocol of scp between two sides that may both be hostile. Input: a byte whose lowest bit is the direction of
 * the files, then pieces as in sftp_observer.c. What was taken as whole has all its bytes; a piece that has to wait is
 * shown again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "session/scp_observer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
on_report(const struct file_report *r, void *arg)
{
	(void)arg;
	if (r->passed.whole && (!r->ok || !r->passed.has_hash || r->passed.n_ranges > 1))
		abort();
	if (!r->ok && !r->why.p)
		abort();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scp_observer_word words[] = { { "/etc/x", NULL }, { "a*", "a*" } };
	struct file_observer *o;

	if (size == 0)
		return 0;
	o = scp_observer_new(data[0] & 1, words, data[0] & 1 ? 1 : 2, on_report, NULL);
	for (size_t at = 1; at < size;) {
		bool is_client = data[at] & 1;
		size_t n = data[at++] >> 1;

		if (n > size - at)
			n = size - at;
		struct span s = { data + at, n };
		ssize_t took = is_client         ? file_observer_client(o, s)
		    : file_observer_server(o, s) ? -1
						 : (ssize_t)n;
		if (took < 0)
			break;
		if ((size_t)took > n)
			abort();
		at += n;
	}
	file_observer_end(o, "the end");
	file_observer_end(o, NULL);
	file_observer_free(o);
	return 0;
}
