/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web_turns: what auditd says of sessions that begin and end, for the pages that look at them (web_changes.h). The stream is
 * kept up, and begun anew when it broke.
 */
#ifndef PROXY_WEB_TURNS_H
#define PROXY_WEB_TURNS_H

#include "event/loop.h"
#include "rpc/rpc.h"

struct web_changes;
struct web_turns;

/* audit NULL: there is none, and nothing is heard. It, and changes, outlive this. Negative: no memory. */
int web_turns_new(struct web_turns **ret, struct loop *loop, struct rpc_client *audit,
    struct web_changes *changes);
void web_turns_free(struct web_turns *t); /* NULL is fine */

#endif
