/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazy: see lazy.h. Threads that come at once each load and look up, and find the same.
 */
#include "lazy/lazy.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
fail(void)
{
	const char *why = dlerror();

	fprintf(stderr, "ERROR: %s\n", why ? why : "a library cannot be loaded");
	exit(1);
}

/* All of it is bound now: a library that lacks something is not found out in the middle of a call. */
static void *
load(struct lazy *l)
{
	void *handle = __atomic_load_n(&l->handle, __ATOMIC_ACQUIRE);

	if (handle)
		return handle;
	handle = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		fail();
	__atomic_store_n(&l->handle, handle, __ATOMIC_RELEASE);
	return handle;
}

lazy_fn *
lazy_find(struct lazy *l, lazy_fn **fn, const char *name)
{
	lazy_fn *found = __atomic_load_n(fn, __ATOMIC_ACQUIRE);
	void *symbol;

	if (found)
		return found;
	symbol = dlsym(load(l), name);
	if (!symbol)
		fail();
	/* POSIX has them of one size; ISO C knows no such conversion. */
	_Static_assert(sizeof(found) == sizeof(symbol), "a function's address is an address");
	memcpy(&found, &symbol, sizeof(found));
	__atomic_store_n(fn, found, __ATOMIC_RELEASE);
	return found;
}
