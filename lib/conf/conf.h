/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: a YAML file into a struct, by a libcyaml schema. Called at start-up
 * and on SIGHUP; reads files, touches nothing else.
 *
 * A daemon has one struct and one schema, both in its conf.c:
 *
 *	struct conf {
 *		char *cluster;
 *		char *session_ttl;     // as written: "12h"
 *		int64_t session_ttl_s; // not in the schema: filled in by the check
 *	};
 *	static const cyaml_schema_field_t fields[] = {
 *		CYAML_FIELD_STRING_PTR("cluster", CYAML_FLAG_POINTER, struct conf, cluster, 1, 255),
 *		CYAML_FIELD_STRING_PTR("session_ttl", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
 *			struct conf, session_ttl, 1, 32),
 *		CYAML_FIELD_END
 *	};
 *	const cyaml_schema_value_t conf_schema = {
 *		CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conf, fields)
 *	};
 *
 * What is optional and absent is zero or NULL in the struct; a check function
 * turns that into defaults with the helpers below. Unknown keys are errors
 * (a typo must not silently become a default). An empty file is an empty
 * mapping. libcyaml takes every word but a few for a true bool ("treu" too):
 * let switches be strings.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>

#include "base/err.h"

enum { CONF_MAX_BYTES = 1024 * 1024 };

/* Reads path into a new struct; *ret is freed with conf_free. Negative: the text names
 * the file, and the line when it is known: "/etc/sallyport/authd.yaml:12: unknown key 'usr'". */
int conf_load(const char *path, const cyaml_schema_value_t *schema, void **ret, struct err *e);
/* The same from memory; name stands for the file in errors. */
int conf_parse(const char *name, const char *text, size_t n, const cyaml_schema_value_t *schema,
    void **ret, struct err *e);
void conf_free(const cyaml_schema_value_t *schema, void *conf); /* NULL is fine */

/* value, or its default when the file does not have it (NULL). */
const char *conf_text(const char *value, const char *fallback);

/* Helpers of a check function. value is what the file said or NULL; fallback its default.
 * All return 0, or -1 with an error that names the key. */
int conf_duration(int64_t *ret_s, const char *key, const char *value, const char *fallback,
    struct err *e);
/* "512", "64KB", "16MB", "2GB" (powers of 1024), at most max bytes. */
int
conf_size(uint64_t *ret, const char *key, const char *value, const char *fallback, struct err *e);
/* HOST:PORT; the parts are checked, the text stays with the caller. */
int conf_address(const char *key, const char *value, struct err *e);
/* `diag_addr`: ADDRESS:PORT, "" for none, or absent (NULL). */
int conf_diag_addr(const char *value, struct err *e);
/* min <= value <= max; 0 means absent and becomes fallback. */
int conf_range(int64_t *value, const char *key, int64_t fallback, int64_t min, int64_t max,
    struct err *e);
/* value is an absolute path, or absent (NULL) when optional. */
int conf_path(const char *key, const char *value, bool optional, struct err *e);

#endif
