/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lazy: a shared library that is loaded when the first of its functions is called. For what most runs of a program do not
 * need: gRPC in tsh and tctl, which is sixty libraries and most of their start. Called by the file that tools/gen-lazy makes
 * of a library's headers.
 *
 * Security: the library is found by its name as the dynamic loader finds what a program is linked with, so whoever could
 * bring in another one could before.
 */
#ifndef LAZY_LAZY_H
#define LAZY_LAZY_H

struct lazy {
	const char *soname;
	void *handle;
};

typedef void lazy_fn(void);

/* The function of that name; *fn keeps it, NULL at first. From any thread. When the library cannot be loaded, or has no
 * such function, the program ends with status 1 and says so, as it does when it is linked and the loader finds nothing. */
lazy_fn *lazy_find(struct lazy *l, lazy_fn **fn, const char *name);

#endif
