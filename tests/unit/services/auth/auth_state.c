/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_state: see auth_state.h.
 */
#include "auth_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "crypto/rand.h"

int64_t auth_state_ms;

static int64_t
now_ms(void)
{
	return auth_state_ms;
}

void
auth_state_open(struct auth_state *f)
{
	if ((f->with & AUTH_STATE_LOOP) && loop_new(&f->a.loop) < 0)
		fail_msg("out of memory");
	if (store_open_sqlite(&f->a.store, f->path, f->a.loop, &f->e) < 0)
		fail_msg("%s", f->e.text);
	store_set_clock(f->a.store, now_ms);
	if (resources_load(&f->a, &f->e) < 0 ||
	    ((f->with & AUTH_STATE_LOOP) && watchers_init(&f->a) < 0) ||
	    ((f->with & AUTH_STATE_ROLES) && roles_make_presets(&f->a, &f->e) < 0))
		fail_msg("%s", f->e.text);
}

void
auth_state_close(struct auth_state *f)
{
	if (f->with & AUTH_STATE_LOOP)
		watchers_done(&f->a);
	resources_done(&f->a);
	store_close(f->a.store);
	loop_free(f->a.loop);
	f->a.loop = NULL;
}

int
auth_state_new(void **state, unsigned with)
{
	struct auth_state *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(crypto_init(), 0);
	/* The signer derives it otherwise. */
	f->a.seed_key = secret_new(SIGNER_SEED_KEY_BYTES);
	assert_non_null(f->a.seed_key);
	str_copy(f->dir, sizeof(f->dir), "/tmp/auth-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	str_format(f->path, sizeof(f->path), "%s/db", f->dir);
	auth_state_ms = 1800000000250;
	f->with = with;
	f->a.now_ms = now_ms;
	str_copy(f->a.cluster, sizeof(f->a.cluster), "test");
	auth_state_open(f);
	*state = f;
	return 0;
}

int
auth_state_free(void **state)
{
	struct auth_state *f = *state;
	char lock[128];

	auth_state_close(f);
	secret_free(f->a.seed_key);
	str_format(lock, sizeof(lock), "%s.lock", f->path);
	unlink(lock);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}
