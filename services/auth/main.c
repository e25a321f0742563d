/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authd: users, roles, join tokens, nodes, and the certificates of all of them.
 *
 * What it is made of: conf.c (authd.yaml); start.c (the order of things); restore.c (--restore); the nouns user, invite,
 * lockout, token, node, role, login, join, origin; a wire face rpc_*.c for each; access.c (may this
 * caller?); watchers (who hears of changes); events.c (what is written down); signer*.c, the child
 * process that holds the CA keys.
 *
 * Security: runs as the user `sallyport` under seccomp, opens no file outside its state folder,
 * holds no CA key (its signer does, and answers six requests only). Everybody but root on this
 * host comes with a certificate; without one only Ping, GetCaBundle, Login and Join are answered.
 */
#include "auth/auth.h"
#include "auth/conf.h"
#include "auth/metrics.h"
#include "auth/restore.h"
#include "auth/start.h"
#include "daemon/daemon.h"

static const struct daemon authd = {
	.name = "authd",
	.summary =
	    "certificate authority, users, roles, join tokens and nodes of a Sallyport cluster",
	.conf_schema = &conf_schema,
	.conf_path = "/etc/sallyport/authd.yaml",
	.options = restore_options,
	.check = conf_check,
	.instead = restore_run,
	.user = conf_user,
	.flags = DAEMON_SECRETS,
	.prepare = auth_prepare,
	.confine = auth_confine,
	.start = auth_start,
	.reload = auth_reload,
	.stop = auth_stop,
	.diag_addr = conf_diag,
	.unready = auth_unready,
	.metrics = auth_metrics,
	.done = auth_done,
};

int
main(int argc, char **argv)
{
	return daemon_main(&authd, argc, argv);
}
