/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remote: one session on one node: a channel through the proxy, an SSH connection inside it, a session inside
 * that. `tsh ssh` has one, a fan-out many, `tsh scp` one with the sftp subsystem.
 */
#ifndef TSH_REMOTE_H
#define TSH_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ssh/session.h"
#include "tsh/proxy.h"

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
	/* Output of the session (ext 0) or its standard error (1). Returns how much was taken; call remote_resume
	 * when more can be. */
	size_t (*output)(struct remote *r, uint32_t ext, const uint8_t *p, size_t n, void *arg);
	/* remote_write takes something again. */
	void (*writable)(struct remote *r, void *arg);
	/* The last callback; r is freed by the owner at any time after. */
	void (*ended)(struct remote *r, const struct remote_result *result, void *arg);
};

struct remote_config {
	const char *node; /* name, UUID or address as people typed it */
	const char *login;
	const char *command;       /* NULL: a shell */
	const char *subsystem;     /* instead of a command; NULL: none */
	const struct ssh_pty *pty; /* NULL: none */
	const char *const *env;    /* NAME=VALUE, NULL-terminated; may be NULL */
	int timeout_ms;            /* to reach the node and start; 0: 30 000 */
	const struct remote_events *events;
	void *arg;
};

/* Starts; everything else comes through events (never from inside this call). Negative: no memory. */
int remote_new(struct remote **ret, struct proxy *proxy, const struct remote_config *config);
/* Ends what still runs, silently. NULL is fine. */
void remote_free(struct remote *r);

size_t remote_write(struct remote *r, const void *p, size_t n); /* takes what fits */
void remote_eof(struct remote *r);
void remote_resume(struct remote *r);
void remote_resize(struct remote *r, const struct ssh_window *w);
void remote_signal(struct remote *r, const char *name); /* "INT" */

#endif
