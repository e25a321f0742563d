/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_world: a cluster's authorities, users with certificates and what they sign when they sign in, the registry as
 * lib/replica answers for it, and records as producers pack them. For the tests of auditd.
 */
#ifndef TEST_AUDIT_WORLD_H
#define TEST_AUDIT_WORLD_H

#include "api/bundle.h"
#include "crypto/sshcert.h"
#include "replica/replica.h"

#define NODE       "11111111-2222-4333-8444-555555555555"
#define OTHER      "99999999-2222-4333-8444-555555555555"
#define PROXY_ID   "22222222-2222-4333-8444-555555555555"
#define CONNECTION "cccccccc-0000-4000-8000-000000000001"
#define SESSION    "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

/* 2026-11-22T09:16:40Z */
#define NOW_S  INT64_C(1795339000)
#define NOW_US (NOW_S * 1000000)

struct proof_world {
	struct sshkey *user_ca, *host_ca, *stranger, *user, *host;
	struct bundle bundle;
};

void proof_world_init(struct proof_world *w);
void proof_world_done(struct proof_world *w);

/* What a user signs; NULL and 0: the usual. */
struct proof_spec {
	const char *user, *login, *principal, *service, *method;
	const struct sshkey *ca, *signer;
	uint32_t type;
	int64_t from_s, until_s;
	const char *session_id;
	const char *pinned; /* source-address of the certificate */
	const char *host;   /* hostbound: principal of the host's certificate */
	const struct sshkey *host_ca;
	bool plain_host_key; /* hostbound, with a key without certificate */
	int message;
};
void proof_make(struct proof_world *w, const struct proof_spec *spec, struct buf *signed_data,
    struct buf *signature);

/* --- what lib/replica answers ---------------------------------------------------------------- */

/* NODE is "node-1" with the label env=prod, OTHER is "node-2"; nobody else is known. NULL: no authorities. */
extern const struct bundle *world_bundle;
extern int64_t world_joined_ms; /* of NODE, as the registry has it */

/* --- records ---------------------------------------------------------------------- */

/* An event; NULL is "". fields and raw: pairs, NULL at the end. */
struct event_spec {
	const char *type, *code;
	bool failed;
	const char *user, *login, *node, *node_name, *session, *connection, *remote_addr, *message;
	int64_t time_us; /* 0: NOW_US */
	const char *const *fields;
	const char *raw; /* key of bytes beside a text */
	const char *label;
};
struct span pack_event(struct buf *b, const struct event_spec *spec);
struct span pack_frames(struct buf *b, const char *session, struct span data);
/* time_us 0: not said. */
struct span pack_proof(struct buf *b, const char *connection, struct span signed_data,
    struct span signature, int64_t time_us);

#endif
