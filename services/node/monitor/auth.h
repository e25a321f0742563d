/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: is the proof good that this connection's user signed in?
 *
 * The worker says so; this checks it again from the bytes themselves: the certificate (CA from the
 * monitor's own state, type, validity, principal, source address, cut-offs), the signature over the session
 * identifier that the monitor itself signed for this connection, the host key in it when there is
 * one, and that this session identifier was never used before.
 */
#ifndef NODE_MONITOR_AUTH_H
#define NODE_MONITOR_AUTH_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "node/monitor_proto.h"
#include "node/monitor/known_cutoffs.h"
#include "node/monitor/trust.h"

enum { SEEN_ID_SIZE = 16, SEEN_MAX = 1 << 20, SEEN_FILE_SLACK = 4096 };

/* Session identifiers that were used, until the certificate that was shown with them ends. */
struct seen {
	struct seen_entry *entries; /* open addressing, power of two */
	uint32_t size, used;
	int fd;        /* file that keeps them over a restart; -1: none */
	char *path;    /* of it */
	size_t n_file; /* entries in it; those that ended are dropped when it gets long */
};

int seen_open(struct seen *s, const char *path, int64_t now_s,
    struct err *e); /* path NULL: memory only */
void seen_done(struct seen *s);
/* 0: new, and remembered; 1: was there; negative: cannot be remembered. */
int seen_add(struct seen *s, struct span id, int64_t until_s, int64_t now_s);

struct auth_result {
	char user[MON_LOGIN_MAX];
	bool permit_pty;
	int64_t until_s;   /* end of the certificate */
	int64_t issued_ms; /* and its beginning */
};
/* Against what a proof is checked. */
struct auth_facts {
	const struct trust *trust;
	const struct known_cutoffs *cutoffs;
	struct seen *seen;
	const struct sshkey *host_key;
	struct span session_id; /* that we signed for this connection */
	int64_t now_s;
};
/* The monitor has no news, or old ones, of whose access was withdrawn; it knows more than the worker; or it cannot remember
 * the proof. */
enum { AUTH_E_UNPROVEN = 1 };
/* 0 when everything holds, or with the cause: AUTH_E_; negative for what an honest worker does not bring. */
int auth_prove(const struct auth_facts *facts, const struct mon_prove *m, struct auth_result *ret,
    struct err *e);

#endif
