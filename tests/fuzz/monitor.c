/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What noded's worker may write to its monitor: any bytes. What was read, written again, must read the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/monitor_proto.c" /* a service's file: not in the library the fuzz targets link */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One message read and written; false when it is none. */
typedef bool again_fn(struct buf *b, struct wire w);

static bool
start_again(struct buf *b, struct wire w)
{
	static struct mon_start m;

	if (mon_get_start(&m, &w))
		return false;
	mon_put_start(b, &m);
	return true;
}

static bool
prove_again(struct buf *b, struct wire w)
{
	struct mon_prove m;

	if (mon_get_prove(&m, &w))
		return false;
	mon_put_prove(b, &m);
	return true;
}

static bool
sign_again(struct buf *b, struct wire w)
{
	struct mon_sign m;

	if (mon_get_sign(&m, &w))
		return false;
	mon_put_sign(b, &m);
	return true;
}

static bool
exited_again(struct buf *b, struct wire w)
{
	struct mon_exited m;

	if (mon_get_exited(&m, &w))
		return false;
	mon_put_exited(b, &m);
	return true;
}

static void
reads_the_same(again_fn *again, struct wire w)
{
	struct buf first, second;

	buf_init(&first, 2 * MON_MESSAGE_MAX);
	buf_init(&second, 2 * MON_MESSAGE_MAX);
	if (again(&first, w) && buf_ok(&first) &&
	    (!again(&second, wire_from(buf_span(&first))) ||
		!span_eq(buf_span(&first), buf_span(&second))))
		abort();
	buf_done(&first);
	buf_done(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire w;
	uint32_t request;
	uint8_t type;

	if (mon_open((struct span){ data, size }, &type, &request, &w))
		return 0;
	reads_the_same(start_again, w);
	reads_the_same(prove_again, w);
	reads_the_same(sign_again, w);
	reads_the_same(exited_again, w);
	return 0;
}
