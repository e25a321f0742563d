/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_world: see auth_world.h. The clock is the real one: the signer has its own.
 */
#include "auth_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/conf.h"
#include "auth/join.h"
#include "auth/signin.h"
#include "auth/login.h"
#include "base/clock.h"
#include "base/str.h"
#include "crypto/rand.h"
#include "crypto/sshkey.h"
#include "net/ceiling.h"
#include "net/rate.h"

static void
on_dead(void *arg)
{
	struct auth_world *w = arg;

	w->deaths = true;
}

static void
make_keys(struct auth_world *w)
{
	struct sshkey *ssh;
	struct x509_key *tls;

	buf_init(&w->ssh_key, 1024);
	buf_init(&w->tls_key, 1024);
	buf_init(&w->other_tls_key, 1024);
	assert_int_equal(sshkey_generate(&ssh), 0);
	assert_true(buf_put(&w->ssh_key, sshkey_blob(ssh).p, sshkey_blob(ssh).n));
	sshkey_free(ssh);
	assert_int_equal(x509_key_generate(&tls), 0);
	assert_int_equal(x509_key_spki(tls, &w->tls_key), 0);
	x509_key_free(tls);
	assert_int_equal(x509_key_generate(&tls), 0);
	assert_int_equal(x509_key_spki(tls, &w->other_tls_key), 0);
	x509_key_free(tls);
}

int
auth_world_setup(void **state)
{
	struct auth_world *w = calloc(1, sizeof(*w));
	static const struct conf conf;
	struct signer_options options = { WORLD_CLUSTER, w->ca, w->key, NULL };
	struct err e;

	assert_int_equal(crypto_init(), 0);
	/* In memory where there is such a folder: a store waits for the disk at every change, and nobody looks at what a world
	 * leaves there. */
	str_format(w->dir, sizeof(w->dir), "%s/auth-world-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	str_format(w->db, sizeof(w->db), "%s/db", w->dir);
	str_format(w->ca, sizeof(w->ca), "%s/ca.sealed", w->dir);
	str_format(w->key, sizeof(w->key), "%s/ca.key", w->dir);
	w->a.now_ms = clock_wall_ms;
	w->a.hash_passes = 1;
	w->a.conf = &conf;
	tickets_init(&w->a.tickets);
	approvals_init(&w->a.approvals);
	str_copy(w->a.cluster, sizeof(w->a.cluster), WORLD_CLUSTER);
	if (signer_spawn(&options, &w->a.child, &e) < 0)
		fail_msg("%s", e.text);
	w->signer = w->a.child.pid;
	w->a.seed_key = w->a.child.seed_key;
	w->a.child.seed_key = NULL;
	assert_int_equal(loop_new(&w->a.loop), 0);
	if (store_open_sqlite(&w->a.store, w->db, w->a.loop, &e) < 0 ||
	    resources_load(&w->a, &e) < 0 || watchers_init(&w->a) < 0 ||
	    roles_make_presets(&w->a, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(rate_new(&w->a.logins, SIGNIN_PER_MIN, SIGNIN_BURST), 0);
	assert_int_equal(ceiling_new(&w->a.verifying, SIGNIN_VERIFYING, SIGNIN_VERIFYING_ONE), 0);
	assert_int_equal(pool_new(&w->a.pool, w->a.loop, 1, SIGNIN_VERIFYING + 32), 0);
	assert_int_equal(signer_client_new(&w->a.signer, w->a.loop, &w->a.child, on_dead, w), 0);
	make_keys(w);
	*state = w;
	return 0;
}

int
auth_world_teardown(void **state)
{
	struct auth_world *w = *state;
	char lock[128];

	pool_free(w->a.pool);
	signer_client_free(w->a.signer);
	tickets_done(&w->a.tickets);
	approvals_done(&w->a.approvals);
	watchers_done(&w->a);
	resources_done(&w->a);
	store_close(w->a.store);
	rate_free(w->a.logins);
	ceiling_free(w->a.verifying);
	signer_child_done(&w->a.child);
	secret_free(w->a.seed_key);
	loop_free(w->a.loop);
	buf_done(&w->ssh_key);
	buf_done(&w->tls_key);
	buf_done(&w->other_tls_key);
	str_format(lock, sizeof(lock), "%s.lock", w->db);
	unlink(lock);
	unlink(w->db);
	unlink(w->ca);
	unlink(w->key);
	rmdir(w->dir);
	free(w);
	return 0;
}

void
auth_world_run(struct auth_world *w, const bool *done)
{
	for (int i = 0; i < 2000 && !*done; i++)
		(void)loop_turn(w->a.loop, 10);
	assert_true(*done);
}

void
auth_world_role(struct auth_world *w, const struct policy_role *role)
{
	struct role *r = resource_new(RESOURCE_ROLE);
	struct err e;

	assert_non_null(r);
	r->policy = policy_role_copy(role);
	assert_non_null(r->policy);
	str_copy(r->name, sizeof(r->name), role->name);
	r->revision = STORE_ABSENT;
	if (resource_save(&w->a, RESOURCE_ROLE, r, &e) != 0)
		fail_msg("%s", e.text);
}

void
auth_world_add_host(struct auth_world *w, const char *uuid, const char *address, const char *kind)
{
	struct host *n = resource_new(RESOURCE_HOST);
	struct err e;

	str_copy(n->uuid, sizeof(n->uuid), uuid);
	str_copy(n->name, sizeof(n->name), uuid);
	str_copy(n->kind, sizeof(n->kind), kind);
	str_copy(n->public_addr, sizeof(n->public_addr), address);
	n->valid_until_ms = w->a.now_ms() + 1000000;
	assert_int_equal(host_put(&w->a, n, &e), 0);
}

void
auth_world_give_app(struct auth_world *w, struct user *u)
{
	uint8_t totp[TOTP_SECRET_BYTES];
	struct factor f;
	struct err e;

	factor_init(&w->a, &f, FACTOR_TOTP, "phone");
	rand_bytes(totp, sizeof(totp));
	assert_int_equal(seed_close(&w->a, u->name, totp, f.seed, &e), 0);
	assert_non_null(factor_list_add(&u->factors, &f));
}

void
auth_world_code(struct auth_world *w, const char *user, char code[16])
{
	uint8_t totp[TOTP_SECRET_BYTES];
	struct user u;
	struct err e;

	assert_int_equal(user_load(&w->a, user, &u, &e), 0);
	u.factors.v[0].last_step = 0;
	assert_int_equal(user_save(&w->a, &u, &e), 0);
	assert_int_equal(seed_open(&w->a, user, u.factors.v[0].seed, totp, &e), 0);
	assert_int_equal(totp_code(totp, w->a.now_ms() / 1000, code), 0);
	user_done(&u);
}

struct sshcert *
auth_world_ssh_cert(struct span blob)
{
	struct sshcert *cert;
	struct err e;

	if (sshcert_parse(&cert, blob, &e) < 0)
		fail_msg("%s", e.text);
	return cert;
}

struct x509_cert *
auth_world_tls_cert(struct span pem)
{
	char *text = span_dup(pem);
	struct x509_cert *cert;
	struct err e;

	assert_non_null(text);
	if (x509_cert_from_pem(&cert, text, &e) < 0)
		fail_msg("%s", e.text);
	free(text);
	return cert;
}

bool
auth_world_has_principal(const struct sshcert *cert, const char *name)
{
	for (size_t i = 0; i < cert->n_principals; i++)
		if (strcmp(cert->principals[i], name) == 0)
			return true;
	return false;
}
