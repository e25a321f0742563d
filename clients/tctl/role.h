/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role: a role as people write it (YAML, JSON) and as authd takes it.
 *
 *	kind: role
 *	version: v1
 *	metadata: {name: dba}
 *	spec:
 *	  options: {max_session_ttl: 8h, forward_agent: false, port_forwarding: false, permit_pty: true}
 *	  allow:
 *	    logins: [postgres, "{{internal.logins}}"]
 *	    node_labels: {env: [prod, stage], "*": "*"}
 *	    rules: [{resources: [session], verbs: [list, read]}]
 *	  deny: {logins: [root]}
 */
#ifndef TCTL_ROLE_H
#define TCTL_ROLE_H

#include <jansson.h>

#include "base/err.h"
#include "proto/auth.pb-c.h"

json_t *role_to_json(const Auth__Role *role);
/* Every key is checked; unknown ones are refused. Freed with role_free. */
int role_from_json(Auth__Role **ret, const json_t *value, struct err *e);
void role_free(Auth__Role *role);

#endif
