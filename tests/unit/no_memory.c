/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_memory: see no_memory.h.
 */
#include "no_memory.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifdef __SANITIZE_ADDRESS__
/* Its strdup and its like do not come by here: pieces cannot be counted. */
enum { COUNTS = 0 };
#define REAL(name) __interceptor_##name
#else
enum { COUNTS = 1 };
#define REAL(name) __libc_##name
#endif

extern void *REAL(malloc)(size_t n);
extern void *REAL(calloc)(size_t count, size_t n);
extern void *REAL(realloc)(void *p, size_t n);
extern void REAL(free)(void *p);

/* Of this thread alone: those of libraries and of pools live on. */
static _Thread_local bool failing, refused_one;
static _Thread_local enum no_memory how;
static _Thread_local long allowed, live;

/* From the linker: where the program itself begins and ends. */
extern const char __executable_start[], etext[];

static bool
is_own(const char *caller)
{
	return (uintptr_t)caller >= (uintptr_t)__executable_start &&
	    (uintptr_t)caller < (uintptr_t)etext;
}

static bool
refused(const void *caller)
{
	if (!failing || (how == NO_MEMORY_OWN && !is_own(caller)) || allowed-- > 0)
		return false;
	failing = how == NO_MEMORY_MORE;
	allowed = 0;
	refused_one = true;
	errno = ENOMEM;
	return true;
}

static void *
counted(void *p)
{
	live += p != NULL;
	return p;
}

void *
malloc(size_t n)
{
	return refused(__builtin_return_address(0)) ? NULL : counted(REAL(malloc)(n));
}

void *
calloc(size_t count, size_t n)
{
	return refused(__builtin_return_address(0)) ? NULL : counted(REAL(calloc)(count, n));
}

void *
realloc(void *p, size_t n)
{
	if (refused(__builtin_return_address(0)))
		return NULL;
	return p ? REAL(realloc)(p, n) : counted(REAL(realloc)(p, n));
}

void *
reallocarray(void *p, size_t count, size_t n)
{
	if (refused(__builtin_return_address(0)) || (n && count > SIZE_MAX / n))
		return NULL;
	return p ? REAL(realloc)(p, count * n) : counted(REAL(realloc)(p, count * n));
}

char *
strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = refused(__builtin_return_address(0)) ? NULL : counted(REAL(malloc)(n));

	return copy ? memcpy(copy, s, n) : NULL;
}

void
free(void *p)
{
	live -= p != NULL;
	REAL(free)(p);
}

void
memory_fails(long n, enum no_memory kind)
{
	allowed = n;
	how = kind;
	refused_one = false;
	failing = true;
}

bool
memory_returns(void)
{
	failing = false;
	return refused_one;
}

static void
runs_out(memory_work *work, void *arg, enum no_memory kind)
{
	bool was_refused = true;
	struct err e;
	long before;

	/* What is kept for ever, as a table that a library fills at first use, is made now. */
	if (work(arg, &e) != 0)
		fail_msg("fails with memory: %s", e.text);
	before = live;
	for (long n = 0; was_refused; n += 1 + n / 64) { /* a signature takes thousands */
		int rc;

		e.text[0] = '\0';
		memory_fails(n, kind);
		rc = work(arg, &e);
		was_refused = memory_returns();
		if (kind == NO_MEMORY_OWN ? !was_refused && rc != 0 : was_refused != (rc != 0))
			fail_msg("allocation %ld %s, and the answer is %d", n,
			    was_refused ? "failed" : "was not asked for", rc);
		if (rc != 0 && !e.text[0])
			fail_msg("allocation %ld failed, and nobody said so", n);
		if (COUNTS && kind != NO_MEMORY_OWN && live != before)
			fail_msg("allocation %ld failed, and %ld pieces are left", n,
			    live - before);
		assert_true(was_refused || n > 0);
	}
}

void
memory_runs_out(memory_work *work, void *arg)
{
	runs_out(work, arg, NO_MEMORY_ONCE);
	runs_out(work, arg, NO_MEMORY_MORE);
}

void
memory_runs_out_here(memory_work *work, void *arg)
{
	runs_out(work, arg, NO_MEMORY_OWN);
}
