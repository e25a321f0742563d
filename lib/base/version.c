/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version: see version.h. Called by authd, which knows everybody's, and by those who ask about themselves.
 */
#include "base/version.h"

#include <limits.h>
#include <stdlib.h>

/* -1: none. Some are a stranger's text: one that does not fit counts as very new. */
static long
major_of(const char *version)
{
	char *end;
	long n = strtol(version, &end, 10);

	if (version[0] < '0' || version[0] > '9' || *end != '.')
		return -1;
	return n;
}

bool
version_too_old(const char *theirs, const char *ours)
{
	long a = major_of(theirs), b = major_of(ours);

	return a >= 0 && b >= 0 && a < LONG_MAX && a + 1 < b;
}
