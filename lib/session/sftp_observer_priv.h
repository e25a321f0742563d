/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sftp_observer_priv: what the two files of the observer share: sftp_observer.c reads packets and keeps
 * requests and files, sftp_observer_report.c says what an answer means.
 */
#ifndef SESSION_SFTP_OBSERVER_PRIV_H
#define SESSION_SFTP_OBSERVER_PRIV_H

#include "base/list.h"
#include "session/sftp_observer.h"

/* An open file or folder: from the server's answer to the open, to that to the close. */
struct sftp_file {
	struct list link;
	unsigned refs; /* the table, and requests under way */
	uint8_t handle[SFTP_HANDLE_MAX];
	size_t n_handle;
	char *path;
	size_t n_path;
	bool is_folder;
	bool closing; /* the client has sent the close: nothing more may name it */
	bool closed;  /* and the server has answered it: what was done is reported */
	uint32_t flags;
	uint64_t entries;
	struct file_flow in, out; /* read from it, written to it */
	bool was_read;
	bool has_eof; /* nothing is there from `eof` on */
	uint64_t eof;
	uint64_t size;    /* as the server last said; 0: unknown, or that it does not say */
	bool was_resized; /* to `resized`, last */
	uint64_t resized;
	/* The first failure of a read or a write. */
	bool failed;
	uint32_t status;
	char why[128];
};

/* A request under way. Names follow it in memory. */
struct sftp_pending {
	struct list link;
	enum sftp_type type;
	uint32_t id;
	struct sftp_file *file, *file_to;
	struct sftp_request request; /* its spans point behind this struct; handles are not kept */
	size_t n_names;
};

/* One direction: the front of a packet is collected, its body passes. */
struct sftp_half {
	struct buf head;
	size_t need;            /* of the front */
	size_t left;            /* of what passes behind it */
	struct file_flow *flow; /* that it belongs to; NULL: it is passed over */
};

struct sftp_observer {
	struct file_observer base;
	bool greeted, answered; /* the client has, the server has */
	struct sftp_half client, server;
	struct list pending; /* in the order in which they were sent */
	unsigned n_pending;
	size_t n_names;
	struct list files;
	unsigned n_files;
};

/* What the answer (NULL: none will come) says about the request. Negative, with o->base.why. */
int sftp_observer_answered(struct sftp_observer *o, struct sftp_pending *p,
    const struct sftp_answer *a);
/* What was done with a file that is not open any more; why: NULL, or that it was not closed. */
int sftp_observer_closed(struct sftp_observer *o, struct sftp_file *f, const char *why);

#endif
