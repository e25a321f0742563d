/* SPDX-License-Identifier: Apache-2.0 */
/*
 * login: password and second factor, or an approval in a browser, against short-lived certificates. Called by `tsh login`,
 * and by the verbs that find their login expired or withdrawn while a person is there to ask.
 */
#ifndef TSH_LOGIN_H
#define TSH_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "profile/profile.h"

struct login_wish {
	const char *proxy, *user; /* the proxy as profile_proxy writes it */
	const char *
	    ca_pin; /* NULL: as an earlier login through this proxy, or the system's roots, vouch */
	int64_t ttl_s; /* 0: as the roles allow */
	bool browser;  /* approved in a browser (browser.h), and no password asked for */
	/* Program that opens a browser with an address; "none": the person does it; NULL: xdg-open, where there is a screen. */
	const char *opener;
};

/* Asks on the terminal, writes keys and certificates, but does not make this the current login (profile_use). Negative with e. */
int login_run(const struct login_wish *wish, struct profile **ret, struct err *e);

/* A certificate whose time is not over may have been withdrawn, and only authd knows: it is asked. One that cannot be
 * asked has withdrawn nothing: a login would not work either. */
bool login_is_withdrawn(const struct profile *p);

#endif
