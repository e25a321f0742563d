/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing: what a command found, in the form that --format asks for; see out.h.
 */
#include "cli/out.h"

static void
print_text(const struct cli_listing *l, const void *found, size_t n, FILE *f)
{
	struct cli_table *t;

	if (n == 0 && l->none) {
		fprintf(f, "%s\n", l->none);
		return;
	}
	if (!(t = l->table()))
		return;
	for (size_t i = 0; i < n; i++)
		l->row(t, found, i);
	cli_table_print(t, f);
	cli_table_free(t);
}

void
cli_print_listing(const struct cli_listing *l, const void *found, size_t n, const char *format,
    FILE *f)
{
	enum cli_format as = cli_format_from(format ? format : "text");
	json_t *all;

	if (as == CLI_TEXT) {
		print_text(l, found, n, f);
		return;
	}
	/* A list also of one, and of none: whoever reads it with jq has one form to expect. */
	all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(all, l->value(found, i));
	cli_print_value(all, as, f);
	json_decref(all);
}
