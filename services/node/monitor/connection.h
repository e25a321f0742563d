/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection: what the monitor itself knows of the worker's connections: the hash of the first key
 * exchange that it signed for each, which is the only session identifier a proof may be about, and
 * whose connection it is once that was proven. Called by monitor.c.
 *
 * Security: the memory by which a session identifier of the worker's invention is told from one
 * that a client really has. Bounded: MONITOR_CONNECTIONS_MAX, and those that nobody signed in to
 * within the grace time are forgotten for new ones.
 */
#ifndef NODE_MONITOR_CONNECTION_H
#define NODE_MONITOR_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "crypto/kex.h"
#include "node/monitor_proto.h"

enum {
	MONITOR_CONNECTIONS_MAX = 4096,
	/* From the exchange to the proof; the worker ends a login after 20 s. */
	CONNECTION_GRACE_MS = 30000,
};

struct connection {
	struct list link;
	uint32_t id; /* the worker's number */
	uint8_t session_id[KEX_HASH_LEN];
	int64_t signed_ms; /* monotonic: when we signed its first exchange */
	/* the rest once its user was proven */
	bool proven;
	bool permit_pty;
	int64_t until_s; /* end of the certificate: no session starts after it */
	int64_t
	    issued_ms; /* and its beginning: none starts once certificates that old are cut off */
	char login[MON_LOGIN_MAX];
	char user[MON_LOGIN_MAX]; /* key id of the certificate */
	char address[MON_ADDRESS_MAX];
};

struct connections {
	struct list list;
	size_t n;
};

void connections_init(struct connections *all);
void connections_done(struct connections *all); /* forgets them all */
struct connection *connection_find(struct connections *all, uint32_t id);
/* NULL: too many that are proven or in time, or no memory. id must be unknown. */
struct connection *connection_add(struct connections *all, uint32_t id,
    const uint8_t session_id[KEX_HASH_LEN], int64_t now_ms);
void connection_free(struct connections *all, struct connection *c);
/* It may still be proven whose it is. */
bool connection_is_open(const struct connection *c, int64_t now_ms);

#endif
