/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit: runs one test of a file of tests/unit inside WebAssembly; see include/cmocka.h. Called by unit.mjs.
 */
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/rand.h"

#define UNIT_IMPORT(name) __attribute__((import_module("unit"), import_name(name)))
UNIT_IMPORT("failed") void unit_said_failed(const char *text, size_t n);
UNIT_IMPORT("skipped") void unit_said_skipped(void);

int test_main(void); /* the file's main */

static size_t wanted, count;
static const char *name = "";

/* How many tests the file has. */
__attribute__((export_name("unit_count"))) size_t
unit_count(void)
{
	wanted = SIZE_MAX;
	(void)test_main();
	return count;
}

__attribute__((export_name("unit_one"))) int
unit_one(size_t i)
{
	wanted = i;
	return test_main();
}

__attribute__((export_name("unit_name"))) const char *
unit_name(void)
{
	return name;
}

/* Negative: a fixture failed. */
int
unit_run(const struct CMUnitTest *tests, size_t n, unit_fixture_fn *setup,
    unit_fixture_fn *teardown)
{
	const struct CMUnitTest *t = &tests[wanted];
	void *group = NULL, *state;

	count = n;
	if (wanted >= n)
		return 0;
	name = t->name;
	if (setup && setup(&group) != 0)
		return -1;
	state = group;
	if (t->setup && t->setup(&state) != 0)
		return -1;
	t->test(&state);
	if (t->teardown && t->teardown(&state) != 0)
		return -1;
	return teardown && teardown(&group) != 0 ? -1 : 0;
}

void
unit_fail(const char *file, int line, const char *fmt, ...)
{
	char text[2048];
	int n = snprintf(text, sizeof text, "%s:%d: ", file, line);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	unit_said_failed(text, strlen(text));
	__builtin_trap();
}

void
unit_skip(void)
{
	unit_said_skipped();
	__builtin_trap();
}

/* The worker's libsodium is there before the engine is. */
int
crypto_init(void)
{
	return 0;
}
