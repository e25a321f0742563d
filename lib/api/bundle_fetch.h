/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_fetch: the CA bundle from a proxy that need not be trusted: GET https://PROXY/v1/webapi/ca answers the packed
 * CaBundle (application/x-protobuf). Called by tsh's first login, and by join.c on a thread.
 */
#ifndef API_BUNDLE_FETCH_H
#define API_BUNDLE_FETCH_H

#include "api/bundle.h"

/* proxy: HOST:PORT. pin NULL: believed when the system's roots vouch for the proxy's web certificate. Blocking, at most
 * 10 s.
 * Positive BUNDLE_E_UNREACHABLE with e: worth another try later; negative with e: refused. */
enum { BUNDLE_E_UNREACHABLE = 1 };
int bundle_fetch(struct bundle **ret, const char *proxy, const char *pin, struct err *e);

#endif
