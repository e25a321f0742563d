/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostkey: the node's SSH host key, which no process but the monitor ever has, and the two things
 * it signs: the hash of a key exchange, made here from what both sides said, and the node's own
 * login at the proxy. Called by monitor.c.
 *
 * Security: the worker says what is to be signed and is believed nothing: a hash is 32 bytes of our
 * own making over a transcript that shows our key, a login is longer, begins with the length of a
 * session identifier and names the user that authd certified for this key. Neither can be taken for
 * the other, and there is no third.
 */
#ifndef NODE_MONITOR_HOSTKEY_H
#define NODE_MONITOR_HOSTKEY_H

#include "base/err.h"
#include "crypto/kex.h"
#include "crypto/sshkey.h"
#include "node/monitor/trust.h"

/* Reads the key, or makes it when there is none yet (0600). */
int hostkey_open(struct sshkey **ret, const char *path, struct err *e);
/* The blob that was shown to a client is this key, or a certificate for it. */
bool hostkey_is_shown(const struct sshkey *key, struct span blob);
/* Signs the exchange; hash becomes its hash. Negative: this is no exchange with our key. */
int hostkey_sign_exchange(const struct sshkey *key, const struct kex_transcript *t,
    uint8_t hash[KEX_HASH_LEN], struct buf *ret, struct err *e);
/* Signs data when it is the request (RFC 4252 section 7) by which this node logs in at the proxy
 * with its tunnel certificate. Negative: it is anything else. */
int hostkey_sign_tunnel(const struct sshkey *key, const struct trust *trust, struct span data,
    struct buf *ret, struct err *e);

#endif
