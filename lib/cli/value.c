/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value: JSON and YAML for programs; see out.h. The YAML is the small part of
 * the language that every reader agrees on: block mappings and sequences,
 * plain words, and JSON's strings for everything else.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/out_priv.h"

enum { YAML_MAX_DEPTH = 64 };

enum cli_format
cli_format_from(const char *word)
{
	if (strcmp(word, "json") == 0)
		return CLI_JSON;
	if (strcmp(word, "yaml") == 0)
		return CLI_YAML;
	return CLI_TEXT;
}

/* Of a character that is valid UTF-8 and not printable; returns its bytes. */
static size_t
escape_character(const uint8_t *p, size_t n, FILE *f)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);

	for (size_t i = 1; i < len && i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	if (c > 0xffff)
		fprintf(f, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)),
		    (unsigned)(0xdc00 + (c & 0x3ff)));
	else
		fprintf(f, "\\u%04x", (unsigned)c);
	return len < n ? len : n;
}

/* jansson's pieces end between characters; what is below a blank it escapes itself, or made for the layout. */
static int
on_piece(const char *text, size_t n, void *arg)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t from = 0, i = 0;
	FILE *f = arg;

	while (i < n) {
		size_t len = p[i] < ' ' ? 1 : str_printable_len(p + i, n - i);

		if (len) {
			i += len;
			continue;
		}
		(void)fwrite(text + from, 1, i - from, f);
		i += escape_character(p + i, n - i, f);
		from = i;
	}
	(void)fwrite(text + from, 1, n - from, f);
	return 0;
}

void
cli_dump_json(const json_t *value, size_t flags, FILE *f)
{
	(void)json_dump_callback(value, on_piece, f, flags);
}

json_t *
cli_bytes_value(const void *p, size_t n, bool *ret_exact)
{
	const uint8_t *from = p;
	json_t *v = json_stringn(p ? p : "", n);
	char *text, *to;

	if (ret_exact)
		*ret_exact = v != NULL;
	if (v || !(text = malloc(3 * n + 1)))
		return v;
	to = text;
	for (size_t i = 0; i < n;) {
		size_t len = str_utf8_len(from + i, n - i);

		memcpy(to, len ? (const char *)from + i : "\xef\xbf\xbd", len ? len : 3);
		to += len ? len : 3;
		i += len ? len : 1;
	}
	v = json_stringn(text, (size_t)(to - text));
	free(text);
	return v;
}

static void yaml_print(const json_t *value, FILE *f);

void
cli_print_value(const json_t *value, enum cli_format format, FILE *f)
{
	if (format == CLI_YAML) {
		yaml_print(value, f);
		return;
	}
	cli_dump_json(value, JSON_INDENT(2) | JSON_ENCODE_ANY, f);
	fputc('\n', f);
}

/* Words that YAML 1.1 or 1.2 reads as something else than text. */
static bool
is_special(const char *s)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y",
		"n" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

/* May stand without quotes, by every reader of YAML. */
static bool
is_plain(const char *s)
{
	char before = 0;

	if (!isalpha((unsigned char)s[0]) && s[0] != '/' && s[0] != '_')
		return false;
	if (is_special(s))
		return false;
	for (; *s; before = *s++) {
		if (isalnum((unsigned char)*s) || strchr("_./@+=-", *s))
			continue;
		/* A colon is plain only inside a word: "a: b" would be a mapping. */
		if (*s == ':' && s[1] && s[1] != ' ')
			continue;
		if (*s == ' ' && before != ' ' && s[1])
			continue;
		return false;
	}
	return true;
}

static void
print_text(const char *s, FILE *f)
{
	json_t *text;

	if (is_plain(s)) {
		fputs(s, f);
		return;
	}
	text = json_string(s);
	if (text)
		cli_dump_json(text, JSON_ENCODE_ANY, f);
	json_decref(text);
}

/* Takes lines of its own; empty mappings and lists are written as {} and []. */
static bool
is_block(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v)) ||
	    (json_is_array(v) && json_array_size(v));
}

static void
print_scalar(const json_t *v, FILE *f)
{
	if (json_is_string(v))
		print_text(json_string_value(v), f);
	else if (json_is_object(v))
		fputs("{}", f);
	else if (json_is_array(v))
		fputs("[]", f);
	else
		cli_dump_json(v, JSON_ENCODE_ANY, f);
}

static void
indent(int depth, FILE *f)
{
	for (; depth > 0; depth--)
		fputs("  ", f);
}

static void print_block(const json_t *v, int depth, bool first_inline, FILE *f);

static void
print_object(const json_t *v, int depth, bool first_inline, FILE *f)
{
	const char *key;
	json_t *item;

	json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
		if (!first_inline)
			indent(depth, f);
		first_inline = false;
		print_text(key, f);
		fputc(':', f);
		if (is_block(item)) {
			fputc('\n', f);
			/* A list is not indented below its key: as most people write it. */
			print_block(item, json_is_array(item) ? depth : depth + 1, false, f);
		} else {
			fputc(' ', f);
			print_scalar(item, f);
			fputc('\n', f);
		}
	}
}

static void
print_block(const json_t *v, int depth, bool first_inline, FILE *f)
{
	size_t i;
	json_t *item;

	if (depth > YAML_MAX_DEPTH)
		return;
	if (json_is_object(v)) {
		print_object(v, depth, first_inline, f);
		return;
	}
	json_array_foreach (v, i, item) {
		if (!first_inline)
			indent(depth, f);
		first_inline = false;
		fputs("- ", f);
		if (is_block(item)) {
			print_block(item, depth + 1, true, f);
		} else {
			print_scalar(item, f);
			fputc('\n', f);
		}
	}
}

static void
yaml_print(const json_t *value, FILE *f)
{
	if (is_block(value)) {
		print_block(value, 0, false, f);
		return;
	}
	print_scalar(value, f);
	fputc('\n', f);
}
