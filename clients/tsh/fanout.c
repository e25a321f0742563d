/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout: one command on many nodes. Called by `tsh ssh user@label=value`; prints to standard output and error,
 * one write a line, so that lines of different nodes never mix.
 */
#include "tsh/fanout.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "base/file.h"
#include "base/readable.h"

struct fanout {
	const struct remote_way *way;
	const struct fanout_config *config;
	struct fanout_host *hosts;
	size_t n, next, running;
	bool unread; /* nobody reads our standard output any more */
	struct deferred more;
};

bool
fanout_host_ok(const struct fanout_host *h)
{
	return h->result.end == REMOTE_EXITED && h->result.status == 0;
}

bool
fanout_host_reached(const struct fanout_host *h)
{
	return h->result.end != REMOTE_FAILED;
}

void
fanout_host_done(struct fanout_host *h)
{
	buf_done(&h->out);
	buf_done(&h->err);
	buf_done(&h->line[0]);
	buf_done(&h->line[1]);
}

/* --- lines --------------------------------------------------------------------------------- */

/* One write, so that lines of two nodes do not mix; the name in front says whose it is. */
static void
print_line(const struct fanout_host *h, int fd, const uint8_t *p, size_t n)
{
	struct fanout *f = h->fanout;
	struct buf b;

	buf_init(&b, READABLE_WIDEST * FANOUT_LINE_MAX + 1024);
	buf_printf(&b, "%s[%s]%s ", cli_tone(CLI_NAME, fd), h->name, cli_tone(CLI_PLAIN, fd));
	/* Not on standard error's terminal either, when standard output alone is a pipe. */
	if (f->config->raw && (fd == STDOUT_FILENO || !isatty(fd)))
		buf_put(&b, p, n);
	else
		readable_line(&b, (struct span){ p, n });
	buf_put(&b, "\n", 1);
	if (file_write_all(fd, buf_head(&b), b.len) < 0 && errno == EPIPE &&
	    (fd == STDOUT_FILENO || file_is_same(fd, STDOUT_FILENO)))
		f->unread = true;
	buf_done(&b);
}

/* Prints complete lines; what has no end yet waits, and a line that is too long is cut into several. */
static void
print_lines(struct fanout_host *h, uint32_t ext, const uint8_t *p, size_t n)
{
	struct buf *line = &h->line[ext == 1];
	int fd = ext == 1 ? STDERR_FILENO : STDOUT_FILENO;

	while (n > 0) {
		const uint8_t *nl = memchr(p, '\n', n);
		size_t part = nl ? (size_t)(nl - p) : n;
		size_t room = FANOUT_LINE_MAX - line->len;
		bool whole = nl && part <= room;

		/* A full line waits too: perhaps its end comes next. */
		part = part < room ? part : room;
		buf_put(line, p, part);
		p += part + whole;
		n -= part + whole;
		if (whole || (n > 0 && line->len == FANOUT_LINE_MAX)) {
			print_line(h, fd, buf_head(line), line->len);
			buf_drain(line, line->len);
		}
	}
}

/* The last line of an output may have no end. */
static void
flush_lines(struct fanout_host *h)
{
	for (int ext = 0; ext < 2; ext++)
		if (h->line[ext].len > 0) {
			print_line(h, ext ? STDERR_FILENO : STDOUT_FILENO, buf_head(&h->line[ext]),
			    h->line[ext].len);
			buf_drain(&h->line[ext], h->line[ext].len);
		}
}

static void
keep(struct buf *b, const uint8_t *p, size_t n)
{
	size_t room = FANOUT_KEEP_MAX - b->len;

	/* A ceiling for each node: a thousand of them at once must fit into memory. */
	buf_put(b, p, n < room ? n : room);
	if (n > room)
		/* Shown as "truncated". */
		b->failed = true;
}

/* --- one node ------------------------------------------------------------------------------------ */

static size_t
on_output(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg)
{
	struct fanout_host *h = arg;

	(void)r;
	if (h->fanout->config->keep)
		keep(ext == 1 ? &h->err : &h->out, p, n);
	else
		print_lines(h, ext, p, n);
	return n;
}

/* There is one standard input and many commands: none of them gets it. */
static void
on_started(struct remote *r, void *arg)
{
	(void)arg;
	remote_eof(r);
}

