/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ssh_server_priv: a connection and what it belongs to, for ssh_server.c (which has them), ssh_server_login.c (who somebody is)
 * and ssh_server_rights.c (what he may do then).
 */
#ifndef PROXY_SSH_SERVER_PRIV_H
#define PROXY_SSH_SERVER_PRIV_H

#include "event/review.h"
#include "proxy/ssh_server.h"
#include "ssh/loop.h"

struct ssh_server_identity;

enum conn_kind { CONN_STRANGER, CONN_USER, CONN_NODE };

/* One connection. */
struct conn {
	struct list link;
	struct ssh_server *ssh_server;
	struct ssh_server_identity *identity; /* that this connection began with */
	struct ssh_link *ssh_link;
	enum conn_kind kind;
	bool logged_in; /* not among the strangers any more */
	bool counted;   /* in config.people */
	bool vouches;   /* for its address */
	bool leaving;
	struct addr peer;
	char *denial;        /* why the last certificate was not believed */
	char *name;          /* of a node: its UUID; of a person: for the record of failures */
	char *web;           /* of a browser: its session, by its key; NULL: none */
	int64_t issued_ms;   /* of the certificate */
	int64_t expires_ms;  /* people: of the certificate; INT64_MAX: never */
	struct subject *who; /* people */
	struct ssh_allowance *allowance;
	struct tunnel *tunnel; /* nodes */
	struct review_item review;
	struct timer cut; /* what is denied ends then */
	bool cut_waits;
	struct relay_owner owner;
};

struct ssh_server {
	struct ssh_server_config config;
	struct list conns;
	struct review review;                 /* those that are logged in */
	struct ssh_server_identity *identity; /* the present one */
	const struct bundle *ca;
	size_t users;
	uint64_t denials[SSH_DENIALS];
	struct rate *refusals_of_one, *refusals_of_all; /* that are recorded */
	struct ssh_allowances *allowances;              /* of people */
	bool draining;
	void (*empty)(void *arg);
	void *empty_arg;
};

/* ssh_server_login.c. Events of the engine; arg: struct conn. */
enum ssh_verdict ssh_server_on_auth(struct ssh *ssh, const struct ssh_auth *auth, void *arg);
void ssh_server_on_authenticated(struct ssh *ssh, void *arg);
/* Whoever it is was not let in: counted, and written down within bounds. */
void ssh_server_note_denial(const struct conn *g, enum ssh_denial cause, const char *why);

/* ssh_server_rights.c. The same. */
void ssh_server_on_channel_open(struct ssh *ssh, struct ssh_chan *chan, const struct ssh_open *open,
    void *arg);
enum ssh_answer ssh_server_on_global_request(struct ssh *ssh, struct span name, struct span payload,
    struct buf *reply, void *arg);
/* As relay_owner.may_open; arg: struct conn. */
bool ssh_server_may_open(struct ssh_chan *chan, void *arg);
/* Of ssh_server.review: judges one that is logged in again. */
void ssh_server_on_review(struct review_item *item, void *arg);
/* 0, or as replica_check_web, of the web session with that key; NULL: none is needed. */
int ssh_server_check_web(const struct conn *g, const char *key, struct err *e);

#endif
