/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse: options of a command line, by their tables; see cli.h. Pure but for
 * the variables the rows point at and getenv.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cli/cli_priv.h"

bool
cli_option_is_end(const struct cli_option *o)
{
	return !o->short_name && !o->long_name;
}

bool
cli_option_takes_value(const struct cli_option *o)
{
	return o->kind != CLI_FLAG && o->kind != CLI_COUNT;
}

/* How the option is called in messages. */
static const char *
name_of(const struct cli_option *o, char *dst, size_t size)
{
	if (o->long_name)
		(void)str_format(dst, size, "--%s", o->long_name);
	else
		(void)str_format(dst, size, "-%c", o->short_name);
	return dst;
}

/* words: "text|json|yaml". */
static bool
is_choice(const char *words, const char *value)
{
	size_t n = strlen(value);

	while (*words) {
		size_t len = strcspn(words, "|");

		if (len == n && strncmp(words, value, n) == 0)
			return true;
		words += len;
		if (*words)
			words++;
	}
	return false;
}

/* Values are kept as pointers into argv or the environment, which live as long as the program. */
static int
set_value(const struct cli_option *o, const char *value, struct err *e)
{
	struct cli_list *list = o->dest;
	uint64_t number;
	char name[64];

	name_of(o, name, sizeof(name));
	switch (o->kind) {
	case CLI_STRING:
		*(const char **)o->dest = value;
		return 0;
	case CLI_INT:
		if (!str_u64(value, INT64_MAX, &number))
			return err_set(e, "%s: '%s' is not a number", name, value);
		*(int64_t *)o->dest = (int64_t)number;
		return 0;
	case CLI_DURATION:
		if (!str_duration(value, o->dest))
			return err_set(e, "%s: '%s' is not a duration (write 90s, 30m, 12h or 7d)",
			    name, value);
		return 0;
	case CLI_CHOICE:
		if (!is_choice(o->arg, value))
			return err_set(e, "%s: '%s' is none of %s", name, value, o->arg);
		*(const char **)o->dest = value;
		return 0;
	case CLI_LIST:
		if (list->n == CLI_LIST_MAX)
			return err_set(e, "%s: given more than %d times", name, CLI_LIST_MAX);
		list->item[list->n++] = value;
		return 0;
	default:
		return err_set(e, "%s takes no value", name);
	}
}

static void
set_flag(const struct cli_option *o, bool on)
{
	if (o->kind == CLI_COUNT)
		*(int *)o->dest = on ? *(int *)o->dest + 1 : 0;
	else
		*(bool *)o->dest = on;
}

/* The first table that has it: see cli_main for their order. */
static const struct cli_option *
find_long(const struct parser *p, const char *name, size_t n)
{
	for (size_t t = 0; t < p->n_tables; t++)
		for (const struct cli_option *o = p->tables[t]; o && !cli_option_is_end(o); o++)
			if (o->long_name && strlen(o->long_name) == n &&
			    strncmp(o->long_name, name, n) == 0)
				return o;
	return NULL;
}

static const struct cli_option *
find_short(const struct parser *p, char c)
{
	for (size_t t = 0; t < p->n_tables; t++)
		for (const struct cli_option *o = p->tables[t]; o && !cli_option_is_end(o); o++)
			if (o->short_name == c)
				return o;
	return NULL;
}

/* What was given on the command line is not looked up in the environment. */
static void
note_seen(struct parser *p, const struct cli_option *o)
{
	if (p->n_seen < PARSER_MAX_SEEN)
		p->seen[p->n_seen++] = o;
}

/* "; did you mean '--format'?", or "". text: n letters behind the dashes. */
static const char *
suggest_long(const struct parser *p, const char *text, size_t n, char *dst, size_t size)
{
	struct suggestion s = { .word = text, .n = n };

	for (size_t t = 0; t < p->n_tables; t++)
		for (const struct cli_option *o = p->tables[t]; o && !cli_option_is_end(o); o++)
			if (o->long_name && o->help)
				suggest_offer(&s, o->long_name);
	return suggest_text(&s, "--", dst, size);
}

