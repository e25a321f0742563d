/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote: runs one thing on one host over SSH: a shell, a command or a subsystem. Used by clients
 * (`tsh ssh` has one, a fan-out many, SFTP one) and by services that reach hosts themselves.
 *
 * It opens no socket and knows no file: how a host is reached, who we are there and whom to believe
 * is the caller's `struct remote_way`. Nothing is kept here: what the caller does not take stays
 * with the host.
 */
#ifndef SESSION_REMOTE_H
#define SESSION_REMOTE_H

#include "base/err.h"
#include "event/loop.h"
#include "ssh/loop.h"
#include "ssh/session.h"

/* Outlives every remote that goes this way. */
struct remote_way {
	struct loop *loop;
	const struct ssh_identity *identities; /* keys to sign in with, tried in order */
	size_t n_identities;
	/* Gives the link a transport to the host: ssh_link_attach_fd or _chan, now or later. When it
	 * turns out later that there is none: ssh_link_close(link, why, 0). Negative with e: now. */
	int (*connect)(struct ssh_link *link, const char *host, struct err *e, void *arg);
	/* Is this the host that was asked for? Negative with e: it is not. */
	int (*verify)(const struct ssh_host *shown, const char *host, struct err *e, void *arg);
	void *arg;
};

/* A `connect` by a proxy: through a direct-tcpip channel of the connection to it. */
int remote_connect_via(struct ssh *proxy, struct ssh_link *link, const char *host, struct err *e);

struct remote;

/* Failure is zero: a result that nobody filled in is never a success. */
enum remote_end {
	REMOTE_FAILED,   /* never ran: not reached or refused; text says why */
	REMOTE_LOST,     /* was running, then the connection ended; text says why */
	REMOTE_SIGNALED, /* signal holds its name without SIG */
	REMOTE_EXITED,   /* status holds the exit status */
};

struct remote_result {
	enum remote_end end;
	uint32_t status;
	char signal[32];
	char text[512];
};

struct remote_events {
	/* The session runs; remote_write may be called. */
	void (*started)(struct remote *r, void *arg);
	/* Output of the session (ext 0) or its standard error (1). Returns how much was taken; call
	 * remote_resume when more can be. */
	size_t (*output)(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg);
	/* remote_write takes something again. */
	void (*writable)(struct remote *r, void *arg);
	/* The last callback; r is freed by the owner at any time after. */
	void (*ended)(struct remote *r, const struct remote_result *result, void *arg);
};

struct remote_config {
	const char *host; /* name, UUID or address as people typed it */
	const char *login;
	const char *command;       /* NULL: a shell */
	const char *subsystem;     /* instead of a command; NULL: none */
	const struct ssh_pty *pty; /* NULL: none */
	const char *const *env;    /* NAME=VALUE, NULL-terminated; may be NULL */
	int timeout_ms;            /* to reach the host and start; 0: 30 000 */
	const struct remote_events *events;
	void *arg;
};

/* Starts; everything else comes through events (never from inside this call). config is copied, but
 * for the events. Negative: no memory. */
int
remote_new(struct remote **ret, const struct remote_way *way, const struct remote_config *config);
/* Ends what still runs, silently. NULL is fine. */
void remote_free(struct remote *r);

/* Who the host is that was believed: the key id of its certificate, in our clusters its UUID. "" before, and for a plain
 * key. */
const char *remote_host_id(const struct remote *r);
size_t remote_write(struct remote *r, const void *p, size_t n); /* takes what fits */
void remote_eof(struct remote *r);
/* Nobody reads its output (ext 0) any more: the process is to notice when it writes, and what still comes is dropped
 * by the owner. OpenSSH PROTOCOL 2.1. */
void remote_eow(struct remote *r);
void remote_resume(struct remote *r);
void remote_resize(struct remote *r, const struct ssh_window *w);
void remote_signal(struct remote *r, const char *name); /* "INT" */

#endif
