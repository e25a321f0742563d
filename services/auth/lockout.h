/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lockout: what wrong passwords and codes of one name cost, and whom: in the store, so that a restart opens nothing.
 *
 *	the address they come from   five are free; after that the name is closed for that address, twice as long each
 *	                             time, up to half an hour
 *	every address together       25 are free, then one in two minutes: many addresses guess no faster than that
 *	an address that is known     where the user logged in from within a month: what others do does not concern it, and
 *	                             after twenty of its own it waits a minute for each
 *
 * So nobody closes an account for the person it belongs to, and nobody guesses quickly. Names that no user has are
 * treated as those of users are at an address that is not known, so that no stranger learns which exist. At a known one it
 * can be told: whoever shares an address with a person may learn that he has logged in from there. Behind a proxy that does
 * not say whose a connection is nobody has an address: what everybody together has counts. (What an address may do whatever
 * the name: net/rate.h.) Called by signin.c, invite.c, user.c and rpc_users.c; touches the store.
 */
#ifndef AUTH_LOCKOUT_H
#define AUTH_LOCKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/values.h"
#include "net/addr.h"

struct auth;

enum {
	LOCKOUT_FREE = 5,
	LOCKOUT_FIRST_S = 60, /* doubles */
	LOCKOUT_LONGEST_S = 1800,
	LOCKOUT_FORGET_S = 1800, /* after the end of what it led to, a failure counts no more */
	LOCKOUT_KNOWN_FREE = 20,
	LOCKOUT_KNOWN_S = 60,
	LOCKOUT_NAME_FREE = 25,
	LOCKOUT_NAME_EVERY_S = 120,
	LOCKOUT_SOURCES = 32, /* remembered of a name; the one that waits least makes room */
};

/* What a closed door is closed for. */
enum lockout_scope {
	LOCKOUT_OPEN,
	LOCKOUT_SOURCE, /* this name from this address */
	LOCKOUT_NAME,   /* this name from every address that is not known */
};

/* Who tries. */
struct lockout_try {
	const char *user;
	const char *source; /* as addr_prefix has it; "": unknown, and then not known */
	bool known;
};

struct lockout {
	char user[NAME_LEN_MAX + 1];
	struct names sources; /* and what each has, at the same place */
	int64_t failures[LOCKOUT_SOURCES], last_ms[LOCKOUT_SOURCES], until_ms[LOCKOUT_SOURCES];
	size_t n_failures, n_last, n_until;
	int64_t paid_until_ms; /* of the name: when its last failure will have been worked off */
	int64_t expires_ms;    /* of the record */
	uint64_t revision;
};

/* What is closed for him, and until when (wall milliseconds). */
enum lockout_scope
lockout_closed(struct auth *a, const struct lockout_try *who, int64_t *ret_until_ms);
/* Notes a failure. What this one closed. */
enum lockout_scope lockout_fail(struct auth *a, const struct lockout_try *who);
/* Until when the name is closed for some address, or for all that are not known; 0: open. For lists. */
int64_t lockout_until(struct auth *a, const char *user);
/* Forgets all: by an administrator, or with a new password. */
void lockout_clear(struct auth *a, const char *user);
/* Forgets what this address did, after a login that succeeded. Others still pay. */
void lockout_forgive(struct auth *a, const struct lockout_try *who);
/* "source", "name"; "" for LOCKOUT_OPEN. For events. */
const char *lockout_scope_name(enum lockout_scope scope);

#endif
