/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_keys: the four CAs: made at first start, kept sealed in one file. Inside the signer only.
 */
#ifndef AUTH_SIGNER_KEYS_H
#define AUTH_SIGNER_KEYS_H

#include "auth/signer_client.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"

enum { SIGNER_SETS_MAX = 2 }; /* two while CAs rotate; the first one signs */

struct signer_ca_set {
	struct sshkey *host_ssh, *user_ssh;
	struct x509_key *host_key, *user_key;
	struct x509_cert *host_cert, *user_cert;
};

struct signer_keys {
	char cluster[IDENTITY_PART_MAX + 1];
	uint64_t generation;
	struct signer_ca_set sets[SIGNER_SETS_MAX];
	size_t n_sets;
	uint8_t seed_key[SIGNER_SEED_KEY_BYTES]; /* of the key file, for authd (seed.h) */
	/* For backups: the key of the key file, and the state as it is on disk. */
	struct secret *file_key;
	char *state;
	size_t state_len;
	struct backup_recipient backup_recipient; /* kind 0: none */
};

/* Opens the state, or makes key and state when there is no state yet. */
int signer_keys_open(struct signer_keys *keys, const struct signer_options *options, struct err *e);
void signer_keys_done(struct signer_keys *keys);
/* Whether these bytes of a state open with the key and are the cluster's: for a restore, before anything is written. The
 * CA pin of the first into pin[CAPIN_SIZE]. */
int signer_keys_try(struct span state, const struct secret *key, const char *cluster, char *pin,
    struct err *e);
/* The packed sallyport.auth.CaSet of the public halves. The signer builds these bytes itself, so
 * that nobody can make the CA key sign bytes of their choice. */
int signer_keys_ca_set(const struct signer_keys *keys, struct buf *ret);

#endif
