/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: libcyaml with errors for people; see conf.h. The helpers of check
 * functions are in value.c.
 */
#include "conf/conf.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* What libcyaml says while it loads: one message, then a backtrace that names
 * the key from the inside out and the line of the innermost one. */
struct trace {
	const char *name;
	const char *text;
	char what[256];
	char key[256]; /* "proxy.listen" */
	long line;     /* 0: not known */
};

static void
keep_field(struct trace *t, const char *field, size_t n)
{
	char longer[sizeof(t->key)];

	if (str_format(longer, sizeof(longer), "%.*s%s%s", (int)n, field, *t->key ? "." : "",
		t->key))
		(void)str_copy(t->key, sizeof(t->key), longer);
}

static void __attribute__((format(printf, 3, 0)))
on_cyaml_log(cyaml_log_t level, void *arg, const char *fmt, va_list ap)
{
	struct trace *t = arg;
	const char *p, *end;
	char text[512];

	(void)level;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = 0;
	if (!*t->what) {
		p = str_starts(text, "Load: ") ? text + 6 : text;
		(void)str_copy(t->what, sizeof(t->what), p);
		return;
	}
	p = strstr(text, "mapping field '");
	if (p) {
		p += strlen("mapping field '");
		end = strchr(p, '\'');
		if (end)
			keep_field(t, p, (size_t)(end - p));
	}
	p = strstr(text, "(line: ");
	if (p && !t->line)
		t->line = strtol(p + strlen("(line: "), NULL, 10);
}

/* The line, from t->line on, that begins with key: the backtrace of an unknown
 * key names the value before it. */
static long
find_key(const struct trace *t, const char *key)
{
	size_t n = strlen(key);
	const char *p = t->text;

	for (long line = 1; p && *p; line++) {
		const char *s = p + strspn(p, " -{");

		if (line >= t->line && strncmp(s, key, n) == 0 && s[n + strspn(s + n, " ")] == ':')
			return line;
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	return t->line;
}

static const char *
kind_text(const char *event)
{
	if (str_starts(event, "SEQUENCE"))
		return "a list";
	if (str_starts(event, "MAPPING"))
		return "keys and values";
	return "a single value";
}

/* libcyaml's sentence in the words of the file's author. */
static void
reword(struct trace *t, char *dst, size_t size)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "Unexpected key: ", "unknown key" },
		{ "Missing required mapping field: ", "missing key" },
		{ "Mapping field already seen: ", "given twice:" },
	};
	const char *got = strstr(t->what, ", got event: ");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *key = t->what + strlen(rows[i].from);

		if (!str_starts(t->what, rows[i].from))
			continue;
		if (i == 0)
			t->line = find_key(t, key);
		else if (i == 1)
			*t->key = 0;
		(void)str_format(dst, size, "%s '%s'", rows[i].to, key);
		return;
	}
	if (str_starts(t->what, "Expecting ") && got)
		(void)str_format(dst, size, "expected %.*s, found %s",
		    (int)(got - t->what - strlen("Expecting ")), t->what + strlen("Expecting "),
		    kind_text(got + strlen(", got event: ")));
	else if (str_starts(t->what, "libyaml: "))
		(void)str_format(dst, size, "not YAML: %s", t->what + strlen("libyaml: "));
	else
		(void)str_copy(dst, size, t->what);
}

static int
fail(struct trace *t, cyaml_err_t r, struct err *e)
{
	char clean[ERR_MAX];
	char what[300];
	char line[24] = "";

	if (!*t->what)
		(void)str_copy(t->what, sizeof(t->what), cyaml_strerror(r));
	reword(t, what, sizeof(what));
	if (t->line > 0)
		(void)str_format(line, sizeof(line), "%ld:", t->line);
	str_clean(clean, sizeof(clean), what, strlen(what));
	return err_set(e, "%s:%s %s%s%s", t->name, line, t->key, *t->key ? ": " : "", clean);
}

/* libcyaml answers a document without content with success and no struct. */
static bool
is_blank(const char *text)
{
	while (*text) {
		text += strspn(text, " \t\r\n");
		if (str_starts(text, "---"))
			text += 3;
		else if (*text == '#')
			text += strcspn(text, "\n");
		else if (*text)
			return false;
	}
	return true;
}

static const cyaml_config_t base_config = {
	.log_fn = on_cyaml_log,
	.log_level = CYAML_LOG_ERROR,
	.mem_fn = cyaml_mem,
	/* Aliases in a configuration are a way to exhaust memory, and nothing else. */
	.flags = CYAML_CFG_NO_ALIAS,
};

int
conf_parse(const char *name, const char *text, size_t n, const cyaml_schema_value_t *schema,
    void **ret, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	cyaml_config_t config = base_config;
	struct trace trace = { .name = name };
	cyaml_data_t *data = NULL;
	cyaml_err_t r;

	*ret = NULL;
	copy = span_dup((struct span){ (const uint8_t *)text, n });
	if (!copy)
		return err_set(e, "%s: not text (it holds a NUL byte)", name);
	trace.text = is_blank(copy) ? "{}" : copy;
	config.log_ctx = &trace;
	r = cyaml_load_data((const uint8_t *)trace.text, strlen(trace.text), &config, schema, &data,
	    NULL);
	if (r != CYAML_OK)
		return fail(&trace, r, e);
	if (!data)
		return err_set(e, "%s: nothing in it", name);
	*ret = data;
	return 0;
}

int
conf_load(const char *path, const cyaml_schema_value_t *schema, void **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t n;

	*ret = NULL;
	if (file_read(path, CONF_MAX_BYTES, &text, &n, e) < 0)
		return -1;
	return conf_parse(path, text, n, schema, ret, e);
}

void
conf_free(const cyaml_schema_value_t *schema, void *conf)
{
	if (conf)
		cyaml_free(&base_config, schema, conf, 0);
}
