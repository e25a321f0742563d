/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy: a file, or a folder with all that is in it, from one side to another: here, or a node. What cannot be copied is
 * said and counted, and the rest is copied. Called by cmd_scp.c.
 */
#ifndef TSH_COPY_H
#define TSH_COPY_H

#include "tsh/progress.h"
#include "tsh/side.h"

struct copy {
	const struct side *from, *to;
	bool recursive; /* folders too */
	bool preserve;  /* permissions and times */
	struct progress progress;
	unsigned long copied, failed; /* entries */
	int fd;                       /* of the file under way, here */
};

/* Links are followed, as scp does; one that leads back to a folder above it is a failure. Negative: a session has
 * ended, and nothing more can be copied; that was said. */
int copy_any(struct copy *c, const char *from, const char *to);
/* Says e as the failure of one entry. Returns as copy_any. */
int copy_failed(struct copy *c, const struct err *e);

/* What a node says about modes, for a file here: never more than the three triples, so that no copy is set-user-ID; and
 * without preserve no more than our umask leaves. */
uint32_t copy_local_mode(uint32_t mode, bool preserve);

#endif
