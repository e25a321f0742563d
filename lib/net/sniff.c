/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sniff: see sniff.h. One per connection to proxyd's public port, for at most
 * limit_ms in each of its two states; holds at most SNIFF_MAX bytes.
 */
#include "net/sniff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/proxyproto.h"

enum { SNIFF_MAX = PROXYPROTO_MAX + CLIENTHELLO_RAW_MAX, READ_MIN = 512, METHOD_MAX = 8 };

enum sniff_state { SNIFF_HEADER, SNIFF_FIRST };

struct sniff {
	struct watch watch;
	struct timer limit, silence;
	struct sniff_config config;
	struct loop *loop;
	struct buf bytes;
	struct addr peer;
	enum sniff_state state;
	int fd;
	sniff_done_fn *done;
	void *arg;
};

static bool
starts_with_part(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);

	return memcmp(s.p, prefix, s.n < n ? s.n : n) == 0;
}

/* A method, in capitals, and a blank. */
static enum sniff_kind
sniff_http(struct span s)
{
	size_t i;

	for (i = 0; i < s.n && i < METHOD_MAX && s.p[i] >= 'A' && s.p[i] <= 'Z'; i++)
		;
	if (i == s.n && i < METHOD_MAX)
		return SNIFF_MORE;
	return i >= 3 && i < s.n && s.p[i] == ' ' ? SNIFF_HTTP : SNIFF_NOTHING;
}

enum sniff_kind
sniff_bytes(struct span bytes, struct clienthello *hello)
{
	int r;

	if (bytes.n == 0)
		return SNIFF_MORE;
	if (starts_with_part(bytes, "SSH-"))
		return bytes.n < 4 ? SNIFF_MORE : SNIFF_SSH;
	if (bytes.p[0] != 0x16)
		return sniff_http(bytes);
	r = clienthello_parse(hello, bytes);
	if (r == CLIENTHELLO_E_MORE)
		return bytes.n < CLIENTHELLO_RAW_MAX ? SNIFF_MORE : SNIFF_NOTHING;
	return r == 0 ? SNIFF_TLS : SNIFF_NOTHING;
}

static void
sniff_release(struct sniff *s)
{
	if (s->watch.ev)
		watch_done(&s->watch);
	timer_done(&s->limit);
	timer_done(&s->silence);
	buf_done(&s->bytes);
	free(s);
}

void
sniff_free(struct sniff *s)
{
	if (!s)
		return;
	close(s->fd);
	sniff_release(s);
}

static void
sniff_finish(struct sniff *s, enum sniff_kind kind, const struct clienthello *hello,
    const char *why)
{
	struct sniff_result result = { .kind = kind,
		.fd = s->fd,
		.peer = s->peer,
		.first = buf_span(&s->bytes),
		.why = why };

	if (hello)
		result.hello = *hello;
	watch_done(&s->watch);
	s->watch.ev = NULL;
	s->done(&result, s->arg);
	sniff_release(s);
}

static void
on_limit(void *arg)
{
	struct sniff *s = arg;

	sniff_finish(s, SNIFF_NOTHING, NULL,
	    s->state == SNIFF_HEADER ? "no PROXY header in time" : "too slow");
}

static void
on_silence(void *arg)
{
	struct sniff *s = arg;

	if (s->state == SNIFF_FIRST && s->bytes.len == 0)
		sniff_finish(s, SNIFF_SSH, NULL, NULL);
}

static void
sniff_enter_first(struct sniff *s)
{
	s->state = SNIFF_FIRST;
	timer_start(&s->limit, s->config.limit_ms);
	timer_start(&s->silence, s->config.silence_ms);
}

/* True when the header was there and is taken off. */
static bool
sniff_header(struct sniff *s)
{
	struct proxyproto header;
	int r = proxyproto_parse(&header, buf_span(&s->bytes));

	if (r == PROXYPROTO_E_MORE)
		return false;
	if (r != 0) {
		sniff_finish(s, SNIFF_NOTHING, NULL, "no valid PROXY header from a balancer");
		return false;
	}
	if (header.has_addresses)
		s->peer = header.source;
	buf_drain(&s->bytes, header.length);
	if (s->config.only_ssh) {
		sniff_finish(s, SNIFF_SSH, NULL, NULL);
		return false;
	}
	sniff_enter_first(s);
	return true;
}

static void
sniff_look(struct sniff *s)
{
	struct clienthello hello;
	enum sniff_kind kind;

	if (s->state == SNIFF_HEADER && !sniff_header(s))
		return;
	hello.server_name[0] = '\0';
	kind = sniff_bytes(buf_span(&s->bytes), &hello);
	if (kind != SNIFF_MORE)
		sniff_finish(s, kind, &hello,
		    kind == SNIFF_NOTHING ? "neither SSH nor TLS nor HTTP" : NULL);
}

static void
on_first_readable(struct watch *w, int ready, void *arg)
{
	struct sniff *s = arg;
	size_t room = SNIFF_MAX - s->bytes.len;
	size_t want = s->bytes.len < READ_MIN ? 4 * READ_MIN : 4096;
	uint8_t *p;
	ssize_t n;

	(void)w, (void)ready;
	p = room == 0 ? NULL : buf_reserve(&s->bytes, want < room ? want : room);
	if (!p) {
		sniff_finish(s, SNIFF_NOTHING, NULL, "too long a greeting");
		return;
	}
	n = read(s->fd, p, want < room ? want : room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		sniff_finish(s, SNIFF_NOTHING, NULL,
		    n == 0 ? "closed by the peer" : strerror(errno));
		return;
	}
	buf_commit(&s->bytes, (size_t)n);
	sniff_look(s);
}

int
sniff_new(struct sniff **ret, struct loop *loop, int fd, const struct addr *peer,
    const struct sniff_config *config)
{
	struct sniff *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->fd = fd;
	s->loop = loop;
	s->peer = *peer;
	s->config = *config;
	s->state = config->proxy_header ? SNIFF_HEADER : SNIFF_FIRST;
	buf_init(&s->bytes, SNIFF_MAX);
	if (watch_init(&s->watch, loop, fd, on_first_readable, s) < 0 ||
	    timer_init(&s->limit, loop, on_limit, s) < 0 ||
	    timer_init(&s->silence, loop, on_silence, s) < 0) {
		sniff_release(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void
sniff_start(struct sniff *s, sniff_done_fn *done, void *arg)
{
	s->done = done;
	s->arg = arg;
	if (s->state == SNIFF_FIRST)
		sniff_enter_first(s);
	else
		timer_start(&s->limit, s->config.limit_ms);
	watch_set(&s->watch, WATCH_READ);
}
