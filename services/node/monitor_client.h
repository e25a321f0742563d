/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor_client: the worker's end of the socket to the monitor.
 */
#ifndef NODE_MONITOR_CLIENT_H
#define NODE_MONITOR_CLIENT_H

#include "base/err.h"
#include "crypto/sshkey.h"
#include "event/loop.h"
#include "node/monitor_proto.h"

struct monitor_client;

/* What the monitor says unasked. */
struct monitor_events {
	void (*exited)(const struct mon_exited *exited, void *arg);
	void (*stop)(void *arg); /* leave cleanly */
	void (*lost)(void *arg); /* the monitor is gone: there is nothing left to do */
};

/* The answer to one request, once. fds (only when a session started) belong to the callee. */
typedef void monitor_answer_fn(bool ok, const char *text, int *fds, size_t n_fds, void *arg);

/* Takes over fd (MON_FD), greets. Blocks for the greeting only. */
int monitor_client_new(struct monitor_client **ret, struct loop *loop, int fd,
    const struct monitor_events *events, void *arg, struct err *e);
void monitor_client_free(struct monitor_client *m);

/* The public half of the host key, which the monitor made. Blocks. Caller frees. */
int monitor_host_key(struct monitor_client *m, struct sshkey **ret, struct err *e);
/* The join token, in the monitor's memory only until asked for. Blocks; before the loop runs.
 * Caller frees. */
int monitor_token(struct monitor_client *m, char **ret, struct err *e);
/* A bundle, packed. Blocks: the monitor verifies it in a millisecond. Negative: refused, with the
 * cause. */
int monitor_bundle(struct monitor_client *m, struct span bundle, struct err *e);

/* A signature blob, or empty and why there is none; once. */
typedef void monitor_signed_fn(struct span signature, const char *why, void *arg);
/* Both ask for a signature by the host key, and the monitor decides: of an exchange of keys; of the
 * node's own login at the proxy. */
void monitor_sign(struct monitor_client *m, const struct mon_sign *sign, monitor_signed_fn *done,
    void *arg);
void
monitor_sign_tunnel(struct monitor_client *m, struct span data, monitor_signed_fn *done, void *arg);
/* MON_UNPROVEN also when the monitor cannot be asked; once. */
typedef void monitor_verdict_fn(enum mon_verdict verdict, const char *why, void *arg);
void monitor_prove(struct monitor_client *m, const struct mon_prove *prove,
    monitor_verdict_fn *done, void *arg);
/* The rest is asynchronous too. done may be NULL. */
void monitor_start(struct monitor_client *m, const struct mon_start *start, monitor_answer_fn *done,
    void *arg);
/* A signed list of cut-offs. */
void
monitor_cutoffs(struct monitor_client *m, struct span list, monitor_answer_fn *done, void *arg);
void monitor_forget(struct monitor_client *m, uint32_t connection);
void monitor_signal(struct monitor_client *m, uint32_t session, int signo);
void monitor_kill(struct monitor_client *m, uint32_t session);
void monitor_ready(struct monitor_client *m);
/* Nobody is there any more for answers to arg. */
void monitor_cancel(struct monitor_client *m, void *arg);

#endif
