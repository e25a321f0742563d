/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tone: colours for terminals; see cli.h. The sixteen that every terminal has, so that the person's own palette decides how
 * they look.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static bool
has_colours(int fd)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	/* no-color.org: any value that is not empty. */
	return !(none && *none) && term && *term && strcmp(term, "dumb") != 0 && isatty(fd);
}

const char *
cli_tone(enum cli_tone tone, int fd)
{
	static const char *const codes[] = { [CLI_PLAIN] = "\033[0m",
		[CLI_GOOD] = "\033[32m",
		[CLI_BAD] = "\033[1;31m",
		[CLI_DOUBT] = "\033[33m",
		[CLI_NAME] = "\033[36m" };

	return has_colours(fd) ? codes[tone] : "";
}
