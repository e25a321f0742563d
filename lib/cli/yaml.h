/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml: a YAML document of any shape as a JSON value, for resources that people write by hand and whose keys are
 * theirs (labels). Configurations go through lib/conf. Parsing is libyaml's.
 */
#ifndef CLI_YAML_H
#define CLI_YAML_H

#include <jansson.h>

#include "base/err.h"

/* The next document of a text, or of all of them as an array when several are there. Scalars: plain true/false,
 * null and decimal integers are what they look like; everything else, and all that is quoted, is a string. No
 * aliases, at most 32 levels, 1 MiB. name stands for the text in errors. */
int yaml_to_json(const char *name, const char *text, size_t n, json_t **ret, struct err *e);

#endif
