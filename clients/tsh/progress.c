/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress: see progress.h.
 */
#include "tsh/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"

enum { SHOW_EVERY_MS = 200, COLUMNS_MIN = 20, COLUMNS_MAX = 1000, NAME_MIN = 8 };

/* "100% 12.3 MB  45.6 MB/s    01:23 ETA": what stands behind the name. */
enum { TAIL_COLUMNS = 5 + 9 + 11 + 13 };

void
progress_init(struct progress *p, bool quiet)
{
	*p = (struct progress){ .on = !quiet && isatty(STDERR_FILENO) };
}

void
progress_begin(struct progress *p, const char *path, uint64_t total)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash && slash[1] ? slash + 1 : path;

	str_clean(p->name, sizeof p->name, name, strlen(name));
	p->total = total;
	p->began_ms = p->shown_ms = clock_mono_ms();
}

void
progress_size(uint64_t bytes, char *dst, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes;
	size_t u = 0;

	/* 999.5 would be shown as 1000. */
	for (; v >= 999.5; u++)
		v /= 1000;
	(void)str_format(dst, size, "%.*f %s",
	    u == 0 || v >= 99.95 ? 0
		: v >= 9.995     ? 1
				 : 2,
	    v, units[u]);
}

/* "01:23", "2:03:04"; a time that nobody waits for is "--:--". */
static void
put_time(int64_t s, char *dst, size_t size)
{
	if (s < 0 || s >= 100 * 3600)
		(void)str_copy(dst, size, "--:--");
	else if (s >= 3600)
		(void)str_format(dst, size, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60),
		    (int)(s % 60));
	else
		(void)str_format(dst, size, "%02d:%02d", (int)(s / 60), (int)(s % 60));
}

static int64_t
seconds_left(const struct progress *p, uint64_t done, double speed)
{
	double left = speed > 0 && p->total >= done ? (double)(p->total - done) / speed : -1;

	return left < 0 || left > 1e9 ? -1 : (int64_t)(left + 0.5);
}

/* In percent. Of a file without a known size nothing is known before its end. */
static unsigned
share_of(const struct progress *p, uint64_t done, bool last)
{
	if (p->total == 0)
		return last ? 100 : 0;
	return done >= p->total ? 100 : (unsigned)((double)done * 100 / (double)p->total);
}

void
progress_line(const struct progress *p, uint64_t done, int64_t now_ms, bool last, int columns,
    char *dst, size_t size)
{
	double seconds = (double)(now_ms - p->began_ms > 0 ? now_ms - p->began_ms : 1) / 1000.0;
	double speed = (double)done / seconds;
	unsigned share = share_of(p, done, last);
	char name[COLUMNS_MAX * 4], bytes[16], rate[16], when[16];
	int room = columns - 1 - TAIL_COLUMNS;

	progress_size(done, bytes, sizeof bytes);
	progress_size((uint64_t)speed, rate, sizeof rate);
	put_time(last ? (int64_t)(seconds + 0.5) : seconds_left(p, done, speed), when, sizeof when);
	/* A narrow terminal shows the name and the share alone. */
	if (room < NAME_MIN) {
		cli_fit(name, sizeof name, p->name, columns - 6 > 0 ? columns - 6 : 1);
		(void)str_format(dst, size, "%s %3u%%", name, share);
		return;
	}
	cli_fit(name, sizeof name, p->name, room);
	(void)str_format(dst, size, "%s %3u%% %8s %8s/s %8s%s", name, share, bytes, rate, when,
	    last ? "    " : " ETA");
}

static void
draw(struct progress *p, uint64_t done, bool last)
{
	char line[COLUMNS_MAX * 4 + 128];
	int columns = cli_columns_of(STDERR_FILENO);

	/* 0: a terminal without a size, as of some serial lines. */
	if (columns <= 0)
		columns = 80;
	columns = columns < COLUMNS_MIN ? COLUMNS_MIN
	    : columns > COLUMNS_MAX     ? COLUMNS_MAX
					: columns;
	progress_line(p, done, clock_mono_ms(), last, columns, line, sizeof line);
	fprintf(stderr, "\r%s\033[K%s", line, last ? "\n" : "");
	p->drawn = !last;
}

void
progress_show(struct progress *p, uint64_t done)
{
	int64_t now = clock_mono_ms();

	if (!p->on || now - p->shown_ms < SHOW_EVERY_MS)
		return;
	p->shown_ms = now;
	draw(p, done, false);
}

void
progress_end(struct progress *p, uint64_t done)
{
	if (p->on)
		draw(p, done, true);
}

void
progress_clear(struct progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}
