/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: the line that says how far the copy of a file is. On standard error, and only on a terminal. Called by
 * copy.c.
 */
#ifndef TSH_PROGRESS_H
#define TSH_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool on;        /* shown at all */
	char name[256]; /* of the file; a hostile node chooses it: clean */
	uint64_t total; /* bytes; 0: not known */
	int64_t began_ms, shown_ms;
	bool drawn; /* a line stands there unfinished */
};

/* quiet: never shown. */
void progress_init(struct progress *p, bool quiet);
/* The next file: the last part of path. */
void progress_begin(struct progress *p, const char *path, uint64_t total);
void progress_show(struct progress *p, uint64_t done);
/* The file is whole; its line stays. */
void progress_end(struct progress *p, uint64_t done);
/* Takes an unfinished line away, for other words. */
void progress_clear(struct progress *p);

/* The line of now_ms in so many columns: name, share, size, speed, and time left, or when last the time that it took. */
void progress_line(const struct progress *p, uint64_t done, int64_t now_ms, bool last, int columns,
    char *dst, size_t size);
/* Bytes in at most seven columns: "999 B", "12.3 kB", "4.00 GB". */
void progress_size(uint64_t bytes, char *dst, size_t size);

#endif
