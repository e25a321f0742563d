/* SPDX-License-Identifier: Apache-2.0 */
/*
 * showing: see showing.h.
 */
#include "tsh/showing.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/wire.h"

/* A few bytes may become a line (screen.c, repeat): so many at once, and room for what they become. */
enum { PIECE_MAX = 1024, SHOWN_MAX = 1024 * 1024 };

void
showing_flush(struct showing *s)
{
	if (s->out.len > 0)
		(void)file_write_all(STDOUT_FILENO, buf_head(&s->out), s->out.len);
	buf_reset(&s->out);
}

static struct screen_size
size_here(void)
{
	struct winsize ws = { 0 };

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return (struct screen_size){ 0, 0 };
	return (struct screen_size){ ws.ws_row, ws.ws_col };
}

static void
begin(struct showing *s, struct screen_size recorded)
{
	s->here = size_here();
	screen_init(&s->screen, recorded, s->here);
	screen_begin(&s->screen, &s->out);
}

void
showing_begin(struct showing *s, struct screen_size recorded)
{
	buf_init(&s->out, SHOWN_MAX);
	begin(s, recorded);
}

void
showing_clear(struct showing *s, struct screen_size recorded)
{
	screen_end(&s->screen, &s->out);
	screen_clear(&s->screen, &s->out);
	showing_flush(s);
	begin(s, recorded);
}

/* Each kind of frame is a stream of its own. */
static size_t
stream_of(uint8_t type)
{
	return type == FRAME_OUT ? 0 : type == FRAME_ERR ? 1 : 2;
}

static void
show_bytes(struct showing *s, size_t stream, struct span data)
{
	while (data.n > 0) {
		struct span piece = { data.p, data.n < PIECE_MAX ? data.n : PIECE_MAX };

		screen_put(&s->screen, stream, piece, &s->out);
		showing_flush(s);
		data.p += piece.n;
		data.n -= piece.n;
	}
}

static void
resize(struct showing *s, struct span data)
{
	struct wire w = wire_from(data);
	uint32_t size = wire_u32(&w);

	if (!w.bad)
		screen_resize(&s->screen, (struct screen_size){ size & 0xffff, size >> 16 },
		    &s->out);
	showing_flush(s);
}

void
showing_frame(struct showing *s, const struct frame *f)
{
	/* Input is recorded where no terminal echoed it. */
	if (f->type == FRAME_OUT || f->type == FRAME_ERR || f->type == FRAME_IN ||
	    f->type == FRAME_IN_TEXT)
		show_bytes(s, stream_of(f->type), f->data);
	else if (f->type == FRAME_RESIZE)
		resize(s, f->data);
}

void
showing_end(struct showing *s)
{
	screen_end(&s->screen, &s->out);
	showing_flush(s);
	buf_done(&s->out);
}
