/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access: may this caller do that now? The kind of caller was checked by the rows of the RPC
 * tables; here it is the one caller: a person still exists, the certificate is younger than the
 * last cutoff, a role allows the verb; a daemon is still registered. Called first in every handler.
 * Rights come from the record, never from the certificate.
 */
#ifndef AUTH_ACCESS_H
#define AUTH_ACCESS_H

#include "auth/host.h"
#include "auth/role.h"
#include "auth/user.h"
#include "rpc/rpc.h"

struct auth;

/* A person (or root on the local socket) for this verb; resource NULL: whoever is somebody.
 * False: the call has been answered, and a refusal been written down. */
bool access_allows(struct rpc_call *call, const char *resource, const char *verb);
/* As access_allows, for what changes something: also refuses while the audit log is full. */
bool access_may_change(struct rpc_call *call, const char *resource, const char *verb);

/* The same, and who it is, for rights.h. access_person_done in any case. */
struct access_person;
bool access_changer(struct rpc_call *call, const char *resource, const char *verb,
    struct access_person *ret);

/* A person with everything that decides; local: root on this host, who may all and sees all. */
struct access_person {
	bool local;
	struct user user;
	struct subject_view view;
};
/* False: answered. In any case access_person_done afterwards. */
bool access_person(struct rpc_call *call, struct access_person *ret);
void access_person_done(struct access_person *p);

/* What is to be given, or changed, must be in the trail. False: there is hardly room for it (events_are_full); answered, with
 * why. Root on this host is let through, who must be able to help: it is logged in any case. */
bool access_can_be_noted(struct rpc_call *call, const char *why);

/* For what a person does about himself, and an API token never: as access_allows (changes: access_may_change) with
 * resource NULL. */
bool access_self(struct rpc_call *call, bool changes);
/* That part alone. False: an API token calls, and was refused. */
bool access_is_person(struct rpc_call *call);

/* The daemon that calls, from the registry. NULL: answered. registered: also one for which the door
 * is closed otherwise: it may still hear what changes, and leave. */
struct host *access_daemon(struct rpc_call *call);
struct host *access_registered(struct rpc_call *call);

/* Whose web session that is, for the server (rpc.h, rpc_session_fn); arg: struct auth. */
enum rpc_code access_session(const char *key, struct rpc_peer *peer, void *arg, struct err *e);

/* The method was refused: an event, then PERMISSION_DENIED with the reason. */
void access_refuse(struct rpc_call *call, const char *reason);
/* Ends the call by what a noun or rights.h answered: AUTH_E_DENIED as access_refuse, the rest as face_fail. */
void access_fail(struct rpc_call *call, int rc, const struct err *e);
/* Whether one more refusal of that caller is written down: at most 20 a minute of one address, and 400 of all that one proxy
 * speaks for. */
bool access_is_worth_a_note(struct auth *a, const struct rpc_peer *peer);
/* The event alone, for calls that lib/rpc refused by their rows. */
void access_note_refused(struct auth *a, const struct rpc_peer *peer, const char *method,
    const char *reason);

#endif
