/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process: see process.h. What cannot be read is left out: a dashboard shows a gap rather than a zero.
 */
#include "daemon/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* Fields of /proc/PID/stat after the name, which is in brackets and may hold anything; counted as in proc(5). */
enum { STAT_FIRST = 3, STAT_START = 22, STAT_VSIZE = 23, STAT_RSS = 24, STAT_MAX = 1024 };

struct process {
	double start_s; /* since 1970 */
	double virtual_bytes, resident_bytes;
};

/* The field of that number, or NAN. */
static double
stat_field(const char *after_name, int number)
{
	const char *p = after_name;

	for (int i = STAT_FIRST; p && i < number; i++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p ? strtod(p, NULL) : (double)NAN;
}

/* When the process began; it never changes, but the clock that it is reckoned with may be set. */
static double
started_at(double ticks_since_boot)
{
	static double once = 0;
	struct timespec boot;

	if (once > 0 || isnan(ticks_since_boot))
		return once > 0 ? once : (double)NAN;
	if (clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return (double)NAN;
	once = (double)clock_wall_ms() / 1000 - ((double)boot.tv_sec + (double)boot.tv_nsec / 1e9) +
	    ticks_since_boot / (double)sysconf(_SC_CLK_TCK);
	return once;
}

static void
process_read(struct process *ret)
{
	char text[STAT_MAX];
	const char *p;
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	*ret = (struct process){ (double)NAN, (double)NAN, (double)NAN };
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] != ' ')
		return;
	ret->start_s = started_at(stat_field(p + 2, STAT_START));
	ret->virtual_bytes = stat_field(p + 2, STAT_VSIZE);
	ret->resident_bytes = stat_field(p + 2, STAT_RSS) * (double)sysconf(_SC_PAGESIZE);
}

static double
cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return (double)NAN;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* The one that is opened to count them does not count. */
static double
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	double n = -1;

	if (!dir)
		return (double)NAN;
	for (const struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static double
max_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return (double)NAN;
	return limit.rlim_cur == RLIM_INFINITY ? (double)INFINITY : (double)limit.rlim_cur;
}

static void
put_cpu(struct metric_out *out, const void *arg)
{
	(void)arg;
	metric_put(out, cpu_seconds());
}

static void
put_open_fds(struct metric_out *out, const void *arg)
{
	(void)arg;
	metric_put(out, open_fds());
}

static void
put_max_fds(struct metric_out *out, const void *arg)
{
	(void)arg;
	metric_put(out, max_fds());
}

static void
put_start(struct metric_out *out, const void *arg)
{
	metric_put(out, ((const struct process *)arg)->start_s);
}

static void
put_virtual(struct metric_out *out, const void *arg)
{
	metric_put(out, ((const struct process *)arg)->virtual_bytes);
}

static void
put_resident(struct metric_out *out, const void *arg)
{
	metric_put(out, ((const struct process *)arg)->resident_bytes);
}

static const struct metric rows[] = {
	{ "process_cpu_seconds_total", METRIC_COUNTER,
	    "Time on processors, of the system's and its own.", put_cpu },
	{ "process_open_fds", METRIC_GAUGE, "Open descriptors.", put_open_fds },
	{ "process_max_fds", METRIC_GAUGE, "How many it may have open.", put_max_fds },
	{ "process_start_time_seconds", METRIC_GAUGE, "When it began, seconds since 1970.",
	    put_start },
	{ "process_virtual_memory_bytes", METRIC_GAUGE, "Memory it has addresses for.",
	    put_virtual },
	{ "process_resident_memory_bytes", METRIC_GAUGE, "Memory it has.", put_resident },
};

void
process_metrics(struct metric_out *out)
{
	struct process p;

	process_read(&p);
	metric_table(out, rows, sizeof(rows) / sizeof(*rows), &p);
}
