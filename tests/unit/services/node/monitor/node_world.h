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
	uint8_t init[2][100], ephemeral[2][32], secret[32];
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
	struct span host_key;   /* signed for this host; empty: the method that names none */
};
void world_proof_default(const struct world *w, struct world_proof *p);
/* What a client and a node say to each other in an exchange of keys in which the node shows
 * host_key. The texts are in w until the next call. */
void world_exchange(struct world *w, struct span host_key, struct kex_transcript *ret);
/* A certificate of type for key by ca, for name. */
void world_certify(const struct sshkey *key, const struct sshkey *ca, uint32_t type,
    const char *name, struct buf *ret);
/* A list that cuts user's certificates which began before (NULL: nobody's), signed by the host CA. */
void world_cutoffs(const struct world *w, int64_t issued_ms, const char *user, int64_t before_ms,
    struct buf *ret);
/* signed_data and signature. */
void world_prove(const struct world *w, const struct world_proof *p, struct buf *signed_data,
    struct buf *signature);

/* A group's setup: root with /bin/sh and an empty home, in a mount namespace of this process alone: the start-up files
 * of whoever runs the tests are none of their business. Nothing where that cannot be had. */
int world_plain_root(void **state);

#endif
