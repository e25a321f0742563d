/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_worker: a monitor in this process, and the test as its worker: what a hijacked one might ask.
 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H

#include "node/monitor/monitor.h"
#include "node_world.h"

struct worker {
	struct world *world;
	struct conf *config;
	struct monitor monitor;
	int fd; /* our end */
	uint32_t request;
	struct buf out;
	/* the last message that was read */
	uint8_t in[MON_MESSAGE_MAX];
	uint8_t type;
	uint32_t answers;
	struct wire body;
	int fds[MON_FDS_MAX];
	size_t n_fds;
	char login[64];
	char config_path[128];
};

int worker_setup(void **state);
int worker_teardown(void **state);
void worker_begin(struct worker *f, enum mon_type type);
/* What the monitor says to the rules of a request: 0 allowed, negative: the worker would be
 * killed. */
int worker_ask(struct worker *f);
/* Waits for a message of this type, turning the monitor meanwhile. */
void worker_expect(struct worker *f, uint8_t type);
bool worker_answer(struct worker *f, char *why, size_t size);
bool worker_is_granted(struct worker *f);
void worker_hello(struct worker *f);
void worker_give_bundle(struct worker *f); /* and a list of no cut-offs */
/* To be asked. */
void worker_give_cutoffs(struct worker *f, int64_t issued_ms, const char *user, int64_t before_ms);
/* What the monitor says to a request for bytes; false: no, why is in f->body. */
bool worker_is_signed(struct worker *f, struct span *ret);
void worker_put_sign(struct worker *f, uint32_t connection, const struct kex_transcript *t);
/* Keys are exchanged on the connection; its hash goes to session_id. False: the monitor refused. */
bool worker_exchange(struct worker *f, uint32_t connection, uint8_t session_id[KEX_HASH_LEN]);
void worker_prove(struct worker *f, uint32_t connection, const struct world_proof *p);
/* A worker that has signed in alice as connection 7. */
void worker_sign_in(struct worker *f, bool permit_pty);
void worker_good_proof(struct worker *f, struct world_proof *p);
bool worker_is_proven(struct worker *f, uint32_t connection, const struct world_proof *p);

#endif
