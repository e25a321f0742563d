/* SPDX-License-Identifier: Apache-2.0 */
/*
 * head: see head.h. Everything here reads bytes of strangers and allocates nothing.
 */
#include "http/head.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

/* --- characters (RFC 9110 5.6.2, RFC 3986) --------------------------------------- */

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_token(uint8_t c)
{
	return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_target(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}#", c);
}

/* --- request line ---------------------------------------------------------------- */

static int
head_target(struct http_head *h, struct span target)
{
	const uint8_t *mark;

	if (target.n > HTTP_TARGET_MAX)
		return -414;
	/* Only the origin form: "http://other/..." is what a proxy is asked, and this is none. */
	if (target.n == 0 || target.p[0] != '/')
		return -400;
	for (size_t i = 0; i < target.n; i++)
		if (!is_target(target.p[i]))
			return -400;
	mark = memchr(target.p, '?', target.n);
	h->path = target;
	if (mark) {
		h->path.n = (size_t)(mark - target.p);
		h->query = (struct span){ mark + 1, target.n - h->path.n - 1 };
	}
	return 0;
}

static int
head_request_line(struct http_head *h, struct span line)
{
	const uint8_t *a = memchr(line.p, ' ', line.n);
	const uint8_t *b = a ? memchr(a + 1, ' ', line.n - (size_t)(a + 1 - line.p)) : NULL;
	size_t n = a ? (size_t)(a - line.p) : 0;
	struct span version;

	if (!b || n == 0 || n >= sizeof(h->method))
		return -400;
	for (size_t i = 0; i < n; i++)
		if (!is_token(line.p[i]))
			return -400;
	memcpy(h->method, line.p, n);
	h->method[n] = '\0';
	version = (struct span){ b + 1, line.n - (size_t)(b + 1 - line.p) };
	if (span_is(version, "HTTP/1.1"))
		h->is_1_1 = h->keep_alive = true;
	else if (!span_is(version, "HTTP/1.0"))
		return version.n == 8 && memcmp(version.p, "HTTP/", 5) == 0 ? -505 : -400;
	return head_target(h, (struct span){ a + 1, (size_t)(b - a - 1) });
}

/* --- fields ---------------------------------------------------------------------- */

static struct span
span_trim(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = (struct span){ s.p + 1, s.n - 1 };
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static int
head_field(struct http_head *h, uint8_t *p, size_t n)
{
	uint8_t *colon = memchr(p, ':', n);
	struct http_field *f;

	if (!colon || colon == p)
		return -400;
	if (h->n_fields == HTTP_FIELDS_MAX)
		return -431;
	for (uint8_t *q = p; q < colon; q++) {
		if (!is_token(*q))
			return -400; /* a blank too: "Content-Length :" and folded lines */
		if (*q >= 'A' && *q <= 'Z')
			*q = (uint8_t)(*q + ('a' - 'A'));
	}
	for (uint8_t *q = colon + 1; q < p + n; q++)
		if ((*q < 0x20 && *q != '\t') || *q == 0x7f)
			return -400;
	f = &h->fields[h->n_fields++];
	f->name = (struct span){ p, (size_t)(colon - p) };
	f->value = span_trim((struct span){ colon + 1, n - f->name.n - 1 });
	return 0;
}

static size_t
field_count(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_fields; i++)
		n += span_is(h->fields[i].name, name);
	return n;
}

struct span
http_head_field(const struct http_head *h, const char *name)
{
	/* A field that is there twice has no value: a proxy before us and we might pick different ones. */
	if (field_count(h, name) == 1)
		for (size_t i = 0; i < h->n_fields; i++)
			if (span_is(h->fields[i].name, name))
				return h->fields[i].value;
	return (struct span){ NULL, 0 };
}

static bool
is_word(struct span s, const char *word)
{
	return s.n == strlen(word) && strncasecmp((const char *)s.p, word, s.n) == 0;
}

bool
http_head_lists(const struct http_head *h, const char *name, const char *word)
{
	struct span list = http_head_field(h, name);

	while (list.n > 0) {
		const uint8_t *comma = memchr(list.p, ',', list.n);
		struct span item = { list.p, comma ? (size_t)(comma - list.p) : list.n };

		if (is_word(span_trim(item), word))
			return true;
		list = comma ? (struct span){ comma + 1, list.n - item.n - 1 }
			     : (struct span){ NULL, 0 };
	}
	return false;
}

