/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version: what this build calls itself, and which others it understands.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#include <stdbool.h>

#define SALLYPORT_VERSION            "0.1.0"
#define SALLYPORT_MIN_CLIENT_VERSION "0.1.0"

/* `theirs` is more than one major version behind `ours`: the first number of each counts. What is no version ("" of a
 * daemon that did not say) is not too old. */
bool version_too_old(const char *theirs, const char *ours);

#endif
