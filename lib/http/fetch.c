/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch: see fetch.h. Reads the whole answer into one bounded buffer (the request says "Connection: close"), then
 * looks at it; understands Content-Length, chunked and until-the-end bodies.
 */
#include "http/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/version.h"
#include "net/tls_client.h"

enum { TIMEOUT_MS = 10000, BODY_MAX = 1 << 20, HEAD_MAX = 32 * 1024, URL_PATH_MAX = 1024 };

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

struct target {
	char host[256];
	char authority[300]; /* as written, for the Host header */
	char path[URL_PATH_MAX];
	uint16_t port;
};

static int
parse_url(const char *url, struct target *ret, struct err *e)
{
	const char *rest = url + strlen("https://"), *slash;

	if (!str_starts(url, "https://"))
		return err_set(e, "not an https address: %s", url);
	slash = strchr(rest, '/');
	if (!str_format(ret->authority, sizeof ret->authority, "%.*s",
		slash ? (int)(slash - rest) : (int)strlen(rest), rest) ||
	    !str_copy(ret->path, sizeof ret->path, slash ? slash : "/") ||
	    !str_is_printable(url, strlen(url)) || strchr(url, ' ') ||
	    !str_host_port(ret->authority, 443, ret->host, sizeof ret->host, &ret->port))
		return err_set(e, "not a usable address: %s", url);
	return 0;
}

static int
ask(struct tls_client *c, const struct target *t, const struct fetch *f, struct err *e)
{
	struct buf q;
	int r;

	buf_init(&q, 4096);
	(void)buf_printf(&q, "GET %s HTTP/1.1\r\nHost: %s\r\n%sConnection: %s\r\n\r\n", t->path,
	    t->authority,
	    f->ask ? f->ask : "User-Agent: sallyport/" SALLYPORT_VERSION "\r\nAccept: */*\r\n",
	    f->keep ? "keep-alive" : "close");
	r = buf_ok(&q) ? tls_client_write(c, buf_head(&q), q.len, e)
		       : err_set(e, "the address is too long");
	buf_done(&q);
	return r;
}

/* Of an answer that begins like this: bytes with its head; 0: the head is not whole. SIZE_MAX: it says no length. */
static size_t
answer_length(const struct buf *in)
{
	const char *text = (const char *)buf_head(in), *pos, *end;
	struct span name, value;
	size_t length = SIZE_MAX;
	uint64_t n;
	char *head;

	end = in->len ? memmem(text, in->len, "\r\n\r\n", 4) : NULL;
	if (!end || !(head = strndup(text, (size_t)(end - text))))
		return 0;
	pos = head;
	while (fetch_header_next(&pos, &name, &value)) {
		char digits[24];

		if (name.n == 14 && strncasecmp((const char *)name.p, "Content-Length", 14) == 0 &&
		    str_format(digits, sizeof digits, "%.*s", (int)value.n,
			(const char *)value.p) &&
		    str_u64(digits, BODY_MAX * 64, &n))
			length = (size_t)(end + 4 - text) + n;
	}
	free(head);
	return length;
}

/* All until the connection ends or, where that is kept, until the answer does. */
static int
take_answer(struct tls_client *c, const struct target *t, const struct fetch *f, struct buf *in,
    struct err *e)
{
	size_t want = 0;

	for (;;) {
		uint8_t *p = buf_reserve(in, 16384);
		long n;

		if (!p)
			return err_set(e, "the answer of %s is too big", t->authority);
		n = tls_client_read(c, p, 16384, e);
		if (n <= 0)
			return (int)n;
		buf_commit(in, (size_t)n);
		if (f->keep && want == 0)
			want = answer_length(in);
		if (want == SIZE_MAX)
			return err_set(e, "the answer of %s says no length", t->authority);
		if (want > 0 && in->len >= want)
			return 1;
	}
}

/* --- reading the answer ---------------------------------------------------------------------------- */

struct head {
	int status;
	long length; /* -1: not given */
	bool chunked;
};

/* One header line, without its end. */
static void
take_header(char *line, struct head *ret)
{
	char *value = strchr(line, ':');
	uint64_t n;

	if (!value)
		return;
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "Content-Length") == 0)
		ret->length = str_u64(value, BODY_MAX * 64, &n) ? (long)n : -2;
	else if (strcasecmp(line, "Transfer-Encoding") == 0)
		ret->chunked = strcasecmp(value, "chunked") == 0;
}

/* The lines after the first of a head that ends at `end`; NULL without memory. */
static char *
copy_lines(const char *text, const char *end)
{
	const char *line = strstr(text, "\r\n");

	return line < end ? strndup(line + 2, (size_t)(end - line - 2)) : strdup("");
}

/* Takes the head off text (NUL-terminated); the body's first byte, or NULL when it is not HTTP. *ret_lines is a copy of its
 * header lines. */
static char *
parse_head(char *text, struct head *ret, char **ret_lines)
{
	char *end = strstr(text, "\r\n\r\n"), *line, *next;
	uint64_t status;

	*ret = (struct head){ .length = -1 };
	if (!end || end - text > HEAD_MAX || !str_starts(text, "HTTP/1.") || strlen(text) < 12)
		return NULL;
	*ret_lines = copy_lines(text, end);
	*end = '\0';
	line = strstr(text, "\r\n");
	if (line)
		*line = '\0';
	text[12] = '\0';
	if (text[8] != ' ' || !str_u64(text + 9, 599, &status))
		return NULL;
	ret->status = (int)status;
	for (line = line ? line + 2 : end; line < end; line = next) {
		next = strstr(line, "\r\n");
		if (next)
			*next = '\0';
		next = next ? next + 2 : end;
		take_header(line, ret);
	}
	return end + 4;
}

