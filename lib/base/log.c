/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: key=value lines (or JSON lines) on stderr; see log.h. A message is one
 * write(2), so that lines of several threads and children do not mix.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

enum {
	LOG_LINE_MAX = 8192,
	LOG_VALUE_MAX = 2048,
};

static const char *const level_names[] = { "error", "warn", "info", "debug" };

static struct {
	const char *name;
	enum log_level level;
	enum log_format format;
	bool journal; /* journald puts the time and takes <N> priorities */
} cfg = { .name = "sallyport", .level = LOG_LEVEL_INFO };

/* JOURNAL_STREAM names the device and inode of journald's stream (systemd.exec(5)); a stderr that was
 * redirected since is another one. */
static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (!stream || fstat(fd, &st) < 0)
		return false;
	return str_format(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev,
		   (uintmax_t)st.st_ino) &&
	    strcmp(mine, stream) == 0;
}

void
log_open(const char *name, enum log_level level, enum log_format format)
{
	cfg.name = name;
	cfg.level = level;
	cfg.format = format;
	cfg.journal = is_journal(STDERR_FILENO);
}

enum log_level
log_level(void)
{
	return cfg.level;
}

int
log_level_from(const char *name)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(name, level_names[i]) == 0)
			return (int)i;
	return -1;
}

static bool
needs_quotes(const char *s)
{
	if (!*s)
		return true;
	for (; *s; s++)
		if (*s == ' ' || *s == '"' || *s == '=' || *s == '\\')
			return true;
	return false;
}

/* A quoted string; the text has no control characters any more. */
static void
put_quoted(struct buf *b, const char *s)
{
	buf_put(b, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_put(b, "\\", 1);
		buf_put(b, s, 1);
	}
	buf_put(b, "\"", 1);
}

static void
put_pair(struct buf *b, const char *key, const char *value)
{
	char clean[LOG_VALUE_MAX];

	/* Values come from peers too. A line break would let one write lines of its own into the log, an escape
	 * sequence would reach the terminal of whoever reads it. */
	str_clean(clean, sizeof(clean), value ? value : "", value ? strlen(value) : 0);
	if (cfg.format == LOG_FORMAT_JSON) {
		buf_put(b, b->len > 1 ? "," : "", b->len > 1 ? 1 : 0);
		put_quoted(b, key);
		buf_put(b, ":", 1);
		put_quoted(b, clean);
		return;
	}
	buf_printf(b, " %s=", key);
	if (needs_quotes(clean))
		put_quoted(b, clean);
	else
		buf_put(b, clean, strlen(clean));
}

static void
put_head(struct buf *b, enum log_level level, const char *msg)
{
	static const char priority[] = { '3', '4', '6', '7' }; /* sd-daemon(3) */
	char when[32];
	char clean[LOG_VALUE_MAX];

	clock_rfc3339(clock_wall_ms(), when, sizeof(when));
	if (cfg.format == LOG_FORMAT_JSON) {
		buf_put(b, "{", 1);
		put_pair(b, "time", when);
		put_pair(b, "level", level_names[level]);
		put_pair(b, "name", cfg.name);
		put_pair(b, "msg", msg);
		return;
	}
	if (cfg.journal)
		buf_printf(b, "<%c>", priority[level]);
	else
		buf_printf(b, "%s %s ", when, cfg.name);
	str_clean(clean, sizeof(clean), msg, strlen(msg));
	buf_printf(b, "%s: %s", level_names[level], clean);
}

void
log_write(enum log_level level, const char *msg, ...)
{
	const char *key;
	struct buf b;
	va_list ap;

	if (level > cfg.level)
		return;
	buf_init(&b, LOG_LINE_MAX);
	put_head(&b, level, msg);
	va_start(ap, msg);
	while ((key = va_arg(ap, const char *)) != NULL)
		put_pair(&b, key, va_arg(ap, const char *));
	va_end(ap);
	/* A line over the ceiling ends where the ceiling was met: say so rather than drop it. */
	if (b.failed) {
		b.failed = false;
		/* Room for the mark and the end, which the ceiling has none left for. */
		b.max += 64;
		if (cfg.format == LOG_FORMAT_JSON) {
			b.len = 0;
			b.off = 0;
			put_head(&b, level, msg);
			put_pair(&b, "cut", "true");
		} else {
			buf_printf(&b, " cut=true");
		}
	}
	buf_printf(&b, cfg.format == LOG_FORMAT_JSON ? "}\n" : "\n");
	/* There is nobody left to tell when this fails. */
	(void)file_write_all(STDERR_FILENO, buf_head(&b), b.len);
	buf_done(&b);
}
