/* SPDX-License-Identifier: Apache-2.0 */
/*
 * term: the user's own terminal: size, modes, raw mode, and the escapes of a session (~. and friends).
 */
#ifndef TSH_TERM_H
#define TSH_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssh/session.h"

/* True when standard input is a terminal. */
bool term_is_tty(void);
/* The pty-req that describes this terminal. Without one: 80x24, "dumb". */
void term_describe(struct ssh_pty *ret);
void term_size(struct ssh_window *ret);
/* Raw mode on; restored by term_restore, also at exit. */
void term_raw(void);
void term_restore(void);

/* What an escape asks for. */
enum term_escape { TERM_NONE, TERM_DISCONNECT, TERM_SUSPEND, TERM_HELP };

/* Filters typed bytes: a '~' at the start of a line begins an escape. */
struct term_filter {
	bool enabled;
	bool line_start;
	bool tilde;
};
void term_filter_init(struct term_filter *f, bool enabled);
/* Copies in[n] to out (which holds 2n bytes), leaving escapes out. Stops at an escape and sets *ret_used to what
 * was read. Returns the number of bytes in out. */
size_t term_filter(struct term_filter *f, const uint8_t *in, size_t n, uint8_t *out,
    size_t *ret_used, enum term_escape *ret_escape);

#endif