/* Joins the chunks in place; the length, or negative. */
static long
unchunk(char *body, size_t n)
{
	size_t in = 0, out = 0;

	for (;;) {
		char *end;
		unsigned long size;

		if (!strstr(body + in, "\r\n"))
			return -1;
		size = strtoul(body + in, &end, 16);
		end = strstr(end, "\r\n");
		if (!end || size > n)
			return -1;
		in = (size_t)(end + 2 - body);
		if (size == 0)
			return (long)out;
		if (in > n || size > n - in)
			return -1;
		memmove(body + out, body + in, size);
		out += size;
		in += size;
		if (n - in < 2 || memcmp(body + in, "\r\n", 2) != 0)
			return -1;
		in += 2;
	}
}

static int
read_reply(struct buf *in, const struct target *t, struct fetch_reply *ret, struct err *e)
{
	struct head head;
	char *text, *body;
	size_t n;
	long len;

	(void)buf_put(in, "", 1); /* the NUL that the string functions stop at */
	if (!buf_ok(in))
		return err_set(e, "the answer of %s is too big", t->authority);
	text = (char *)buf_head(in);
	body = parse_head(text, &head, &ret->head);
	if (!body)
		return err_set(e, "%s does not speak HTTP: is it the address of a proxy?",
		    t->authority);
	n = in->len - 1 - (size_t)(body - text);
	len = head.chunked ? unchunk(body, n) : head.length == -1 ? (long)n : head.length;
	/* Less than was announced is no answer: a bundle of authorities cut in the middle may still parse. */
	if (len < 0 || (size_t)len > n)
		return err_set(e, "the answer of %s was cut short", t->authority);
	ret->body = malloc((size_t)len + 1);
	if (!ret->body || !ret->head)
		return err_memory(e);
	memcpy(ret->body, body, (size_t)len);
	ret->body[len] = '\0';
	ret->len = (size_t)len;
	ret->status = head.status;
	return 0;
}

static int
connect_to(const struct target *t, const struct fetch *f, struct tls_client **ret, struct err *e)
{
	const char *roots = getenv("SSL_CERT_FILE");
	struct tls_client_config config = { .host = t->host,
		.port = t->port,
		.server_name = f->server_name,
		.deadline_ms = clock_mono_ms() + (f->timeout_ms ? f->timeout_ms : TIMEOUT_MS) };
	int r;

	if (f->trust == FETCH_GIVEN_ROOTS)
		config.roots_pem = f->ca_pem ? f->ca_pem : "";
	else if (f->trust == FETCH_SYSTEM_ROOTS)
		config.roots_file = roots ? roots : SYSTEM_ROOTS;
	r = tls_client_open(ret, &config, e);
	return r > 0 ? FETCH_E_UNTRUSTED : r;
}

/* 0; 1: the connection is good for another; else as fetch_get. */
static int
exchange(struct tls_client *c, const struct target *t, const struct fetch *f, struct buf *in,
    struct err *e)
{
	int r = ask(c, t, f, e);

	return r == 0 ? take_answer(c, t, f, in, e) : r;
}

static int
get(const struct fetch *f, const struct target *t, struct buf *in, struct err *e)
{
	struct tls_client *c = f->keep ? f->keep->connection : NULL;
	bool old = c != NULL;
	int r = old ? 0 : connect_to(t, f, &c, e);

	if (r != 0)
		return r;
	r = exchange(c, t, f, in, e);
	if (f->keep)
		f->keep->connection = r == 1 ? c : NULL;
	if (r != 1)
		tls_client_close(c);
	/* The server may end it when it has nothing to do, or has had enough of it. */
	if (r <= 0 && old && in->len == 0)
		return get(f, t, in, e);
	return r == 1 ? 0 : r;
}

int
fetch_get(const struct fetch *f, struct fetch_reply *ret, struct err *e)
{
	struct target t;
	struct buf in;
	int r;

	*ret = (struct fetch_reply){ 0 };
	if (parse_url(f->url, &t, e) < 0)
		return -1;
	buf_init(&in, (f->max ? f->max : BODY_MAX) + HEAD_MAX + 16385);
	r = get(f, &t, &in, e);
	if (r == 0)
		r = read_reply(&in, &t, ret, e);
	buf_done(&in);
	if (r != 0)
		fetch_reply_done(ret);
	return r;
}

void
fetch_kept_done(struct fetch_kept *keep)
{
	tls_client_close(keep->connection);
	keep->connection = NULL;
}

void
fetch_reply_done(struct fetch_reply *reply)
{
	free(reply->body);
	free(reply->head);
	*reply = (struct fetch_reply){ 0 };
}

static struct span
trimmed(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (p < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return (struct span){ (const uint8_t *)p, (size_t)(end - p) };
}

bool
fetch_header_next(const char **pos, struct span *ret_name, struct span *ret_value)
{
	const char *line = *pos, *end = strstr(line, "\r\n"), *colon;

	if (!*line)
		return false;
	*pos = end ? end + 2 : line + strlen(line);
	end = end ? end : *pos;
	colon = memchr(line, ':', (size_t)(end - line));
	*ret_name = (struct span){ (const uint8_t *)line, (size_t)((colon ? colon : end) - line) };
	*ret_value = trimmed(colon ? colon + 1 : end, end);
	return true;
}
