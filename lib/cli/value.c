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

static void yaml_print(const json_t *value, FILE *f);

void
cli_print_value(const json_t *value, enum cli_format format, FILE *f)
{
	if (format == CLI_YAML) {
		yaml_print(value, f);
		return;
	}
	json_dumpf(value, f, JSON_INDENT(2) | JSON_ENCODE_ANY);
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
		json_dumpf(text, f, JSON_ENCODE_ANY);
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
		json_dumpf(v, f, JSON_ENCODE_ANY);
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
