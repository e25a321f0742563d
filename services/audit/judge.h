/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: what a producer may say, and what auditd knows better: the catalogue of events (lib/api/event.h), the registry
 * and the authorities of the cluster (lib/replica), what the database has about connections and sessions (facts.h).
 * Called by batch.c for every record. Memory only.
 *
 * Security: this is the one place that decides what is believed. A node speaks of itself, of users who signed in on a
 * connection to it, and of sessions that it began; names and labels of hosts are never taken from a record.
 */
#ifndef AUDIT_JUDGE_H
#define AUDIT_JUDGE_H

#include "audit/facts.h"
#include "audit/proof.h"
#include "audit/record.h"
#include "replica/replica.h"
#include "rpc/rpc.h"

enum {
	JUDGE_AHEAD_S = 300, /* clocks differ: an event may be this much later than its receiving */
	/* A session may begin this long after auditd heard that its connection ended: starting it takes a while, and
	 * the client left meanwhile. */
	JUDGE_LATE_S = 3600,
	JUDGE_BEHIND_S = 30 * 24 *
	    3600, /* a proof, and what no host of the registry wrote, may be this old */
};

struct producer {
	enum rpc_who who;
	const char *name; /* in its certificate: UUID of a host */
	int32_t source;   /* its log, in the database */
};

struct judge {
	const struct replica *replica;
	struct facts *facts; /* of this transaction */
	int64_t now_us;      /* of receiving */
};

struct verdict {
	const char *bad; /* why it is set aside; NULL: it is taken */
	char text[ERR_MAX];
	bool at_doubtful;   /* the producer's time cannot be right */
	const char *backed; /* what backs the user: "signature", "proxy", "claimed", "self" */
	struct record_view view;
	struct policy_labels labels;
	struct proof proof; /* of a proof */
};

/* Judges. When facts are wanting the verdict is void: judge again after the database was asked. What is taken becomes
 * a fact of the transaction. Negative: no memory. */
int judge_record(const struct judge *j, const struct producer *p, const struct record *r,
    struct verdict *ret);

#endif
