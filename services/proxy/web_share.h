/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_share: what one person may hold of the JSON API at the same time: requests under way, bytes of answers that wait for a
 * slow reader, and recordings, each a stream of the one connection to auditd that they have. However many sessions somebody
 * has, he has one share, and no few of them hold all there is. Called by web_api.c.
 */
#ifndef PROXY_WEB_SHARE_H
#define PROXY_WEB_SHARE_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WEB_SHARE_CALLS = 256, /* of all */
	WEB_SHARE_CALLS_OF_ONE = 16,
	WEB_SHARE_UNIT = 64 *
	    1024, /* answers below that are not counted: there are as many as calls */
	WEB_SHARE_BYTES = 64 * 1024 * 1024,
	WEB_SHARE_BYTES_OF_ONE = 8 * 1024 * 1024,
	WEB_SHARE_PLAYS = 64, /* below the streams that a server lets a connection have (lib/rpc) */
	WEB_SHARE_PLAYS_OF_ONE = 6, /* auditd lets one have eight calls: two are left, to search */
	WEB_SHARE_WHO_SIZE = 264,
};

struct web_shares;

/* Negative without memory. NULL is fine for free. */
int web_shares_new(struct web_shares **ret);
void web_shares_free(struct web_shares *s);

/* who: "user:NAME", or an address where nobody is known. False: too many; true is given back with web_share_drop. */
bool web_share_take(struct web_shares *s, const char *who);
void web_share_drop(struct web_shares *s, const char *who);
/* The same for a recording that is played. */
bool web_share_take_play(struct web_shares *s, const char *who);
void web_share_drop_play(struct web_shares *s, const char *who);
/* The same for an answer of n bytes. */
bool web_share_take_bytes(struct web_shares *s, const char *who, size_t n);
void web_share_drop_bytes(struct web_shares *s, const char *who, size_t n);

#endif
