/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place: the line of a file that authd's refusal is about. Refusals of resources begin with the place of what is wrong, by
 * the fields of the message: "allow.logins[2]: ..." (policy_role_check). Pure; called by cmd_resources.c.
 */
#ifndef TCTL_PLACE_H
#define TCTL_PLACE_H

#include <jansson.h>

#include "cli/yaml.h"

/* From 1: of the place, or of as much of it as the file has. 0: the refusal names none, or another file's. */
size_t place_line(const json_t *resource, const struct yaml_source *source, const char *refusal);

#endif
