/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy: tsh's one SSH connection to proxyd, over which every node is reached.
 */
#ifndef TSH_PROXY_H
#define TSH_PROXY_H

#include "base/err.h"
#include "event/loop.h"
#include "profile/profile.h"
#include "ssh/loop.h"

struct proxy;

/* Connects and logs in with the profile's certificate; waits, turning the loop. Negative with e filled. */
int proxy_open(struct proxy **ret, struct loop *loop, const struct profile *profile, struct err *e);
void proxy_free(struct proxy *p); /* NULL is fine */

struct ssh *proxy_ssh(const struct proxy *p);
struct loop *proxy_loop(const struct proxy *p);
/* What a node's engine needs: our key with its certificate, and the SSH host CAs to believe. */
const struct ssh_identity *proxy_identity(const struct proxy *p);
const struct profile *proxy_profile(const struct proxy *p);
/* Checks a host certificate against the cluster's host CAs for the name that was asked for. */
int proxy_verify_host(const struct proxy *p, const struct ssh_host *host, const char *name,
    struct err *e);
/* Why the connection ended, or NULL while it lives. */
const char *proxy_dead(const struct proxy *p);

#endif
