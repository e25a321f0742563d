/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile_priv: the inside of lib/profile, for its files only.
 */
#ifndef PROFILE_PROFILE_PRIV_H
#define PROFILE_PROFILE_PRIV_H

#include "profile/profile.h"

/* Path of "below" in the folder of credentials; "" is that itself. dst holds PROFILE_PATH_MAX. */
int profile_home(char *dst, const char *below, struct err *e);
/* The folder of a login. */
int profile_dir(const char *proxy, const char *user, char *dst, struct err *e);
/* The login with these names, damaged or not. NULL: no memory. */
struct profile *profile_open(const char *proxy, const char *user);

#endif
