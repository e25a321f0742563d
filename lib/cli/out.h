/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out: what commands print: columns for people, JSON and YAML for programs.
 *
 *	struct cli_table *t = cli_table_new("Node Name", "Address", "Labels", NULL);
 *	cli_table_add(t, name, address, labels, NULL);
 *	cli_table_print(t, stdout);   // then cli_table_free(t)
 *
 * Made in table.c, value.c (JSON, YAML), listing.c (either) and width.c (columns of a terminal).
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

enum cli_format { CLI_TEXT, CLI_JSON, CLI_YAML };
/* The words every --format option takes; the value of its `arg`. */
#define CLI_FORMATS "text|json|yaml"
enum cli_format cli_format_from(const char *word);

struct cli_table;

/* Headings, ended by NULL, at most 16. The text is copied, and cleaned of control characters. NULL without memory. */
struct cli_table *cli_table_new(const char *heading, ...) __attribute__((sentinel));
void cli_table_free(struct cli_table *t); /* NULL is fine */
/* One cell a column; a missing one is empty. Ended by NULL: an empty cell is "". */
void cli_table_add(struct cli_table *t, const char *cell, ...) __attribute__((sentinel));
/* No headings and no dashes: a list of keys and values. */
void cli_table_headless(struct cli_table *t);
/* By default the last column is cut to the width of the terminal; a file is never cut. */
void cli_table_uncut(struct cli_table *t);
/* Cut at this many columns instead of the terminal's (0: never), for tests. */
void cli_table_width(struct cli_table *t, int columns);
/* Headings, dashes, rows, an empty line; columns apart by two spaces, no trailing blanks. */
void cli_table_print(const struct cli_table *t, FILE *f);

/* Columns that UTF-8 text takes on a terminal: wide characters two, combining ones none. */
int cli_width(const char *text);
/* Text in exactly so many columns, in dst: padded with blanks, or cut, with "..." at its end. */
void cli_fit(char *dst, size_t size, const char *text, int columns);
/* Columns of the terminal on stdout; 0 when it is none. */
int cli_columns(void);
/* The same of a descriptor. */
int cli_columns_of(int fd);

/* As json_dumpf, but characters that a terminal might obey (DEL, C1, those that move text about) stand as \\uXXXX, which
 * means the same to every reader. flags: of jansson. */
void cli_dump_json(const json_t *value, size_t flags, FILE *f);

/* Bytes as a JSON string: each that is no UTF-8 becomes U+FFFD, everything else, control characters too, is kept. *ret_exact
 * (may be NULL): nothing was replaced. NULL without memory. */
json_t *cli_bytes_value(const void *p, size_t n, bool *ret_exact);

/* JSON with two spaces of indent, or YAML with the same content. CLI_TEXT prints JSON. */
void cli_print_value(const json_t *value, enum cli_format format, FILE *f);

/* How a list of things is shown; `found` is what holds them, i counts from 0. */
struct cli_listing {
	struct cli_table *(*table)(void); /* a new one, with its headings */
	void (*row)(struct cli_table *t, const void *found, size_t i);
	json_t *(*value)(const void *found, size_t i); /* a new reference */
	const char
	    *none; /* what stands in the table's place when there are none; NULL: headings alone */
};
/* All n to f: a table, or one array. format is the value of --format; NULL means text. */
void cli_print_listing(const struct cli_listing *l, const void *found, size_t n, const char *format,
    FILE *f);

#endif
