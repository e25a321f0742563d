/* SPDX-License-Identifier: Apache-2.0 */
/*
 * no_memory: what code does when memory runs out. The C library's calls for memory are defined here, in front of the
 * real ones, and fail when told to: in the thread that told them so, everything that is called there, libraries too.
 * Under the address sanitizer they fail as well; what is left behind is then for its own search to find.
 */
#ifndef TESTS_NO_MEMORY_H
#define TESTS_NO_MEMORY_H

#include <stdbool.h>

#include "base/err.h"

enum no_memory {
	NO_MEMORY_ONCE, /* one allocation fails, the next succeeds: who does not look goes on with half of it */
	NO_MEMORY_MORE, /* all fail from then on */
	NO_MEMORY_OWN, /* as ONCE, of the program's own calls: those of libraries succeed, and are not counted */
};

/* Does its work and gives everything back; 0, or another number and a text. */
typedef int memory_work(void *arg, struct err *e);

/* The allocation after n more fails. */
void memory_fails(long n, enum no_memory kind);
/* They succeed again. Whether one was refused. */
bool memory_returns(void);

/* Runs work with its 1st, 2nd, ... allocation failing until it needs no more: each must be an error with a text, and
 * leave no piece of memory behind. Work that needs none at all fails the test. */
void memory_runs_out(memory_work *work, void *arg);
/* The same for the program's own allocations alone, in work that may do without some: a failure has a text, and what it
 * is when it succeeds the work looks at. What is left behind is not counted: libraries keep things. */
void memory_runs_out_here(memory_work *work, void *arg);

#endif
