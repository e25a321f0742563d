/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show: the block that login and status print, and its JSON.
 */
#ifndef TSH_SHOW_H
#define TSH_SHOW_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

#include "profile/profile.h"

/* "> Profile URL: ..." and so on; active profiles begin with "> ". */
void show_profile(FILE *f, const struct profile *p, bool active);
json_t *show_profile_value(const struct profile *p);

#endif
