/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host: the daemons that have joined (nodes, proxies, audit daemons): their identity and what they
 * last said about themselves on disk, in memory when that was. Whoever was there when authd ended
 * is taken to be there until it has been silent for HOST_LISTED_S. Called by join.c, rpc_nodes.c,
 * rpc_watch.c and origin.c; touches the store and memory.
 */
#ifndef AUTH_HOST_H
#define AUTH_HOST_H

#include <stdint.h>

#include "auth/values.h"
#include "base/buf.h"
#include "base/list.h"

struct auth;

enum {
	HOST_HEARTBEAT_S = 30,
	HOST_LISTED_S = 90,
	HOST_ADDRESSES_MAX = 16,
	HOST_NAME_SIZE = 254,
	HOST_ADDR_MAX = 300,
	HOST_VERSION_MAX = 64
};

struct host {
	/* on disk */
	char uuid[37];
	char name[HOST_NAME_SIZE]; /* no other host's while the certificate is valid (hostname.h) */
	char kind[8];
	uint8_t key_sha256[32]; /* of the TLS public key */
	int64_t joined_ms;
	int64_t certs_from_s; /* certificates that begin earlier are of a former life */
	int64_t valid_until_ms;
	struct labels token_labels, server_labels;
	struct names addresses;
	struct names allowed_names; /* patterns of the token it joined with; none: any */
	char public_addr[HOST_ADDR_MAX], ssh_addr[HOST_ADDR_MAX]; /* proxies */
	bool own_certificate;     /* proxies: HTTPS shows one that is not of our authorities */
	bool has_packages;        /* proxies: to install hosts from */
	uint8_t token_sha256[32]; /* that it joined with */
	bool online;
	char address[HOST_ADDR_MAX]; /* where it listens; "" with a tunnel */
	char version[HOST_VERSION_MAX];
	struct labels own_labels;
	uint64_t revision;
	/* in memory */
	int64_t last_seen_ms; /* of a row that was just read: then */
	char remote[64];      /* proxies: the IP they speak from */
	struct labels labels; /* own, token's, server's: the later win */
};

struct host *host_find(struct auth *a, const char *uuid);
/* uuid, or a name that only one has (those that are there come first). AUTH_E_NOT_FOUND,
 * AUTH_E_INVALID: several. */
int host_by_name(struct auth *a, const char *name, struct host **ret, struct err *e);
bool host_next(struct auth *a, size_t *pos, struct host **ret);
/* Writes the row (and adds it to the registry). n stays the registry's. */
int host_put(struct auth *a, struct host *n, struct err *e);

/* A sign of life; tells watchers when something changed. */
struct host_seen {
	const char *name; /* "": as joined */
	const char *address;
	const char *version;
	struct labels *labels;
};
int host_heartbeat(struct auth *a, struct host *n, const struct host_seen *seen, struct err *e);
/* What version of its program a host says that it runs; text that is none is not taken. Written when it is another. */
void host_note_version(struct auth *a, struct host *n, const char *version);
/* Off the list at once; the identity stays. */
void host_leave(struct auth *a, struct host *n);
/* The row is deleted and a cutoff is told: its certificates are worth nothing until it joins
 * again. */
int host_remove(struct auth *a, struct host *n, struct err *e);
/* The same for one that authd does not know: it joined after the backup that authd was restored from. */
int host_cut_unknown(struct auth *a, const char *uuid, struct err *e);
/* Which labels it would have by host_label; ret is emptied by labels_done in any case. 0 or AUTH_E_INVALID. */
int host_labels_after(const struct host *n, const struct labels *set, char *const *remove,
    size_t n_remove, struct labels *ret, struct err *e);
/* Labels given on the server side: set, then remove. */
int host_label(struct auth *a, struct host *n, const struct labels *set, char *const *remove,
    size_t n_remove, struct err *e);
/* Off the list whoever has been silent too long. */
void hosts_sweep(struct auth *a);

#endif
