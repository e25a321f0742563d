/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event: see event.h. By the keys of an event and not by its type (lib/api/events.def): a new type that has them is shown
 * without a word here.
 */
#include "view/event.h"

#include <string.h>

#include "base/str.h"

/* Fields that people want to see, in this order, and what stands before each. */
static const struct {
	const char *key, *before;
} shown[] = { { "command", "" }, { "path", "" }, { "name", "" }, { "target", "target " },
	{ "bytes", "bytes " }, { "ranges", "only " }, { "attributes", "" }, { "roles", "roles " },
	{ "logins", "logins " }, { "exit_signal", "signal " }, { "exit_status", "status " },
	{ "reason", "" }, { "claimed_type", "of type " } };

static void
append(char *dst, size_t size, const char *before, const char *text)
{
	size_t n = strlen(dst);

	(void)str_format(dst + n, size - n, "%s%s%s", n ? ", " : "", before, text);
}

static const char *
field(const Audit__Event *ev, const char *key)
{
	for (size_t i = 0; i < ev->n_fields; i++)
		if (strcmp(ev->fields[i]->key, key) == 0)
			return ev->fields[i]->value;
	return "";
}

void
event_detail(const Audit__Event *ev, char *dst, size_t size)
{
	(void)str_copy(dst, size, ev->message);
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		const char *value = field(ev, shown[i].key);

		/* A status of 0 goes without saying; a message often is the reason, in more words. */
		if (*value &&
		    !(strcmp(shown[i].key, "exit_status") == 0 && strcmp(value, "0") == 0) &&
		    !strstr(ev->message, value))
			append(dst, size, shown[i].before, value);
	}
}
