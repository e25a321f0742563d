/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_monitor: the other end of the worker's socket, played by the test: it speaks monitor_proto,
 * believes and refuses as it is told, and its "processes" are pipes and terminals that the test
 * holds.
 */
#ifndef TESTS_FAKE_MONITOR_H
#define TESTS_FAKE_MONITOR_H

#include "node/node.h"

enum { TEXT_MAX = 4096 };

/* What the fake monitor does, and what it was told. */
struct fake_monitor {
	int fd;
	struct watch watch;
	bool deny_sign, deny_proof, cannot_prove, hold_proof, deny_start, hold_start;
	uint32_t held; /* the request that waits for the test's answer */
	int exchanges, proofs, starts, forgets, kills;
	int signals[8];
	size_t n_signals;
	struct mon_start start; /* the last; its texts are below */
	char command[TEXT_MAX], env[TEXT_MAX];
	/* the last process */
	int in, out,
	    err; /* what the process would have: stdin, stdout, stderr; or a terminal, thrice */
};

/* Connects n->monitor to it. */
void fake_monitor_new(struct fake_monitor *m, struct loop *loop, struct node *n);
void fake_monitor_free(struct fake_monitor *m);
/* The answer to what was held back. */
void fake_monitor_answers(bool ok, const char *text);
/* The process of the last session has ended. */
void fake_monitor_exited(uint32_t code, bool signaled);

#endif
