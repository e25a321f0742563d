/* SPDX-License-Identifier: Apache-2.0 */
/*
 * say: errors and warnings of clients; see cli.h. What comes from a server may
 * be in the text: control characters never reach the terminal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"

static void __attribute__((format(printf, 3, 0)))
say(const char *what, enum cli_tone tone, const char *fmt, va_list ap)
{
	char text[2048];
	char clean[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	str_clean(clean, sizeof(clean), text, strlen(text));
	/* So that the line comes behind what was printed before it, also when both go to one
	 * file. */
	fflush(stdout);
	fprintf(stderr, "%s%s:%s %s\n", cli_tone(tone, STDERR_FILENO), what,
	    cli_tone(CLI_PLAIN, STDERR_FILENO), clean);
}

int
cli_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("ERROR", CLI_BAD, fmt, ap);
	va_end(ap);
	return 1;
}

int
cli_fail_err(const struct err *e)
{
	return cli_fail("%s", e->text);
}

void
cli_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("WARNING", CLI_DOUBT, fmt, ap);
	va_end(ap);
}
