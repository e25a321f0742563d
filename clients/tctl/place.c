/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place: walks a resource by the names of a place. form.h says how the two differ: a duration is without its "_s", lists of
 * {key, values} are mappings, a single text stands for a list of one.
 */
#include "tctl/place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct walk {
	const struct yaml_source *source;
	const json_t *at; /* NULL: the file ends before the place does */
	bool in_entry;    /* of a mapping that is a list to authd: at is the value already */
	size_t line;      /* of the last step that the file has */
};

static void
step(struct walk *w, const json_t *to, size_t line)
{
	w->at = to;
	if (line)
		w->line = line;
}

static void
step_name(struct walk *w, char *name)
{
	size_t n = strlen(name);

	if (w->in_entry) {
		w->in_entry = false;
		return;
	}
	if (!json_object_get(w->at, name) && str_ends(name, "_s"))
		name[n - 2] = '\0';
	step(w, json_object_get(w->at, name), yaml_line(w->source, w->at, name));
}

static void
step_index(struct walk *w, size_t index)
{
	void *i;

	if (json_is_array(w->at)) {
		step(w, json_array_get(w->at, index), yaml_entry_line(w->source, w->at, index));
	} else if (json_is_object(w->at)) {
		i = json_object_iter((json_t *)w->at);
		while (i && index-- > 0)
			i = json_object_iter_next((json_t *)w->at, i);
		w->in_entry = i != NULL;
		step(w, i ? json_object_iter_value(i) : NULL,
		    i ? yaml_line(w->source, w->at, json_object_iter_key(i)) : 0);
	}
}

/* Both: what is behind it; NULL: this is none. */
static const char *
walk_name(struct walk *w, const char *p)
{
	size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
	char name[64];

	if (n == 0 || !str_format(name, sizeof name, "%.*s", (int)n, p))
		return NULL;
	step_name(w, name);
	return p + n;
}

static const char *
walk_index(struct walk *w, const char *p)
{
	char *end;
	unsigned long index = *p == '[' ? strtoul(p + 1, &end, 10) : 0;

	if (*p != '[' || end == p + 1 || *end != ']')
		return NULL;
	step_index(w, index);
	return end + 1;
}

size_t
place_line(const json_t *resource, const struct yaml_source *source, const char *refusal)
{
	struct walk w = { .source = source };
	const char *p = refusal;

	/* The name is not in the spec. */
	w.at = json_object_get(resource, str_starts(p, "name:") ? "metadata" : "spec");
	for (p = walk_name(&w, p); p && w.line && !str_starts(p, ": ");)
		p = *p == '.' ? walk_name(&w, p + 1) : walk_index(&w, p);
	return p ? w.line : 0;
}