static void
on_ended(struct remote *r, const struct remote_result *result, void *arg)
{
	struct fanout_host *h = arg;

	h->result = *result;
	h->took_ms = clock_mono_ms() - h->began_ms;
	flush_lines(h);
	h->remote = NULL;
	h->fanout->running--;
	remote_free(r);
	/* Not from in here: the remote that has ended is still on the stack. */
	loop_defer(h->fanout->way->loop, &h->fanout->more);
}

/* A node that cannot even be tried is a result like any other. */
static void
start_host(struct fanout *f, struct fanout_host *h)
{
	static const struct remote_events events = {
		.started = on_started,
		.output = on_output,
		.ended = on_ended,
	};
	struct remote_config rc = {
		.host = h->uuid,
		.login = f->config->login,
		.command = f->config->command,
		.timeout_ms = f->config->timeout_ms,
		.events = &events,
		.arg = h,
	};

	h->fanout = f;
	h->began_ms = clock_mono_ms();
	buf_init(&h->out, FANOUT_KEEP_MAX);
	buf_init(&h->err, FANOUT_KEEP_MAX);
	buf_init(&h->line[0], FANOUT_LINE_MAX);
	buf_init(&h->line[1], FANOUT_LINE_MAX);
	if (remote_new(&h->remote, f->way, &rc) < 0)
		h->result = (struct remote_result){ .end = REMOTE_FAILED, .text = "out of memory" };
	else
		f->running++;
}

/* Starts as many as may run at once. */
static void
on_more(void *arg)
{
	struct fanout *f = arg;
	unsigned parallel = f->config->parallel ? f->config->parallel : FANOUT_PARALLEL;

	while (f->running < parallel && f->next < f->n)
		start_host(f, &f->hosts[f->next++]);
}

/* --- all of them ------------------------------------------------------------------------------------ */

/* What still runs on the nodes hears that its connection is gone, as if a shell's loop over ssh had died of SIGPIPE. */
static int
end_unread(struct fanout *f, struct fanout_summary *ret)
{
	for (size_t i = 0; i < f->n; i++) {
		remote_free(f->hosts[i].remote);
		f->hosts[i].remote = NULL;
	}
	*ret = (struct fanout_summary){ 0 };
	return 128 + SIGPIPE;
}

int
fanout_run(const struct remote_way *way, struct fanout_host *hosts, size_t n,
    const struct fanout_config *config, struct fanout_summary *ret)
{
	struct fanout f = { .way = way, .config = config, .hosts = hosts, .n = n };

	deferred_init(&f.more, on_more, &f);
	on_more(&f);
	while (!f.unread && (f.running > 0 || f.next < f.n))
		if (loop_turn(way->loop, -1) < 0)
			break;
	deferred_cancel(&f.more);
	if (f.unread)
		return end_unread(&f, ret);
	*ret = (struct fanout_summary){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (fanout_host_ok(&hosts[i]))
			ret->succeeded++;
		else if (fanout_host_reached(&hosts[i]))
			ret->failed++;
		else
			ret->unreached++;
	}
	return ret->failed || ret->unreached ? 1 : 0;
}

static void
print_verdict(const struct fanout_host *h)
{
	const struct remote_result *r = &h->result;
	enum cli_tone tone = fanout_host_ok(h) ? CLI_GOOD
	    : fanout_host_reached(h)           ? CLI_BAD
					       : CLI_DOUBT;

	printf("[%s] %s", h->name, cli_tone(tone, STDOUT_FILENO));
	if (fanout_host_ok(h))
		printf("success");
	else if (r->end == REMOTE_EXITED)
		printf("failed with exit code %u", r->status);
	else if (r->end == REMOTE_SIGNALED)
		printf("failed with signal %s", r->signal);
	else
		printf("%s: %s", r->end == REMOTE_LOST ? "failed" : "not reached", r->text);
	printf("%s\n", cli_tone(CLI_PLAIN, STDOUT_FILENO));
}

void
fanout_print_summary(const struct fanout_host *hosts, size_t n, const struct fanout_summary *sum)
{
	putchar('\n');
	for (size_t i = 0; i < n; i++)
		print_verdict(&hosts[i]);
	printf("\n%u host(s) succeeded; %u host(s) failed; %u host(s) not reached\n",
	    sum->succeeded, sum->failed, sum->unreached);
}
