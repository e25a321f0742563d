/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer_client: authd's side of the signer, the child process that holds the CA keys.
 *
 *	prepare:  signer_spawn(&options, &child, e)     before any thread exists; waits for the CAs
 *	start:    signer_client_new(&client, loop, &child, on_dead, arg)
 *	serve:    signer_sign_ssh_user(client, &request, on_signed, arg, e) ...
 *	done:     signer_client_free(client)
 *
 * Requests are answered in order, on the loop, never from inside the call that makes them.
 */
#ifndef AUTH_SIGNER_CLIENT_H
#define AUTH_SIGNER_CLIENT_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "backup/backup.h"
#include "crypto/identity.h"
#include "crypto/secret.h"
#include "event/loop.h"

enum {
	SIGNER_QUEUE_MAX = 512,            /* requests under way */
	SIGNER_USER_TTL_MAX_S = 30 * 3600, /* the signer's own ceilings, from its own clock */
	SIGNER_HOST_TTL_MAX_S = 90 * 86400,
	SIGNER_SEED_KEY_BYTES = 32,
	SIGNER_BACKDATE_S = 60, /* certificates are valid from a minute ago: clocks differ */
};

struct signer_options {
	const char *cluster;    /* name of the cluster; must be the one the CAs were made for */
	const char *state_path; /* the sealed CA keys; made at first start */
	const char *key_path;   /* 64 hex digits that open them, 0600 or a systemd credential; made
				 * with the state when neither is there */
	const char *user;       /* becomes this user when started as root; NULL or "": stays */
	/* For whom backups may be without a proof; NULL: nobody. As the configuration has it, which authd cannot write. */
	const struct backup_recipient *backup_recipient;
};

struct signer_child {
	pid_t pid;
	int fd;
	struct buf ca_set;    /* a packed sallyport.auth.CaSet */
	struct buf signature; /* over these bytes, by the X.509 host CA (DER) */
	/* Derived from the key file, for the seeds of second factors (seed.h); who takes it sets NULL here. */
	struct secret *seed_key;
};

/* Forks and waits until the child has its keys. Must run before threads exist. Negative: what the
 * child complained about. The child ends when authd ends. */
int signer_spawn(const struct signer_options *options, struct signer_child *ret, struct err *e);
/* For a start that fails in between; harmless on a zeroed struct and after signer_client_new. */
void signer_child_done(struct signer_child *child);

struct signer_client;

/* Takes the child over. on_dead: once, when the child is gone; authd cannot go on without it
 * (daemon_fail). */
int signer_client_new(struct signer_client **ret, struct loop *loop, struct signer_child *child,
    void (*on_dead)(void *arg), void *arg);
/* Requests under way are answered with an error. */
/* Signatures that are waited for. */
size_t signer_client_waiting(const struct signer_client *client);
void signer_client_free(struct signer_client *client);
/* The CA bundle, for everybody (proto CaBundle: ca_set and signature). Valid as long as the client. */
struct span signer_ca_set(const struct signer_client *client);
struct span signer_ca_signature(const struct signer_client *client);

/* result: a certificate blob (SSH), PEM text without NUL (X.509) or a list of cut-offs, valid during the call. error:
 * NULL, or one line. */
typedef void (*signer_fn)(void *arg, struct span result, const char *error);

struct signer_ssh_user {
	const char *user;          /* key id */
	struct span key;           /* public key blob */
	const char *const *logins; /* principals */
	size_t n_logins;
	int64_t valid_until_s; /* at most SIGNER_USER_TTL_MAX_S from now */
	bool permit_pty, forward_agent, port_forwarding;
	const char *roles;  /* comma list for roles@sallyport; "" or NULL: left out */
	const char *traits; /* comma list for traits@sallyport */
	const char
	    *web_session; /* key of the one that asks, for web-session@sallyport; NULL: none does */
	const char *source_address; /* CIDR list; NULL: none */
};
/* Signed by the SSH host CA. A host certificate: type host, principals as given. A tunnel
 * certificate: type user, the one principal uuid, the extension tunnel@sallyport. */
struct signer_ssh_host {
	bool tunnel;
	const char *uuid; /* key id */
	struct span key;
	const char *const *principals; /* not for a tunnel */
	size_t n_principals;
	int64_t valid_until_s;
};
/* The kind chooses the CA and the use: users get a client certificate without names; daemons one
 * for both directions. The DNS names authd.<cluster> and auditd.<cluster> are given to their kinds
 * only. */
struct signer_x509 {
	enum identity_kind kind;
	const char *name; /* user, or UUID of a daemon */
	struct span spki; /* P-256 public key, DER */
	const char *const *dns;
	size_t n_dns;
	const char *const *ip;
	size_t n_ip;
	int64_t valid_until_s;
};

/* A list of cut-offs (api/cutoffs.h), signed by the SSH host CA with the signer's own time. */
struct signer_cutoffs {
	int64_t everybody_ms;
	uint32_t n;
	struct span entries; /* cutoffs_put */
};

/* Everything that opens a copy of the store, sealed for a recipient: the one of the configuration, or one whose
 * proof (backup.h) shows that he was chosen by somebody who can read the key file. The result is, in the types of base/wire.h:
 * string key of the backup's stream, string box. The caller wipes what he keeps of it. */
struct signer_backup {
	const struct backup_recipient *recipient;
	struct span proof; /* empty: none */
};

/* Each: 0 when the request is on its way; negative when the queue is full or the signer gone
 * (on_signed is not called). Nothing of the request is kept. */
int signer_sign_ssh_user(struct signer_client *c, const struct signer_ssh_user *q,
    signer_fn on_signed, void *arg, struct err *e);
int signer_sign_ssh_host(struct signer_client *c, const struct signer_ssh_host *q,
    signer_fn on_signed, void *arg, struct err *e);
int signer_sign_x509(struct signer_client *c, const struct signer_x509 *q, signer_fn on_signed,
    void *arg, struct err *e);
int signer_sign_cutoffs(struct signer_client *c, const struct signer_cutoffs *q,
    signer_fn on_signed, void *arg, struct err *e);
int signer_make_backup(struct signer_client *c, const struct signer_backup *q, signer_fn on_made,
    void *arg, struct err *e);
/* The caller of these requests goes away: their answers are dropped. */
void signer_forget(struct signer_client *c, void *arg);

#endif