static bool
span_has_word(struct span s, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= s.n; i++) {
		size_t k = 0;

		while (k < n && (s.p[i + k] | 0x20) == (uint8_t)word[k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

/* What the fields mean for the connection and the body. */
static int
head_framing(struct http_head *h)
{
	struct span length = http_head_field(h, "content-length"),
		    connection = http_head_field(h, "connection");
	char digits[20];

	/* No chunked bodies, and no two ways to say where a request ends: that is what request smuggling lives
	 * on (RFC 9112 section 11.2). */
	if (field_count(h, "transfer-encoding") > 0)
		return -501;
	if (field_count(h, "content-length") > 1 || field_count(h, "host") > 1)
		return -400;
	if (h->keep_alive && field_count(h, "host") == 0)
		return -400; /* RFC 9112 3.2 */
	if (span_has_word(connection, "close"))
		h->keep_alive = false;
	if (field_count(h, "content-length") == 0)
		return strcmp(h->method, "POST") == 0 || strcmp(h->method, "PUT") == 0 ? -411 : 0;
	if (length.n == 0 || length.n >= sizeof(digits))
		return -400;
	memcpy(digits, length.p, length.n);
	digits[length.n] = '\0';
	if (!str_u64(digits, UINT64_MAX, &h->content_length))
		return -400;
	h->has_body = true;
	return 0;
}

int
http_head_parse(struct http_head *ret, uint8_t *p, size_t n)
{
	size_t at = 0;
	bool first = true;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (n > HTTP_HEAD_MAX)
		n = HTTP_HEAD_MAX;
	if (!memmem(p, n, "\r\n\r\n",
		4)) /* cheap, and nothing is changed until the head is whole */
		return n == HTTP_HEAD_MAX ? -431 : HTTP_HEAD_E_MORE;
	for (;;) {
		uint8_t *lf = memchr(p + at, '\n', n - at); /* there is one: the blank line's */
		size_t len = (size_t)(lf - (p + at));

		if (len == 0 || lf[-1] != '\r')
			return -400;
		if (len == 1)
			break;
		r = first ? head_request_line(ret, (struct span){ p + at, len - 1 })
			  : head_field(ret, p + at, len - 1);
		if (r < 0)
			return r;
		first = false;
		at += len + 1;
	}
	if (first)
		return -400;
	ret->length = at + 2;
	return head_framing(ret);
}

/* --- the formats around ---------------------------------------------------------- */

bool
http_unescape(struct span s, bool form, char *dst, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '%') {
			char digits[3];

			if (s.n - i < 3)
				return false;
			memcpy(digits, s.p + i + 1, 2);
			digits[2] = '\0';
			if (!str_unhex(digits, &c, 1))
				return false;
			i += 2;
		} else if (c == '+' && form) {
			c = ' ';
		}
		/* %00 would cut the text for whoever reads it as a string. */
		if (c == '\0' || n + 1 >= size)
			return false;
		dst[n++] = (char)c;
	}
	if (size == 0)
		return false;
	dst[n] = '\0';
	return true;
}

bool
http_form_value(struct span form, const char *name, char *dst, size_t size)
{
	bool found = false;

	while (form.n > 0) {
		const uint8_t *amp = memchr(form.p, '&', form.n);
		size_t n = amp ? (size_t)(amp - form.p) : form.n;
		const uint8_t *eq = memchr(form.p, '=', n);
		struct span key = { form.p, eq ? (size_t)(eq - form.p) : n };
		char decoded[64];

		if (eq && http_unescape(key, true, decoded, sizeof(decoded)) &&
		    strcmp(decoded, name) == 0) {
			struct span value = { eq + 1, n - key.n - 1 };

			/* Twice the same name: which one counts would be a guess. */
			if (found || !http_unescape(value, true, dst, size))
				return false;
			found = true;
		}
		n += amp != NULL;
		form = (struct span){ form.p + n, form.n - n };
	}
	return found;
}

bool
http_put_escaped(struct buf *b, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			(void)buf_put(b, "&amp;", 5);
			break;
		case '<':
			(void)buf_put(b, "&lt;", 4);
			break;
		case '>':
			(void)buf_put(b, "&gt;", 4);
			break;
		case '"':
			(void)buf_put(b, "&quot;", 6);
			break;
		case '\'':
			(void)buf_put(b, "&#39;", 5);
			break;
		default:
			(void)buf_put(b, text, 1);
		}
	}
	return buf_ok(b);
}

const char *
http_status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} rows[] = {
		{ 101, "Switching Protocols" },
		{ 200, "OK" },
		{ 204, "No Content" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].text;
	return "Unknown";
}

/* "text/html;q=0.9": the type, and no weight of nothing. */
static bool
is_html_range(const char *range)
{
	const char *q = strstr(range, "q=");

	if (strncasecmp(range, "text/html", 9) != 0 || (range[9] && !strchr("; \t", range[9])))
		return false;
	return !q || strspn(q + 2, "0.") != strcspn(q + 2, "; \t");
}

bool
http_accepts_html(struct span accept)
{
	char value[1024], *save = NULL;

	/* What is longer names everything, as no browser does. */
	if (accept.n >= sizeof(value))
		return false;
	if (accept.n > 0)
		memcpy(value, accept.p, accept.n);
	value[accept.n] = '\0';
	for (char *p = strtok_r(value, ",", &save); p; p = strtok_r(NULL, ",", &save))
		if (is_html_range(p + strspn(p, " \t")))
			return true;
	return false;
}
