/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_place: the order in which people see nodes, by name and, of one name, by UUID; and where in it a page begins. Pure.
 */
#ifndef AUTH_HOST_PLACE_H
#define AUTH_HOST_PLACE_H

#include "auth/host.h"

enum { HOST_PLACE_SIZE = 37 + HOST_NAME_SIZE };

/* Behind this one, which need not be there any more. */
struct host_place {
	const char *name; /* NULL: at the first; else lent from the text */
	char uuid[37];
};

/* "UUID/NAME"; "": the first. False: it is none, and nothing is behind it. */
bool host_place_read(const char *text, struct host_place *ret);
void host_place_text(const char *uuid, const char *name, char dst[HOST_PLACE_SIZE]);
bool host_is_behind(const struct host *n, const struct host_place *place);
void host_place_sort(struct host **v, size_t n);

#endif