/* "--name", "--name=value", "--name value", "--no-name". */
static int
parse_long(struct parser *p, const char *text, struct err *e)
{
	size_t n = strcspn(text, "=");
	const char *value = text[n] ? text + n + 1 : NULL;
	const struct cli_option *o = find_long(p, text, n);
	bool on = true;
	char meant[96];

	/* Only when no option is really called so. */
	if (!o && str_starts(text, "no-")) {
		o = find_long(p, text + 3, n - 3);
		if (o && cli_option_takes_value(o))
			o = NULL;
		on = false;
	}
	if (!o)
		return err_set(e, "unknown option '--%.*s'%s%s", (int)n, text,
		    suggest_long(p, text, n, meant, sizeof(meant)), p->hint);
	note_seen(p, o);
	if (!cli_option_takes_value(o)) {
		if (value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return err_set(e, "--%s takes no value", o->long_name);
		set_flag(o, on == !(value && strcmp(value, "false") == 0));
		return 0;
	}
	if (!value) {
		if (p->at + 1 >= p->argc)
			return err_set(e, "--%s needs a value (%s)", o->long_name, o->arg);
		value = p->argv[++p->at];
	}
	return set_value(o, value, e);
}

/* "-v", "-vf json", "-fjson". */
static int
parse_short(struct parser *p, const char *text, struct err *e)
{
	for (; *text; text++) {
		const struct cli_option *o = find_short(p, *text);
		const char *value = text + 1;

		if (!o)
			return err_set(e, "unknown option '-%c'%s", *text, p->hint);
		note_seen(p, o);
		if (!cli_option_takes_value(o)) {
			set_flag(o, true);
			continue;
		}
		if (*value == '=')
			value++;
		if (!*value) {
			if (p->at + 1 >= p->argc)
				return err_set(e, "-%c needs a value (%s)", *text, o->arg);
			value = p->argv[++p->at];
		}
		return set_value(o, value, e);
	}
	return 0;
}

int
cli_parser_next(struct parser *p, struct err *e)
{
	for (; p->at < p->argc; p->at++) {
		char *text = p->argv[p->at];
		int r;

		/* A single "-" is a name (standard input, by custom), not an option. */
		if (p->ended || text[0] != '-' || !text[1]) {
			p->at++;
			p->positional = text;
			return 1;
		}
		if (strcmp(text, "--") == 0) {
			p->ended = true;
			continue;
		}
		r = text[1] == '-' ? parse_long(p, text + 2, e) : parse_short(p, text + 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool
was_seen(const struct parser *p, const struct cli_option *o)
{
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i] == o)
			return true;
	return false;
}

/* After the command line, which goes before: only what was not given there is looked up. An empty
 * variable is none. */
int
cli_parser_environment(struct parser *p, struct err *e)
{
	for (size_t t = 0; t < p->n_tables; t++) {
		for (const struct cli_option *o = p->tables[t]; o && !cli_option_is_end(o); o++) {
			const char *value = o->env ? getenv(o->env) : NULL;

			if (!value || !*value || was_seen(p, o))
				continue;
			if (!cli_option_takes_value(o))
				set_flag(o,
				    strcmp(value, "0") != 0 && strcmp(value, "false") != 0 &&
					strcmp(value, "no") != 0);
			else if (set_value(o, value, e) < 0)
				return err_prefix(e, "environment variable %s", o->env);
		}
	}
	return 0;
}

int
cli_parse(const struct cli_option *options, int argc, char **argv, struct err *e)
{
	struct parser p = { .argc = argc,
		.argv = argv,
		.hint = "",
		.tables = { options },
		.n_tables = 1 };
	int n = 0;
	int r;

	while ((r = cli_parser_next(&p, e)) == 1)
		argv[n++] = p.positional;
	if (r < 0 || cli_parser_environment(&p, e) < 0)
		return -1;
	return n;
}
