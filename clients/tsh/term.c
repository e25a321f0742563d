/* SPDX-License-Identifier: Apache-2.0 */
/*
 * term: the user's own terminal. Called by `tsh ssh`; touches standard input's terminal settings.
 */
#include "tsh/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/str.h"

/* What term_restore puts back, also from atexit, hence static. */
static struct termios saved;
static bool is_raw;

bool
term_is_tty(void)
{
	return isatty(STDIN_FILENO) == 1;
}

void
term_size(struct ssh_window *ret)
{
	struct winsize ws = { 0 };

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_col == 0 || ws.ws_row == 0)
		ws = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	*ret = (struct ssh_window){ ws.ws_col, ws.ws_row, ws.ws_xpixel, ws.ws_ypixel };
}

void
term_describe(struct ssh_pty *ret)
{
	const char *term = getenv("TERM");
	struct ssh_window w;
	struct termios tio;
	struct buf b;

	memset(ret, 0, sizeof *ret);
	(void)str_copy(ret->term, sizeof ret->term, term && *term ? term : "dumb");
	term_size(&w);
	ret->cols = w.cols;
	ret->rows = w.rows;
	ret->width_px = w.width_px;
	ret->height_px = w.height_px;
	/* As they are before term_raw: the node's terminal is to be a usual one. */
	if (tcgetattr(STDIN_FILENO, &tio) < 0)
		return;
	buf_init(&b, SSH_MODES_MAX);
	ssh_modes_put(&b, &tio);
	if (buf_ok(&b) && b.len > 0) {
		memcpy(ret->modes, buf_head(&b), b.len);
		ret->n_modes = b.len;
	}
	buf_done(&b);
}

void
term_restore(void)
{
	if (is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	is_raw = false;
}

void
term_raw(void)
{
	static bool registered;
	struct termios tio;

	if (is_raw || tcgetattr(STDIN_FILENO, &saved) < 0)
		return;
	tio = saved;
	cfmakeraw(&tio);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &tio) < 0)
		return;
	is_raw = true;
	/* Also for errors that end the program elsewhere: nobody should be left with a raw
	 * terminal. */
	if (!registered && atexit(term_restore) == 0)
		registered = true;
}

void
term_filter_init(struct term_filter *f, bool enabled)
{
	*f = (struct term_filter){ .enabled = enabled, .line_start = true };
}

static enum term_escape
escape_of(uint8_t c)
{
	switch (c) {
	case '.':
		return TERM_DISCONNECT;
	case 0x1a:
		return TERM_SUSPEND;
	case '?':
		return TERM_HELP;
	default:
		return TERM_NONE;
	}
}

size_t
term_filter(struct term_filter *f, const uint8_t *in, size_t n, uint8_t *out, size_t *ret_used,
    enum term_escape *ret_escape)
{
	size_t len = 0, i;

	*ret_escape = TERM_NONE;
	if (!f->enabled) { /* not typed: a file, perhaps a long one */
		memcpy(out, in, n);
		*ret_used = n;
		return n;
	}
	for (i = 0; i < n; i++) {
		uint8_t c = in[i];

		if (f->tilde) {
			f->tilde = false;
			*ret_escape = escape_of(c);
			if (*ret_escape != TERM_NONE) {
				f->line_start = true;
				i++;
				break;
			}
			/* It was no escape, so the tilde that was held back is sent, too. */
			out[len++] = '~';
			if (c == '~') {
				f->line_start = false;
				continue;
			}
		} else if (f->line_start && c == '~') {
			f->tilde = true;
			continue;
		}
		out[len++] = c;
		f->line_start = c == '\r' || c == '\n';
	}
	*ret_used = i;
	return len;
}
