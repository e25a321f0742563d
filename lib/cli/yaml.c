/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: libyaml's events into a JSON value. Called by tctl.
 */
#include "cli/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

enum { DEPTH_MAX = 32, TEXT_MAX = 1 << 20 };

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	struct yaml_source *source;
	struct err *e;
};

static int
fail(struct reader *r, const char *what)
{
	return err_set(r->e, "%s:%zu: %s", r->source->name, r->parser.mark.line + 1, what);
}

/* Goes on to the next event. What stood in the one before is gone. */
static int
next(struct reader *r)
{
	yaml_event_delete(&r->event);
	if (yaml_parser_parse(&r->parser, &r->event))
		return 0;
	memset(&r->event, 0, sizeof r->event);
	return fail(r, r->parser.problem ? r->parser.problem : "malformed");
}

/* Plain words that are numbers, truth values or nothing are those; all else is text. */
static json_t *
scalar_value(const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	char *end;
	long long v;

	/* What is quoted is text, also "true" and "5". */
	if (ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return json_stringn(s, n);
	if (!strcmp(s, "true") || !strcmp(s, "false"))
		return json_boolean(*s == 't');
	if (!strcmp(s, "null") || !strcmp(s, "~") || n == 0)
		return json_null();
	v = strtoll(s, &end, 10);
	/* Up to 18 digits fit into 64 bits without a look at errno; longer ones stay text. */
	if (*end == '\0' && n < 19)
		return json_integer(v);
	return json_stringn(s, n);
}

static int read_value(struct reader *r, int depth, json_t **ret);

/* Remembers where a key or an entry stood, so that a mistake in its value can be told with its line. */
static int
note_line(struct yaml_source *s, const struct yaml_line *line)
{
	struct yaml_line *grown = s->lines;

	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 64;

		grown = realloc(s->lines, cap * sizeof *grown);
		if (!grown)
			return -1;
		s->lines = grown;
		s->cap = cap;
	}
	s->lines[s->n++] = *line;
	return 0;
}

static int
read_sequence(struct reader *r, int depth, json_t *list)
{
	json_t *item;

	for (;;) {
		struct yaml_line line = { .in = list, .index = json_array_size(list) };

		if (next(r) < 0)
			return -1;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		line.line = r->event.start_mark.line + 1;
		if (read_value(r, depth + 1, &item) < 0)
			return -1;
		json_array_append_new(list, item);
		if (note_line(r->source, &line) < 0)
			return fail(r, "out of memory");
	}
}

size_t
yaml_line(const struct yaml_source *source, const json_t *map, const char *key)
{
	for (size_t i = 0; i < source->n; i++)
		if (source->lines[i].in == map && source->lines[i].key &&
		    strcmp(source->lines[i].key, key) == 0)
			return source->lines[i].line;
	return 0;
}

size_t
yaml_entry_line(const struct yaml_source *source, const json_t *list, size_t index)
{
	for (size_t i = 0; i < source->n; i++)
		if (source->lines[i].in == list && !source->lines[i].key &&
		    source->lines[i].index == index)
			return source->lines[i].line;
	return 0;
}

void
yaml_source_done(struct yaml_source *source)
{
	free(source->lines);
	*source = (struct yaml_source){ 0 };
}

static int
read_mapping(struct reader *r, int depth, json_t *map)
{
	json_t *value;

	for (;;) {
		size_t line;
		char *key;
		int rc;

		if (next(r) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (r->event.type != YAML_SCALAR_EVENT ||
		    strlen((const char *)r->event.data.scalar.value) != r->event.data.scalar.length)
			return fail(r, "a key must be plain text");
		line = r->event.start_mark.line + 1;
		key = strdup((const char *)r->event.data.scalar.value);
		rc = !key                       ? fail(r, "out of memory")
		    : json_object_get(map, key) ? fail(r, "a key is there twice")
						: next(r);
		if (rc == 0 && (rc = read_value(r, depth + 1, &value)) == 0 &&
		    json_object_set_new(map, key, value) < 0)
			rc = fail(r, "a key is not UTF-8");
		/* The object's own copy of the key, which lives as long as the value. */
		if (rc == 0 &&
		    note_line(r->source,
			&(struct yaml_line){ .in = map,
			    .key = json_object_iter_key(json_object_iter_at(map, key)),
			    .line = line }) < 0)
			rc = fail(r, "out of memory");
		free(key);
		if (rc < 0)
			return -1;
	}
}

/* The value that begins with the current event. */
static int
read_value(struct reader *r, int depth, json_t **ret)
{
	int rc;

	if (depth > DEPTH_MAX)
		return fail(r, "nested too deep");
	switch (r->event.type) {
	case YAML_SCALAR_EVENT:
		*ret = scalar_value(&r->event);
		return *ret ? 0 : fail(r, "text is not UTF-8");
	case YAML_SEQUENCE_START_EVENT:
		*ret = json_array();
		rc = read_sequence(r, depth, *ret);
		break;
	case YAML_MAPPING_START_EVENT:
		*ret = json_object();
		rc = read_mapping(r, depth, *ret);
		break;
	default:
		/* A few lines of aliases of aliases would be gigabytes ("billion laughs"). */
		return fail(r, "aliases are not taken");
	}
	if (rc < 0) {
		json_decref(*ret);
		*ret = NULL;
	}
	return rc;
}

static int
read_documents(struct reader *r, json_t *all)
{
	json_t *v;

	do {
		if (next(r) < 0)
			return -1;
		if (r->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (next(r) < 0 || read_value(r, 0, &v) < 0)
			return -1;
		json_array_append_new(all, v);
	} while (r->event.type != YAML_STREAM_END_EVENT);
	return 0;
}

int
yaml_to_json(struct yaml_source *source, const char *text, size_t n, json_t **ret, struct err *e)
{
	struct reader r = { .source = source, .e = e };
	json_t *all;
	int rc;

	if (n > TEXT_MAX)
		return err_set(e, "%s is larger than 1 MiB", source->name);
	if (!yaml_parser_initialize(&r.parser))
		return err_memory(e);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
	all = json_array();
	rc = read_documents(&r, all);
	yaml_event_delete(&r.event);
	yaml_parser_delete(&r.parser);
	if (rc == 0) {
		*ret = json_array_size(all) == 1 ? json_incref(json_array_get(all, 0))
						 : json_incref(all);
	}
	json_decref(all);
	return rc;
}
