/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_state: the identity of a daemon as files in its state folder. Called by join.c only.
 *
 *	uuid             the name of this host for ever
 *	tls.key tls.crt  P-256 key and X.509 certificate, PEM
 *	ssh_host_key     Ed25519, openssh-key-v1; not of a node, whose monitor has it
 *	ssh_host_cert    certificate line, as in *-cert.pub
 *	tunnel_cert      the same; nodes only
 *	ca_bundle        packed CaBundle
 *	token_used       SHA-256, hex, of the token that it joined with
 *
 * Keys stay for the life of the folder, so that every single file can be replaced on its own and what is
 * there always fits together.
 */
#ifndef API_HOST_STATE_H
#define API_HOST_STATE_H

#include "api/bundle.h"
#include "base/buf.h"
#include "base/err.h"
#include "crypto/sshkey.h"
#include "crypto/x509.h"
#include "proto/auth.pb-c.h"

enum { HOST_STATE_CERT_MAX = 16 * 1024, HOST_STATE_FILE_MAX = 256 * 1024 };

struct host_state {
	char *dir;
	char kind[16];
	char uuid[40];
	struct sshkey *ssh_key;
	struct x509_key *tls_key;
	struct bundle *bundle;                 /* NULL until one was believed */
	char *tls_cert_pem;                    /* NULL: not joined */
	struct buf ssh_host_cert, tunnel_cert; /* blobs */
	int64_t valid_from_s, valid_until_s;
};

/* Opens the folder, makes what a host brings itself (uuid, keys), and reads what it was given, when it is there and
 * fits. host_key: the public SSH key of a host whose private one is elsewhere (copied); NULL: it is made and kept
 * here. Negative: the folder cannot be used. */
int host_state_open(struct host_state **ret, const char *dir, const char *kind,
    const struct sshkey *host_key, struct err *e);
void host_state_free(struct host_state *s);
/* It has certificates, valid now. */
bool host_state_is_valid(const struct host_state *s);
/* The certificates are worth nothing any more; keys and bundle stay. */
void host_state_forget(struct host_state *s);
/* A believed bundle, now the state's own; stored. */
int host_state_take_bundle(struct host_state *s, struct bundle *bundle, struct err *e);
/* What authd answered to Join or Renew: checked against our keys and the bundle, then stored. */
int host_state_take_identity(struct host_state *s, const Auth__HostIdentity *id, struct err *e);
/* The token that it was joined with; whether one is another: of a host that never noted any, none is. */
int host_state_note_token(const struct host_state *s, const char *token, struct err *e);
bool host_state_is_other_token(const struct host_state *s, const char *token);
/* The private TLS key as PEM; freed by the caller, who wipes it. */
int host_state_tls_key_pem(const struct host_state *s, struct buf *ret);

#endif
