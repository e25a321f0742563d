/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discover: what a proxy says of itself before anybody is logged in, and why to believe it.
 */
#ifndef TSH_DISCOVER_H
#define TSH_DISCOVER_H

#include "api/bundle.h"
#include "base/err.h"
#include "http/fetch.h"

struct discovery {
	struct bundle *ca;
	char ssh_addr[300]; /* HOST:PORT of the SSH-only port; "" when there is none */
	char version[64];
};

/* Believed by the CA pin; else by the host CA of an earlier login (known_pem); else by the system's roots. All but
 * the proxy may be NULL. Negative with e, which says how to go on. */
int discover(struct discovery *ret, const char *proxy, const char *pin, const char *known_pem,
    struct err *e);
/* All but the authorities, for who has them: on one connection, and nothing to be done with it afterwards. */
int
discover_version(struct discovery *ret, const char *proxy, const char *known_pem, struct err *e);
void discover_done(struct discovery *d);

/* fetch_get from a proxy, whose web certificate comes from the cluster's authorities (f->ca_pem; NULL: not known) or from the
 * system's roots: f is left with what it was believed by. 0, or -1 with e. */
int discover_get(struct fetch *f, struct fetch_reply *ret, struct err *e);

#endif
