/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_state: authd's resources over a store in a folder of the test's own, with a clock that the test moves: what tests of
 * the nouns stand on. No signer, no pool: auth_world has those.
 */
#ifndef TESTS_AUTH_STATE_H
#define TESTS_AUTH_STATE_H

#include "auth/auth.h"

struct auth_state {
	struct auth a;
	char dir[64], path[96];
	unsigned with;
	struct err e;
	int n; /* for the test */
	char text[512];
};

enum auth_state_with {
	AUTH_STATE_LOOP = 1 << 0,  /* a loop, and watchers over it */
	AUTH_STATE_ROLES = 1 << 1, /* the roles that every cluster begins with */
};

/* What a.now_ms says, and the store's clock. */
extern int64_t auth_state_ms;

/* A new one, opened, for *state of cmocka. */
int auth_state_new(void **state, unsigned with);
int auth_state_free(void **state);
/* As at a restart: what is not in the store is lost. */
void auth_state_close(struct auth_state *f);
void auth_state_open(struct auth_state *f);

#endif
