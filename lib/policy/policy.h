/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: may this person do that? Pure: no I/O, no clock, no allocation but in the functions that
 * say so. The same code answers in authd, proxyd, noded and tctl.
 *
 * Nothing is allowed unless a role allows it; a deny of any role wins. Roles are views: the strings
 * belong to whoever filled the struct (a protobuf message, a table); policy_role_copy makes one
 * that stands alone.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
	POLICY_LIST_MAX = 256, /* logins, label rules, values, rules, resources, verbs: each */
	POLICY_TEXT_MAX = 255, /* bytes of any of these texts */
	POLICY_LOGINS_MAX = 256,
	/* Of one user. Who has more counts as having none: one left out might be one that denies. */
	POLICY_ROLES_MAX = 128,
	POLICY_TTL_MAX_S = 30 * 3600,
	POLICY_TTL_DEFAULT_S = 12 * 3600,
};

/* Resources of rules: "user", "role", "token", "node", "lock", "cluster", "event" and "session"
 * (recordings) of everybody, "own_event", "own_session", "backup" (only "create"), or "*". Verbs: "list", "read", "create",
 * "update", "delete", or "*" for these; and POLICY_VERB_ESCALATE, which "*" does not give: the
 * other verbs on that resource also beyond what one holds oneself (covers.h). */
#define POLICY_VERB_ESCALATE "escalate"
/* All of them but "*", each list with a NULL behind it. */
extern const char *const policy_resources[], *const policy_verbs[];
enum { POLICY_RESOURCES = 11, POLICY_VERBS = 6 };

struct policy_names {
	const char *const *v;
	size_t n;
};

/* A node's label. */
struct policy_label {
	const char *key, *value;
};
struct policy_labels {
	const struct policy_label *v;
	size_t n;
};

/* Label key and the globs one of which its value must match. Key "*" stands for any label, and with
 * the value "*" for every node, even without labels. */
struct policy_label_rule {
	const char *key;
	struct policy_names values;
};
struct policy_verb_rule {
	struct policy_names resources, verbs;
};

/* allow: login and labels must both fit, all keys of node_labels must match (none: no node), one
 * rule must fit. deny: one login glob, one key of node_labels or one rule is enough. */
struct policy_conditions {
	struct policy_names logins; /* "root", "{{internal.logins}}"; globs in deny only */
	const struct policy_label_rule *node_labels;
	size_t n_node_labels;
	const struct policy_verb_rule *rules;
	size_t n_rules;
};

/* Of several roles: the shortest TTL and idle timeout, abilities by "or", and of recording whatever records more. covers.c says
 * of each which way it is more. */
struct policy_options {
	int64_t max_session_ttl_s; /* 0: no opinion */
	bool forward_agent;
	bool port_forwarding;
	bool permit_pty;
	bool pin_source_ip;
	bool omit_input;       /* standard input without a terminal is not recorded */
	uint64_t record_limit; /* bytes kept of each output without a terminal; 0: all */
	int64_t client_idle_timeout_s; /* a terminal in which nobody types ends; 0: no opinion */
};

struct policy_role {
	const char *name;
	struct policy_conditions allow, deny;
	struct policy_options options;
};

/* A person with the roles that were found; roles that are gone are simply not there. */
struct policy_user {
	const char *name;
	const struct policy_role *const *roles;
	size_t n_roles;
	struct policy_names logins; /* what {{internal.logins}} stands for */
};

/* Somebody or something that a certificate speaks for, and what it is used for: what may be closed
 * whatever roles allow. NULL or empty: does not apply. */
struct policy_identity {
	const char *user;
	struct policy_names roles;
	const char *login;
	const char *host, *host_name; /* UUID and name of the daemon that it is, or is about */
	const char *session;          /* UUID of the session that it is in; NULL: in none */
};

struct policy_decision {
	bool allowed;
	const char *role; /* that decided; NULL: none did. Belongs to the role. */
	char rule[320];   /* "deny.logins root", "allow.node_labels env=dev" */
	char reason[512]; /* for people */
};

/* Each fills *d (may be NULL) and returns d->allowed. */
bool policy_login(const struct policy_user *user, struct policy_labels node, const char *login,
    struct policy_decision *d);
/* The node is worth showing: some role lets some login in there. */
bool policy_see_node(const struct policy_user *user, struct policy_labels node,
    struct policy_decision *d);
bool policy_verb(const struct policy_user *user, const char *resource, const char *verb,
    struct policy_decision *d);
/* A recording or session of owner: by "session", or for one's own by "own_session". */
bool policy_session(const struct policy_user *user, const char *verb, const char *owner,
    struct policy_decision *d);
/* One role alone, whatever the login: its label rules fit the node; one of its deny rules does. */
bool policy_role_allows_node(const struct policy_role *role, struct policy_labels node);
bool policy_role_denies_node(const struct policy_role *role, struct policy_labels node);
/* What owner did: by "event", or for one's own doings by "own_event". */
bool policy_event(const struct policy_user *user, const char *verb, const char *owner,
    struct policy_decision *d);

/* The logins that the roles allow on some node there could be, sorted, each once, at most POLICY_LOGINS_MAX: the
 * principals of a certificate. ret holds that many; the strings belong to roles and user. Returns
 * how many. */
size_t policy_logins(const struct policy_user *user, const char *ret[POLICY_LOGINS_MAX]);
/* The same on one node: those for which policy_login says yes. */
size_t policy_logins_on(const struct policy_user *user, struct policy_labels node,
    const char *ret[POLICY_LOGINS_MAX]);
/* Those that the user and his roles name, allowed somewhere or not: what can be asked about. */
size_t policy_logins_named(const struct policy_user *user, const char *ret[POLICY_LOGINS_MAX]);
struct policy_options policy_options(const struct policy_user *user);
/* min(asked or 12 h, what every role allows, 30 h), in seconds; 0 only when the user has no role. */
int64_t policy_session_ttl(const struct policy_user *user, int64_t asked_s);

/* A Unix login that may stand in a certificate: 1 to 64 of [A-Za-z0-9._@$\-], no dash in front. */
bool policy_login_ok(const char *login);
/* Label keys: 1 to 255 printable bytes without '=', ',', blanks and '*'; values: up to 255
 * printable without ','. */
bool policy_label_ok(const char *key, const char *value);

/* --- roles ---------------------------------------------------------------------- */
/* Whether the role means what its author thinks: known resources and verbs, no regular expressions
 * where globs are meant, known templates, sizes. Negative with one cause, behind the place where it is, as all refusals of
 * resources have it: "allow.logins[2]: ...", by the fields of the message (auth.proto), lists counted from 0. */
int policy_role_check(const struct policy_role *role, struct err *e);
/* One block of memory with everything in it, or NULL. */
struct policy_role *policy_role_copy(const struct policy_role *role);
void policy_role_free(struct policy_role *role);
/* access, editor, auditor. */
const struct policy_role *policy_presets(size_t *ret_n);

/* --- selectors: "env=prod,team=*" ---------------------------------------------------- */
struct policy_selector {
	char text[1024];           /* what the labels point into */
	struct policy_label v[32]; /* values are globs */
	size_t n;
};
/* A node is selected when all labels match; "" selects everything. */
int policy_selector_parse(struct policy_selector *ret, const char *text, struct err *e);
bool policy_label_matches(const struct policy_label *want, struct policy_labels node);

#endif
