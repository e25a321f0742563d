/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: what tctl is made of: its commands, and the kinds of resources that get, create, edit and rm handle as files
 * (form.h). A row each.
 */
#include "tctl/form.h"
#include "tctl/tctl.h"

/* --- kinds ------------------------------------------------------------------------------------ */

static const char *const role_spec[] = { "options", "allow", "deny", NULL };

static const char *const lock_spec[] = { "user", "role", "login", "node", "access_request",
	"session", "session_user", "message", "expires", NULL };

const struct form forms[] = {
	{ .kind = "role",
	    .plural = "roles",
	    .type = &auth__role__descriptor,
	    .spec = role_spec,
	    .defaults = "options: {max_session_ttl: 30h, permit_pty: true}" },
	{ .kind = "lock",
	    .plural = "locks",
	    .type = &auth__lock__descriptor,
	    .spec = lock_spec,
	    .names_itself = true },
	{ .kind = NULL },
};

/* --- commands --------------------------------------------------------------------------------- */

const struct cli_command tctl_commands[] = {
	{ .name = "status",
	    .summary = "show the cluster, its authorities and CA pin",
	    .options = cmd_status_options,
	    .run = cmd_status },
	{ .name = "top",
	    .summary = "show how the daemons do, live",
	    .options = cmd_top_options,
	    .more =
		"authd, auditd and the proxies of the cluster: processor, memory, how long others wait (Lag, 99 of 100),\n"
		"calls, spools, and what people do. Needs a role that may read `cluster`. docs/METRICS.md has all numbers,\n"
		"for Prometheus.",
	    .run = cmd_top },
	{ .name = "users", .summary = "manage users", .sub = cmd_users_sub },
	{ .name = "tokens", .summary = "manage join tokens", .sub = cmd_tokens_sub },
	{ .name = "nodes", .summary = "list and label nodes", .sub = cmd_nodes_sub },
	{ .name = "get",
	    .args = "KINDS|KIND/NAME",
	    .summary = "print resources as YAML: roles, role/NAME, locks",
	    .options = cmd_get_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_get },
	{ .name = "create",
	    .args = "FILE|-",
	    .summary = "create resources from YAML",
	    .options = cmd_create_options,
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_create },
	{ .name = "edit",
	    .args = "KIND/NAME",
	    .summary = "change a resource in $EDITOR",
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_edit },
	{ .name = "rm",
	    .args = "KIND/NAME|user/NAME|node/NAME|token/NAME",
	    .summary = "delete a resource",
	    .min_args = 1,
	    .max_args = 1,
	    .run = cmd_rm },
	{ .name = "lock",
	    .summary = "refuse a user, role, login or node, and cut what is open",
	    .options = cmd_lock_options,
	    .run = cmd_lock },
	{ .name = "explain",
	    .args = "USER NODE",
	    .summary = "say as whom a user may log in on a node, and why",
	    .options = cmd_explain_options,
	    .min_args = 2,
	    .max_args = 2,
	    .run = cmd_explain },
	{ .name = "backup",
	    .args = "FILE",
	    .summary = "save all that authd needs to come back, encrypted",
	    .more =
		"Users, roles, nodes and the keys of the authorities, for the backup_recipient of\n"
		"authd.yaml; as root on authd's host also for a passphrase or another recipient. authd\n"
		"--restore makes a cluster of it. What auditd has is PostgreSQL's to save (docs/BACKUP.md).",
	    .options = cmd_backup_options,
	    .max_args = 1,
	    .run = cmd_backup },
	{ .name = "sessions", .summary = "list and end sessions that run", .sub = cmd_sessions_sub },
	{ .name = "recordings", .summary = "find recorded sessions", .sub = cmd_recordings_sub },
	{ .name = "audit", .summary = "search the audit trail", .sub = cmd_audit_sub },
	{ .name = "version",
	    .summary = "print the version",
	    .options = cmd_version_options,
	    .run = cmd_version },
	{ 0 },
};
