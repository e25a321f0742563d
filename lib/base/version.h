/* SPDX-License-Identifier: Apache-2.0 */
/*
 * version: what this build calls itself.
 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define SALLYPORT_VERSION            "0.1.0"
#define SALLYPORT_MIN_CLIENT_VERSION "0.1.0"

#endif
