/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: UUIDs and frames of records; see record.h. Security: bytes of producers.
 */
#include "audit/record.h"

#include <string.h>

#include "base/str.h"
#include "base/wire.h"
#include "rec/frame.h"
#include "rec/shown.h"

bool
record_uuid_read(const char *text, uint8_t ret[16])
{
	char digits[33];
	size_t n = 0;

	if (strlen(text) != 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash != (text[i] == '-'))
			return false;
		if (!dash)
			digits[n++] = text[i];
	}
	digits[n] = 0;
	return str_unhex(digits, ret, 16);
}

void
record_uuid_text(const uint8_t uuid[16], char ret[37])
{
	char hex[33];

	str_hex(hex, uuid, 16);
	(void)str_format(ret, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
	    hex + 20);
}

static void
read_resize(struct span data, struct record_frames *ret)
{
	struct wire w = wire_from(data);
	uint32_t both = wire_u32(&w);

	/* A malformed size is left out rather than the recording: whoever plays it reads the
	 * frames again. */
	if (!wire_end(&w) || ret->cols)
		return;
	ret->cols = (int)(both >> 16);
	ret->rows = (int)(both & 0xffff);
}

/* The last one counts; a node writes one. */
static void
read_exit(struct span data, struct record_frames *ret)
{
	struct wire w = wire_from(data);
	struct span signal_name;

	ret->exit_status = (int32_t)wire_u32(&w);
	if (w.bad)
		return;
	ret->has_exit = true;
	signal_name = wire_rest(&w);
	str_clean(ret->exit_signal, sizeof(ret->exit_signal), (const char *)signal_name.p,
	    signal_name.n);
}

int
record_read_frames(struct span data, struct record_frames *ret, struct shown *shown,
    struct buf *text)
{
	struct frame f;
	int got;

	*ret = (struct record_frames){ 0 };
	while ((got = frame_next(&data, &f)) > 0) {
		ret->frames++;
		/* Far from an overflow, also when the spans of chunks are added. */
		if (f.dt_us > INT64_MAX / 4 - (uint64_t)ret->span_us)
			return -1;
		ret->span_us += (int64_t)f.dt_us;
		switch (f.type) {
		case FRAME_OUT:
		case FRAME_ERR:
			ret->bytes += f.data.n;
			break;
		case FRAME_RESIZE:
			read_resize(f.data, ret);
			break;
		case FRAME_EXIT:
			read_exit(f.data, ret);
			break;
		default:
			break;
		}
		if (shown)
			shown_add(shown, &f, text);
	}
	return got;
}
