/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: frames as text, JSON and asciicast. Called by `tsh play`.
 */
#include "tsh/export.h"

#include "base/wire.h"
#include "cli/out.h"
#include "rec/frame.h"

static int
damaged(struct err *e)
{
	return err_set(e, "the recording is damaged");
}

/* --- plain text ---------------------------------------------------------------------------- */

/* Where in an escape sequence (ECMA-48) the stream is. C1: behind 0xc2, which begins the UTF-8 form of the control
 * characters U+0080 to U+009F too. */
enum where { TEXT, ESCAPE, CSI, STRING, STRING_ESCAPE, C1 };

/* What the character after ESC begins; the C1 characters are the same with 0x40 added. */
static enum where
introduced(uint8_t c)
{
	if (c == '[')
		return CSI;
	return c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_' ? STRING : TEXT;
}

/* One byte more; returns where the stream is after it. Prints what is text. */
static enum where
filter(enum where w, uint8_t c, FILE *f)
{
	switch (w) {
	case ESCAPE:
		return c >= 0x20 && c <= 0x2f ? ESCAPE : introduced(c);
	case CSI:
		return c >= 0x40 && c <= 0x7e ? TEXT : CSI;
	case STRING:
		return c == 7 ? TEXT : c == 0x1b ? STRING_ESCAPE : STRING;
	case STRING_ESCAPE:
		return c == '\\' ? TEXT : STRING;
	case C1:
		if (c >= 0x80 && c <= 0x9f)
			return introduced(c - 0x40);
		fputc(0xc2, f);
		break;
	case TEXT:
		break;
	}
	if (c == 0x1b)
		return ESCAPE;
	if (c == 0xc2)
		return C1;
	if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
		fputc(c, f);
	return TEXT;
}

int
export_text(struct span frames, FILE *f, struct err *e)
{
	enum where w = TEXT;
	struct frame frame;
	int rc;

	while ((rc = frame_next(&frames, &frame)) == 1)
		if (frame.type == FRAME_OUT || frame.type == FRAME_ERR)
			for (size_t i = 0; i < frame.data.n; i++)
				w = filter(w, frame.data.p[i], f);
	return rc < 0 ? damaged(e) : 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* Bytes of a valid UTF-8 character at p, or 0. */
static size_t
utf8_length(const uint8_t *p, size_t n)
{
	size_t len = *p < 0x80        ? 1
	    : *p >= 0xc2 && *p < 0xe0 ? 2
	    : (*p & 0xf0) == 0xe0     ? 3
	    : (*p & 0xf8) == 0xf0     ? 4
				      : 0;
	json_t *v = len && len <= n ? json_stringn((const char *)p, len) : NULL;

	json_decref(v);
	return v ? len : 0;
}

/* JSON text must be UTF-8: every byte that is none becomes U+FFFD. */
static json_t *
text_value(struct span data)
{
	json_t *v = json_stringn((const char *)data.p, data.n);
	struct buf b;

	if (v)
		return v;
	buf_init(&b, 4 * FRAME_DATA_MAX);
	for (size_t i = 0; i < data.n;) {
		size_t len = utf8_length(data.p + i, data.n - i);

		buf_put(&b, len ? (const char *)data.p + i : "\xef\xbf\xbd", len ? len : 3);
		i += len ? len : 1;
	}
	v = json_stringn((const char *)buf_head(&b), b.len);
	buf_done(&b);
	return v ? v : json_string("");
}

static const char *
type_name(uint8_t type)
{
	switch (type) {
	case FRAME_OUT:
		return "output";
	case FRAME_ERR:
		return "error";
	case FRAME_IN:
		return "input";
	case FRAME_RESIZE:
		return "resize";
	case FRAME_MARKER:
		return "marker";
	case FRAME_EXIT:
		return "exit";
	case FRAME_GAP:
		return "gap";
	default:
		return "unknown";
	}
}

/* Resizes as "90x30"; numbers of the other frames in words. */
static json_t *
data_value(const struct frame *f)
{
	struct wire w = wire_from(f->data);
	char text[64];
	uint32_t v;

	switch (f->type) {
	case FRAME_RESIZE:
		v = wire_u32(&w);
		(void)snprintf(text, sizeof text, "%ux%u", v >> 16, v & 0xffff);
		return json_string(text);
	case FRAME_EXIT:
		return json_integer(wire_u32(&w));
	case FRAME_GAP:
		return json_integer((json_int_t)wire_u64(&w));
	default:
		return text_value(f->data);
	}
}

int
export_json(struct span frames, FILE *f, struct err *e)
{
	json_t *all = json_array();
	struct frame frame;
	uint64_t at_us = 0;
	int rc;

	while ((rc = frame_next(&frames, &frame)) == 1) {
		at_us += frame.dt_us;
		json_array_append_new(all,
		    json_pack("{s:f, s:s, s:o}", "time", (double)at_us / 1e6, "type",
			type_name(frame.type), "data", data_value(&frame)));
	}
	cli_print_value(all, CLI_JSON, f);
	json_decref(all);
	return rc < 0 ? damaged(e) : 0;
}

/* --- asciicast v2 (docs.asciinema.org) ------------------------------------------------------------ */

static void
print_line(json_t *v, FILE *f)
{
	(void)json_dumpf(v, f, JSON_COMPACT | JSON_REAL_PRECISION(15));
	fputc('\n', f);
	json_decref(v);
}

int
export_asciicast(struct span frames, uint32_t cols, uint32_t rows, int64_t begun_s, FILE *f,
    struct err *e)
{
	struct frame frame;
	uint64_t at_us = 0;
	int rc;

	print_line(json_pack("{s:i, s:i, s:i, s:I}", "version", 2, "width", cols ? (int)cols : 80,
		       "height", rows ? (int)rows : 24, "timestamp", (json_int_t)begun_s),
	    f);
	while ((rc = frame_next(&frames, &frame)) == 1) {
		/* Exit and gap have no code in the format; their time still counts. */
		const char *code = frame.type == FRAME_OUT || frame.type == FRAME_ERR ? "o"
		    : frame.type == FRAME_IN                                          ? "i"
		    : frame.type == FRAME_RESIZE                                      ? "r"
		    : frame.type == FRAME_MARKER                                      ? "m"
										      : NULL;

		at_us += frame.dt_us;
		if (code)
			print_line(json_pack("[f, s, o]", (double)at_us / 1e6, code,
				       data_value(&frame)),
			    f);
	}
	return rc < 0 ? damaged(e) : 0;
}
