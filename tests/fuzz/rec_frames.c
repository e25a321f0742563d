/* SPDX-License-Identifier: Apache-2.0 */
/* Recording frames: what was read, written again, must read the same; exporters must take anything. */
#include <stdlib.h>

#include "rec/batch.h"
#include "rec/frame.h"
#include "rec/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
reads_the_same(struct span in)
{
	struct frame f, again;
	struct buf b;

	buf_init(&b, (size_t)4 << 20);
	while (frame_next(&in, &f) > 0) {
		struct span one;

		buf_reset(&b);
		frame_put(&b, f.type, f.dt_us, f.data);
		one = buf_span(&b);
		if (frame_next(&one, &again) != 1 || again.type != f.type ||
		    again.dt_us != f.dt_us || !span_eq(again.data, f.data) || one.n != 0)
			abort();
	}
	buf_done(&b);
}

/* Text comes out the same, however the bytes are cut. */
static void
shows_the_same(struct span in)
{
	struct buf whole, cut;
	struct rec_text t;

	buf_init(&whole, (size_t)4 << 20);
	buf_init(&cut, (size_t)4 << 20);
	rec_text_init(&t);
	rec_text_add(&t, in, &whole);
	rec_text_end(&t, &whole);
	rec_text_init(&t);
	for (size_t i = 0; i < in.n; i++)
		rec_text_add(&t, (struct span){ in.p + i, 1 }, &cut);
	rec_text_end(&t, &cut);
	if (!span_eq(buf_span(&whole), buf_span(&cut)))
		abort();
	buf_done(&whole);
	buf_done(&cut);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = { data, size }, record;

	reads_the_same(in);
	shows_the_same(in);
	while (batch_next(&in, &record) > 0)
		reads_the_same(record);
	return 0;
}
