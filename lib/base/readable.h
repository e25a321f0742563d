/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readable: text of any bytes, from a stranger, in a form that a terminal, a log, JSON and a database take, and that
 * says exactly which bytes they were. Used by lib/api/event.c for everything that is written down; the exact bytes
 * go beside it. Memory only.
 *
 * A text of printable UTF-8 stands as it is. In any other text every byte that is not part of a printable character
 * stands as \xHH (\n, \r and \t for these three), and a backslash as \\, so that no two texts look the same. Not
 * printable are: what is no UTF-8 (RFC 3629: stray, cut, overlong, surrogates, above U+10FFFF), control characters
 * (NUL, C0, DEL, C1), and characters that move others about (line separators, overrides of the direction of writing).
 *
 * Security: nothing that it makes can steer a terminal.
 */
#ifndef BASE_READABLE_H
#define BASE_READABLE_H

#include <stdbool.h>

#include "base/buf.h"

/* Bytes of the readable form before the mark of what was left out, "...[N bytes more]". */
enum { READABLE_MAX = 32 * 1024, READABLE_MARK_MAX = 48 };

/* Appends the readable form of text to out. True: it is the text itself, byte for byte. */
bool readable_put(struct buf *out, struct span text);

/* As readable_put, and nothing is cut; at most READABLE_WIDEST bytes for each of the text's. */
void readable_whole(struct buf *out, struct span text);

/* Appends the form of a line for a terminal: as readable_put makes it, but tabs stand as they are, the carriage return
 * of a line that ends in CR LF is left out, and nothing is cut. At most READABLE_WIDEST bytes for each of the text's. */
enum { READABLE_WIDEST = 4 };
void readable_line(struct buf *out, struct span line);

#endif
