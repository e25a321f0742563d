/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: a YAML document of any shape as a JSON value, for resources that people write by hand and whose keys are
 * theirs (labels). Configurations go through lib/conf. Parsing is libyaml's.
 */
#ifndef CLI_YAML_H
#define CLI_YAML_H

#include <jansson.h>

#include "base/err.h"

/* What is read: its name for errors, and afterwards where each key and entry stands, for errors about what it means. */
struct yaml_source {
	const char *name;
	struct yaml_line {
		const json_t *in;
		const char *key; /* the mapping's; NULL: an entry of a list, */
		size_t index;    /* this one */
		size_t line;
	} * lines;
	size_t n, cap;
};

/* The next document of a text, or of all of them as an array when several are there. Scalars: plain true/false,
 * null and decimal integers are what they look like; everything else, and all that is quoted, is a string. No
 * aliases, at most 32 levels, 1 MiB. source: with its name, else zeroed; yaml_source_done in any case. */
int
yaml_to_json(struct yaml_source *source, const char *text, size_t n, json_t **ret, struct err *e);
/* Of a key of a mapping that was read from there, from 1; 0: unknown. */
size_t yaml_line(const struct yaml_source *source, const json_t *map, const char *key);
/* The same of an entry of a list, which are counted from 0. */
size_t yaml_entry_line(const struct yaml_source *source, const json_t *list, size_t index);
void yaml_source_done(struct yaml_source *source);

#endif
