/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth_world: authd without its gRPC face, for tests of what issues certificates: a real store, a real signer, a pool.
 */
#ifndef TESTS_AUTH_WORLD_H
#define TESTS_AUTH_WORLD_H

#include "auth/auth.h"
#include "auth/resource.h"
#include "auth/user.h"
#include "crypto/sshcert.h"
#include "crypto/x509.h"

#define WORLD_CLUSTER "tele.example.com"

struct auth_world {
	struct auth a;
	char dir[64], db[96], ca[96], key[96];
	struct buf ssh_key, tls_key; /* public keys that a caller brings */
	struct buf other_tls_key;
	pid_t signer;
	bool deaths; /* of the signer */
};

int auth_world_setup(void **state);
int auth_world_teardown(void **state);
/* Turns the loop until *done; fails the test when that takes for ever. */
void auth_world_run(struct auth_world *w, const bool *done);
/* A role as given; it lives in the store. */
void auth_world_role(struct auth_world *w, const struct policy_role *role);
/* A daemon that has joined; address: of a proxy, what people call it by. */
void
auth_world_add_host(struct auth_world *w, const char *uuid, const char *address, const char *kind);
/* An app for one-time codes, of a user who is being made. */
void auth_world_give_app(struct auth_world *w, struct user *u);
/* The code that his app shows, as if none had been used. */
void auth_world_code(struct auth_world *w, const char *user, char code[16]);
struct sshcert *auth_world_ssh_cert(struct span blob);
struct x509_cert *auth_world_tls_cert(struct span pem);
bool auth_world_has_principal(const struct sshcert *cert, const char *name);

#endif
