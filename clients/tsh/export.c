/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export: frames as text, JSON and asciicast. Called by `tsh play`.
 */
#include "tsh/export.h"

#include "base/str.h"
#include "base/wire.h"
#include "cli/out.h"
#include "rec/shown.h"

static int
damaged(struct err *e)
{
	return err_set(e, "the recording is damaged");
}

/* --- plain text ---------------------------------------------------------------------------- */

/* More than any frame becomes: each of its bytes may be shown as three. */
enum { SHOWN_MAX = 4 * FRAME_DATA_MAX };

/* Not with fwrite alone: an empty buffer has no address. */
static void
put_all(struct buf *b, FILE *f)
{
	if (b->len > 0)
		(void)fwrite(buf_head(b), 1, b->len, f);
}

int
export_text(struct span frames, FILE *f, struct err *e)
{
	struct shown shown;
	struct frame frame;
	struct buf b;
	int rc;

	shown_init(&shown);
	buf_init(&b, SHOWN_MAX);
	while ((rc = frame_next(&frames, &frame)) == 1) {
		shown_add(&shown, &frame, &b);
		put_all(&b, f);
		buf_reset(&b);
	}
	shown_end(&shown, &b);
	put_all(&b, f);
	buf_done(&b);
	return rc < 0 ? damaged(e) : 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *
text_value(struct span data)
{
	json_t *v = cli_bytes_value(data.p, data.n, NULL);

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
	case FRAME_IN_TEXT:
		return "input-text";
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

/* Of which stream a gap is, and the hash of what is not there. */
static void
add_gap(json_t *object, struct span data)
{
	struct wire w = wire_from(data);
	char hex[65];

	(void)wire_u64(&w);
	json_object_set_new(object, "stream", json_string(type_name(wire_u8(&w))));
	struct span digest = wire_bytes(&w, 32);
	if (w.bad)
		return;
	str_hex(hex, digest.p, digest.n);
	json_object_set_new(object, "sha256", json_string(hex));
}

static json_t *
frame_value(const struct frame *f, uint64_t at_us)
{
	json_t *v = json_pack("{s:f, s:s, s:o}", "time", (double)at_us / 1e6, "type",
	    type_name(f->type), "data", data_value(f));

	if (v && f->type == FRAME_GAP)
		add_gap(v, f->data);
	return v;
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
		json_array_append_new(all, frame_value(&frame, at_us));
	}
	cli_print_value(all, CLI_JSON, f);
	json_decref(all);
	return rc < 0 ? damaged(e) : 0;
}

/* --- asciicast v2 (docs.asciinema.org) ------------------------------------------------------------ */

/* A terminal without a size (a serial line, a program's pty): players make no sense of "0x0". */
static bool
is_size(struct span data)
{
	struct wire w = wire_from(data);
	uint32_t v = wire_u32(&w);

	return !w.bad && v >> 16 && (v & 0xffff);
}

static void
print_line(json_t *v, FILE *f)
{
	cli_dump_json(v, JSON_COMPACT | JSON_REAL_PRECISION(15), f);
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
		if (code && (frame.type != FRAME_RESIZE || is_size(frame.data)))
			print_line(json_pack("[f, s, o]", (double)at_us / 1e6, code,
				       data_value(&frame)),
			    f);
	}
	return rc < 0 ? damaged(e) : 0;
}
