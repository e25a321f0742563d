/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's authorities, a user and what the user signs, for the tests of noded's monitor.
 */
#ifndef NODE_WORLD_H
#define NODE_WORLD_H

#include <stdbool.h>

#include "crypto/sshcert.h"
#include "crypto/x509.h"
#include "node/monitor_proto.h"

struct world {
	char dir[64];
	struct x509_key *host_x509;
	char *host_pem;
	char pin[80];
	struct sshkey *host_ca, *user_ca, *user;
};

struct world *world_new(void);
void world_free(struct world *w);

/* A packed CaBundle of this world's authorities, signed by signer's host CA (NULL: its own). */
void world_bundle(const struct world *w, const struct world *signer, uint64_t generation,
    struct buf *ret);

/* What the user's certificate and proof look like; world_proof_default is a good one. */
struct world_proof {
	uint32_t type;
	const struct sshkey *ca;
	const struct sshkey *signer; /* of the session identifier */
	const char *principal;       /* in the certificate */
	const char *login;           /* in the signed request */
	const char *source_address;  /* critical option; NULL: none */
	uint64_t valid_after, valid_before;
	bool permit_pty;
	uint8_t session_id[32]; /* signed */
};
void world_proof_default(const struct world *w, struct world_proof *p);
/* signed_data and signature. */
void world_prove(const struct world *w, const struct world_proof *p, struct buf *signed_data,
    struct buf *signature);

#endif
