/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth: see auth.h. What authd does between start and stop that belongs to no noun.
 */
#include "auth/auth.h"

#include <string.h>

#include "auth/access.h"
#include "auth/backup.h"
#include "auth/conf.h"
#include "auth/self.h"
#include "base/log.h"
#include "daemon/daemon.h"

enum { SWEEP_MAX = 500 /* expired values a turn: the loop must not stand still */ };

void
auth_signer_died(void *arg)
{
	struct auth *a = arg;

	log_error("the signer is gone; authd cannot go on without it", NULL);
	daemon_fail(a->run);
}

void
auth_janitor(void *arg)
{
	struct auth *a = arg;

	if (store_sweep(a->store, SWEEP_MAX) < 0)
		log_error("cannot clean the store up", "cause", store_error(a->store), NULL);
	watchers_sweep(a);
	backups_sweep(a);
	hosts_sweep(a);
	resources_sweep(a);
	origins_sweep(a);
	tickets_sweep(a);
	approvals_sweep(a);
	self_tick(a);
}

void
auth_refused_call(const struct rpc_peer *peer, const char *method, void *arg)
{
	struct auth *a = arg;

	a->counts.denials[DENIAL_CALLER]++;
	access_note_refused(a, peer, method, "this kind of caller may not call it");
}

void
auth_reload(struct daemon_run *run, const void *fresh)
{
	const struct conf *old = run->conf, *now = fresh;

	/* What can change while running is nothing yet: say so instead of pretending. */
	if (strcmp(old->listen, now->listen) != 0 || strcmp(old->cluster, now->cluster) != 0 ||
	    strcmp(old->state, now->state) != 0 || strcmp(old->socket, now->socket) != 0 ||
	    strcmp(old->audit_addr, now->audit_addr) != 0)
		log_warn(
		    "the configuration changed: restart authd for it to take effect (sessions go on)",
		    NULL);
}
